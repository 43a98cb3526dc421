"""What parentheses in a phrase hold: an optional layer, an expression, or a remark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.errors import did_you_mean
from archdsl.layers import Input, Layer, Value
from archdsl.notation.context import Context
from archdsl.notation.lookup import layers_among, vocabulary, words_of
from archdsl.notation.numbers import FUSED
from archdsl.syntax import expressions
from archdsl.syntax.ast import Token

_COMPUTING = ("number", "operator", "slash", "join", "parens")
_COMPUTING_WORDS = frozenset((*expressions.FUNCTIONS, "not", "and", "or"))


def optional_layer(
    context: Context, token: Token
) -> tuple[type[Layer], Mapping[str, Value], int, int] | None:
    """The one layer that parentheses hold, as `layers_among` has it in their `separated` tokens.

    It is optional, `Conv-(BN)-Relu`, `fc-(dropout 0.5)`; a weight layer is not: `(conv) 64`.
    """
    if token.kind != "parens":
        return None
    layers = layers_among(separated(token.tokens))
    if not layers or any(kind.weighs or kind is Input for kind, *_ in layers):
        return None
    if len(layers) > 1:
        raise context.fail(
            "several layers in parentheses",
            token,
            "parentheses around a single layer make it optional: `-(bn)-(relu)`; else omit them",
        )
    return layers[0]


def separated(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """The tokens, with the number of a layer split from its word: `GN 8` for `GN8`."""
    result: list[Token] = []
    for token in tokens:
        fused = FUSED.fullmatch(token.text) if token.kind == "word" else None
        layer = vocabulary().layers.get((fused[1].lower(),)) if fused else None
        if (
            fused
            and fused[2].isdigit()
            and layer
            and layer[0].takes_suffix == layer[0].takes_number is not None
        ):
            middle = token.start + len(fused[1])
            result.append(Token("word", fused[1], token.start, middle))
            result.append(Token("number", fused[2], middle, token.end))
        else:
            result.append(token)
    return tuple(result)


def is_expression(context: Context, tokens: Sequence[Token]) -> bool:
    """Whether each token may occur in an expression."""
    return all(
        token.kind in _COMPUTING or token.text in context.names or token.text in _COMPUTING_WORDS
        for token in tokens
    )


def is_remark(context: Context, tokens: Sequence[Token]) -> bool:
    """Whether parentheses hold only words that the language does not know: `(class scores)`."""
    known = vocabulary().single_words
    words = [token for token in tokens if token.kind not in ("join", "comma")]
    for word in words:
        if word.text in context.labels:
            raise context.fail(
                f"`{word.text}` is a label, not a remark",
                word,
                f"for the output of that line write `{word.text} -> …`",
            )
    if len(words) == 1 and len(words[0].text) > 1:
        # One word may be meant as a layer: `(WN)`, `(rellu)`.
        text = words[0].text
        if text.isupper() or did_you_mean(text.lower(), known):
            return False
    return all(token.kind == "word" and known.isdisjoint(words_of(token)) for token in words)
