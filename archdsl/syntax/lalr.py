"""The LALR parser: it runs the parse table that lark has computed from arch.lark.

For a state and the next terminal the table says to shift (go to another state) or to reduce (apply
a rule: replace what it has read by the result of its callback). All values are on one flat stack,
so the children of a rule are the values since it began; keywords leave no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from archdsl.grammar import tables
from archdsl.syntax.ast import Token

# Terminals are numbered from 1 in the order in which they are tried; the end comes last.
_END = len(tables.TERMINALS) + 1
_KINDS = ("", *(name.lower() if kept else "" for name, _, kept in tables.TERMINALS), "")
_EXPECTED = tuple(map(frozenset, tables.EXPECTED))
_new = tuple.__new__  # takes half the time of Token(...)


Callback = Callable[[list[Any]], Any]  # from what a rule has read to its node


class Unexpected(Exception):
    """The parser cannot go on at an offset.

    `text` is the token that cannot be there, or, if not `token`, the character that begins none.
    It is empty at the end of the text.
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
        """The result of the first rule for the text from `begin` to `stop`. Raises Unexpected."""
        stop = len(text) if stop is None else stop
        rules, kinds, scan, skip = self._rules, _KINDS, _scanner().match, _ignored().match
        shifts, reductions, gotos = tables.SHIFTS, tables.REDUCTIONS, tables.GOTOS
        states, begins = [0], [0]  # the states, and where the values of each begin
        values: list[Any] = []
        state, expected = 0, _EXPECTED[0]
        after = skip(text, begin, stop).end()  # type: ignore[union-attr]
        while True:
            start = after
            found = scan(text, start, stop)
            if not found:
                raise Unexpected(start, text[start], token=False)
            terminal: int = found.lastindex  # type: ignore[assignment]
            end, after = found.end(terminal), found.end()
            if terminal not in expected:
                terminal, end = _expected_here(text, start, stop, terminal, end, expected)
                after = skip(text, end, stop).end()  # type: ignore[union-attr]
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
    """Any terminal, or the end, and what is ignored after it.

    An empty group after each terminal tells which one it is and where it ends. A group around the
    terminal would hide from Python's `re` the characters that it can begin with.
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
    """The first matching terminal of those expected here, and its end.

    `64` may be a FIGURE in a claim but is a NUMBER in a layer. The scanner has found the first
    match of all terminals, so only later ones are left to try. If none matches, its match stays.
    """
    for other in range(terminal + 1, _END):
        if other in expected and (found := _terminal(other).match(text, start, stop)):
            return other, found.end()
    return terminal, end
