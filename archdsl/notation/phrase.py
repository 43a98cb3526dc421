"""Reads phrases, and lines of them: what every spelling of a layer means.

    conv1: conv3-64 x2, stride 2 -> relu

Blanks, hyphens without blanks and commas join; a layer word begins a new layer; every other token
belongs to the nearest layer that takes it, a preceding one first. Every token is used exactly once:
what no layer takes is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from archdsl.errors import MOST_ERRORS, ArchError
from archdsl.layers import Conv
from archdsl.layers.padding import MODES
from archdsl.notation import keras_calls, prefixes, pytorch_calls, unknown_words
from archdsl.notation.ast import (
    Blocks,
    LayerText,
    Line,
    Naming,
    NoBlocks,
    ParsedPhrase,
    Placeholder,
    Side,
    ValueText,
)
from archdsl.notation.attributes import Assigner, Mention, PhraseDraft
from archdsl.notation.chains import check_flow, linked
from archdsl.notation.context import Context
from archdsl.notation.cursor import Cursor
from archdsl.notation.groups import CompositeReader, read_repeat_of_row
from archdsl.notation.labels import Labels, label_of
from archdsl.notation.layer_names import NamedKind, kind_named
from archdsl.notation.layer_phrase import (
    check_after_repeat,
    check_repeated,
    read_columns,
    read_tokens,
)
from archdsl.notation.numbers import split_repeat
from archdsl.notation.parentheses import is_remark
from archdsl.notation.scan import Scan
from archdsl.syntax import expressions
from archdsl.syntax.ast import Item, Phrase, Token
from archdsl.text.source import Source

MOST_LINKS = 500  # layers of a phrase, links of a chain
_LINES = "write one layer per line"


def read_phrase(
    source: Source, phrase: Phrase, names: Collection[str] = (), blocks: Blocks | None = None
) -> ParsedPhrase:
    """The meaning of a phrase; `names` are those that have values.

    Raises ArchError for a token that no layer takes.
    """
    return _read_phrase(Context(source, names, blocks or NoBlocks(), Labels(), {}), phrase)


def read_lines(
    source: Source, items: Sequence[Item], names: Collection[str], blocks: Blocks
) -> tuple[Line, ...]:
    """The meaning of lines. Raises ArchError with the errors of all of them, up to MOST_ERRORS."""
    return _read_lines(Context(source, names, blocks, Labels(items), {}), items)


# Lines.


def _read_lines(
    context: Context, items: Sequence[Item], are_branches: bool = False
) -> tuple[Line, ...]:
    """The lines of a list, whose labels are those of the context.

    A line of optional layers that are not in use is left out; a branch of them is `identity`.
    """
    lines: list[Line] = []
    errors: list[ArchError] = []
    for item in items:
        line = _read_line(context, item, are_branches, errors)
        if len(errors) >= MOST_ERRORS:
            break
        if line is not None:
            lines.append(line)
    if errors:
        raise ArchError.several(errors[:MOST_ERRORS])
    return tuple(lines)


def _read_line(
    context: Context, item: Item, is_branch: bool, errors: list[ArchError]
) -> Line | None:
    """A line, or None if none of its layers is in use; later lines may refer to its label."""
    source, labels = context.source, context.labels
    if len(item.phrases) > MOST_LINKS:
        span = source.span(item.start, item.end)
        errors.append(ArchError(f"a chain of more than {MOST_LINKS} links", span, help=_LINES))
        return None
    written = linked(context, item.phrases)
    if len(written) > len(item.phrases):
        item = item._replace(phrases=written)
    label, claimed, links = _read_links(context, item, errors)
    if links and isinstance(links[0][1].composite, Side):
        if label is not None:
            labels.add_side(label.text)
    elif label is not None:
        labels.add(label)
    guard = None
    if item.guard:
        try:
            guard = expressions.read(source, item.guard)
        except ArchError as error:
            errors.append(error)
    if not links and not errors and (is_branch or label or claimed or item.claims):
        start, end = item.start, item.end
        nothing = Placeholder("identity", None, start, end)
        parsed = ParsedPhrase(label, claimed, (), nothing, None, None, start, end)
        links = [(item.phrases[0], parsed)]
    if not links:
        return None
    phrases, parsed_phrases = zip(*links, strict=True)
    if len(phrases) < len(item.phrases):
        item = item._replace(phrases=phrases)
    return Line(item, parsed_phrases, guard)


def _read_links(
    context: Context, item: Item, errors: list[ArchError]
) -> tuple[Token | None, Token | None, list[tuple[Phrase, ParsedPhrase]]]:
    """The label of a line, the size that is claimed where no layer is in use, and the links that
    have layers."""
    label: Token | None = None
    claimed: Token | None = None
    links: list[tuple[Phrase, ParsedPhrase]] = []
    # The labels of a chain's links are visible to later links, those of lines to later lines.
    if len(item.phrases) > 1:
        context = context._replace(labels=Labels((), context.labels))
    for phrase in item.phrases:
        try:
            parsed = _read_phrase(context, phrase)
            check_flow(context, parsed, item, not links)
        except ArchError as error:
            errors += (error, *error.others)
            label = label_of(item)
            continue
        if not parsed.layers and parsed.composite is None:
            label = label or parsed.label  # of an optional layer that is not in use
            claimed = claimed or parsed.claimed
            continue
        if not links and label is not None and parsed.label is None:
            parsed = parsed._replace(label=label)
        if links and parsed.label is not None:
            context.labels.add(parsed.label)
        links.append((phrase, parsed))
    return links[0][1].label if links else label, claimed, links


# Phrases.


def _read_phrase(context: Context, phrase: Phrase) -> ParsedPhrase:
    cursor = Cursor(phrase.tokens)
    claimed = prefixes.take_claim(cursor)
    label = prefixes.take_label(context, cursor)
    claimed = claimed or prefixes.take_claim(cursor)
    while cursor.peek().kind == "parens" and cursor.peek(1).kind:
        if not is_remark(context, cursor.peek().tokens):
            break
        cursor.take()  # `(b) Mlpconv layer`
    tokens = cursor.rest
    start, end = tokens[0].start, phrase.end
    if len(tokens) == 1 and not phrase.columns and prefixes.is_reference(context, tokens[0]):
        reference = context.labels.reference(context.source, tokens[0], context.blocks)
        return ParsedPhrase(label, claimed, (), reference, None, None, start, end)
    # After a label or a claim the same words may mean something else: `FC6: 4096 neurons`.
    line_name = phrase.row_name or (label.text if label is not None else "")
    named = kind_named(line_name) if line_name else None
    key = context.source.plain[start:end]
    key = key if start == phrase.start else f":{key}"
    if phrase.is_text and (parsed := context.cache.get(key)) is not None:
        return _compared(context, _moved(parsed, label, claimed, start), named)
    draft = PhraseDraft(context, phrase)
    composite = CompositeReader(draft, tokens, _read_group).read()
    if isinstance(composite, Side) and (name := composite.name) is not None:
        if label is not None:
            raise context.fail("a side head with two names", name, "remove one of the two")
        label = name._replace(kind="label")
    if composite is not None:
        return ParsedPhrase(label, claimed, (), composite, draft.repeat, draft.stride, start, end)
    draft.repeat, tokens = split_repeat(context, tokens)
    read_repeat_of_row(draft)
    if (is_keras := keras_calls.is_call(tokens)) or pytorch_calls.is_call(tokens[0]):
        columns = (column for column in phrase.columns or () if column.role != "times")
        tokens = [*tokens, *(token for column in columns for token in column.tokens)]
        layers: tuple[LayerText, ...] = (
            keras_calls.read_call(context, tokens)
            if is_keras
            else (pytorch_calls.read_call(context, tokens),)
        )
        return ParsedPhrase(label, claimed, layers, None, draft.repeat, None, start, end)
    layers = _read_layers(draft, tokens, label)
    parsed = ParsedPhrase(label, claimed, layers, None, draft.repeat, None, start, end)
    depends = draft.is_implied and start != phrase.start  # on the label
    is_computed = draft.repeat is not None or any(layer.computed for layer in layers)
    if phrase.is_text and not is_computed and not depends:
        context.cache[key] = parsed
    return parsed if draft.is_implied else _compared(context, parsed, named)


def _compared(context: Context, parsed: ParsedPhrase, named: NamedKind | None) -> ParsedPhrase:
    """The phrase, marked if the kind that its name spells is open or is not among its layers: what
    a line writes wins."""
    if named is None or not named.is_whole:
        return parsed
    first = next((layer for layer in parsed.layers if not layer.kind.accompanies), None)
    if first is None:
        return parsed
    same = next(filter(named.is_kind_of, parsed.layers), None)
    # `conv2_x` is the name of a stage that begins with a pool.
    is_stage = named.kind is Conv and not named.preset
    how = "other" if same is None and not is_stage else ""
    if same is not None and named.is_open:  # the type `pool1` of a row
        written = kind_named(context.source.plain[same.start : same.end])
        how = "open" if written is not None and written.is_open else ""
    if not how:
        return parsed
    layers = [
        layer._replace(naming=Naming(how, named.text)) if layer is (same or first) else layer
        for layer in parsed.layers
    ]
    return parsed._replace(layers=tuple(layers))


def _read_group(context: Context, token: Token, is_join: bool) -> tuple[Line, ...]:
    """The lines between brackets or braces; of a join they are its branches."""
    inner = context._replace(labels=Labels(token.items, context.labels))
    return _read_lines(inner, token.items, is_join)


def _read_layers(
    draft: PhraseDraft, tokens: Sequence[Token], label: Token | None
) -> tuple[LayerText, ...]:
    """The layers of a phrase, without optional ones that are not in use."""
    read_tokens(Scan(draft, tokens))
    read_columns(draft)
    if draft.early_repeat is not None:
        check_after_repeat(draft)
    _read_factor(draft)
    if len(draft.layers) > MOST_LINKS:
        raise draft.context.fail(f"more than {MOST_LINKS} layers in a phrase", draft.phrase, _LINES)
    if draft.unknown:
        raise unknown_words.error(draft)
    _check_alone(draft, tokens[0].start)
    assigner = Assigner(draft)
    if draft.layers:
        assigner.imply_leading_layer(label)
    else:
        draft.is_implied = True
        assigner.imply_layer(label)
    assigner.assign()
    if draft.repeat is not None and len(draft.layers) > 1:
        check_repeated(draft)
    return tuple(layer.freeze() for layer in draft.layers if layer.is_used)


def _read_factor(draft: PhraseDraft) -> None:
    """The `x2` of `upsample x2` is not a repeat."""
    repeat = draft.repeat
    if repeat is None or not any(layer.kind.takes_times for layer in draft.layers):
        return
    if len(draft.layers) > 1:
        raise draft.context.fail(
            "is this a factor, or does it repeat the line?",
            repeat,
            "write `upsample 2` for the factor, or give each layer a line of its own",
        )
    draft.add(Mention("times", repeat.value, repeat.start, repeat.end))
    draft.repeat = None


def _check_alone(draft: PhraseDraft, start: int) -> None:
    """Refuse a layer next to others that must be alone: `conv3-64, zero padding 1`."""
    for layer in draft.layers:
        if layer.kind.alone and (len(draft.layers) > 1 or layer.start != start):
            text = draft.context.source.plain[layer.start : layer.end]
            raise draft.context.fail(
                f"is `{text}` a layer of its own, or does it belong to the one next to it?",
                layer,
                "a layer of its own needs its own line, or follows `->`; "
                f"a convolution takes `pad 1`, and `{'` or `'.join(MODES[1:])}`",
            )


def _moved(
    parsed: ParsedPhrase, label: Token | None, claimed: Token | None, start: int
) -> ParsedPhrase:
    """A parsed phrase of the cache, at another place."""
    by = start - parsed.start
    layers = []
    for kind, values, removed, begin, end, *_, ranked, _ in parsed.layers:
        moved = {n: ValueText(value, a + by, b + by) for n, (value, a, b) in values.items()}
        layers.append(LayerText(kind, moved, removed, begin + by, end + by, ranked=ranked))
    return ParsedPhrase(label, claimed, tuple(layers), None, None, None, start, parsed.end + by)
