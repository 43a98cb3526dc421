"""Comma lists: parameters `(k=8, depth)` and arguments `(16, depth=28)`.

`network wide = wrn(28, k=10)` has two entries: the first has no name and binds to the first
parameter of `wrn`, the second binds to `k`. What an entry's tokens mean is up to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from archdsl.errors import ArchError, Note, did_you_mean
from archdsl.syntax.ast import Token
from archdsl.text.source import Source, Span


class Entry(NamedTuple):
    """What is between two commas, never empty: `width = 64`, or a value alone."""

    tokens: tuple[Token, ...]

    @property
    def name(self) -> Token | None:
        """The word before `=`, or None for an entry by position."""
        is_named = len(self.tokens) > 1 and self.tokens[1].kind == "equals"
        return self.tokens[0] if is_named and self.tokens[0].kind == "word" else None

    @property
    def value(self) -> tuple[Token, ...]:
        """The tokens of the value; empty for `width =`."""
        return self.tokens[2:] if self.name else self.tokens

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end


def entries_of(tokens: Sequence[Token]) -> list[Entry]:
    """The entries between commas, without empty ones."""
    found: list[Entry] = []
    begin = 0
    commas = [at for at, token in enumerate(tokens) if token.kind == "comma"]
    for end in (*commas, len(tokens)):
        if end > begin:
            found.append(Entry(tuple(tokens[begin:end])))
        begin = end + 1
    return found


def entries_in(parens: Token | None) -> list[Entry]:
    """The entries between parentheses; empty without parentheses."""
    return entries_of(parens.tokens) if parens else []


def check_commas(source: Source, parens: Token | None, may_trail: bool = False) -> None:
    """Raises ArchError for a comma between parentheses with no entry next to it.

    `may_trail`: a comma may follow the last entry, as in Python.
    """
    previous: Token | None = None
    for token in parens.tokens if parens else ():
        if token.kind == "comma" and (previous is None or previous.kind == "comma"):
            raise _missing_argument(source, token)
        previous = token
    if previous is not None and previous.kind == "comma" and not may_trail:
        raise _missing_argument(source, previous)


def _missing_argument(source: Source, comma: Token) -> ArchError:
    return ArchError(
        "an argument is missing next to this comma",
        source.span(comma.start, comma.end),
        help="remove the comma, or write what is missing",
    )


class Named(Protocol):
    """What binds to a parameter: by its name or, if it has none, by its position.

    `value` is empty if the text gives none.
    """

    @property
    def name(self) -> Token | None: ...

    @property
    def value(self) -> Sequence[object]: ...

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


N = TypeVar("N", bound=Named)


def bind(
    source: Source,
    arguments: Iterable[N],
    parameters: Collection[str],
    owner: str,
    help: str = "",
    is_other: Callable[[str], bool] = lambda name: False,
) -> dict[str, N]:
    """The argument of each parameter of `owner` that has one, in the order of the text.

    Arguments without a name bind in the order of the parameters. `is_other`: whether a name that is
    not a parameter means something else; such an argument stays. Raises ArchError for any other
    name, for a missing value, for more arguments than parameters and for a parameter that is given
    twice; its help is `help`, by default the parameters.
    """

    def span(argument: N) -> Span:
        return source.span(argument.start, argument.end)

    found: dict[str, N] = {}
    positions = iter(parameters)
    for argument in arguments:
        name = argument.name.text if argument.name else next(positions, None)
        if name is None:
            message = f"more arguments than {owner} has parameters"
            raise ArchError(message, span(argument), help=help or _known(parameters))
        if name not in parameters and not is_other(name):
            raise unknown_parameter(name, parameters, owner, span(argument), help)
        if not argument.value:
            raise ArchError(f"`{name}` has no value", span(argument), help=f"write `{name}=8`")
        if name in found:
            raise duplicate_error(f"`{name}` of {owner}", span(argument), span(found[name]))
        found[name] = argument
    return found


def unknown_parameter(
    name: str, parameters: Collection[str], owner: str, span: Span | None, help: str = ""
) -> ArchError:
    """The error for an argument that is not one of the parameters of `owner`."""
    help = did_you_mean(name, parameters) or help or _known(parameters)
    return ArchError(f"{owner} does not take `{name}`", span, help=help)


def _known(parameters: Collection[str]) -> str:
    return f"its parameters: {', '.join(parameters) or 'none'}"


def duplicate_error(
    what: str, span: Span | None, first: Span | None = None, help: str = "remove one of the two"
) -> ArchError:
    """The error for a second value of `what`, with a note at the first one."""
    notes = [Note("first given here", first)] if first else []
    return ArchError(f"{what} is given twice", span, notes, help)
