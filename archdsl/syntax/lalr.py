"""The parser behind the grammar: it runs the table that lark made of arch.lark.

A table row says, for the next terminal, to shift (go to a state) or to reduce (replace what a rule
has read by what its callback makes of it). Values lie flat on one stack, so a rule's children are
all values since the rule began; a terminal that carries no meaning leaves none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from archdsl.grammar import tables
from archdsl.syntax.ast import Token

# Terminals are numbered from 1 in the order in which they are tried; behind them comes the end.
_END = len(tables.TERMINALS) + 1
_KINDS = ("", *(name.lower() if kept else "" for name, _, kept in tables.TERMINALS), "")
_EXPECTED = tuple(map(frozenset, tables.EXPECTED))
_new = tuple.__new__  # half the time of Part(...)


Callback = Callable[[list[Any]], Any]  # from what a rule has read to its node


class Unexpected(Exception):
    """The text stops being a spec at an offset.

    `text` is the token that cannot stand there, or the character that begins none, where `token`
    is false. At the end of the text it is empty.
    """

    def __init__(self, offset: int, text: str, token: bool) -> None:
        self.offset = offset
        self.text = text
        self.token = token


class Parser:
    """Parses texts with a callback for each rule of the grammar, by the rule's name."""

    def __init__(self, callbacks: Mapping[str, Callback]) -> None:
        self._rules = tuple(
            (origin, length, _callback(callbacks, name)) for origin, length, name in tables.RULES
        )

    def parse(self, text: str, begin: int = 0, stop: int | None = None) -> Any:
        """What the callback of the first rule makes of the text, or of a stretch of it. Raises
        Unexpected."""
        stop = len(text) if stop is None else stop
        rules, kinds, scan, skip = self._rules, _KINDS, _scanner().match, _ignored().match
        shifts, reductions, gotos = tables.SHIFTS, tables.REDUCTIONS, tables.GOTOS
        states, begins = [0], [0]  # the states, and where the values of each begin
        values: list[Any] = []
        state, expected = 0, _EXPECTED[0]
        behind = skip(text, begin, stop).end()  # type: ignore[union-attr]
        while True:
            start = behind
            found = scan(text, start, stop)
            if not found:
                raise Unexpected(start, text[start], token=False)
            terminal: int = found.lastindex  # type: ignore[assignment]
            end, behind = found.end(terminal), found.end()
            if terminal not in expected:
                terminal, end = _expected_here(text, start, stop, terminal, end, expected)
                behind = skip(text, end, stop).end()  # type: ignore[union-attr]
            step = shifts[state].get(terminal)
            while step is None:
                if terminal not in reductions[state]:
                    raise Unexpected(start, text[start:end], token=True)
                origin, length, callback = rules[reductions[state][terminal]]
                begin = len(values)
                if length:
                    begin = begins[-length]
                    del states[-length:], begins[-length:]
                if callback:
                    values[begin:] = (callback(values[begin:]),)
                state = gotos[states[-1]][origin]
                if state:
                    states.append(state)
                    begins.append(begin)
                else:
                    state = states[-1]
                step = shifts[state].get(terminal)
            if terminal == _END:
                return values[0]
            target, expecting = step
            if target:
                state = target
                states.append(state)
                begins.append(len(values))
            expected = _EXPECTED[expecting]
            kind = kinds[terminal]
            if kind:
                values.append(_new(Token, (kind, text[start:end], start, end, ())))


def _callback(callbacks: Mapping[str, Callback], name: str) -> Callback | None:
    if not name:
        return None
    callback = callbacks[name.removeprefix("?")]
    if not name.startswith("?"):
        return callback
    return lambda children: children[0] if len(children) == 1 else callback(children)


@cache
def _scanner() -> re.Pattern[str]:
    """Any terminal, or the end, with what is ignored behind it.

    An empty group behind each terminal says which it is, and where it ends. A group around it
    would hide from Python's `re` the characters that it can begin with.
    """
    terminals = "|".join(f"(?:{regex})()" for _, regex, _ in tables.TERMINALS)
    return re.compile(rf"(?:{terminals}|\Z())(?:{tables.IGNORED})*")


@cache
def _ignored() -> re.Pattern[str]:
    return re.compile(f"(?:{tables.IGNORED})*")


@cache
def _terminal(number: int) -> re.Pattern[str]:
    return re.compile(tables.TERMINALS[number - 1][1])


def _expected_here(
    text: str, start: int, stop: int, terminal: int, end: int, expected: frozenset[int]
) -> tuple[int, int]:
    """The first terminal that matches of those that may stand here, and its end.

    A `64` may be a FIGURE in a claim but is a NUMBER in a layer. The scanner found the first
    of all terminals, so only those behind it are left. Where none matches, the scanner's stays.
    """
    for other in range(terminal + 1, _END):
        if other in expected and (found := _terminal(other).match(text, start, stop)):
            return other, found.end()
    return terminal, end
