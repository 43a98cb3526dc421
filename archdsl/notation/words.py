"""The words of a phrase of layers: layers, attributes, flags, units, and words of no meaning.

A word begins a layer, `conv`; or an attribute with its value, `stride 2`; or sets a flag,
`depthwise`; or removes a companion, `no relu`. What a word is depends on the order in which the
rules of `_RULES`, and for spellings those of `_SPELLING_RULES`, are tried: the order is the
language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from archdsl.layers import REGISTRY, Activation, Value
from archdsl.notation import numbers
from archdsl.notation.ast import ValueText, checked
from archdsl.notation.attribute_values import VALUES, read_attribute
from archdsl.notation.attributes import LayerDraft, Mention
from archdsl.notation.context import Context
from archdsl.notation.lookup import (
    ACTIVATION,
    BARE,
    NOISE,
    Words,
    begins_attribute,
    fields_of,
    runs,
    vocabulary,
    words_of,
)
from archdsl.notation.numbers import FUSED
from archdsl.notation.scan import Scan
from archdsl.syntax.ast import Token


def read_word(scan: Scan) -> None:
    """Read what begins at a word."""
    for rule in _RULES:
        if rule(scan):
            return
    scan.draft.unknown.append(scan.take())


# Rules for a word: each reads what begins at it, or declines.


def _name(scan: Scan) -> bool:
    """A name that has a value, as in `conv3-k`. A spelling may begin with the same word, `layer
    norm`, `in channels 3`: then it is not the name."""
    token = scan.peek()
    if token.text not in scan.context.names or scan.peek(1).kind in VALUES:
        return False
    known = vocabulary()
    spellings = (known.attributes, known.layers, known.flags, known.units)
    if any(len(words) > 1 and any(words in s for s in spellings) for words, _ in scan.runs()):
        return False
    scan.mention("number", scan.context.expression([token]), scan.take())
    return True


def _removal(scan: Scan) -> bool:
    """`no relu`, `without activation`, or `bare`, which removes every companion; but `no bias` is a
    flag."""
    first, fail = scan.peek(), scan.context.fail
    if first.text.lower() == "bare":
        scan.mention("removal", True, scan.take(), words=("*",))
        return True
    if words_of(first) != ("no",) or any(w in vocabulary().flags for w, _ in scan.runs()):
        return False
    scan.take()
    removable = _removable(scan.tokens, scan.at)
    after = scan.peek()
    if removable is not None:
        words, count = removable
        last = scan.take(count)
        if (other := _after_removal(scan, words)) is not None:
            raise fail(
                f"does `no` remove `{other.text}` too?",
                other,
                f"write `no {last.text} no {other.text}`; "
                f"to keep it, `{other.text} no {last.text}`",
            )
        scan.mention("removal", True, first, last, words=words)
    elif after.kind == "word" and begins_attribute((after,)):
        raise fail(f"`no {after.text}` removes nothing", first, "`no relu`, `no bias`, …")
    else:
        scan.draft.unknown.append(scan.accept("word") or first)
    return True


def _after_removal(scan: Scan, removed: Words) -> Token | None:
    """The companion that may be removed too: `relu` in `no bn and relu`, `no bn, relu`.

    Not one with a value, `no bn, leaky relu 0.1`, or in place of what is removed, `no relu, silu`.
    """
    sign = scan.peek()
    is_list = sign.text.lower() in ("-", "and", "or", "nor")
    skipped = int(is_list or sign.kind == "comma")
    other = scan.peek(skipped)
    if other.kind != "word" or (found := _removable(scan.tokens, scan.at + skipped)) is None:
        return None
    words, count = found
    if is_list:
        return other
    known = vocabulary().layers
    kinds = [known[run][0] for run, _ in scan.runs(skipped) if run in known]
    is_companion = words == (ACTIVATION,) or any(kind.accompanies for kind in kinds)
    is_companion = is_companion and _role_of(words) != _role_of(removed)
    last = scan.at + skipped + count
    ends = last == len(scan.tokens) or scan.tokens[last].kind in ("comma", "times", "join")
    start, end = other.start, scan.tokens[last - 1].end
    whole = other._replace(text=scan.context.source.plain[start:end], end=end)
    return whole if is_companion and ends else None


def _role_of(removed: Words) -> str:
    """The role of a companion that `no` removes; its name if it has none."""
    if removed == (ACTIVATION,):
        return ACTIVATION
    roles = (kind.role for kind in REGISTRY if kind.kind == removed[0])
    return next(roles, "") or removed[0]


def _removable(tokens: Sequence[Token], at: int) -> tuple[Words, int] | None:
    """The kind of layer after `no`, with its count of tokens; of `activation`, any of them."""
    layers = vocabulary().layers
    for words, count in runs(tokens, at):
        if words == (ACTIVATION,):
            return words, count
        if words in layers:
            return (layers[words][0].kind,), count
    return None


def read_compact(scan: Scan) -> bool:
    """A whole layer in one word: `20C4`, `k3n64s1`."""
    token, context = scan.peek(), scan.context
    if scan.owner is not None or token.text in context.names:
        return False
    for regex, kind, preset in vocabulary().compact:
        match = regex.fullmatch(token.text)
        if match:
            layer = LayerDraft(kind, token.start, token.end, preset)
            scan.draft.layers.append(layer)
            for name, digits in match.groupdict().items():
                if digits is not None:
                    number = numbers.whole(context, digits, token)
                    value = checked(context.source, kind, name, number, token.start, token.end)
                    layer.values[name] = ValueText(value, token.start, token.end)
            scan.take()
            return True
    return False


def _spelling(scan: Scan) -> bool:
    """A spelling of the vocabulary, the longest that begins here first."""
    spellings = vocabulary().spellings
    for words, count in scan.runs():
        if words in spellings:
            for rule in _SPELLING_RULES:
                if rule(scan, words, count):
                    return True
    return False


def _fused_attribute(scan: Scan) -> bool:
    """An attribute with its value in one word, as `s2` and `k3x3`."""
    fused = fused_attribute(scan.context, scan.peek())
    if fused is None:
        return False
    words, digits = fused
    axes = numbers.size(scan.context, digits)
    value: Value = axes if len(axes) > 1 else axes[0]
    scan.mention("words", value, scan.take(), words=words)
    return True


def fused_attribute(context: Context, token: Token) -> tuple[Words, Token] | None:
    """The attribute of a word such as `s2`, and its digits."""
    fused = FUSED.fullmatch(token.text) if token.kind == "word" else None
    if fused is None or token.text in context.names:
        return None
    stem = (fused[1].lower(),)
    if stem not in vocabulary().attributes or stem in vocabulary().layers:
        return None
    return stem, numbers.digits_of(fused, token)


def _fused_layer(scan: Scan) -> bool:
    """A layer with digits at the end of its words: `conv3`, `up-conv2`."""
    if scan.owner is not None:
        return False
    known = vocabulary()
    for words, count in scan.runs():
        first, last = scan.peek(), scan.peek(count - 1)
        fused = FUSED.fullmatch(last.text)
        stem = (*words[:-1], fused[1].lower()) if fused else ()
        if fused is None or stem not in known.layers:
            continue
        kind, preset = known.layers[stem]
        layer = LayerDraft(kind, first.start, last.end, preset)
        scan.draft.layers.append(layer)
        digits = numbers.digits_of(fused, last)
        axes = numbers.size(scan.context, digits)
        if len(axes) == 1 and kind.takes_suffix is None:
            text, word = scan.context.source.plain[first.start : last.end], " ".join(stem)
            raise scan.context.fail(
                f"is {axes[0]} in `{text}` the number of the layer, or an attribute?",
                first,
                f"for a name write `{text}: {word}`, for a size `{word} 2x2`",
            )
        form, value = ("size", axes) if len(axes) > 1 else ("suffix", axes[0])
        scan.draft.add(Mention(form, value, digits.start, digits.end, owner=layer))
        scan.take(count)
        return True
    return False


_RULES: tuple[Callable[[Scan], bool], ...] = (
    _name,
    _removal,
    read_compact,
    _spelling,
    _fused_attribute,
    _fused_layer,
)


# Rules for a run of words that may be a spelling; `count` is that of its tokens.


def _layer(scan: Scan, words: Words, count: int) -> bool:
    spelled = vocabulary().layers.get(words)
    if spelled is None:
        return False
    first = scan.peek()
    if _sets_attribute(scan, words, count):
        return False
    if scan.owner is not None:
        raise scan.context.fail(
            "a layer inside the parentheses of another",
            first,
            f"write it after them; an optional layer follows a hyphen, `-({first.text})`",
        )
    kind, preset = spelled
    layer = LayerDraft(kind, first.start, scan.take(count).end, preset)
    if " ".join(words) in kind.bare:
        layer.removed.add(BARE)
    if re.search(r"[123]d$", words[-1]):
        layer.ranked = words[-1]
    scan.draft.layers.append(layer)
    return True


def _sets_attribute(scan: Scan, words: Words, count: int) -> bool:
    """Whether the words of a layer belong to the one before them: the flag in `gelu tanh`, the mode
    and the attribute in `conv 5x5 8 circular pad: 2`."""
    before = scan.owner or (scan.draft.layers[-1] if scan.draft.layers else None)
    if before is None:
        return False
    known = vocabulary()
    if words[-1:] in known.attributes and words[:-1] in known.flags:
        return scan.peek(count).kind in ("equals", "colon")
    is_next = scan.owner is not None or scan.peek(-1).end == before.end
    return is_next and words in fields_of(before.kind, "flags")  # type: ignore[arg-type]


def _flag(scan: Scan, words: Words, count: int) -> bool:
    """A flag, unless its last word has a value of its own: `reflect padding 1`."""
    known = vocabulary()
    if words not in known.flags:
        return False
    has_value = scan.peek(count).kind in ("number", "size", "equals", "parens")
    if has_value and words[:-1] in known.flags and words[-1:] in known.attributes:
        return False
    scan.mention("flags", True, scan.peek(), scan.take(count), words=words)
    return True


def _unit_of_size(scan: Scan, words: Words, count: int) -> bool:
    """`3x3 filters`: the size is the value."""
    if scan.peek(-1).kind != "size" or words not in vocabulary().units:
        return False
    scan.draft.units_of_sizes.append(words)
    scan.take(count)
    return True


def _noise(scan: Scan, words: Words, count: int) -> bool:
    """A word that changes nothing: `at`, `and`; `of` in `96 kernels of size 11x11`; `layer` in
    `conv layer`; `activation` in `ReLU activation`."""
    first, after = scan.peek(), scan.peek(1)
    if words == ("with",) and first is scan.draft.phrase.tokens[0]:
        raise scan.context.fail(
            "a layer does not begin with `with`",
            first,
            "`with bn`, alone on a line, turns the optional layers `(bn)` on",
        )
    if words == ("of",):
        is_noise = after.kind == "size" or begins_attribute(scan.tokens, scan.at + 1)
    elif words == (ACTIVATION,):
        # `ReLU activation`
        layers = scan.draft.layers
        is_noise = bool(layers) and issubclass(layers[-1].kind, Activation)
        is_noise = is_noise and scan.peek(-1).end == layers[-1].end
    elif words == ("layer",):
        is_noise = bool(scan.draft.layers) and scan.peek(-1).kind in ("word", "")
    else:
        is_noise = len(words) == 1 and words[0] in NOISE
    if is_noise:
        scan.take(count)
    return is_noise


_SPELLING_RULES: tuple[Callable[[Scan, Words, int], bool], ...] = (
    _layer,
    read_attribute,
    _flag,
    _unit_of_size,
    _noise,
)
