"""What papers say once: `conv means conv-bn-relu`, `[] means residual`, `stride on first`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from archdsl.errors import ArchError, did_you_mean
from archdsl.expand import printed_sizes
from archdsl.expand.blocks import Blocks
from archdsl.layers import Activation, Layer, Value
from archdsl.notation import ast
from archdsl.notation.ast import BlockUse, LayerText, ParsedPhrase, ValueText
from archdsl.notation.phrase import read as read_phrase
from archdsl.notation.vocabulary import ACTIVATION, BARE
from archdsl.syntax import expressions
from archdsl.syntax.ast import (
    Item,
    Means,
    NetworkText,
    Padding,
    Phrase,
    Shortcut,
    SizesDecide,
    Statement,
    StrideOn,
    Token,
    second,
)
from archdsl.syntax.expressions import Expression, Number
from archdsl.text.source import Source

_ONCE = "a statement holds for the whole network: write it once"


class Rule:
    """A convention: what a printed layer stands for.

    `template` is the layer of the right side that stands for the selected one.
    """

    def __init__(self, selector: LayerText, layers: tuple[LayerText, ...]) -> None:
        self.selector = selector
        self.layers = layers
        self.template = next(layer for layer in layers if layer.kind is selector.kind)
        self.specificity = len(selector.given)
        self.computed = any(layer.computed for layer in layers)
        self.reads_channels = any(map(_reads_channels, layers))
        self.number = 0  # among those of its network, or its row

    def selects(self, layer: LayerText) -> bool:
        return selects(self.selector, layer)


class Rules:
    """Conventions by what they select: one is found without trying them all."""

    def __init__(self) -> None:
        self.number = 0
        self.reads_channels = False  # whether one of them says `in`
        # By kind, by the attributes that are selected by, and by their values.
        self.found: dict[type[Layer], dict[tuple[str, ...], dict[Hashable, list[Rule]]]] = {}

    def add(self, rule: Rule) -> None:
        rule.number = self.number
        self.number += 1
        self.reads_channels |= rule.reads_channels
        names = tuple(sorted(rule.selector.given))
        of_names = self.found.setdefault(rule.selector.kind, {}).setdefault(names, {})
        of_names.setdefault(_values(rule.selector, names), []).append(rule)

    def selecting(self, layer: LayerText) -> list[Rule]:
        """Those that select a layer."""
        return [
            rule
            for names, rules in self.found.get(layer.kind, {}).items()
            for rule in rules.get(_values(layer, names), ())
            if rule.selects(layer)
        ]

    def nearest(self, layer: LayerText) -> Rule | None:
        """The most specific rule that selects a layer; of equally specific ones the last."""
        return max(self.selecting(layer), key=lambda r: (r.specificity, r.number), default=None)

    def like(self, rule: Rule) -> bool:
        """Whether one of them selects the same layers as another rule."""
        return any(rule.selects(other.selector) for other in self.selecting(rule.selector))


def _reads_channels(layer: LayerText) -> bool:
    return any(
        isinstance(given.value, Expression) and "in" in expressions.names_in(given.value)
        for given in layer.given.values()
    )


def _values(layer: LayerText, names: Sequence[str]) -> Hashable:
    """The values of attributes; those that agree are equal here: 3 is 3x3."""
    said = (_said(layer, name) for name in names)
    return tuple(v[0] if isinstance(v, tuple) and len({*v}) == 1 else v for v in said)


NO_RULES = Rules()  # of lines that stand in no row


class Written(NamedTuple):
    """The companions that a line itself writes for a layer, in front of it and behind it."""

    front: Sequence[LayerText]
    behind: Sequence[LayerText]


class Apart(NamedTuple):
    """A companion that stands `behind` one that the line writes, of a kind, or in front of it."""

    kind: type[Layer]
    behind: bool
    layer: LayerText


Applied = tuple[Sequence[LayerText], Sequence[Apart]]


class Conventions:
    """Those of one network; `names` have the values that hold in its rules."""

    def __init__(self, source: Source, names: Mapping[str, Number]) -> None:
        self.source = source
        self.names = names
        self.padding = "same"
        self.rules = Rules()
        # Those of a row of a table, by its statements; and of the row that is being expanded.
        self.rules_of: dict[tuple[Means, ...], Rules] = {}
        self.of_row = NO_RULES
        self.bracket: BlockUse | None = None  # the block that a bracket stands for
        self.shortcut = "B"  # `shortcut` is the block `shortcut_B`
        self.stride_on: LayerText | None = None  # carries the stride of its group; the first
        self.stride_on_last = False
        self.decides: frozenset[str] = frozenset()  # what printed sizes settle
        # What they gave the layers of repeats, by all that it depends on, which is held too.
        self.given: dict[Hashable, tuple[object, Applied]] = {}

    def carries_stride(self, layer: LayerText) -> bool:
        """Whether a layer of a group carries its stride, if it is the first such layer."""
        if self.stride_on is None:
            return layer.kind.weighs and "stride" in layer.kind.attributes
        return selects(self.stride_on, layer)

    def again(
        self,
        source: Source,
        layer: LayerText,
        written: Written,
        is_output: bool,
        channels: Number,
        in_block: bool,
    ) -> Applied:
        """`apply` for a layer of a repeat, which comes again."""
        alike = id(layer), *map(id, (*written.front, None, *written.behind)), id(self.of_row)
        reads_channels = self.rules.reads_channels or self.of_row.reads_channels
        key = alike, is_output, in_block, channels if reads_channels else None
        if key not in self.given:
            made = self.apply(source, layer, written, is_output, channels, in_block)
            # What is held keeps its identity.
            self.given[key] = (layer, written, self.of_row), made
        return self.given[key][1]

    def apply(
        self,
        source: Source,
        layer: LayerText,
        written: Written,
        is_output: bool,
        channels: Number,
        in_block: bool = False,
    ) -> tuple[list[LayerText], list[Apart]]:
        """The layer of a source with the companions that the conventions give it.

        The most specific rule applies; of a row of a table first the row's own, then what the
        network's adds to it. The output layer takes their attributes, no companions. What the line
        or the row writes itself (`written`) is not added again; what a rule has beyond it stands
        apart. `channels` enter the line. Raises
        ArchError for a strike, `no relu`, that strikes nothing, but not in a block: it does not
        know the conventions of the network that uses it.
        """
        if layer.listed is not None:
            return [layer], []  # a listing writes everything out
        rules = [
            rule
            for rule in (self.of_row.nearest(layer), self.rules.nearest(layer))
            if rule is not None
        ]
        if not rules and not layer.struck:
            return [layer], []
        beside = [one for rule in rules for one in rule.layers if one.kind is not layer.kind]
        struck = layer.struck - {BARE} - {name for one in beside for name in _strikes(one)}
        for kind in () if in_block else struck - {"*"} if rules else struck:
            raise ArchError(
                "`bare` strikes nothing" if kind == "*" else f"`no {kind}` strikes nothing",
                source.span(layer.start, layer.end),
                help=f"no convention adds it to `{layer.kind.kind}`: leave the words out",
            )
        kept = {one.kind for one in (*written.front, *written.behind)}
        activated = False  # by the row's own rule: its activation replaces the network's
        chain = [layer]
        apart: list[Apart] = []
        for rule in rules:
            names = {**self.names, "in": channels} if rule.computed else self.names
            filled = dict(ast.evaluated(self.source, rule.template, names).given)
            if is_output:
                filled.pop("bias", None)
            if filled:
                layer = layer._replace(given={**filled, **layer.given})
            if rule.template.ranked and not layer.ranked:
                layer = layer._replace(ranked=rule.template.ranked)
            own = {one.kind for one in rule.layers}
            close = set(takewhile(own.__contains__, (one.kind for one in written.behind)))
            near = set(takewhile(own.__contains__, (one.kind for one in written.front[::-1])))
            added: list[list[LayerText]] = [[], []]  # in front of the layer, and behind it
            behind = False
            after = None  # the last written companion that the rule has in front
            for index, one in enumerate(rule.layers):
                behind |= one is rule.template
                if behind and one.kind in close:
                    after = one.kind
                if not behind and one.kind in near and one.kind.absorbs_bias:
                    layer = without_bias(layer)
                if one is rule.template or one.kind in kept:
                    continue
                if activated and issubclass(one.kind, Activation):
                    continue
                if is_output or layer.struck.intersection(("*", BARE, *_strikes(one))):
                    continue
                one = ast.evaluated(self.source, one, names)
                # Errors and drawings point at the line, not at the convention.
                place = layer.start, layer.end
                made = LayerText(
                    one.kind, one.given, one.struck, *place, False, True, None, one.ranked
                )
                before = next((o.kind for o in rule.layers[index:] if o.kind in near), None)
                if after is not None:
                    apart.append(Apart(after, True, made))
                elif before is not None and not behind:
                    apart.append(Apart(before, False, made))
                else:
                    added[behind].append(made)
            everything = (*added[0], *added[1], *(one.layer for one in apart))
            if any(one.kind.absorbs_bias for one in everything):
                layer = without_bias(layer)
            kept |= own
            activated = any(issubclass(kind, Activation) for kind in own)
            chain = [*added[0], *(layer if one.kind is layer.kind else one for one in chain)]
            chain += added[1]
        return chain, apart


def _strikes(companion: LayerText) -> tuple[str, ...]:
    """By which words a companion is struck, but for `bare`."""
    kind = companion.kind
    return (kind.kind, ACTIVATION) if issubclass(kind, Activation) else (kind.kind,)


def read(network: NetworkText, names: Mapping[str, Number], blocks: Blocks) -> Conventions:
    """The conventions of a network. Raises ArchError with every error of them."""
    reader = _Reader(network.source, names, blocks)
    errors: list[ArchError] = []
    for statement in network.statements:
        try:
            match statement:
                case Padding(mode):
                    reader.once(statement)
                    reader.conventions.padding = mode.text
                case Shortcut():
                    reader.shortcut(statement)
                case StrideOn():
                    reader.stride_on(statement)
                case SizesDecide():
                    reader.sizes_decide(statement)
                case Means():
                    reader.means(statement)
                case Item(rules=rules) if rules:
                    reader.of_row(rules)
        except ArchError as error:
            errors += (error, *error.others)
    if errors:
        raise ArchError.several(errors)
    return reader.conventions


class _Reader:
    def __init__(self, source: Source, names: Mapping[str, Number], blocks: Blocks) -> None:
        self.source = source
        self.names = names
        self.blocks = blocks
        self.conventions = Conventions(source, names)
        self.seen: set[type[Statement]] = set()

    def fail(self, message: str, where: Phrase | Token, help: str) -> ArchError:
        return ArchError(message, self.source.span(where.start, where.end), help=help)

    def once(self, statement: Statement) -> None:
        """Raises ArchError for a second statement of a kind."""
        if type(statement) in self.seen:
            raise second(self.source, statement)
        self.seen.add(type(statement))

    def read(self, phrase: Phrase) -> ParsedPhrase:
        return read_phrase(self.source, phrase, self.names.keys() | {"in"}, self.blocks)

    def shortcut(self, statement: Shortcut) -> None:
        name = statement.name
        self.once(statement)
        if f"shortcut_{name.text}" not in self.blocks:
            raise unknown_shortcut(self.source, self.blocks, name.text, name.start, name.end)
        self.conventions.shortcut = name.text

    def sizes_decide(self, statement: SizesDecide) -> None:
        self.once(statement)
        for index, token in enumerate(statement.what):
            word = token.text.lower()
            if word not in printed_sizes.WORDS:
                raise self.fail(
                    f"sizes decide no `{token.text}`",
                    token,
                    did_you_mean(word, printed_sizes.WORDS)
                    or "write `sizes decide stride, padding`",
                )
            if word in (other.text.lower() for other in statement.what[:index]):
                raise self.fail(f"`{token.text}` twice", token, "say it once")
        self.conventions.decides = frozenset(token.text.lower() for token in statement.what)

    def stride_on(self, statement: StrideOn) -> None:
        phrase = statement.layer
        self.once(statement)
        word = [p.text.lower() for p in phrase.tokens]
        if word in (["first"], ["last"]):
            self.conventions.stride_on_last = word == ["last"]
            return
        parsed = self.read(phrase)
        if len(parsed.layers) != 1 or parsed.repeat or parsed.label or parsed.claimed:
            raise self.fail(
                "`stride on` names one layer of a group",
                phrase,
                "write `stride on first`, or `stride on 3x3`",
            )
        layer = ast.evaluated(self.source, parsed.layers[0], self.names)
        if "stride" not in layer.kind.attributes:
            raise self.fail(f"`{layer.kind.kind}` takes no stride", phrase, "write `stride on 3x3`")
        self.conventions.stride_on = layer

    def means(self, statement: Means) -> None:
        left = statement.left.tokens
        if len(left) == 1 and left[0].kind == "bracket" and not left[0].inside:
            if Means in self.seen:  # of brackets: those of layers differ by what they select
                raise self.fail("a second convention for it", statement.left, _ONCE)
            self.seen.add(Means)
            if (block := self.named(statement.right)) is not None:
                self.conventions.bracket = block
                return
            name, *behind = statement.right.tokens
            if name.text not in self.blocks and all(p.kind == "parens" for p in behind):
                hint = did_you_mean(name.text, self.blocks.known())
                raise self.fail(
                    f"there is no block `{name.text}`",
                    name,
                    hint or f"define it: `block {name.text} {{ … body … }}`",
                )
            right = self.read(statement.right)
            composite = right.composite
            more = right.repeat or right.stride or right.label or right.claimed
            if not isinstance(composite, BlockUse) or composite.body is not None or more:
                raise self.fail(
                    "a bracket stands for a block",
                    statement.right,
                    "write `[] means residual`, or the name of a block of your own",
                )
            self.conventions.bracket = composite
            return
        rule = self.rule(statement)
        if self.conventions.rules.like(rule):
            raise self.fail("a second convention for it", statement.left, _ONCE)
        self.conventions.rules.add(rule)

    def of_row(self, statements: tuple[Means, ...]) -> None:
        """The conventions of a row; of two for one layer the first, which says more of the row."""
        if statements in self.conventions.rules_of:
            return
        rules = Rules()
        for statement in statements:
            rule = self.rule(statement)
            if not rules.like(rule):
                rules.add(rule)
        self.conventions.rules_of[statements] = rules

    def named(self, phrase: Phrase) -> BlockUse | None:
        """A block by its name alone: `dense` is one, though elsewhere it is also a layer."""
        token = phrase.tokens[0]
        if len(phrase.tokens) > 1 or token.text not in self.blocks:
            return None
        return BlockUse(token.text, (), None, token.start, token.end)

    def rule(self, statement: Means) -> Rule:
        left, right = self.read(statement.left), self.read(statement.right)
        if len(left.layers) != 1 or left.repeat or left.label:
            raise self.fail(
                "the left side of `means` selects one kind of layer",
                statement.left,
                "write `conv means conv-bn-relu`, or `1x1 conv means …`",
            )
        for side, parsed in ((statement.left, left), (statement.right, right)):
            if parsed.claimed or any(layer.struck - {BARE} for layer in parsed.layers):
                raise self.fail(
                    "a convention holds layers alone", side, "leave `no …`, `bare` and claims out"
                )
            if any(layer.listed for layer in parsed.layers):
                raise self.fail(
                    "a call of torch in a convention",
                    side,
                    "write it in words, as in `conv means conv-bn-relu`",
                )
        selector = ast.evaluated(self.source, left.layers[0], self.names)
        same = [layer for layer in right.layers if layer.kind is selector.kind]
        if len(same) != 1 or right.repeat or right.label:
            raise self.fail(
                f"the right side of `means` holds `{selector.kind.kind}` once: "
                "there the selected layer stands",
                statement.right,
                f"write `{selector.kind.kind} means {selector.kind.kind}-bn-relu`, …",
            )
        return Rule(selector, right.layers)


def unknown_shortcut(source: Source, blocks: Blocks, name: str, start: int, end: int) -> ArchError:
    known = sorted(b.removeprefix("shortcut_") for b in blocks.known() if b[:9] == "shortcut_")
    return ArchError(
        f"there is no shortcut `{name}`",
        source.span(start, end),
        help=f"known: {', '.join(known)}; or define `block shortcut_{name}(width, stride) {{ … }}`",
    )


def selects(selector: LayerText, layer: LayerText) -> bool:
    """Whether a layer has every attribute of a selector, printed or by default."""
    return layer.kind is selector.kind and all(
        _equal(_said(layer, name), given.value) for name, given in selector.given.items()
    )


def without_bias(layer: LayerText) -> LayerText:
    """A normalisation beside a weight layer takes over its bias, unless the text says otherwise."""
    if "bias" not in layer.kind.attributes or "bias" in layer.given:
        return layer
    return layer._replace(given={**layer.given, "bias": ValueText(False, layer.start, layer.end)})


def _said(layer: LayerText, name: str) -> Value | Expression | None:
    """An attribute as printed, else its default."""
    if name in layer.given:
        return layer.given[name].value
    # What a layer pads by default is for the network's convention to say.
    return None if name == "pad" else layer.kind.defaults.get(name)


def _equal(a: Value | Expression | None, b: Value | Expression) -> bool:
    """Whether two attribute values agree; 3 is 3x3."""
    if isinstance(a, tuple) and isinstance(b, int):
        return set(a) == {b}
    if isinstance(a, int) and isinstance(b, tuple):
        return set(b) == {a}
    return a == b
