"""The numbers of a phrase: sizes, `3x3`; values, `64`, `(2*k)`; repeats, `2x conv3-64`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.figures import numbers_of
from archdsl.notation.ast import ValueText
from archdsl.notation.context import Context
from archdsl.notation.cursor import END, Cursor
from archdsl.notation.lookup import runs
from archdsl.syntax.ast import Token

_SPACED = re.compile(r"(\d+)\s+[x×]\s+(\d+)")
REPEAT = re.compile(r"(\d{1,18})[x×]")
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
    return ValueText(context.expression([token]), token.start, token.end)


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
    if re.search(r"\s", token.text) and not re.fullmatch(r"\d\S*\d", written):
        numbers = size(context, token)
        raise context.fail(
            f"is `{' '.join(token.text.split())}` a size, or {numbers[0]} and a repeat?",
            token,
            f"write `{numbers[0]}x{numbers[-1]}` for the size, "
            f"`{numbers[0]} x{numbers[-1]}` for the repeat",
        )
    return size(context, token)


def number_and_repeat(token: Token) -> tuple[Token, Token] | None:
    """The numbers of a size such as `64 x 2`, which may also be a number and a repeat.

    Which of the two it is depends on what is lacking where it is written. None for any other token.
    """
    found = _SPACED.fullmatch(token.text) if token.kind == "size" else None
    if found is None:
        return None
    number = Token("number", found[1], token.start, token.start + len(found[1]))
    return number, Token("number", found[2], token.end - len(found[2]), token.end)


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
    first, _, last = tokens[-3:]
    between = context.source.text[first.end : last.start]
    if first.kind == "number" and last.kind == "word" and not between[:1].isspace():
        one, two = first.text, last.text
        raise context.fail(
            f"is `{one}x{two}` a product, or {one} and a repeat?",
            Token("", "", first.start, last.end),
            f"write `({one}*{two})` for the product, `{one} x {two}` for the repeat",
        )
