"""Repeats before or after layers: `2x conv3-64`, `2 x conv3-64`, `conv3-64 x2`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.notation.ast import ValueText
from archdsl.notation.context import Context
from archdsl.notation.numbers import counts, value
from archdsl.notation.vocabulary import runs
from archdsl.syntax.ast import Token

REPEAT = re.compile(r"(\d{1,18})[x×]")


def leading_repeat(context: Context, tokens: Sequence[Token]) -> int:
    """The count of tokens of a repeat at the front, 0 if there is none."""
    if len(tokens) > 1 and REPEAT.fullmatch(tokens[0].text):
        return 1
    if len(tokens) > 2 and tokens[1].kind == "times" and counts(context, tokens[0]):
        return 2
    return 0


def repeat_of(context: Context, token: Token) -> ValueText:
    """The count of a leading repeat, from its first token: `2x`, or the `2` of `2 x`."""
    fused = REPEAT.fullmatch(token.text)
    return ValueText(int(fused[1]), token.start, token.end) if fused else value(context, token)


def split_repeat(
    context: Context, tokens: Sequence[Token]
) -> tuple[ValueText | None, Sequence[Token]]:
    """The repeat of layers, and their tokens without it."""
    leading = leading_repeat(context, tokens)
    trailing = len(tokens) > 2 and tokens[-2].kind == "times" and not _is_spelling(context, tokens)
    if trailing and leading < 2:
        _check_product(context, tokens)
        return value(context, tokens[-1]), tokens[:-2]
    if leading:
        return repeat_of(context, tokens[0]), tokens[leading:]
    return None, tokens


def _is_spelling(context: Context, tokens: Sequence[Token]) -> bool:
    """Whether the sign before the last token is a word: `sobel x unpadded`."""
    two = any(count == 2 for _, count in runs(tokens, len(tokens) - 3))
    return two and not counts(context, tokens[-1])


def _check_product(context: Context, tokens: Sequence[Token]) -> None:
    """Refuse `16×k` at the end of a line: without blanks, it could be a number times a name."""
    number, _, name = tokens[-3:]
    between = context.source.text[number.end : name.start]
    if number.kind == "number" and name.kind == "word" and not between[:1].isspace():
        first, second = number.text, name.text
        raise context.fail(
            f"is `{first}x{second}` a product, or {first} and a repeat?",
            Token("", "", number.start, name.end),
            f"write `({first}*{second})` for the product, `{first} x {second}` for the repeat",
        )
