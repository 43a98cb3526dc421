"""Compare two networks: whether they are the same graph, and if not, which layers differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from archdsl.compare.alignment import align
from archdsl.compare.isomorphism import ComparableGraph, comparable, same
from archdsl.graph import Node, Scope
from archdsl.layers import Layer, Shape, Value
from archdsl.text.collector import collector_paused

if TYPE_CHECKING:
    from archdsl.model import Model


class LayerPlace(NamedTuple):
    """A layer of one of the networks. `row` is the name of its line; shapes are (C, H, W)."""

    name: str
    row: str
    layer: str
    kind: str
    input: Shape
    output: Shape
    params: int
    macs: int

    @property
    def scope(self) -> Scope:
        """The name, from the outermost container inwards."""
        return tuple(self.name.split("."))


class AttributeChange(NamedTuple):
    """An attribute in which two layers, or two networks, differ: `kernel`, (3, 3), (1, 1)."""

    name: str
    before: Value
    after: Value


class Change(NamedTuple):
    """A layer that only one network has, or a pair of corresponding layers.

    `attributes` are the differences of a pair; one of them, `reads`, holds the names of its
    inputs. A pair that is the `same` has none, but on maps of other sizes it may have other macs.
    """

    what: Literal["added", "removed", "changed", "same"]
    before: LayerPlace | None
    after: LayerPlace | None
    attributes: tuple[AttributeChange, ...] = ()

    @property
    def place(self) -> LayerPlace:
        """The layer in the second network, or in the first if the second has none."""
        place = self.after or self.before
        assert place is not None
        return place

    @property
    def params(self) -> int:
        """The change in trainable elements."""
        return _figure(self.after, "params") - _figure(self.before, "params")

    @property
    def macs(self) -> int:
        return _figure(self.after, "macs") - _figure(self.before, "macs")


class Diff(NamedTuple):
    """The differences of network `b` from network `a`.

    `settings` are the differences of the networks as a whole: input, output, side heads. `steps`
    are all layers in order, including those that are the same; empty if the networks are.
    """

    a: Model
    b: Model
    same: bool
    settings: tuple[AttributeChange, ...] = ()
    steps: tuple[Change, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """The layers that differ."""
        return tuple(step for step in self.steps if step.what != "same")

    def __repr__(self) -> str:
        verdict = "same" if self.same else f"{len(self.changes)} layers differ"
        return f"<diff of {self.a.full_name} and {self.b.full_name}: {verdict}>"


def diff(a: Model, b: Model) -> Diff:
    """Compare two networks as graphs.

    They are the same if a bijection of their layers preserves all attributes, the wiring, the
    input, the outputs and the side heads. Names, notation and the order of lines do not matter.
    """
    with collector_paused():
        layers = comparable(a.graph), comparable(b.graph)
        if same(*layers):
            return Diff(a, b, True)
        comparison = _Comparison(a, b, *layers)
        return Diff(a, b, False, tuple(comparison.settings()), tuple(comparison.steps()))


class _Comparison:
    def __init__(self, a: Model, b: Model, p: ComparableGraph, q: ComparableGraph) -> None:
        self.a, self.b, self.p, self.q = a, b, p, q
        scopes = [[net.graph.nodes[i].scope for i in one.nodes] for net, one in ((a, p), (b, q))]
        self.pairs = align(p, q, (scopes[0], scopes[1]))
        self.back = {y: x for x, y in self.pairs.items()}

    def settings(self) -> list[AttributeChange]:
        a, b, p, q = self.a, self.b, self.p, self.q
        changes = []
        if a.input != b.input:
            changes.append(AttributeChange("input", a.input, b.input))
        gives = [p.place[i] for i in a.graph.outputs], [q.place[i] for i in b.graph.outputs]
        if [self.pairs.get(x) for x in gives[0]] != gives[1]:
            changes.append(
                AttributeChange("output", _names(a, p, gives[0]), _names(b, q, gives[1]))
            )
        heads = [(self.pairs.get(p.place[s.output]), s.weight) for s in a.sides]
        if heads != [(q.place[s.output], s.weight) for s in b.sides]:
            changes.append(AttributeChange("side heads", _heads(a), _heads(b)))
        return changes

    def steps(self) -> list[Change]:
        """All layers in the order of the first network. A layer that the second adds follows the
        layer that it follows there, and those removed from the same place."""
        count = len(self.p.nodes)
        added: dict[int, list[int]] = {}
        anchor = -1
        for y in range(len(self.q.nodes)):
            if y in self.back:
                anchor = self.back[y]
                while anchor + 1 < count and anchor + 1 not in self.pairs:
                    anchor += 1
            else:
                added.setdefault(anchor, []).append(y)
        steps = [Change("added", None, self.place(self.b, self.q, y)) for y in added.get(-1, ())]
        for x in range(count):
            before = self.place(self.a, self.p, x)
            partner = self.pairs.get(x)
            if partner is None:
                steps.append(Change("removed", before, None))
            else:
                attributes = (*self.attributes(x, partner), *self.wires(x, partner))
                after = self.place(self.b, self.q, partner)
                steps.append(Change("changed" if attributes else "same", before, after, attributes))
            steps += (
                Change("added", None, self.place(self.b, self.q, y)) for y in added.get(x, ())
            )
        return steps

    def place(self, network: Model, graph: ComparableGraph, place: int) -> LayerPlace:
        index = graph.nodes[place]
        node, analysis = network.graph.nodes[index], network.analysis
        row = analysis.row_of[index]
        return LayerPlace(
            node.name,
            analysis.lines[row].name if row >= 0 else node.name,
            graph.ops[place].label,
            node.op.kind,
            network.graph.shapes(node)[0],
            node.shape,
            analysis.params[index],
            analysis.macs[index],
        )

    def attributes(self, x: int, y: int) -> list[AttributeChange]:
        """The differences of two corresponding layers."""
        changes: list[AttributeChange] = []
        if self.p.keys[x] != self.q.keys[y]:
            a, b = self.place(self.a, self.p, x), self.place(self.b, self.q, y)
            changes = _attributes(self.p.ops[x], self.q.ops[y], a.input, b.input)
        heads = self.heads(self.a, self.p.marks[x]), self.heads(self.b, self.q.marks[y])
        if heads[0] != heads[1]:
            changes.append(AttributeChange("side head", *("yes" if one else "no" for one in heads)))
        return changes

    def heads(self, network: Model, marks: Sequence[object]) -> list[object]:
        """The numbers of the side heads that a layer is part of; if the networks have different
        side heads, only whether it is part of one."""
        heads = [mark[1] for mark in marks if isinstance(mark, tuple) and mark[0] == "within"]
        return heads if len(self.a.sides) == len(self.b.sides) else [True] * bool(heads)

    def wires(self, x: int, y: int) -> list[AttributeChange]:
        """The inputs of two layers if they differ by more than layers added or removed."""
        p, q = self.p, self.q
        mine: list[int | None] = [self.pairs.get(i) for i in p.inputs[x]]
        other = [i if i in self.back else None for i in q.inputs[y]]
        if None in mine or None in other:
            known = [i for i in mine if i is not None], [i for i in other if i is not None]
            if not (set(known[0]) - {*known[1]} and set(known[1]) - {*known[0]}):
                return []
        elif (mine if q.ordered(y) else sorted(i for i in mine if i is not None)) == list(
            q.reads(y)
        ):
            return []
        before, after = _names(self.a, p, p.inputs[x]), _names(self.b, q, q.inputs[y])
        return [AttributeChange("reads", before, after)]


def _figure(place: LayerPlace | None, name: Literal["params", "macs"]) -> int:
    return getattr(place, name) if place else 0


def _names(network: Model, graph: ComparableGraph, places: Sequence[int]) -> str:
    nodes: tuple[Node, ...] = network.graph.nodes
    return ", ".join(nodes[graph.nodes[place]].name for place in places)


def _heads(network: Model) -> str:
    return ", ".join(f"{s.section.name} weight {s.weight:g}" for s in network.sides) or "none"


def _attributes(p: Layer, q: Layer, x: Shape, y: Shape) -> list[AttributeChange]:
    """The differences of two layers on inputs of the shapes `x` and `y`."""
    if type(p) is not type(q):
        return [AttributeChange("layer", p.label, q.label)]
    mine, other = vars(p), vars(q)
    changes = [
        AttributeChange(attribute.words[0] if attribute.words else name, mine[name], other[name])
        for name, attribute in p.attributes.items()
        if mine[name] != other[name]
    ]
    if p.call(x) != p.call(y):
        # The input decides the shapes of the weights.
        if len(x) != len(y) or x[0] == y[0]:
            changes.append(AttributeChange("input", x, y))
        else:
            changes.append(AttributeChange("inputs" if len(x) == 1 else "channels", x[0], y[0]))
    return changes
