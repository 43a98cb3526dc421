"""The numbers of a phrase: whole numbers, percentages, sizes, expressions."""

from __future__ import annotations

import re

from archdsl.notation.ast import ValueText
from archdsl.notation.context import Context
from archdsl.notation.cursor import END, Cursor
from archdsl.syntax import expressions
from archdsl.syntax.ast import Token, numbers_of

FUSED = re.compile(r"([A-Za-z_]+?)(\d+(?:[x×]\d+)*)")  # digits at the end of a word


def digits_of(fused: re.Match[str], token: Token) -> Token:
    """The digits of a word that matches FUSED, as a token."""
    return Token("size", fused[2], token.start + len(fused[1]), token.end)


def counts(context: Context, token: Token) -> bool:
    """Whether a token is a number, or an expression of one token."""
    return token.kind in ("number", "parens") or token.text in context.names


def value(context: Context, token: Token) -> ValueText:
    """The value of a token that counts."""
    if token.kind == "number":
        return ValueText(number(context, token), token.start, token.end)
    return ValueText(expressions.read(context.source, [token]), token.start, token.end)


def number(context: Context, token: Token) -> int | float:
    text = token.text
    if text.endswith("%"):
        return float(text[:-1]) / 100
    return float(text) if set(text) & set(".eE") else whole(context, text, token)


def whole(context: Context, digits: str, token: Token) -> int:
    if len(digits) > 18:
        raise context.fail("a number beyond 2^63", token)
    return int(digits)


def size(context: Context, token: Token) -> tuple[int, ...]:
    for digits in re.findall(r"\d+", token.text):
        whole(context, digits, token)
    return numbers_of(token.text)


def tight_size(context: Context, token: Token) -> tuple[int, ...]:
    """A size as the value of an attribute; with blanks, `2 x 3` could also be a repeat."""
    # In the plain text there are blanks in place of the signs of `2$\times$3`.
    written = context.source.text[token.start : token.end]
    if is_spaced(token) and not re.fullmatch(r"\d\S*\d", written):
        numbers = size(context, token)
        raise context.fail(
            f"is `{' '.join(token.text.split())}` a size, or {numbers[0]} and a repeat?",
            token,
            f"write `{numbers[0]}x{numbers[-1]}` for the size, "
            f"`{numbers[0]} x{numbers[-1]}` for the repeat",
        )
    return size(context, token)


def is_spaced(token: Token) -> bool:
    """Whether a size has blanks around its signs: `64 x 2`."""
    return token.kind == "size" and bool(re.search(r"\s", token.text))


def is_tuple(token: Token) -> bool:
    """Whether parentheses hold a size as Python writes it: `(3, 3)`."""
    if token.kind != "parens":
        return False
    kinds = [inner.kind for inner in token.tokens]
    return (
        len(kinds) > 1
        and kinds == ["number", *["comma", "number"] * (len(kinds) // 2)]
        and all(inner.text.isdigit() for inner in token.tokens if inner.kind == "number")
    )


def tuple_of(context: Context, token: Token) -> tuple[int, ...]:
    """The numbers of a size in parentheses."""
    return tuple(whole(context, t.text, t) for t in token.tokens if t.kind == "number")


def check_sign(context: Context, cursor: Cursor) -> None:
    """Refuse a hyphen that looks like a minus: `scale -1`."""
    before, sign, after = cursor.peek(-1), cursor.peek(), cursor.peek(1)
    if (
        sign.text == "-"
        and after.kind == "number"
        and before is not END
        and before.end < sign.start
        and sign.end == after.start
    ):
        raise context.fail(
            f"is `-{after.text}` a negative number?",
            sign,
            f"write `(-{after.text})`; a hyphen that joins has no blank before it",
        )
