"""Optional layers: `conv-(bn)-relu` has its batch norm if the network declares `with bn`."""

from collections.abc import Sequence
from typing import NamedTuple

from archdsl.errors import ArchError, did_you_mean
from archdsl.layers import REGISTRY
from archdsl.notation.lookup import vocabulary
from archdsl.syntax.arguments import duplicate_error
from archdsl.syntax.ast import NetworkText, Option
from archdsl.text.source import Source, Span


class Choice(NamedTuple):
    """Whether the optional layers of a kind are in use, and the word and place that decide it."""

    kind: str
    word: str
    are_used: bool
    span: Span | None = None


class Options:
    """The choices of a network; the last one for a kind decides."""

    def __init__(self, choices: Sequence[Choice] = ()) -> None:
        self.choices = choices
        self.chosen = {choice.kind: choice.are_used for choice in choices}
        self.seen: set[str] = set()  # the kinds of the optional layers that the text has
        self.left_out: dict[
            str, tuple[Source, int, int]
        ] = {}  # by kind: the first that is not used

    def are_used(self, kind: str, source: Source, start: int, end: int) -> bool:
        """Whether the optional layers of a kind, such as that at a place, are in use."""
        self.seen.add(kind)
        are_used = self.chosen.get(kind, False)
        if not are_used:
            self.left_out.setdefault(kind, (source, start, end))
        return are_used

    def check(self) -> None:
        """Refuse a choice for which there is no optional layer, once the whole text is read."""
        for choice in self.choices:
            if choice.kind not in self.seen:
                known = ", ".join(f"`({kind})`" for kind in sorted(self.seen))
                raise ArchError(
                    f"no layer `({choice.word})` is optional here",
                    choice.span,
                    help=f"optional are {known}"
                    if known
                    else f"put the layer in parentheses: `conv3-64-({choice.word})`",
                )


def choices_of(network: NetworkText) -> list[Choice]:
    """The choices of the `with` lines of a network. Raises ArchError."""
    found: dict[str, Choice] = {}
    for statement in network.statements:
        if not isinstance(statement, Option):
            continue
        word = statement.word
        span = network.span(word.start, word.end)
        kind = kind_of(word.text)
        if kind is None:
            raise ArchError(
                f"there is no layer `{word.text}`",
                span,
                help=did_you_mean(word.text, vocabulary().known) or "write `with bn`",
            )
        if kind in found:
            raise duplicate_error(f"`with {word.text}`", span, found[kind].span)
        found[kind] = Choice(kind, word.text, True, span)
    return list(found.values())


def kind_of(word: str) -> str | None:
    """The kind of layer that one or several words name, or None."""
    known = vocabulary().layers
    found = known.get((word,)) or known.get(tuple(word.lower().split()))
    if found is not None:
        return found[0].kind
    return next((kind.kind for kind in REGISTRY if kind.kind == word.lower()), None)
