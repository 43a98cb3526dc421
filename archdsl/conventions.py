"""What papers say once: `conv means conv-bn-relu`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.expressions import Expression
from archdsl.layers import BatchNorm, Value
from archdsl.phrases import Given, LayerText
from archdsl.syntax import NetworkText


class Rule(NamedTuple):
    """A convention: what a printed layer stands for."""

    selector: LayerText
    layers: tuple[LayerText, ...]

    @property
    def template(self) -> LayerText:
        """The layer of the right side that stands for the selected one."""
        return next(layer for layer in self.layers if layer.kind is self.selector.kind)

    def selects(self, layer: LayerText) -> bool:
        """Whether the layer has every attribute of the selector, printed or by default."""
        return layer.kind is self.selector.kind and all(
            _equal(_said(layer, name), given.value) for name, given in self.selector.given.items()
        )


def apply(
    network: NetworkText,
    rules: Sequence[Rule],
    layer: LayerText,
    written: Sequence[LayerText],
    is_output: bool,
) -> list[LayerText]:
    """The layer with the companions that the conventions give it.

    The most specific rule applies. The output layer takes its attributes, no companions. What the
    line writes itself (`written`) is not added again. Raises ArchError for a strike, `no relu`,
    that strikes nothing.
    """
    selecting = [rule for rule in rules if rule.selects(layer)]
    # Of equally specific ones the last.
    rule = max(reversed(selecting), key=_specificity) if selecting else None
    companions = [one for one in rule.layers if one.kind is not layer.kind] if rule else []
    struck = layer.struck - {one.kind.kind for one in companions}
    for kind in struck - {"*"} if rule else struck:
        raise ArchError(
            "`bare` strikes nothing" if kind == "*" else f"`no {kind}` strikes nothing",
            network.span(layer.start, layer.end),
            help=f"no convention adds it to `{layer.kind.kind}`: leave the words out",
        )
    if rule is None:
        return [layer]
    filled = dict(rule.template.given)
    if is_output:
        filled.pop("bias", None)
    layer = layer._replace(given={**filled, **layer.given})
    if is_output or "*" in layer.struck:
        return [layer]
    kept = {one.kind for one in written}
    added = [
        one for one in companions if one.kind.kind not in layer.struck and one.kind not in kept
    ]
    if any(one.kind is BatchNorm for one in added):
        layer = without_bias(layer)
    # Errors and drawings point at the line, not at the convention.
    return [
        layer if one is rule.template else one._replace(start=layer.start, end=layer.end)
        for one in rule.layers
        if one is rule.template or one in added
    ]


def without_bias(layer: LayerText) -> LayerText:
    """A normalisation beside a weight layer takes over its bias, unless the text says otherwise."""
    if "bias" not in layer.kind.attributes or "bias" in layer.given:
        return layer
    return layer._replace(given={**layer.given, "bias": Given(False, layer.start, layer.end)})


def _specificity(rule: Rule) -> int:
    return len(rule.selector.given)


def _said(layer: LayerText, name: str) -> Value | Expression | None:
    """An attribute as printed, else its default."""
    if name in layer.given:
        return layer.given[name].value
    fields = {f.name: f.default for f in dataclasses.fields(layer.kind)}  # type: ignore[arg-type]
    default = fields[name]
    # What a layer pads by default is for the network's convention to say.
    return None if name == "pad" or default is dataclasses.MISSING else default


def _equal(a: Value | Expression | None, b: Value | Expression) -> bool:
    """Whether two attribute values agree; 3 is 3x3."""
    if isinstance(a, tuple) and isinstance(b, int):
        return set(a) == {b}
    if isinstance(a, int) and isinstance(b, tuple):
        return set(b) == {a}
    return a == b
