"""Whether two networks are the same graph, whatever their names. Exact: the bijection is verified.

Colour refinement (Weisfeiler & Leman 1968) gives the same colour to layers that have the same
surroundings. What that leaves open, such as the order of equal branches, is decided by a search: a
pair of one colour is matched and the colours are refined again, as in McKay & Piperno 2014.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from archdsl.errors import ArchError
from archdsl.layers import Flatten, Input, Join, Layer, Shape

if TYPE_CHECKING:
    from archdsl.graph import Graph

MOST_STEPS = 1_000_000  # edges that a search may visit; no network of a paper needs a search

Colours = list[int]
Palette = dict[Hashable, int]


class ComparableGraph(NamedTuple):
    """The layers of a graph in order, without those that change nothing.

    `nodes` are their nodes in the original graph, `place` the position here of each node there.
    `keys` identify what each layer computes, whatever the size of its map; `marks` are the outputs
    and side heads of the network that it belongs to.
    """

    nodes: list[int]
    place: list[int]
    ops: list[Layer]
    keys: list[Hashable]
    shapes: list[Shape]
    inputs: list[tuple[int, ...]]
    marks: list[tuple[Hashable, ...]]

    @property
    def layers(self) -> list[Hashable]:
        """What corresponding layers of networks that are the same have in common."""
        return list(zip(self.keys, self.shapes, self.marks, strict=True))

    def ordered(self, place: int) -> bool:
        """Whether the order of a layer's inputs matters."""
        op = self.ops[place]
        return op.ordered if isinstance(op, Join) else True

    def reads(self, place: int) -> tuple[int, ...]:
        """The inputs of a layer, sorted if their order does not matter."""
        inputs = self.inputs[place]
        return inputs if self.ordered(place) else tuple(sorted(inputs))


def comparable(graph: Graph) -> ComparableGraph:
    """The layers of a graph, without flattenings of a vector and with only one of each map."""
    nodes = graph.nodes
    result = ComparableGraph([], [], [], [], [], [], [])
    flat: dict[int, int] = {}
    known: dict[tuple[int, Shape], tuple[Layer, Hashable]] = {}
    for index, node in enumerate(nodes):
        op, inputs = node.op, tuple(result.place[i] for i in node.inputs)
        if isinstance(op, Flatten):
            if len(nodes[node.inputs[0]].shape) == 1:
                flat[inputs[0]] = inputs[0]
            elif inputs[0] not in flat:
                flat[inputs[0]] = len(result.nodes)
            if flat[inputs[0]] < len(result.nodes):
                result.place.append(flat[inputs[0]])
                continue
        if isinstance(op, Input | Join):
            key: Hashable = op.kind
        else:
            x = nodes[node.inputs[0]].shape
            if (id(op), x) not in known:
                same = op.plainest(x)
                known[id(op), x] = same, same.call(x)
            op, key = known[id(op), x]
        result.place.append(len(result.nodes))
        result.nodes.append(index)
        result.ops.append(op)
        result.keys.append(key)
        result.shapes.append(node.shape)
        result.inputs.append(inputs)
        result.marks.append(())
    for number, output in enumerate(graph.outputs):
        result.marks[result.place[output]] += (("output", number),)
    for number, side in enumerate(graph.sides):
        result.marks[result.place[side.output]] += (("side", number, side.weight),)
        for index in range(side.section.first, side.section.last):
            if not isinstance(nodes[index].op, Flatten):
                result.marks[result.place[index]] += (("within", number),)
    return result


def forward(graph: ComparableGraph, colours: Sequence[int], palette: Palette) -> Colours:
    """A colour for each layer: the same for two layers that are computed in the same way."""
    result: Colours = []
    for place, (colour, inputs) in enumerate(zip(colours, graph.inputs, strict=True)):
        read = [result[i] for i in inputs]
        if len(read) > 1 and not graph.ordered(place):
            read.sort()
        result.append(palette.setdefault((colour, *read), len(palette)))
    return result


def backward(graph: ComparableGraph, colours: Sequence[int], palette: Palette) -> Colours:
    """A colour for each layer: the same for two layers that are used in the same way."""
    result = list(colours)
    users: list[list[tuple[int, int]]] = [[] for _ in result]
    for place in reversed(range(len(result))):
        users[place].sort()
        key = (colours[place], *users[place])
        result[place] = colour = palette.setdefault(key, len(palette))
        for i, number in _inputs(graph, place):
            users[i].append((colour, number))
    return result


def coloured(values: Sequence[Hashable], palette: Palette) -> Colours:
    """A colour for each value."""
    return [palette.setdefault(value, len(palette)) for value in values]


def same(a: ComparableGraph, b: ComparableGraph) -> bool:
    """Whether a bijection of the layers preserves their keys, shapes, inputs and marks.

    Raises ArchError if the graphs are so regular that the search would take too long.
    """
    if len(a.nodes) != len(b.nodes):
        return False
    palette: Palette = {}
    refined = []
    for one in (a, b):
        colours = coloured(one.layers, palette)
        refined.append(backward(one, forward(one, colours, palette), palette))
    if Counter(refined[0]) != Counter(refined[1]):
        return False
    if len(set(refined[0])) == len(refined[0]):
        of = {colour: place for place, colour in enumerate(refined[1])}
        return _is_isomorphism(a, b, [of[colour] for colour in refined[0]])
    image = _image(a, b, refined[0] + refined[1])
    return image is not None and _is_isomorphism(a, b, image)


def _inputs(graph: ComparableGraph, place: int) -> Iterator[tuple[int, int]]:
    """The inputs of a layer, numbered if their order matters."""
    inputs = graph.inputs[place]
    if len(inputs) > 1 and graph.ordered(place):
        return zip(inputs, range(len(inputs)), strict=True)
    return ((i, 0) for i in inputs)


def _is_isomorphism(a: ComparableGraph, b: ComparableGraph, image: Sequence[int]) -> bool:
    """Whether the map of each layer of `a` to `image[layer]` in `b` is an isomorphism."""
    if len(set(image)) != len(b.nodes):
        return False
    layers, other_layers = a.layers, b.layers
    for place, other in enumerate(image):
        if layers[place] != other_layers[other]:
            return False
        read = tuple(image[i] for i in a.inputs[place])
        if (read if a.ordered(place) else tuple(sorted(read))) != b.reads(other):
            return False
    return True


def _image(a: ComparableGraph, b: ComparableGraph, colours: Colours) -> list[int] | None:
    """The partner in `b` of each layer of `a`, by a search through the layers of one colour; None
    if there is none."""
    edges = _edges(a, b)
    choices: list[tuple[int, list[int]]] = []  # a layer, and the partners tried for it
    steps = 0
    partition = _Partition(edges, colours)
    while True:
        if partition.fits:
            pair = partition.next_pair()
            if pair is None:
                return partition.image()
            layer, partner = pair
            choices.append((layer, [partner]))
        elif not choices:
            return None
        else:
            steps += partition.steps
            if steps > MOST_STEPS:
                raise ArchError(
                    "the two networks are too regular to compare",
                    help="their layers could be matched in too many ways to try them all",
                )
            # Matching the earlier layers again is simpler than undoing the last match, and rare:
            # of equal branches, any two can be partners.
            partition = _Partition(edges, colours)
            for earlier, partners in choices[:-1]:
                partition.match(earlier, partners[-1])
            layer, tried = choices[-1]
            others = partition.partners(layer).difference(tried)
            if not others:
                choices.pop()
                partition.fits = False
                continue
            partner = others.pop()
            tried.append(partner)
        partition.match(layer, partner)


def _edges(a: ComparableGraph, b: ComparableGraph) -> list[list[tuple[int, int]]]:
    """The neighbours of the layers of both networks, numbered one after the other, with their
    relation: 2·i for the input i, 2·i + 1 for a reader of which the layer is the input i."""
    shift = len(a.nodes)
    edges: list[list[tuple[int, int]]] = [[] for _ in range(shift + len(b.nodes))]
    for graph, first in ((a, 0), (b, shift)):
        for place in range(len(graph.nodes)):
            for i, number in _inputs(graph, place):
                edges[place + first].append((i + first, 2 * number))
                edges[i + first].append((place + first, 2 * number + 1))
    return edges


class _Partition:
    """The layers of two networks, numbered one after the other, in classes of one colour.

    Layers of one class have inputs and readers of the same classes. `fits`: each class has equally
    many members from both networks, in one set per network.
    """

    def __init__(self, edges: list[list[tuple[int, int]]], colours: Sequence[int]) -> None:
        self.edges = edges
        self.half = len(colours) // 2
        names: Palette = {}
        self.colour = coloured(colours, names)
        self.members: list[tuple[set[int], set[int]]] = [(set(), set()) for _ in names]
        for layer, colour in enumerate(self.colour):
            self.members[colour][layer >= self.half].add(layer)
        self.ambiguous = list(range(len(names)))  # classes that may hold several pairs
        self.steps = 0
        self.fits = self.refine(list(self.ambiguous))

    def image(self) -> list[int]:
        """The partner of each layer of the first network, when each class is a pair."""
        image = [0] * self.half
        for (layer,), (partner,) in self.members:
            image[layer] = partner - self.half
        return image

    def next_pair(self) -> tuple[int, int] | None:
        """Two layers of a class that holds several pairs, or None if every class holds one."""
        while self.ambiguous:
            ones, others = self.members[self.ambiguous[-1]]
            if len(ones) > 1:
                return _any(ones), _any(others)
            self.ambiguous.pop()
        return None

    def partners(self, layer: int) -> set[int]:
        """The layers of the second network in the class of a layer of the first."""
        return self.members[self.colour[layer]][1]

    def match(self, layer: int, partner: int) -> None:
        """Give a pair of one class a colour of its own, and refine the other classes."""
        self.fits = self.refine([self.split(self.colour[layer], (layer, partner))])

    def refine(self, queue: list[int]) -> bool:
        """Split classes until the members of each have inputs and readers of the same colours.

        False if a class would hold more of one network than of the other.
        """
        waiting = set(queue)
        while queue:
            splitter = queue.pop()
            waiting.discard(splitter)
            seen: dict[int, list[int]] = {}
            for v in chain.from_iterable(self.members[splitter]):
                self.steps += len(self.edges[v])
                for w, way in self.edges[v]:
                    seen.setdefault(w, []).append(way)
            groups: dict[int, dict[tuple[int, ...], list[int]]] = {}
            for w, ways in seen.items():
                group = groups.setdefault(self.colour[w], {})
                group.setdefault(tuple(sorted(ways)), []).append(w)
            for colour, group in groups.items():
                parts = list(group.values())
                if any(2 * sum(v < self.half for v in part) != len(part) for part in parts):
                    return False
                if sum(map(len, parts)) == 2 * len(self.members[colour][0]):
                    parts.remove(max(parts, key=len))  # it keeps its colour
                new = [self.split(colour, part) for part in parts]
                # Hopcroft: the largest part of a class that is not waiting splits nothing.
                if colour not in waiting and new:
                    new.append(colour)
                    new.remove(max(new, key=lambda one: len(self.members[one][0])))
                queue += new
                waiting.update(new)
        return True

    def split(self, colour: int, layers: Sequence[int]) -> int:
        """Move layers of a class to a new one, and return its colour."""
        new = len(self.members)
        self.members.append((set(), set()))
        for layer in layers:
            side = layer >= self.half
            self.colour[layer] = new
            self.members[colour][side].remove(layer)
            self.members[new][side].add(layer)
        self.ambiguous += (colour, new)
        return new


def _any(layers: set[int]) -> int:
    """A layer of a set, without a walk over all that were removed from it before."""
    layer = layers.pop()
    layers.add(layer)
    return layer
