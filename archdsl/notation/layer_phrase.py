"""Reads the tokens of a phrase of layers, from left to right: words, sizes, numbers, signs.

A layer word begins a layer. Everything else is an attribute, which is assigned to a layer later,
or has no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from archdsl.errors import ArchError, did_you_mean
from archdsl.layers import Layer, Value
from archdsl.notation import numbers, unknown_words
from archdsl.notation.ast import ValueText
from archdsl.notation.attribute_values import VALUES, read_attribute
from archdsl.notation.attributes import EarlyRepeat, LayerDraft, PhraseDraft
from archdsl.notation.cursor import END
from archdsl.notation.lookup import NOISE, Words, vocabulary, words_of
from archdsl.notation.numbers import REPEAT
from archdsl.notation.optional_layers import kind_of
from archdsl.notation.parentheses import is_expression, is_remark, optional_layer, separated
from archdsl.notation.scan import Scan
from archdsl.notation.words import fused_attribute, read_compact, read_word
from archdsl.syntax.arguments import entries_of
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression

# `x1: conv3-8`, which the author means as a label.
_REPEAT_AS_NAME = re.compile(r"(x\d*)\s*[:=]", re.IGNORECASE)
_WINDOWS = [("kernel",), ("size",), ("window",), ("filter",), ("k",)]  # `kernel 2x2/3`
_LEAST_WIDTH = 8
_MOST_VECTORS = 9  # in `fc 4096 x 2`; more are its width
_MOST_REPEATS = 32  # in `conv3-64 x 2`; more may be meant as another width
_CHOSEN = r"\bwith[ \t]+([\w \t-]+)|\b(\w+)[ \t]*=[ \t]*[01]\b"  # `with bn`, `cifar(bn=1)`
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


def check_repeated(draft: PhraseDraft) -> None:
    """Refuse a repeat next to several layers, `conv3-64, maxpool x 2`: of both, or of one?

    What only weakens a layer, `conv3-64, scale 0.5 x 2`, is repeated with it.
    """
    repeat = draft.repeat
    main = [one for one in draft.layers if not (one.kind.accompanies or one.kind.weakens)]
    if repeat is None or len(main) < 2 or draft.phrase.columns is not None:
        return
    plain = draft.context.source.plain
    is_last = repeat.start > main[0].start
    starts = [min(one.start for one in draft.layers), *(one.start for one in main[1:])]
    ends = [*starts[1:], repeat.start if is_last else draft.phrase.end]
    pieces = [plain[a:b].strip() for a, b in zip(starts, ends, strict=True)]
    if is_last:
        pieces[-1] = re.sub(r"[,\s]*[x×]$", "", pieces[-1])
    pieces = [piece.strip(" \t,-") for piece in pieces]
    times = REPEAT.sub(r"\1", plain[repeat.start : repeat.end])
    all_of = "; ".join(pieces)
    alone, help = pieces[0], f"`{times}x {' -> '.join(pieces)}`, or `{times}x {{ {all_of} }}`"
    if is_last:
        alone, help = pieces[-1], f"`{' -> '.join(pieces)} x{times}`, or `{{ {all_of} }} x {times}`"
    raise draft.context.fail(f"is `{alone}` repeated alone?", repeat, f"write {help}")


# Readers by the kind of token: each takes what it reads.


def _size(scan: Scan) -> None:
    context, draft = scan.context, scan.draft
    before, token = scan.peek(-1), scan.take()
    axes = numbers.size(context, token)
    is_tight = token.text[1:2] in ("x", "×")  # most sizes, `3x3`
    may_repeat = not is_tight and before is not END and draft.repeat is None and scan.owner is None
    pair = numbers.number_and_repeat(token) if may_repeat else None
    if pair is not None:
        _check_matrix(scan, token, axes)
    if pair is not None and _has_sizes(scan, before):
        # `conv3-64 x 2`: the second size of a layer is its width and a repeat.
        width, repeat = pair
        is_width = axes[1] >= min(axes[0], _MOST_REPEATS) and axes[1] >= _LEAST_WIDTH
        if is_width and axes[1] < 10 * axes[0]:
            raise context.fail(
                f"is `{token.text}` {axes[1]} repetitions?",
                token,
                f"write `{axes[0]} x{axes[1]}` for the repeat, else the width alone: "
                + " or ".join(f"`{n}`" for n in dict.fromkeys(axes)),
            )
        scan.mention("number", axes[0], width)
        _repeat(scan, numbers.value(context, repeat))
    else:
        scan.mention("size", axes, token)


def _has_sizes(scan: Scan, before: Token) -> bool:
    """Whether every layer so far has its size, so that another one is width and repeat."""
    windows = sum(layer.kind.takes_size is not None for layer in scan.draft.layers)
    sizes = sum(mention.form in ("size", "suffix") for mention in scan.draft.mentions)
    if not scan:
        return before.kind == "join" or sizes >= max(1, windows)
    # More follows: not the kernel of another layer, `3 x 3 conv`.
    has_number = any(mention.form in ("number", "units") for mention in scan.draft.mentions)
    layers = vocabulary().layers
    following = (layers[words][0] for words, _ in scan.runs() if words in layers)
    is_before_layer = any(not kind.accompanies for kind in following)
    return sizes >= max(1, windows) and not has_number and not is_before_layer


def _check_matrix(scan: Scan, token: Token, axes: tuple[int, ...]) -> None:
    """Refuse `fc 4096 x 2`: inputs and width, or a repeat?"""
    layer = scan.draft.layers[-1] if scan.draft.layers else None
    is_matrix = layer is not None and layer.kind.takes_size == "matrix"
    if is_matrix and scan.peek(-2).kind == "word" and axes[1] <= _MOST_VECTORS:
        raise scan.context.fail(
            f"is `{' '.join(token.text.split())}` inputs and width, or {axes[1]} repetitions?",
            token,
            f"write `{axes[0]}x{axes[1]}` for inputs and width, "
            f"`{axes[0]} x{axes[1]}` for the repeat",
        )


def _repeat(scan: Scan, count: ValueText) -> None:
    """Set the repeat of the phrase; if more follows, it must be attributes."""
    draft = scan.draft
    draft.set_repeat(count)
    if scan:
        draft.early_repeat = EarlyRepeat(len(draft.layers), len(draft.mentions))


def check_after_repeat(draft: PhraseDraft) -> None:
    """Refuse what may or may not belong to the layers that are repeated: a layer after the repeat,
    `conv3-64 x 2, relu`, and a stride, `conv3-64 x 2, stride 2`."""
    repeat, early = draft.repeat, draft.early_repeat
    if repeat is None or early is None or any(one.kind.takes_times for one in draft.layers):
        return
    plain = draft.context.source.plain
    times = plain[repeat.start : repeat.end]
    start = draft.phrase.tokens[0].start
    line = re.sub(r"[,\s]*[x×]?\s*$", "", plain[start : repeat.start])
    for layer in draft.layers[early.layers :]:
        text = plain[layer.start : draft.phrase.tokens[-1].end]
        raise draft.context.fail(
            f"is `{text}` repeated too?",
            layer,
            f"write `{{ {line}; {text} }} x {times}`, or `{line} x{times} -> {text}`",
        )
    for mention in draft.mentions[early.mentions :]:
        if mention.words in (("stride",), ("s",)):
            text = plain[mention.start : mention.end]
            raise draft.context.fail(
                f"is `{text}` that of each repetition, or of the first?",
                mention,
                f"write `{line} {text} x{times}` for each, "
                f"`{{ {line} }} x {times}, {text}` for the first",
            )


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
            sign = scan.tokens[scan.at + 2 + hyphen + count :][:1]
            is_named = bool(sign) and sign[0].kind == "equals"  # `stride r = 2`
            is_name = after.kind == "word" and after.text in scan.context.names
            has_value = after.kind in VALUES or is_named or (is_name and after.text not in NOISE)
            if words not in known.units:
                return None  # `4 padding mode circular`
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
    if (times := REPEAT.fullmatch(token.text)) is not None:
        _times_after(scan, token, times[1])
        return
    match = _NUMBER_WITH_WORD.fullmatch(token.text)
    if match is None:
        scan.draft.unknown.append(token)
    elif (match[2].lower(),) in vocabulary().units and match[2] not in context.names:
        number = numbers.whole(context, match[1], token)
        scan.mention("units", number, token, words=(match[2].lower(),))
    else:
        scan.mention("number", context.expression([token]), token)


def _times_after(scan: Scan, token: Token, digits: str) -> None:
    """The factor of `upsample 2x`. A repeat comes before its layer, `2x conv3-64`."""
    context, draft = scan.context, scan.draft
    if draft.layers and draft.layers[-1].kind.takes_times:
        scan.mention("times", numbers.whole(context, digits, token), token)
        return
    if draft.repeat is not None:
        help = "put one of them around a group: `[ … ] x 3`"
        raise context.fail("a second repeat", token, help)
    line = context.source.plain[draft.phrase.tokens[0].start : token.start].rstrip(" ,")
    help = f"write it first, `{token.text} {line}`, or last, `{line} x{digits}`"
    raise context.fail("a repeat after its layer", token, help if line else "")


def _slash(scan: Scan) -> None:
    """A stride after a size, `3x3/2`, `conv7-64/2`; or `Conv / s1`."""
    context = scan.context
    after = scan.peek(1)
    previous = scan.draft.mentions[-1] if scan.draft.mentions else None
    if (
        after.kind in ("number", "size")
        and previous is not None
        and (previous.form in ("size", "suffix", "number") or previous.words[:1] in _WINDOWS)
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
    elif (added := _added(token)) is not None:
        read_tokens(Scan(draft, added, scan.owner))
    elif scan.owner is None and (optional := optional_layer(context, token)) is not None:
        inside = separated(token.tokens)
        kind, preset, at, count = optional
        is_own = all(
            one.kind in ("number", "size", "parens", "slash") for one in inside[at + count :]
        )
        shown = inside[at : None if is_own else at + count]
        _check_optional(scan, before, token, kind, shown)
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


def _added(token: Token) -> Sequence[Token] | None:
    """The tokens of `(with ReLU)`, `(+ ReLU)` and `(no ReLU)`, which is not optional."""
    first = token.tokens[0] if len(token.tokens) > 1 else END
    if first.kind == "word" and words_of(first) == ("no",):
        return token.tokens
    if first.text.lower() in ("with", "use", "using", "and") or (
        first.kind == "join" and first.text == "+"
    ):
        return token.tokens[1:]
    return None


def _check_optional(
    scan: Scan, before: Token, parens: Token, kind: type[Layer], layer: Sequence[Token]
) -> None:
    """Refuse a layer in parentheses after a blank, `fc 10 (sigmoid)`, which may be meant as a layer
    of the line, unless the text chooses the optional layers of this kind."""
    is_alone = len(scan.tokens) == 1
    is_between = any(words in vocabulary().layers for words, _ in scan.runs())  # `conv (bn) relu`
    is_joined = before.kind in ("join", "comma", "parens") or scan.peek().kind == "join"
    if is_alone or is_between or is_joined or kind.alone:
        return
    source, options = scan.context.source, scan.context.blocks.options
    if kind.kind in options.chosen:
        return
    for chosen in re.finditer(_CHOSEN, source.plain):
        if kind_of((chosen[1] or chosen[2]).strip().replace("-", " ")) == kind.kind:
            return
    inside = source.plain[layer[0].start : layer[-1].end]
    raise scan.context.fail(
        f"is `{source.plain[parens.start : parens.end]}` a layer of this line, or an optional one?",
        parens,
        f"write `, {inside}` for a layer of the line, `-({inside})` for one that is left out "
        f"unless the network has a line `with {next(iter(kind.words))}`",
    )


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
        if (
            scan.draft.repeat is None
            and scan.owner is None
            and numbers.counts(context, scan.peek(1))
        ):
            scan.take(2)
            _repeat(scan, numbers.value(context, scan.peek(-1)))
            return
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
    spellings = {" ".join(words) for words in known.attributes} - {before.text.lower()}
    help = did_you_mean(before.text, spellings)
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
