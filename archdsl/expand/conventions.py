"""Conventions: what a printed layer stands for.

With `conv means conv-bn-relu`, `conv3-64` becomes a convolution without a bias, a batch
normalization and a ReLU; what the line writes itself is not added a second time.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.expand.choices import (
    BIAS,
    MOVED,
    OTHER_KIND,
    OUTPUT,
    REPLACED,
    spelling,
    spelling_of,
)
from archdsl.expand.memo import Memo
from archdsl.graph import Choice
from archdsl.layers import Activation, Conv, Layer, Value
from archdsl.layers.upconv import UpConv
from archdsl.notation import ast
from archdsl.notation.ast import BlockUse, LayerText, ValueText
from archdsl.notation.lookup import ACTIVATION, BARE
from archdsl.syntax import expressions
from archdsl.syntax.ast import Means, Statement
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
        self.roles = {kind.role for kind in self.kinds} - {""}
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


class Written(NamedTuple):
    """The companions that a line itself writes on one side of a layer, the nearest first: those of
    the layer's own phrase, then those that the chain `… -> …` writes beyond it."""

    phrase: Sequence[LayerText] = ()
    chain: Sequence[LayerText] = ()

    def replacing(self, kinds: Sequence[Kind]) -> dict[Kind, Kind]:
        """The kinds of a rule that are written, each with the kind that takes its place, up to the
        first layer that takes the place of none.

        In the layer's own phrase a companion replaces that of its role: `conv3-64-silu` has no
        other activation. In the chain it replaces only its own kind.
        """
        found: dict[Kind, Kind] = {}
        if not self.phrase and not self.chain:
            return found
        layers = [(one.kind, True) for one in self.phrase]
        layers += [(one.kind, False) for one in self.chain]
        for written, is_near in layers:
            role = written.role if is_near else ""
            match = [kind for kind in kinds if kind is written or (role and kind.role == role)]
            if not match:
                break
            found.setdefault(match[0], written)
        return found


NOTHING_WRITTEN = Written()


class Surroundings(NamedTuple):
    """What the conventions for a layer depend on, besides the layer itself.

    `before` and `after` are the companions that the line itself writes, `row_rules` those of its
    table row. The output layer does not take companions. `channels` is the number that enters the
    line.
    """

    before: Written
    after: Written
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
    `choices` are those that the text leaves open.
    """

    layers: Sequence[LayerText]
    before: Sequence[Companion] = ()
    after: Sequence[Companion] = ()
    choices: Sequence[tuple[Choice, Mapping[str, str]]] = ()  # with the values of their texts


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
        self.keeps: frozenset[str] = frozenset()  # what would be left out: only readings say so
        self.activation = ""  # of sums: "before" or "after" them; "" if the text leaves it open
        self.decides: frozenset[str] = frozenset()  # what printed sizes settle
        self.declared: set[type[Statement]] = set()  # the statements of which there is one
        self.memo: Memo[Applied] = Memo()

    def leaves_open(self, statement: type[Statement]) -> bool:
        """Whether the text has no statement of a kind, so that a default applies."""
        return statement not in self.declared

    def carries_stride(self, layer: LayerText) -> bool:
        """Whether a layer of a group carries its stride, if it is the first such layer."""
        if self.stride_on is None:
            return layer.kind.weighs and "stride" in layer.kind.attributes
        return selects(self.stride_on, layer)

    def apply_again(self, source: Source, layer: LayerText, around: Surroundings) -> Applied:
        """`apply` for a layer that is expanded repeatedly: computed once."""
        before, after, row_rules, is_output, in_block, channels = around
        reads_channels = self.rules.reads_channels or row_rules.reads_channels
        written = before.phrase, before.chain, after.phrase, after.chain
        sizes = [len(layers) for layers in written]
        key = *sizes, row_rules, is_output, in_block, channels if reads_channels else 0
        layers = [layer, *written[0], *written[1], *written[2], *written[3]]
        return self.memo.get(layers, key, lambda: self.apply(source, layer, around))

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
            return Applied((layer,), choices=self.of_another_kind(layer, around))
        expanded = _Expanded(layer, around, "bias" in self.keeps)
        for rule in rules:
            names = {**self.names, "in": around.channels} if rule.computed else self.names
            expanded.apply(rule, self.source, names)
        return Applied(
            [*expanded.left, expanded.layer, *expanded.right],
            expanded.before,
            expanded.after,
            expanded.choices(),
        )

    def of_another_kind(
        self, layer: LayerText, around: Surroundings
    ) -> Sequence[tuple[Choice, Mapping[str, str]]]:
        """The choice that a transposed convolution has no companions though convolutions have
        them, unless its line decides that."""
        if (
            layer.kind is not UpConv
            or around.is_output
            or layer.removed
            or Conv not in self.rules.index
        ):
            return ()
        rule = self.rules.nearest(LayerText(Conv, {}, frozenset(), layer.start, layer.end))
        written = (*around.after.phrase, *around.after.chain, *around.before.phrase)
        roles = {one.kind.role for one in written}
        missing = (
            [one.kind for one in rule.companions if one.kind.role not in roles] if rule else []
        )
        if not missing:
            return ()
        layer_word, selector = spelling_of(layer), spelling(Conv)
        texts = {
            "companions": _either([spelling(kind) for kind in missing]),
            "layer": layer_word,
            "selector": selector,
        }
        return ((OTHER_KIND, texts),)


class _Expanded:
    """A layer, and the companions that rules have added to it so far."""

    def __init__(self, layer: LayerText, around: Surroundings, keeps_bias: bool) -> None:
        self.layer = layer
        self.keeps_bias = keeps_bias
        self.around = around
        self.left: list[LayerText] = []  # directly before the layer
        self.right: list[LayerText] = []  # directly after it
        self.before: list[Companion] = []
        self.after: list[Companion] = []
        self.bare: list[str] = []  # the companions that the output layer does not take
        self.replaced: list[tuple[Kind, Kind]] = []  # written kinds, and those of the rules
        self.moved: list[tuple[Kind, bool]] = []  # written on the other side; whether rules follow
        self.absorbing: Kind | None = None  # the norm next to the layer that takes over its bias
        self.kinds = {one.kind for one in (*around.before.phrase, *around.after.phrase)}
        self.roles = {kind.role for kind in self.kinds} - {""}
        # In a chain `bn -> relu -> conv3-64` leaves out the companions that would follow, but
        # what follows, `conv3-64 -> relu`, leaves those before the layer as they are.
        preceding = {one.kind for one in around.before.chain}
        self.beyond = preceding, preceding | {one.kind for one in around.after.chain}

    def apply(self, rule: Rule, source: Source, names: Mapping[str, Number]) -> None:
        self.fill(ast.evaluated(source, rule.template, names))
        start, end, index = self.layer.start, self.layer.end, rule.index
        # The companions of the rule that the line writes directly before and after the layer.
        before = self.around.before.replacing(rule.kinds)
        after = self.around.after.replacing(rule.kinds)
        left: list[LayerText] = []
        norms: list[Kind] = []
        if before or after:
            norms += [before[kind] for kind in rule.kinds[:index] if kind in before]
            norms += [after[kind] for kind in rule.kinds[index + 1 :] if kind in after]
        for i, one in enumerate(rule.layers):
            if i == index or self.is_left_out(one, i > index):
                continue
            one = ast.evaluated(source, one, names)
            # Errors and drawings point at the line that the companion belongs to.
            layer = LayerText(
                one.kind, one.given, one.removed, start, end, conventional=True, ranked=one.ranked
            )
            norms.append(layer.kind)
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
        absorbing = next((kind for kind in norms if kind.absorbs_bias), None)
        # The output layer has no companions: a norm that is written before it is another layer.
        if absorbing is not None and not self.keeps_bias and not self.around.is_output:
            bare = without_bias(self.layer)
            if bare is not self.layer:
                self.layer, self.absorbing = bare, absorbing
        # A companion of the row replaces that of its role in the network's conventions.
        self.kinds.update(rule.kinds)
        self.roles |= rule.roles

    def fill(self, template: LayerText) -> None:
        """Give the layer the attributes of the rule that it does not write itself."""
        attributes = dict(template.given)
        if self.around.is_output:
            attributes.pop("bias", None)
        if attributes:
            self.layer = self.layer._replace(given={**attributes, **self.layer.given})
        if template.ranked and not self.layer.ranked:
            self.layer = self.layer._replace(ranked=template.ranked)

    def is_left_out(self, companion: LayerText, follows: bool) -> bool:
        """Whether a companion of a rule, which `follows` the layer or precedes it, is not added."""
        kind, around = companion.kind, self.around
        if kind in self.kinds or kind in self.beyond[follows]:
            there, here = around.before, around.after
            if not follows:
                there, here = here, there
            if not around.is_output and _writes(there, kind) and not _writes(here, kind):
                self.moved.append((kind, follows))
            return True
        if not self.layer.removed.isdisjoint(("*", BARE, *_removed_by(companion))):
            return True
        if kind.role in self.roles:
            sides = (*around.before.phrase, *around.after.phrase)
            self.replaced += [(one.kind, kind) for one in sides if one.kind.role == kind.role]
            return True
        if around.is_output:
            self.bare.append(spelling(kind))
        return around.is_output

    def texts_of_moved(self) -> Mapping[str, str]:
        kinds, sides = zip(*self.moved, strict=True)
        loses_bias = any(kind.absorbs_bias for kind in kinds) and self.layer.kind.weighs
        keeps_bias = loses_bias and without_bias(self.layer) is not self.layer
        return {
            "companions": " and ".join(map(spelling, kinds)),
            "here": "before" if sides[0] else "after",
            "there": "after" if sides[0] else "before",
            "layer": spelling(self.layer.kind),
            "bias": ", which keeps its bias" if keeps_bias else "",
        }

    def choices(self) -> list[tuple[Choice, Mapping[str, str]]]:
        """What was decided without the text."""
        found: list[tuple[Choice, Mapping[str, str]]] = []
        if self.bare:
            texts = {"companions": _either(self.bare), "written": ", ".join(self.bare)}
            found.append((OUTPUT, texts))
        if self.moved:
            found.append((MOVED, self.texts_of_moved()))
        for written, kind in self.replaced:
            found.append((REPLACED, {"written": spelling(written), "companion": spelling(kind)}))
        if self.absorbing is not None:
            found.append((BIAS, {"norm": spelling(self.absorbing)}))
        return found


def _either(words: Sequence[str]) -> str:
    """Words as a text lists them: `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _first(kinds: Iterable[Kind], written: Mapping[Kind, Kind]) -> Kind | None:
    """What a line writes in place of the first of the kinds for which it writes anything."""
    return next((written[kind] for kind in kinds if kind in written), None) if written else None


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


def _writes(written: Written, kind: Kind) -> bool:
    """Whether a layer of a kind is among the companions that a line writes on one side."""
    return any(one.kind is kind for one in (*written.phrase, *written.chain))


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
    """The values of attributes as a key, which is equal for values that agree."""
    return tuple([_scalar(_attribute(layer, name)) for name in names]) if names else ()


def _equal(a: Value | Expression | None, b: Value | Expression) -> bool:
    """Whether two attribute values agree: 3 is 3x3, and 3x3x3 on the maps of clips."""
    return _scalar(a) == _scalar(b)


def _scalar(value: Value | Expression | None) -> Value | Expression | None:
    return value[0] if isinstance(value, tuple) and len({*value}) == 1 else value
