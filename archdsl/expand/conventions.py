"""Conventions: what a printed layer stands for.

With `conv means conv-bn-relu`, `conv3-64` becomes a convolution without a bias, a batch
normalization and a ReLU; what the line writes itself is not added a second time.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.expand.memo import Memo
from archdsl.layers import Activation, Layer, Value
from archdsl.notation import ast
from archdsl.notation.ast import BlockUse, LayerText, ValueText
from archdsl.notation.lookup import ACTIVATION, BARE
from archdsl.syntax import expressions
from archdsl.syntax.ast import Means
from archdsl.syntax.expressions import Expression, Number
from archdsl.text.source import Source

Kind = type[Layer]


class Rule:
    """A convention: the layers that the selected one stands for.

    `index` is that of the layer that the selected one replaces.
    """

    def __init__(self, selector: LayerText, layers: tuple[LayerText, ...]) -> None:
        self.selector = selector
        self.layers = layers
        self.kinds = [layer.kind for layer in layers]
        self.index = self.kinds.index(selector.kind)
        self.template = layers[self.index]
        self.companions = layers[: self.index] + layers[self.index + 1 :]
        self.specificity = len(selector.given)
        self.computed = any(layer.computed for layer in layers)
        self.reads_channels = any(map(_reads_channels, layers))
        self.number = 0  # among the rules of its network, or of its row

    def selects(self, layer: LayerText) -> bool:
        return selects(self.selector, layer)


class Rules:
    """Conventions, indexed by what they select so that a lookup does not try them all."""

    def __init__(self) -> None:
        self.number = 0
        self.reads_channels = False  # whether one of them reads `in`
        # By kind, by the names of the selecting attributes, and by their values.
        self.index: dict[Kind, dict[tuple[str, ...], dict[Hashable, list[Rule]]]] = {}

    def add(self, rule: Rule) -> None:
        rule.number = self.number
        self.number += 1
        self.reads_channels |= rule.reads_channels
        names = tuple(sorted(rule.selector.given))
        by_values = self.index.setdefault(rule.selector.kind, {}).setdefault(names, {})
        by_values.setdefault(_values(rule.selector, names), []).append(rule)

    def selecting(self, layer: LayerText) -> list[Rule]:
        """The rules that select a layer."""
        return [
            rule
            for names, rules in self.index.get(layer.kind, {}).items()
            for rule in rules.get(_values(layer, names), ())
            if rule.selects(layer)
        ]

    def nearest(self, layer: LayerText) -> Rule | None:
        """The most specific rule that selects a layer; of equally specific ones the last."""
        if layer.kind not in self.index:
            return None
        rules = self.selecting(layer)
        if len(rules) < 2:
            return rules[0] if rules else None
        return max(rules, key=lambda rule: (rule.specificity, rule.number))

    def has_like(self, rule: Rule) -> bool:
        """Whether one of them selects the same layers as another rule."""
        return any(rule.selects(other.selector) for other in self.selecting(rule.selector))


NO_RULES = Rules()  # of lines outside tables


class Surroundings(NamedTuple):
    """What the conventions for a layer depend on, besides the layer itself.

    `before` and `after` are the companions that the line itself writes, `row_rules` those of its
    table row. The output layer does not take companions. `channels` is the number that enters the
    line.
    """

    before: Sequence[LayerText]
    after: Sequence[LayerText]
    row_rules: Rules
    is_output: bool
    in_block: bool
    channels: Number


class Companion(NamedTuple):
    """A companion that goes next to a layer of a kind, which the line writes itself."""

    kind: Kind
    layer: LayerText


class Applied(NamedTuple):
    """What conventions make of a layer: the layer among its companions, in order.

    Other companions go next to companions that the line writes, `before` or `after` those.
    """

    layers: Sequence[LayerText]
    before: Sequence[Companion] = ()
    after: Sequence[Companion] = ()


class Conventions:
    """The conventions of one network; `names` have values in its rules."""

    def __init__(self, source: Source, names: Mapping[str, Number]) -> None:
        self.source = source
        self.names = names
        self.padding = "same"
        self.rules = Rules()
        self.rules_of_rows: dict[tuple[Means, ...], Rules] = {}  # by the statements of the row
        self.bracket: BlockUse | None = None  # the block that a bracket stands for
        self.shortcut = "B"  # `shortcut` is the block `shortcut_B`
        self.stride_on: LayerText | None = None  # carries the stride of its group; None: the first
        self.stride_on_last = False
        self.decides: frozenset[str] = frozenset()  # what printed sizes settle
        self.memo: Memo[Applied] = Memo()

    def carries_stride(self, layer: LayerText) -> bool:
        """Whether a layer of a group carries its stride, if it is the first such layer."""
        if self.stride_on is None:
            return layer.kind.weighs and "stride" in layer.kind.attributes
        return selects(self.stride_on, layer)

    def apply_again(self, source: Source, layer: LayerText, around: Surroundings) -> Applied:
        """`apply` for a layer that is expanded repeatedly: computed once."""
        before, after, row_rules, is_output, in_block, channels = around
        reads_channels = self.rules.reads_channels or row_rules.reads_channels
        key = len(before), row_rules, is_output, in_block, channels if reads_channels else 0
        return self.memo.get(
            (layer, *before, *after), key, lambda: self.apply(source, layer, around)
        )

    def apply(self, source: Source, layer: LayerText, around: Surroundings) -> Applied:
        """The layer of a source with the companions that the conventions give it.

        In this order: a PyTorch call is complete as it is; of the rules of the table row, then of
        the network's, the most specific applies. Each fills in attributes that the layer lacks,
        then adds the companions that nobody has written, replaced or removed, each next to the
        written companion that it follows or precedes in the rule, else next to the layer; a
        normalization next to the layer takes over the bias.

        Raises ArchError for a removal, `no relu`, that removes nothing, except in a block, which
        cannot know the conventions of the network that uses it.
        """
        if layer.listed is not None:
            return Applied((layer,))
        nearest = (rules.nearest(layer) for rules in (around.row_rules, self.rules))
        rules = [rule for rule in nearest if rule is not None]
        if layer.removed and not around.in_block:
            _check_removals(source, layer, rules)
        if not rules:
            return Applied((layer,))
        expanded = _Expanded(layer, around)
        for rule in rules:
            names = {**self.names, "in": around.channels} if rule.computed else self.names
            expanded.apply(rule, self.source, names)
        return Applied(
            [*expanded.left, expanded.layer, *expanded.right], expanded.before, expanded.after
        )


class _Expanded:
    """A layer, and the companions that rules have added to it so far."""

    def __init__(self, layer: LayerText, around: Surroundings) -> None:
        self.layer = layer
        self.around = around
        self.left: list[LayerText] = []  # directly before the layer
        self.right: list[LayerText] = []  # directly after it
        self.before: list[Companion] = []
        self.after: list[Companion] = []
        self.present = {one.kind for one in (*around.before, *around.after)}
        self.is_activated = False  # by a rule: an activation of the row replaces the network's

    def apply(self, rule: Rule, source: Source, names: Mapping[str, Number]) -> None:
        self.fill(ast.evaluated(source, rule.template, names))
        start, end, index = self.layer.start, self.layer.end, rule.index
        # The companions of the rule that the line writes directly before and after the layer.
        before = _adjacent(self.around.before[::-1], rule)
        after = _adjacent(self.around.after, rule)
        left: list[LayerText] = []
        absorbs_bias = any(kind.absorbs_bias for kind in rule.kinds[:index] if kind in before)
        for i, one in enumerate(rule.layers):
            if i == index or self.is_left_out(one):
                continue
            one = ast.evaluated(source, one, names)
            # Errors and drawings point at the line that the companion belongs to.
            layer = LayerText(
                one.kind, one.given, one.removed, start, end, conventional=True, ranked=one.ranked
            )
            absorbs_bias |= layer.kind.absorbs_bias
            if i < index:
                anchor = _first(rule.kinds[i:], before)
                adjacent, anchored = left, self.before
            else:
                anchor = _first(reversed(rule.kinds[index : i + 1]), after)
                adjacent, anchored = self.right, self.after
            if anchor is None:
                adjacent.append(layer)
            else:
                anchored.append(Companion(anchor, layer))
        self.left = left + self.left
        if absorbs_bias:
            self.layer = without_bias(self.layer)
        self.present.update(rule.kinds)
        self.is_activated = any(issubclass(kind, Activation) for kind in rule.kinds)

    def fill(self, template: LayerText) -> None:
        """Give the layer the attributes of the rule that it does not write itself."""
        attributes = dict(template.given)
        if self.around.is_output:
            attributes.pop("bias", None)
        if attributes:
            self.layer = self.layer._replace(given={**attributes, **self.layer.given})
        if template.ranked and not self.layer.ranked:
            self.layer = self.layer._replace(ranked=template.ranked)

    def is_left_out(self, companion: LayerText) -> bool:
        """Whether a companion of a rule is not added."""
        return (
            companion.kind in self.present
            or (self.is_activated and issubclass(companion.kind, Activation))
            or self.around.is_output
            or not self.layer.removed.isdisjoint(("*", BARE, *_removed_by(companion)))
        )


def _adjacent(layers: Sequence[LayerText], rule: Rule) -> set[Kind]:
    """The kinds of a rule that a line writes next to a layer, up to the first of another kind."""
    if not layers:
        return set()
    return set(takewhile(rule.kinds.__contains__, (layer.kind for layer in layers)))


def _first(kinds: Iterable[Kind], written: set[Kind]) -> Kind | None:
    """The first of the kinds that a line writes, or None."""
    return next(filter(written.__contains__, kinds), None) if written else None


def _removed_by(companion: LayerText) -> tuple[str, ...]:
    """The words after `no` that remove a companion."""
    kind = companion.kind
    return (kind.kind, ACTIVATION) if issubclass(kind, Activation) else (kind.kind,)


def _check_removals(source: Source, layer: LayerText, rules: Sequence[Rule]) -> None:
    removable = {word for rule in rules for one in rule.companions for word in _removed_by(one)}
    removable |= {BARE, "*"} if rules else {BARE}
    for word in layer.removed - removable:
        raise ArchError(
            "`bare` removes nothing" if word == "*" else f"`no {word}` removes nothing",
            source.span(layer.start, layer.end),
            help=f"no convention adds it to `{layer.kind.kind}`: leave the words out",
        )


def selects(selector: LayerText, layer: LayerText) -> bool:
    """Whether a layer has every attribute of a selector, printed or by default."""
    if layer.kind is not selector.kind:
        return False
    given = selector.given
    return not given or all(_equal(_attribute(layer, n), given[n].value) for n in given)


def without_bias(layer: LayerText) -> LayerText:
    """The layer next to a normalization that takes over its bias, unless the text gives it one."""
    if "bias" not in layer.kind.attributes or "bias" in layer.given:
        return layer
    return layer._replace(given={**layer.given, "bias": ValueText(False, layer.start, layer.end)})


def _reads_channels(layer: LayerText) -> bool:
    return any(
        isinstance(text.value, Expression) and "in" in expressions.names_in(text.value)
        for text in layer.given.values()
    )


def _attribute(layer: LayerText, name: str) -> Value | Expression | None:
    """An attribute as printed, else its default."""
    if name in layer.given:
        return layer.given[name].value
    # The default padding depends on the network's convention.
    return None if name == "pad" else layer.kind.defaults.get(name)


def _values(layer: LayerText, names: Sequence[str]) -> Hashable:
    """The values of attributes as a key, which is equal for values that agree: 3 is 3x3."""
    if not names:
        return ()
    values = [_attribute(layer, name) for name in names]
    return tuple([v[0] if isinstance(v, tuple) and len({*v}) == 1 else v for v in values])


def _equal(a: Value | Expression | None, b: Value | Expression) -> bool:
    """Whether two attribute values agree; 3 is 3x3."""
    if isinstance(a, tuple) and isinstance(b, int):
        return set(a) == {b}
    if isinstance(a, int) and isinstance(b, tuple):
        return set(b) == {a}
    return a == b
