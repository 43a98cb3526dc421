"""The error of a phrase with words that have no meaning, and what its author may have meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from archdsl.errors import ArchError, did_you_mean
from archdsl.layers import Layer
from archdsl.notation import pytorch_calls
from archdsl.notation.attributes import PhraseDraft
from archdsl.notation.lookup import vocabulary, words_of
from archdsl.notation.numbers import FUSED
from archdsl.syntax.ast import Token
from archdsl.syntax.statements import FORMS

_SCOPE = (
    "archdsl describes convolutional networks: attention, embeddings and recurrent layers are out "
    "of its scope"
)
_OUTSIDE = frozenset(
    "attention embedding embeddings transformer lstm gru rnn mha mhsa recurrent positional "
    "tokens".split()
)
# What papers call other things than we do.
_MEANT = {
    "exp": "an expansion is an argument of a block: `inverted_bottleneck(6, 3, 24)`",
    "expansion": "an expansion is an argument of a block: `inverted_bottleneck(6, 3, 24)`",
    "classifier": "write its layer, `FC-1000`, which may have that label: `classifier: FC-1000`",
    "nbn": "it stands for no batch norm: write `no bn`",
    "atrous": "an atrous convolution is dilated: write `dilation 2`",
    "activation": "write the activation alone: `conv3-64, silu`",
    "sep": "a separable convolution is a block: `separable(64)`",
    "downsample": "write the layer: `conv3-64 stride 2`, `max pool 2x2`, or `resize to 16x16`",
    "keep": "a dropout has the share that is dropped: `dropout 0.2` keeps 0.8",
    "se": "the block `squeeze_excitation(16)`, on a line of its own or after `->`, is meant",
    "globalpool": "write `global average pool`, or `global max pool`",
    "global": "write `global average pool`, or `global max pool`",
    "gmp": "write `global max pool`",
}


def _meant(draft: PhraseDraft) -> ArchError | None:
    """The error of a word that has another name here, or is out of scope."""
    context = draft.context
    for token in draft.unknown:
        word = token.text.lower()
        stem, *_ = re.split(r"[\d_]", word)
        if word in _OUTSIDE or stem in _OUTSIDE:
            return context.fail(f"`{token.text}` is out of scope", token, _SCOPE)
        what = "word" if draft.layers else "layer"
        if (help := _MEANT.get(word)) is not None:
            return context.fail(f"unknown {what} `{token.text}`", token, help)
        if depthwise := re.fullmatch(r"d(\d+[x×]\d+)", word):
            help = f"for a depthwise convolution write `dw conv {depthwise[1]}`"
            return context.fail(f"unknown {what} `{token.text}`", token, help)
    return None


def error(draft: PhraseDraft) -> ArchError:
    """The error about the first unknown word, or the whole phrase if it is prose."""
    context, first = draft.context, draft.unknown[0]
    if pytorch_calls.is_call(first):
        return context.fail(
            "a layer of a listing next to another", first, "give it a line of its own"
        )
    if (meant := _meant(draft)) is not None:
        return meant
    words = [token for token in draft.phrase.tokens if token.kind == "word"]
    if len(draft.unknown) > 2 and 2 * len(draft.unknown) >= len(words):
        row = context.source.row(first.start)
        help = "comment it out with `#`"
        if row is not None:
            help = f'strike it out, `~~…~~`, or define the row: `in "{row}" {{ … }}`'
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
    return context.fail(
        f"unknown {what} `{first.text}`",
        first,
        partial(_help, draft, first, first.text in context.labels),
    )


def _help(draft: PhraseDraft, word: Token, is_label: bool) -> str:
    hint = next(_hints(draft, word, is_label), None)
    # A row is defined by its name alone.
    is_name = all(
        token.kind in ("word", "number", "mixed", "join") for token in draft.phrase.tokens
    )
    if draft.phrase.columns is not None and not draft.layers and is_name:
        hint = f"{hint} or" if hint else "a layer is misspelt, or"
        return f"{hint} define it on a line below the table: `{word.text}: 3x3 conv-relu`"
    if hint is None and draft.layers:
        nearest = next(iter(draft.layers[-1].kind.words))
        return f"`archdsl layers {nearest}` shows what it takes; `#` begins a comment"
    return hint or "`archdsl layers` lists all; `#` begins a comment"


def _hints(draft: PhraseDraft, word: Token, is_label: bool) -> Iterator[str]:
    """What the author may have meant, the most certain first. `is_label`: the word is a label of a
    line before this one."""
    is_first = word is draft.phrase.tokens[0]
    if is_label:
        yield f"`{word.text}` is a label: a chain begins with it, `{word.text} -> …`"
    if word.text.lower() == "causal":
        yield "pad the front alone: `zero padding left 2 -> conv kernel 3 width 16 valid`"
    if is_first and (form := FORMS.get(word.text.lower())):
        yield f"write it like this: `{form}`"
    hint = next(_spelling_hints(draft, word), None)
    if is_first and draft.layers:  # perhaps a label without its colon
        is_numbered = FUSED.fullmatch(word.text) or hint is None
        label = f"label ends in a colon: `{word.text}: …`"
        hint = f"a {label}" if is_numbered else f"{hint} A {label}"
    if hint is not None:
        yield hint


def _spelling_hints(draft: PhraseDraft, word: Token) -> Iterator[str]:
    """Words and names that the word may stand for, the most certain first."""
    context = draft.context
    product = re.fullmatch(r"(\d+)[x×]([A-Za-z_]\w*)", word.text)
    if product and product[2] in context.names:
        yield f"write `({product[1]}*{product[2]})` for the product"
    if longer := _spellings_ending_in(word.text.lower()):
        yield f"did you mean {' or '.join(f'`{spelling}`' for spelling in longer)}?"
    if meant := did_you_mean(word.text, context.names):
        yield meant
    stem = FUSED.fullmatch(word.text)
    known = {*vocabulary().known, *context.blocks.known()}
    if meant := did_you_mean(stem[1] if stem else word.text, known):
        yield meant
    names = sorted({*context.names} - {"in"})
    if draft.layers and names:
        yield f"names with a value here: {', '.join(names)}"


def _spellings_ending_in(word: str) -> list[str]:
    """The first spelling of each kind that ends in a word: `max pool`, `avg pool`; the longer ones,
    `adaptive max pool`, only if none is shorter."""
    found: dict[type[Layer], str] = {}
    for spelling, (kind, _) in vocabulary().layers.items():
        if len(spelling) > 1 and spelling[-1] == word:
            found.setdefault(kind, " ".join(spelling))
    fewest = min((spelling.count(" ") for spelling in found.values()), default=0)
    return [spelling for spelling in found.values() if spelling.count(" ") == fewest]
