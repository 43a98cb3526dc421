"""Arithmetic in a spec: `(depth - 4) // 6`, `4*k`, `max(8, round(in / 4))`.

A small evaluator of our own: a spec may come from a stranger, so it must not reach Python's `eval`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError, did_you_mean
from archdsl.syntax.arguments import entries_in
from archdsl.syntax.ast import Token
from archdsl.text.limits import Limit
from archdsl.text.source import Source

LARGEST_VALUE = 2**63 - 1  # the largest value; no machine has room for larger sizes
LENGTH = Limit(
    200, "an expression of more than {} tokens", "divide it: `let n = …` names the value of a part"
)

Number = int | float

FUNCTIONS: dict[str, Callable[..., Number]] = {
    "min": min,
    "max": max,
    "round": lambda value: math.floor(value + 0.5),  # half up, as papers do
    "ceil": math.ceil,
    "floor": math.floor,
}

# Binding strength of each sign, loosest first.
BINDING = {
    "or": 1,
    "and": 2,
    "==": 4, "!=": 4, "<": 4, ">": 4, "<=": 4, ">=": 4,
    "+": 5, "-": 5, "–": 5,
    "*": 6, "/": 6, "//": 6, "%": 6,
}  # fmt: skip
NEGATION = 3  # of `not`: looser than a comparison, tighter than `and`
SIGN = 7  # of a leading minus


def _quotient(first: Number, second: Number) -> Number:
    is_whole = isinstance(first, int) and isinstance(second, int) and first % second == 0
    return first // second if is_whole else first / second


_OPERATORS: dict[str, Callable[..., Number]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
    "<=": operator.le, ">=": operator.ge, "+": operator.add, "-": operator.sub, "–": operator.sub,
    "*": operator.mul, "/": _quotient, "//": operator.floordiv, "%": operator.mod,
    "not": operator.not_, "negative": operator.neg,
}  # fmt: skip

_PRODUCT = re.compile(r"(\d+)([A-Za-z_]\w*)")  # DenseNet's 4k


class Expression(NamedTuple):
    """A number, a name, or a sign or function with its operands."""

    sign: str  # "number", "name", "call", "not", "negative", or a key of BINDING
    text: str
    value: Number
    operands: tuple[Expression, ...]
    start: int
    end: int


class _ExpressionParser:
    """Precedence climbing over the tokens of a phrase."""

    def __init__(self, source: Source, tokens: Sequence[Token]) -> None:
        self.source = source
        self.tokens = tokens
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def fail(self, message: str, token: Token | None = None) -> ArchError:
        token = token or self.tokens[min(self.at, len(self.tokens) - 1)]
        return ArchError(
            message,
            self.source.span(token.start, token.end),
            help="an expression is made of numbers, names, + - * / // %, comparisons, "
            "and, or, not, and min, max, round, ceil, floor",
        )

    def expression(self, binding: int = 1) -> Expression:
        left = self.operand()
        while BINDING.get(self.peek(), 0) >= binding:
            sign = self.tokens[self.at].text
            self.at += 1
            right = self.expression(BINDING[sign] + 1)
            left = Expression(sign, sign, 0, (left, right), left.start, right.end)
        return left

    def operand(self) -> Expression:
        if self.at >= len(self.tokens):
            raise self.fail("the expression ends too early")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "number" and not token.text.endswith("%"):
            value: Number = float(token.text) if set(token.text) & set(".eE") else int(token.text)
            return Expression("number", token.text, value, (), token.start, token.end)
        if token.kind == "mixed" and (product := _PRODUCT.fullmatch(token.text)):
            factor, name = product.groups()
            split_at = token.start + len(factor)
            left = Expression("number", factor, int(factor), (), token.start, split_at)
            right = Expression("name", name, 0, (), split_at, token.end)
            return Expression("*", token.text, 0, (left, right), token.start, token.end)
        if token.text in ("-", "–", "not"):
            sign = "not" if token.text == "not" else "negative"
            operand = self.expression(NEGATION if sign == "not" else SIGN)
            return Expression(sign, token.text, 0, (operand,), token.start, operand.end)
        if token.kind == "parens" and token.inside:
            return read(self.source, token.tokens)
        if token.kind == "word":
            if self.at < len(self.tokens) and self.tokens[self.at].kind == "parens":
                return self.call(token)
            return Expression("name", token.text, 0, (), token.start, token.end)
        raise self.fail(f"unexpected `{token.text}` in an expression", token)

    def call(self, name: Token) -> Expression:
        parens = self.tokens[self.at]
        self.at += 1
        if name.text not in FUNCTIONS:
            error = self.fail(f"there is no function `{name.text}`", name)
            error.help = did_you_mean(name.text, FUNCTIONS) or error.help
            raise error
        operands = tuple(read(self.source, entry.tokens) for entry in entries_in(parens))
        several = name.text in ("min", "max")
        if len(operands) < 2 if several else len(operands) != 1:
            wanted = "at least two operands" if several else "one operand"
            raise self.fail(f"`{name.text}` takes {wanted}", name)
        return Expression("call", name.text, 0, operands, name.start, parens.end)


def read(source: Source, tokens: Sequence[Token]) -> Expression:
    """The tokens as one expression. Raises ArchError."""
    reader = _ExpressionParser(source, tokens)
    if len(tokens) > LENGTH.most:
        raise ArchError.beyond(LENGTH, source.span(tokens[0].start, tokens[0].end))
    expression = reader.expression()
    if reader.at < len(tokens):
        raise reader.fail(f"unexpected `{reader.peek()}` in an expression")
    return expression


def names_in(expression: Expression) -> frozenset[str]:
    """The names that an expression uses."""
    own = frozenset((expression.text,)) if expression.sign == "name" else frozenset()
    return own.union(*map(names_in, expression.operands))


def evaluate(expression: Expression, names: Mapping[str, Number], source: Source) -> Number:
    """The value of an expression; a quotient of whole numbers that is whole stays an int.

    Raises ArchError for an unknown name, a division by zero, a value beyond 2^63.
    """

    def fail(message: str, e: Expression, help: str | None = None) -> ArchError:
        return ArchError(message, source.span(e.start, e.end), help=help)

    def value(e: Expression) -> Number:
        if e.sign == "number":
            result: Number = e.value
        elif e.sign == "name":
            if e.text not in names:
                known = ", ".join(names) or "none"
                hint = did_you_mean(e.text, names) or f"known here: {known}"
                raise fail(f"`{e.text}` has no value", e, hint)
            result = names[e.text]
        elif e.sign in ("and", "or"):
            left = value(e.operands[0])
            result = left if bool(left) == (e.sign == "or") else value(e.operands[1])
        else:
            operands = [value(o) for o in e.operands]
            if e.sign in ("/", "//", "%") and operands[1] == 0:
                raise fail("a division by zero", e)
            try:
                apply = FUNCTIONS[e.text] if e.sign == "call" else _OPERATORS[e.sign]
                result = apply(*operands)
            except OverflowError:
                raise fail("the value is too large", e) from None
        if not abs(result) <= LARGEST_VALUE:
            raise fail("the value is too large", e, "values go up to 2^63")
        return result

    return value(expression)
