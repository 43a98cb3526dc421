"""What a phrase may refer to: the names, blocks and labels around it."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from archdsl.errors import ArchError
from archdsl.notation.ast import Blocks, ParsedPhrase
from archdsl.notation.labels import Labels
from archdsl.syntax import expressions
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression
from archdsl.text.source import Source


class Located(Protocol):
    """Something with a place in the source."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


class Context(NamedTuple):
    """The surroundings of a phrase: names with values, the blocks of the text, visible labels.

    `cache` holds the phrases without references that have been read already, by their text.
    """

    source: Source
    names: Collection[str]
    blocks: Blocks
    labels: Labels
    cache: dict[str, ParsedPhrase]

    def expression(self, tokens: Sequence[Token]) -> Expression:
        """The tokens as one expression. Raises ArchError."""
        return expressions.read(self.source, tokens)

    def fail(
        self, message: str, where: Located, help: str | Callable[[], str] | None = None
    ) -> ArchError:
        return ArchError(message, self.source.span(where.start, where.end), help=help)
