"""The words of a phrase of layers: layers, attributes, flags, units, and words of no meaning.

A word begins a layer, `conv`; or an attribute with its value, `stride 2`; or sets a flag,
`depthwise`; or removes a companion, `no relu`. What a word is depends on the order in which the
rules of `_RULES`, and for spellings those of `_SPELLING_RULES`, are tried: the order is the
language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from archdsl.layers import Value
from archdsl.notation import attribute_values, numbers
from archdsl.notation.ast import ValueText
from archdsl.notation.attributes import LayerDraft, checked
from archdsl.notation.context import Context
from archdsl.notation.numbers import FUSED
from archdsl.notation.scan import Scan
from archdsl.notation.vocabulary import (
    ACTIVATION,
    BARE,
    NOISE,
    Words,
    begins_attribute,
    runs,
    vocabulary,
    words_of,
)
from archdsl.syntax import expressions
from archdsl.syntax.ast import Token


def read_word(scan: Scan) -> None:
    """Read what begins at a word."""
    if not any(rule(scan) for rule in _RULES):
        scan.draft.unknown.append(scan.cursor.take())


# Rules for a word: each reads what begins at it, or declines.


def _name(scan: Scan) -> bool:
    """A name that has a value, as in `conv3-k`. It may be called as a spelling begins, `layer
    norm`, `in channels 3`: then it is not the name."""
    cursor, known = scan.cursor, vocabulary()
    token = cursor.peek()
    if token.text not in scan.context.names or cursor.peek(1).kind in attribute_values.VALUES:
        return False
    spellings = (known.attributes, known.layers, known.flags, known.units)
    if any(len(words) > 1 and any(words in s for s in spellings) for words, _ in cursor.runs()):
        return False
    scan.mention("number", expressions.read(scan.context.source, [token]), cursor.take())
    return True


def _removal(scan: Scan) -> bool:
    """`no relu`, `without activation`; but `no bias` is a flag."""
    cursor, fail = scan.cursor, scan.context.fail
    if words_of(cursor.peek()) != ("no",):
        return False
    if any(words in vocabulary().flags for words, _ in cursor.runs()):
        return False
    first = cursor.take()
    removable = _removable(cursor.tokens, cursor.at)
    following = cursor.peek()
    if removable is None:
        if following.kind == "word" and begins_attribute((following,)):
            shown = following.text
            raise fail(f"`no {shown}` removes nothing", first, "`no relu`, `no bias`, …")
        scan.draft.unknown.append(cursor.accept("word") or first)
        return True
    words, count = removable
    last = cursor.take(count)
    sign, other = cursor.peek(), cursor.peek(1)
    if sign.text in ("-", "and") and _removable((other,), 0):
        raise fail(
            f"does `no` remove `{other.text}` too?",
            other,
            f"write `no {last.text} no {other.text}`",
        )
    scan.mention("removal", True, first, last, words)
    return True


def _removable(tokens: Sequence[Token], at: int) -> tuple[Words, int] | None:
    """The kind of layer after `no`, with its count of tokens; of `activation`, any of them."""
    layers = vocabulary().layers
    for words, count in runs(tokens, at):
        if words == (ACTIVATION,):
            return words, count
        if words in layers:
            return (layers[words][0].kind,), count
    return None


def _bare(scan: Scan) -> bool:
    """`bare` removes every companion."""
    if scan.cursor.peek().text.lower() != "bare":
        return False
    scan.mention("removal", True, scan.cursor.take(), words=("*",))
    return True


def read_compact(scan: Scan) -> bool:
    """A whole layer in one word: `20C4`, `k3n64s1`."""
    token, context = scan.cursor.peek(), scan.context
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
                    value = checked(context, kind, name, number, token)
                    layer.values[name] = ValueText(value, token.start, token.end)
            scan.cursor.take()
            return True
    return False


def _spelling(scan: Scan) -> bool:
    """A spelling of the vocabulary, the longest that begins here first."""
    return any(
        rule(scan, words, count) for words, count in scan.cursor.runs() for rule in _SPELLING_RULES
    )


def _fused_attribute(scan: Scan) -> bool:
    """An attribute with its value in one word, as `s2` and `k3x3`."""
    fused = fused_attribute(scan.context, scan.cursor.peek())
    if fused is None:
        return False
    words, digits = fused
    axes = numbers.size(scan.context, digits)
    value: Value = axes if len(axes) > 1 else axes[0]
    scan.mention("words", value, scan.cursor.take(), words=words)
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
    cursor, known = scan.cursor, vocabulary()
    for words, count in cursor.runs():
        first, last = cursor.peek(), cursor.peek(count - 1)
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
        scan.draft.mention(form, value, digits.start, digits.end, owner=layer)
        cursor.take(count)
        return True
    return False


_RULES: tuple[Callable[[Scan], bool], ...] = (
    _name,
    _removal,
    _bare,
    read_compact,
    _spelling,
    _fused_attribute,
    _fused_layer,
)


# Rules for a run of words that may be a spelling; `count` is that of its tokens.


def _layer(scan: Scan, words: Words, count: int) -> bool:
    cursor = scan.cursor
    spelled = vocabulary().layers.get(words)
    if spelled is None:
        return False
    first = cursor.peek()
    if scan.owner is not None:
        raise scan.context.fail(
            "a layer inside the parentheses of another",
            first,
            f"write it after them; an optional layer follows a hyphen, `-({first.text})`",
        )
    kind, preset = spelled
    layer = LayerDraft(kind, first.start, cursor.take(count).end, preset)
    if " ".join(words) in kind.bare:
        layer.removed.add(BARE)
    if re.search(r"[123]d$", words[-1]):
        layer.ranked = words[-1]
    scan.draft.layers.append(layer)
    return True


def _attribute(scan: Scan, words: Words, count: int) -> bool:
    return words in vocabulary().attributes and attribute_values.read_attribute(scan, words, count)


def _flag(scan: Scan, words: Words, count: int) -> bool:
    """A flag, unless its last word has a value of its own: `reflect padding 1`."""
    cursor, known = scan.cursor, vocabulary()
    if words not in known.flags:
        return False
    has_value = cursor.peek(count).kind in ("number", "size", "equals", "parens")
    if has_value and words[:-1] in known.flags and words[-1:] in known.attributes:
        return False
    scan.mention("flags", True, cursor.peek(), cursor.take(count), words)
    return True


def _unit_of_size(scan: Scan, words: Words, count: int) -> bool:
    """`3x3 filters`: the size is the value."""
    if scan.cursor.peek(-1).kind != "size" or words not in vocabulary().units:
        return False
    scan.draft.units_of_sizes.append(words)
    scan.cursor.take(count)
    return True


def _leading_with(scan: Scan, words: Words, count: int) -> bool:
    first = scan.cursor.peek()
    if words == ("with",) and first is scan.draft.phrase.tokens[0]:
        raise scan.context.fail(
            "a layer does not begin with `with`",
            first,
            "`with bn`, alone on a line, turns the optional layers `(bn)` on",
        )
    return False


def _noise(scan: Scan, words: Words, count: int) -> bool:
    """A word that changes nothing: `at`, `and`; `of` in `96 kernels of size 11x11`; `layer` in
    `conv layer`."""
    cursor = scan.cursor
    if len(words) != 1:
        return False
    (word,) = words
    of = word == "of" and (
        cursor.peek(1).kind == "size" or begins_attribute(cursor.tokens, cursor.at + 1)
    )
    layer = word == "layer" and scan.draft.layers and cursor.peek(-1).kind in ("word", "")
    if word not in NOISE and not of and not layer:
        return False
    cursor.take(count)
    return True


_SPELLING_RULES: tuple[Callable[[Scan, Words, int], bool], ...] = (
    _layer,
    _attribute,
    _flag,
    _unit_of_size,
    _leading_with,
    _noise,
)
