"""The value after an attribute word: `stride 2`, `kernel_size=(3, 3)`, `stride r = 2`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl.errors import ArchError
from archdsl.layers import Value
from archdsl.notation import numbers
from archdsl.notation.context import Context
from archdsl.notation.cursor import Cursor
from archdsl.notation.scan import Scan
from archdsl.notation.vocabulary import LISTS, Words, vocabulary, words_of
from archdsl.syntax import expressions
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression
from archdsl.syntax.statements import FORMS

VALUES = ("number", "size", "equals", "colon", "parens", "mixed")  # what follows an attribute
_WINDOWS = ("kernel", "size", "window", "filter")  # of which `3 x 3` is not a repeat
_PADS = ("pad", "padding", "p")
_SIDES = ("left", "right", "top", "bottom", "front", "back")


def read_attribute(scan: Scan, words: Words, count: int) -> bool:
    """Read an attribute of `count` tokens with its value, unless it is a flag or a unit here."""
    cursor = scan.cursor
    first, before = cursor.peek(), cursor.peek(-1)
    value = Cursor(cursor.tokens, cursor.at + count)
    is_flag = words in vocabulary().flags
    if value.peek().text.lower() == "of":
        value.take()  # `a stride of 2`
    if value.peek(1).kind == "equals":
        value.take(2)  # `stride r = 2`
    elif value.accept("equals", "colon") is None and value.peek().kind == "word" and is_flag:
        return False
    read = _READERS.get(value.peek().kind)
    number = None if read is None else read(scan.context, words, value)
    if number is None:
        if is_flag or (before.kind == "size" and words in vocabulary().units):
            return False  # `2 x 2 window`
        raise _without_value(scan, words, first)
    follows = scan.draft.mentions[-1] if before.kind == "size" else None
    mention = scan.mention("words", number, first, value.take(), words)
    mention.follows = follows  # `3x3 stride 2` stays together
    cursor.at = value.at
    return True


# Readers of a value by the kind of its first token: each leaves the cursor at its last token, and
# gives None if there is no value.


def _size(context: Context, words: Words, cursor: Cursor) -> Value:
    read = numbers.size if words[0] in _WINDOWS else numbers.tight_size
    return read(context, cursor.peek())


def _number(context: Context, words: Words, cursor: Cursor) -> Value:
    return numbers.number(context, cursor.peek())


def _signed(context: Context, words: Words, cursor: Cursor) -> Value | None:
    if cursor.peek(1).kind != "number":
        return None
    is_hyphen = cursor.is_tight()  # YOLO's `s-2`
    cursor.take()
    number = numbers.number(context, cursor.peek())
    return number if is_hyphen else -number  # of `pad -1` the check says what is allowed


def _parens(context: Context, words: Words, cursor: Cursor) -> Value | Expression | None:
    token = cursor.peek()
    if words in LISTS:
        return _lists(context, token)
    if numbers.is_tuple(token):
        return numbers.tuple_of(context, token)
    return _expression(context, words, cursor) if token.tokens else None


def _word(context: Context, words: Words, cursor: Cursor) -> Value | Expression:
    token = cursor.peek()
    text = token.text.lower()
    if words_of(token) in vocabulary().flags:
        return text
    if text in ("true", "false"):
        return text == "true"
    if words[0] in _PADS and text in _SIDES and token.text not in context.names:
        raise context.fail(
            f"`{token.text}` of a layer that pads on both sides",
            token,
            "one side is padded by a layer of its own: `zero padding left 2 -> conv3-16 valid`",
        )
    return _expression(context, words, cursor)


def _expression(context: Context, words: Words, cursor: Cursor) -> Expression:
    return expressions.read(context.source, [cursor.peek()])


_READERS: Mapping[str, Callable[[Context, Words, Cursor], Value | Expression | None]] = {
    "size": _size,
    "number": _number,
    "join": _signed,
    "parens": _parens,
    "word": _word,
    "mixed": _expression,
}


def _lists(context: Context, parens: Token) -> str:
    """Lists of whole numbers in parentheses: `(0 1 2, 1 2 3)`."""
    for token in parens.tokens:
        if token.kind != "comma" and not (token.kind == "number" and token.text.isdecimal()):
            raise context.fail(
                f"`{token.text}` where the number of a map is expected",
                token,
                "write `connections (0 1 2, 1 2 3)`: the input maps of each output map",
            )
        if token.kind == "number":
            numbers.whole(context, token.text, token)
    return " ".join(token.text for token in parens.tokens)


def _without_value(scan: Scan, words: Words, first: Token) -> ArchError:
    """The error of an attribute without a value: perhaps a statement is misspelt."""
    form = FORMS.get(scan.draft.phrase.tokens[0].text.lower())
    help = f"write it so: `{form}`" if form else "write `stride 2`, …"
    return scan.context.fail(f"`{' '.join(words)}` has no value", first, help)
