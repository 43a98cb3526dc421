"""Reads the tokens of a phrase of layers, from left to right: words, sizes, numbers, signs.

A layer word begins a layer. Everything else is an attribute, which is assigned to a layer later,
or has no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from archdsl.errors import ArchError, did_you_mean
from archdsl.layers import Value
from archdsl.notation import numbers, unknown_words
from archdsl.notation.attribute_values import read_attribute
from archdsl.notation.attributes import LayerDraft, PhraseDraft
from archdsl.notation.cursor import END
from archdsl.notation.lookup import NOISE, Words, vocabulary
from archdsl.notation.numbers import REPEAT
from archdsl.notation.parentheses import is_expression, is_remark, optional_layer, separated
from archdsl.notation.scan import Scan
from archdsl.notation.words import fused_attribute, read_compact, read_word
from archdsl.syntax.arguments import entries_of
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression

# `x1: conv3-8`, which the author means as a label.
_REPEAT_AS_NAME = re.compile(r"(x\d*)\s*[:=]", re.IGNORECASE)
_NUMBER_WITH_WORD = re.compile(r"(\d+)([A-Za-z_]\w*)")  # `64filters`, `4k`


def read_tokens(scan: Scan) -> None:
    while (token := scan.peek()) is not END:
        _READERS.get(token.kind, _stray)(scan)


def read_columns(draft: PhraseDraft) -> None:
    """Read what the columns of a table give to the layer of a row."""
    for column in draft.phrase.columns or ():
        scan = Scan(draft, column.tokens)
        before = len(draft.mentions)
        if column.role == "attribute":
            if not read_attribute(scan, (column.name,), 0):
                draft.unknown.append(column.tokens[0])
        elif column.role == "width":
            width = numbers.value(draft.context, column.tokens[0]).value
            scan.mention("words", width, *column.tokens, words=("width",))
        elif column.role != "times":
            read_tokens(scan)
            continue
        for mention in draft.mentions[before:]:
            mention.is_of_row = True


# Readers by the kind of token: each takes what it reads.


def _size(scan: Scan) -> None:
    context, draft = scan.context, scan.draft
    before, token = scan.peek(-1), scan.take()
    axes = numbers.size(context, token)
    may_repeat = not scan and before is not END and draft.repeat is None
    pair = numbers.number_and_repeat(token) if may_repeat else None
    if pair is not None and _has_sizes(scan, before):
        # `conv3-64 x 2`: the second size of a layer is its width and a repeat.
        width, repeat = pair
        scan.mention("number", axes[0], width)
        draft.repeat = numbers.value(context, repeat)
    else:
        scan.mention("size", axes, token)


def _has_sizes(scan: Scan, before: Token) -> bool:
    """Whether every layer so far has its size, so that another one is width and repeat."""
    windows = sum(layer.kind.takes_size is not None for layer in scan.draft.layers)
    sizes = sum(mention.form in ("size", "suffix") for mention in scan.draft.mentions)
    return before.kind == "join" or sizes >= max(1, windows)


def _number(scan: Scan) -> None:
    context = scan.context
    if _is_grouped(scan):
        help = "only claims have them: write 4096"
        raise context.fail("a thousands separator", scan.peek(1), help)
    unit = _unit(scan)
    token = scan.take()
    value = numbers.number(context, token)
    if unit is None:
        scan.mention("number", value, token)
    else:
        words, count = unit
        scan.mention("units", value, token, scan.take(count), words=words)


def _is_grouped(scan: Scan) -> bool:
    """Whether a number such as `4,096` begins here, without blanks."""
    return (
        scan.peek(1).kind == "comma"
        and scan.peek(2).kind == "number"
        and scan.is_tight(1)
        and len(scan.peek(2).text) == 3
        and len(scan.peek().text) <= 3
    )


def _unit(scan: Scan) -> tuple[Words, int] | None:
    """The unit after the number here, as in `96 filters` or `1000-d fc`, and its count of tokens,
    that of the hyphen included."""
    known = vocabulary()
    hyphen = 1 if scan.peek(1).kind == "join" and scan.is_tight(1) else 0
    for words, count in scan.runs(1 + hyphen):
        if len(words) > 1 and (words in known.layers or words in known.flags):
            return None  # `64 channel shuffle`
        if words in known.attributes:
            is_width = scan.peek(-1).kind == "join" and scan.is_tight(-1)  # of `conv3-64`
            after = scan.peek(1 + hyphen + count)
            # In `64 stride 2` the word belongs to what follows.
            has_value = after.kind not in ("", "comma") and after.text.lower() not in NOISE
            if is_width or has_value:
                continue
        if words in known.units and words not in known.layers:
            return words, hyphen + count
    return None


def _mixed(scan: Scan) -> None:
    """A number with letters: `20C4`, `64filters`, `4k`."""
    if read_compact(scan):
        return
    context, token = scan.context, scan.take()
    if REPEAT.fullmatch(token.text):
        raise context.fail("a second repeat", token, "put one of them around a group: `[ … ] x 3`")
    match = _NUMBER_WITH_WORD.fullmatch(token.text)
    if match is None:
        scan.draft.unknown.append(token)
    elif (match[2].lower(),) in vocabulary().units and match[2] not in context.names:
        number = numbers.whole(context, match[1], token)
        scan.mention("units", number, token, words=(match[2].lower(),))
    else:
        scan.mention("number", context.expression([token]), token)


def _slash(scan: Scan) -> None:
    """A stride after a size, `3x3/2`, `conv7-64/2`; or `Conv / s1`."""
    context = scan.context
    after = scan.peek(1)
    previous = scan.draft.mentions[-1] if scan.draft.mentions else None
    if (
        after.kind in ("number", "size")
        and previous is not None
        and previous.form in ("size", "suffix", "number")
        and not isinstance(previous.value, Expression)
    ):
        is_number = after.kind == "number"
        read: Callable[..., Value] = numbers.number if is_number else numbers.tight_size
        stride = read(context, after)
        mention = scan.mention("words", stride, scan.take(), scan.take(), words=("stride",))
        mention.follows = previous
    elif fused_attribute(context, after):
        scan.take()
    else:
        _stray(scan)


def _join(scan: Scan) -> None:
    """A hyphen before an optional layer, `conv-(bn)`, before a width, `conv3-(2*k)`, or a word."""
    context = scan.context
    after = scan.peek(1)
    if scan.owner is None and optional_layer(context, after) is not None:
        scan.take()
    elif after.kind == "parens" and after.tokens and not numbers.is_tuple(after):
        width = context.expression(after.tokens)
        scan.mention("number", width, scan.take(2))
    elif after is END and scan.owner is None:
        token = scan.peek()
        raise context.fail(f"the line ends with `{token.text}`", token, "continue it, or remove it")
    else:
        numbers.check_sign(context, scan)
        scan.take()


def _parens(scan: Scan) -> None:
    """The arguments of a layer; a size; an optional layer; an expression; a remark; or tokens that
    could be without parentheses."""
    context, draft = scan.context, scan.draft
    before, token = scan.peek(-1), scan.take()
    layer = draft.layers[-1] if draft.layers else None
    if layer is not None and before.kind == "word" and layer.end == before.end:
        layer.end = token.end
        _read_arguments(scan, token.tokens, layer)
    elif numbers.is_tuple(token):
        scan.mention("size", numbers.tuple_of(context, token), token)  # `4 kernels (3,5,5)`
    elif scan.owner is None and (optional := optional_layer(context, token)) is not None:
        inside = separated(token.tokens)
        kind, preset, at, count = optional
        layer = LayerDraft(kind, token.start, token.end, preset)
        place = context.source, token.start, token.end
        layer.is_used = context.blocks.options.are_used(kind.kind, *place)
        draft.layers.append(layer)
        _read_arguments(scan, inside[:at], layer)
        rest = inside[at + count :]
        is_call = len(rest) == 1 and rest[0].kind == "parens"
        _read_arguments(scan, rest[0].tokens if is_call else rest, layer)
    elif any(one.kind != "join" for one in token.tokens) and is_expression(context, token.tokens):
        scan.mention("number", context.expression(token.tokens), token)
    elif not is_remark(context, token.tokens):
        # `(3x3) Conv`, `conv3-64 (stride 2)`
        read_tokens(Scan(draft, token.tokens, scan.owner))


def _read_arguments(scan: Scan, tokens: Sequence[Token], layer: LayerDraft) -> None:
    """Read what is in the parentheses after a layer."""
    context = scan.context
    for argument in (entry.tokens for entry in entries_of(tokens)):
        arguments = Scan(scan.draft, argument, layer)
        if len(argument) > 1 and is_expression(context, argument):
            number = context.expression(argument)
            arguments.mention("number", number, argument[0], argument[-1])
        else:
            read_tokens(arguments)


def _times(scan: Scan) -> None:
    context, token = scan.context, scan.peek()
    if scan.draft.unknown:
        raise unknown_words.error(scan.draft)
    if scan.at:
        help = "write it last: `conv3-64 x2`"
        raise context.fail("a repeat in the middle of a layer", token, help)
    name = _REPEAT_AS_NAME.match(context.source.text, token.start)
    if name is None:
        raise context.fail("a repeat of nothing", token, "what it repeats comes first: `[ … ] x 3`")
    raise ArchError(
        f"`{name[1]}` is read as a repeat, and cannot be a name",
        context.source.span(name.start(1), name.end(1)),
        help=f"`x` repeats: write `{name[1].upper()}`, or another name",
    )


def _assignment(scan: Scan) -> None:
    """The sign of an attribute or a label, after something that is neither."""
    before = scan.peek(-1)
    if scan.at < 2 or before.kind not in ("word", "mixed"):
        _stray(scan)
    known = vocabulary()
    help = did_you_mean(before.text, [" ".join(words) for words in known.attributes])
    if any(words in known.layers for words, _ in scan.runs(1)):
        help = f"a layer needs no attribute word: write `{scan.peek(1).text}` alone"
    raise scan.context.fail(
        f"unknown attribute `{before.text}`",
        before,
        help or "a layer takes `stride: 2`, `kernel_size=3`, …",
    )


def _stray(scan: Scan) -> NoReturn:
    token = scan.peek()
    message = f"`{token.text}` does not belong to a layer"
    help = "put an expression in parentheses: `conv3-(2*k)`"
    if token.kind in ("bracket", "braces"):
        message = "a group next to a layer"
        help = "give the group a line of its own, or use `->`"
    elif token.kind in ("equals", "colon"):
        help = (
            "a label is `stem: conv3-64`, an attribute `stride = 2`, "
            "a convention `conv means conv-relu`"
        )
    elif token.kind == "slash":
        help = "a stride follows a kernel, `3x3/2`; else write `stride 2`"
    elif token.text == "//":
        help = "`#` begins a comment; an expression needs parentheses"
    raise scan.context.fail(message, token, help)


_READERS: Mapping[str, Callable[[Scan], object]] = {
    "word": read_word,
    "size": _size,
    "number": _number,
    "mixed": _mixed,
    "slash": _slash,
    "join": _join,
    "comma": Scan.take,
    "parens": _parens,
    "times": _times,
    "equals": _assignment,
    "colon": _assignment,
}
