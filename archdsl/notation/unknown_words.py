"""The error of a phrase with words that have no meaning, and what its author may have meant."""

from __future__ import annotations

import re
from collections.abc import Callable

from archdsl.errors import ArchError, did_you_mean
from archdsl.layers import Layer
from archdsl.notation import pytorch_calls
from archdsl.notation.attributes import PhraseDraft
from archdsl.notation.context import Context
from archdsl.notation.numbers import FUSED
from archdsl.notation.vocabulary import vocabulary, words_of
from archdsl.syntax.ast import Token
from archdsl.syntax.statements import FORMS


def error(context: Context, draft: PhraseDraft) -> ArchError:
    """The error about the first unknown word, or the whole phrase if it is prose."""
    first = draft.unknown[0]
    if pytorch_calls.is_call(first):
        return context.fail(
            "a layer of a listing next to another", first, "give it a line of its own"
        )
    words = [token for token in draft.phrase.tokens if token.kind == "word"]
    if len(draft.unknown) > 2 and 2 * len(draft.unknown) >= len(words):
        row = context.source.row(first.start)
        help = "comment it out with `#`"
        if row is not None:
            help = f'strike it, `~~…~~`, or say what the row stands for: `in "{row}" {{ … }}`'
        return context.fail("this reads as prose", draft.phrase, help)
    if first.text in context.blocks:
        return context.fail(
            f"the block `{first.text}` next to something else",
            first,
            "a block needs a line of its own, or follows `->`; its arguments need parentheses",
        )
    if words_of(first) in vocabulary().units:
        return context.fail(f"`{first.text}` without a number", first, "write `64 filters`, …")
    what = "word" if draft.layers else "layer"
    return context.fail(f"unknown {what} `{first.text}`", first, _help(context, draft, first))


def _help(context: Context, draft: PhraseDraft, word: Token) -> str:
    hint = _first(_HINTS, context, draft, word)
    if draft.phrase.composed and not draft.layers:
        hint = f"{hint} or" if hint else "a layer is misspelt, or"
        return f"{hint} define it on a line below the table: `{word.text}: 3x3 conv-relu`"
    if hint is None and draft.layers:
        nearest = next(iter(draft.layers[-1].kind.words))
        return f"`archdsl layers {nearest}` says what it takes; `#` begins a comment"
    return hint or "`archdsl layers` lists all; `#` begins a comment"


Hint = Callable[[Context, PhraseDraft, Token], str | None]


def _first(
    hints: tuple[Hint, ...], context: Context, draft: PhraseDraft, word: Token
) -> str | None:
    """The first hint that applies."""
    return next((text for hint in hints if (text := hint(context, draft, word))), None)


def _label(context: Context, draft: PhraseDraft, word: Token) -> str | None:
    if word.text not in context.labels:
        return None
    return f"`{word.text}` is a label: a chain begins with it, `{word.text} -> …`"


def _causal(context: Context, draft: PhraseDraft, word: Token) -> str | None:
    if word.text.lower() != "causal":
        return None
    return "pad the front alone: `zero padding left 2 -> conv kernel 3 width 16 valid`"


def _statement(context: Context, draft: PhraseDraft, word: Token) -> str | None:
    form = FORMS.get(word.text.lower()) if word is draft.phrase.tokens[0] else None
    return form and f"write it so: `{form}`"


def _missing_colon(context: Context, draft: PhraseDraft, word: Token) -> str | None:
    """The first word before a layer may be a label without its colon; or what a later hint says."""
    if word is not draft.phrase.tokens[0] or not draft.layers:
        return None
    other = _first(_SPELLING_HINTS, context, draft, word)
    if other is None or FUSED.fullmatch(word.text):
        return f"a label ends in a colon: `{word.text}: …`"
    return f"{other} A label ends in a colon: `{word.text}: …`"


def _product(context: Context, draft: PhraseDraft, word: Token) -> str | None:
    product = re.fullmatch(r"(\d+)[x×]([A-Za-z_]\w*)", word.text)
    if product is None or product[2] not in context.names:
        return None
    return f"write `({product[1]}*{product[2]})` for the product"


def _longer_spelling(context: Context, draft: PhraseDraft, word: Token) -> str | None:
    """Of each kind the first spelling that ends in the word: `max pool`, `avg pool`; the longer
    ones, `adaptive max pool`, only if none is shorter."""
    found: dict[type[Layer], str] = {}
    for spelling, (kind, _) in vocabulary().layers.items():
        if len(spelling) > 1 and spelling[-1] == word.text.lower():
            found.setdefault(kind, " ".join(spelling))
    fewest = min((spelling.count(" ") for spelling in found.values()), default=0)
    kinds = [f"`{spelling}`" for spelling in found.values() if spelling.count(" ") == fewest]
    return f"did you mean {' or '.join(kinds)}?" if kinds else None


def _misspelling(context: Context, draft: PhraseDraft, word: Token) -> str | None:
    stem = FUSED.fullmatch(word.text)
    known = {*vocabulary().known, *context.blocks.known()}
    return did_you_mean(word.text, context.names) or did_you_mean(
        stem[1] if stem else word.text, known
    )


def _names(context: Context, draft: PhraseDraft, word: Token) -> str | None:
    names = sorted({*context.names} - {"in"})
    if not draft.layers or not names:
        return None
    return f"names with a value here: {', '.join(names)}"


# What the author may have meant, the most certain first.
_SPELLING_HINTS: tuple[Hint, ...] = (_product, _longer_spelling, _misspelling, _names)
_HINTS: tuple[Hint, ...] = (_label, _causal, _statement, _missing_colon, *_SPELLING_HINTS)
