"""Reads an attribute word with its value: `stride 2`, `kernel_size=(3, 3)`, `stride r = 2`."""

from __future__ import annotations

from archdsl.errors import ArchError
from archdsl.layers import Value
from archdsl.notation import numbers
from archdsl.notation.context import Context
from archdsl.notation.cursor import Cursor
from archdsl.notation.lookup import LISTS, Words, vocabulary, words_of
from archdsl.notation.scan import Scan
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression
from archdsl.syntax.statements import FORMS

VALUES = ("number", "size", "equals", "colon", "parens", "mixed")  # what follows an attribute
_WINDOWS = ("kernel", "size", "window", "filter")  # `window 3 x 3` is not a repeat
_PADS = ("pad", "padding", "p")
_SIDES = ("left", "right", "top", "bottom", "front", "back")


def read_attribute(scan: Scan, words: Words, count: int) -> bool:
    """Read an attribute whose words are `count` tokens, unless they are a flag or a unit here."""
    if words not in vocabulary().attributes:
        return False
    start, first, before = scan.at, scan.peek(), scan.peek(-1)
    is_flag = words in vocabulary().flags
    scan.take(count)
    connections = scan.draft.phrase.connections
    if words in LISTS and connections and scan.peek().kind not in ("parens", "equals", "colon"):
        scan.mention("words", connections, first, scan.peek(-1), words=words)
        return True
    if scan.peek().text.lower() == "of":
        scan.take()  # `a stride of 2`
    is_assigned = True
    is_named = scan.peek(1).kind == "equals" and words_of(scan.peek()) not in (
        vocabulary().attributes
    )
    if is_named:
        scan.take(2)  # `stride r = 2`, but not `bias padding=2`
    else:
        is_assigned = scan.accept("equals", "colon") is not None
    if is_assigned or scan.peek().kind != "word" or not is_flag:
        value = _value(scan.context, words, scan)
        if value is not None:
            follows = scan.draft.mentions[-1] if before.kind == "size" else None
            mention = scan.mention("words", value, first, scan.peek(-1), words=words)
            mention.follows = follows  # `3x3 stride 2` stays together
            if words == ("groups", "of"):
                _take_unit_of_group(scan)
            return True
        if not is_flag and not (before.kind == "size" and words in vocabulary().units):
            raise _without_value(scan, words, first)
    scan.at = start  # a flag, or the unit of `2 x 2 window`
    return False


def _take_unit_of_group(scan: Scan) -> None:
    """Take the words after `groups of 8`: `channels`, `channels each`."""
    for word in ("channels", "each"):
        if scan.peek().text.lower() == word and scan.peek(1).kind not in VALUES:
            scan.take()


def _value(context: Context, words: Words, cursor: Cursor) -> Value | Expression | None:
    """Take the value of an attribute; None if there is none."""
    is_hyphen = cursor.is_tight()  # YOLO's `s-2`; for `pad -1`, the check reports what is allowed
    sign = cursor.accept("join") if cursor.peek(1).kind == "number" else None
    if not cursor:
        return None
    token = cursor.take()
    text = token.text.lower()
    if token.kind == "number":
        number = numbers.number(context, token)
        return number if sign is None or is_hyphen else -number
    if token.kind == "size":
        read = numbers.size if words[0] in _WINDOWS else numbers.tight_size
        return read(context, token)
    if token.kind == "parens" and words in LISTS:
        return _lists(context, token)
    if numbers.is_tuple(token):
        return numbers.tuple_of(context, token)
    if token.kind == "word" and words_of(token) in vocabulary().flags:
        return text
    if text in ("true", "false"):
        return text == "true"
    if words[0] in _PADS and text in _SIDES and token.text not in context.names:
        raise context.fail(
            f"`{token.text}` of a layer that pads on both sides",
            token,
            "one side is padded by a layer of its own: `zero padding left 2 -> conv3-16 valid`",
        )
    if token.kind in ("word", "mixed") or (token.kind == "parens" and token.tokens):
        return context.expression([token])
    return None


def _lists(context: Context, parens: Token) -> str:
    """Lists of whole numbers in parentheses: `(0 1 2, 1 2 3)`."""
    for token in parens.tokens:
        if token.kind == "number" and token.text.isdecimal():
            numbers.whole(context, token.text, token)
        elif token.kind != "comma":
            raise context.fail(
                f"`{token.text}` where the number of a map is expected",
                token,
                "write `connections (0 1 2, 1 2 3)`: the input maps of each output map",
            )
    return " ".join(token.text for token in parens.tokens)


def _without_value(scan: Scan, words: Words, first: Token) -> ArchError:
    """The error of an attribute without a value: perhaps a statement is misspelt."""
    form = FORMS.get(scan.draft.phrase.tokens[0].text.lower())
    help = f"write it like this: `{form}`" if form else "write `stride 2`, …"
    return scan.context.fail(f"`{' '.join(words)}` has no value", first, help)
