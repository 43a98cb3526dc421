"""Comma lists: parameters `(k=8, depth)` and arguments `(16, depth=28)`.

`network wide = wrn(28, k=10)` has two entries: the first has no name and binds to the first
parameter of `wrn`, the second binds to `k`. What an entry's tokens mean is up to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archdsl.errors import ArchError, Note
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


def bind(
    source: Source, entries: Sequence[Entry], parameters: Sequence[str], owner: str, help: str
) -> dict[str, Entry]:
    """The entry of each parameter of `owner`: entries without a name bind in order.

    A name that is not a parameter is kept; the caller knows what else it may be. Raises ArchError
    for a missing value, for more entries than parameters and for a parameter that is given twice.
    """
    found: dict[str, Entry] = {}
    positions = iter(parameters)
    for entry in entries:
        name = entry.name.text if entry.name else next(positions, None)
        span = source.span(entry.start, entry.end)
        if name is None:
            raise ArchError(f"more arguments than {owner} has parameters", span, help=help)
        if not entry.value:
            raise ArchError(f"`{name}` has no value", span, help=f"write `{name}=8`")
        if name in found:
            first = source.span(found[name].start, found[name].end)
            raise duplicate_error(f"`{name}` of {owner}", span, first)
        found[name] = entry
    return found


def duplicate_error(what: str, span: Span | None = None, first: Span | None = None) -> ArchError:
    """The error for a second value of `what`, with a note at the first one."""
    notes = [Note("first given here", first)] if first else []
    return ArchError(f"{what} is given twice", span, notes, help="remove one of the two")
