"""What precedes the layers of a phrase: a claimed size, `[56x56]`, and a label, `stem:`."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.layers.zero_pad import SIDES
from archdsl.notation.attribute_values import VALUES
from archdsl.notation.context import Context
from archdsl.notation.cursor import Cursor
from archdsl.notation.labels import KEYWORDS, name_before_colon
from archdsl.notation.lookup import vocabulary, words_of
from archdsl.notation.numbers import REPEAT
from archdsl.syntax.ast import Item, Phrase, Token


def take_claim(cursor: Cursor) -> Token | None:
    """Take a size or a number in a bracket of its own, which before a layer is a claim."""
    if cursor.peek().kind != "bracket":
        return None
    following = cursor.peek(1)
    if not following.kind or following.kind in ("times", "bracket", "comma"):
        return None
    if following.text.lower() == "stride":
        return None
    match cursor.peek():
        case Token(
            inside=(
                Item(phrases=(Phrase(tokens=(Token(kind="size" | "number") as size,)),), guard=()),
            )
        ):
            cursor.take()
            return size
    return None


def take_label(context: Context, cursor: Cursor) -> Token | None:
    """Take a label and its colon."""
    name = name_before_colon(cursor.rest)
    if not name or _is_attribute(name, cursor.peek(len(name) + 1)):
        return None
    first, text = name[0], "_".join(token.text for token in name)
    if REPEAT.fullmatch(first.text):
        raise context.fail(
            "a repeat before a label", first, "write it after the label: `conv1: 2x conv3-64`"
        )
    cursor.take(len(name) + 1)
    if not cursor:
        raise context.fail("a label without a layer", first, "write `conv1: conv3-64`")
    for token in name if len(name) > 1 else ():
        if token.text in context.labels:
            raise context.fail(
                f"the label `{token.text}` within another",
                token,
                f"for the output of that line write `{token.text} -> …`",
            )
    if "." in text:
        raise context.fail(f"`{text}` is not a valid name", first, "use letters, digits and `_`")
    return Token("label", text, first.start, name[-1].end)


def _is_attribute(name: Sequence[Token], value: Token) -> bool:
    """Whether the words before a colon are an attribute, `stride: 2`, and not a label, `top:`."""
    if value.kind not in VALUES or words_of(name[-1]) not in vocabulary().attributes:
        return False
    if len(name) == 1:
        return not any(name[0].text.lower() in axis for axis in SIDES)
    # `zero padding: 1` is a layer with its name.
    return tuple(w for token in name for w in words_of(token)) not in vocabulary().layers


def is_reference(context: Context, token: Token) -> bool:
    """Whether a word that is alone refers to the value of a label.

    A visible label comes before a layer of its name, `conv4`. If the label is not visible the word
    is an error, unless it is a layer without its digits.
    """
    name, labels = token.text, context.labels
    if token.kind not in ("word", "mixed") or name in KEYWORDS:
        return False
    if name in labels:
        return True
    if name in context.names or name in context.blocks or words_of(token) in vocabulary().layers:
        return False
    return labels.is_side(name) or labels.hidden(name) is not None
