"""Whether two networks are the same graph, whatever their names. Exact: the bijection is verified.

Colour refinement (Weisfeiler & Leman 1968) gives the same colour to layers that have the same
surroundings. What that leaves open, such as the order of equal branches, is decided by a search: a
pair of one colour is matched and the colours are refined again, as in McKay & Piperno 2014.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
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
    marks: dict[int, list[Hashable]] = {}
    for number, output in enumerate(graph.outputs):
        marks.setdefault(result.place[output], []).append(("output", number))
    for number, side in enumerate(graph.sides):
        marks.setdefault(result.place[side.output], []).append(("side", number, side.weight))
        for index in range(side.section.first, side.section.last):
            if not isinstance(nodes[index].op, Flatten):
                marks.setdefault(result.place[index], []).append(("within", number))
    for place, own in marks.items():
        result.marks[place] = tuple(own)
    return result


def forward(graph: ComparableGraph, colours: Sequence[int], palette: Palette) -> Colours:
    """A colour for each layer: the same for two layers that are computed in the same way."""
    found: Colours = []
    for place, (colour, inputs) in enumerate(zip(colours, graph.inputs, strict=True)):
        read = [found[i] for i in inputs]
        if len(read) > 1 and not graph.ordered(place):
            read.sort()
        found.append(palette.setdefault((colour, *read), len(palette)))
    return found


def backward(graph: ComparableGraph, colours: Sequence[int], palette: Palette) -> Colours:
    """A colour for each layer: the same for two layers that are used in the same way."""
    found = list(colours)
    users: list[list[tuple[int, int]]] = [[] for _ in found]
    for place in reversed(range(len(found))):
        users[place].sort()
        key = (colours[place], *users[place])
        found[place] = colour = palette.setdefault(key, len(palette))
        for i, number in _inputs(graph, place):
            users[i].append((colour, number))
    return found


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
    found = []
    for one in (a, b):
        colours = coloured(list(zip(one.keys, one.shapes, one.marks, strict=True)), palette)
        found.append(backward(one, forward(one, colours, palette), palette))
    if Counter(found[0]) != Counter(found[1]):
        return False
    if len(set(found[0])) == len(found[0]):
        of = {colour: place for place, colour in enumerate(found[1])}
        return _is_isomorphism(a, b, [of[colour] for colour in found[0]])
    image = _Partition(a, b, found[0] + found[1]).image()
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
    for place, other in enumerate(image):
        if (a.keys[place], a.shapes[place], a.marks[place]) != (
            b.keys[other],
            b.shapes[other],
            b.marks[other],
        ):
            return False
        read = tuple(image[i] for i in a.inputs[place])
        if (read if a.ordered(place) else tuple(sorted(read))) != b.reads(other):
            return False
    return True


class _Choice(NamedTuple):
    """A matched pair of one colour, the length of the trail before it, and the other partners of
    its first layer that are left to try (None: all)."""

    undo: int
    colour: int
    pair: tuple[int, int]
    others: list[int] | None


class _Partition:
    """The layers of two networks, numbered one after the other, in classes of one colour.

    Each class has equally many members from both networks, in one list per network. Members that
    have left a class are removed from its lists when they are next met.
    """

    def __init__(self, a: ComparableGraph, b: ComparableGraph, colours: Sequence[int]) -> None:
        self.half = len(a.nodes)
        names: Palette = {}
        self.colour = coloured(colours, names)
        self.members: list[tuple[list[int], list[int]]] = [([], []) for _ in names]
        self.size = [0] * len(names)  # pairs in each class
        for layer, colour in enumerate(self.colour):
            self.members[colour][layer >= self.half].append(layer)
            self.size[colour] += layer < self.half
        self.edges: list[list[tuple[int, int]]] = [[] for _ in self.colour]
        for graph, shift in ((a, 0), (b, self.half)):
            for place in range(len(graph.nodes)):
                for i, number in _inputs(graph, place):
                    self.edges[place + shift].append((i + shift, 2 * number))
                    self.edges[i + shift].append((place + shift, 2 * number + 1))
        self.trail: list[tuple[int, int]] = []  # (new class, class that it was split from)
        self.ambiguous: list[int] = []  # classes that may hold several pairs
        self.steps = 0

    def image(self) -> list[int] | None:
        """The partner in the second network of each layer of the first; None if there is none."""
        if not self.refine(list(range(len(self.members)))):
            return None
        self.ambiguous = list(range(len(self.members)))
        choices: list[_Choice] = []
        while (colour := self.next_ambiguous()) is not None:
            pair = self.any_member(colour, 0), self.any_member(colour, 1)
            choices.append(_Choice(len(self.trail), colour, pair, None))
            fits = self.match(colour, pair)
            while not fits:
                if not choices:
                    return None
                fits = self.backtrack(choices)
        found = [0] * self.half
        for colour in range(len(self.members)):
            found[self.any_member(colour, 0)] = self.any_member(colour, 1) - self.half
        return found

    def backtrack(self, choices: list[_Choice]) -> bool:
        """Undo the last pair, and match its first layer with another if one is left."""
        if self.steps > MOST_STEPS:
            raise ArchError(
                "the two networks are too regular to compare",
                help="their layers could be matched in too many ways to try them all",
            )
        undo, colour, (first, second), others = choices.pop()
        self.undo(undo)
        if others is None:
            others = [v for v in self.members_of(colour, 1) if v != second]
        if not others:
            return False
        pair = first, others.pop()
        choices.append(_Choice(undo, colour, pair, others))
        return self.match(colour, pair)

    def match(self, colour: int, pair: tuple[int, int]) -> bool:
        """Give a pair a colour of its own; False if the other classes cannot follow."""
        return self.refine([self.split(colour, pair)])

    def next_ambiguous(self) -> int | None:
        """A class that holds several pairs, or None."""
        while self.ambiguous:
            colour = self.ambiguous[-1]
            if colour < len(self.size) and self.size[colour] > 1:  # it may be undone
                return colour
            self.ambiguous.pop()
        return None

    def any_member(self, colour: int, side: int) -> int:
        members = self.members[colour][side]
        while self.colour[members[-1]] != colour:
            members.pop()
        return members[-1]

    def members_of(self, colour: int, side: int) -> list[int]:
        """The members of a class in one of the networks."""
        members = self.members[colour][side]
        members[:] = dict.fromkeys(v for v in members if self.colour[v] == colour)
        return members

    def refine(self, queue: list[int]) -> bool:
        """Split classes until the members of each have inputs and readers of the same colours.

        False if a class would hold more of one network than of the other.
        """
        waiting = set(queue)
        while queue:
            splitter = queue.pop()
            waiting.discard(splitter)
            seen: dict[int, list[int]] = {}
            for side in (0, 1):
                for v in self.members_of(splitter, side):
                    self.steps += len(self.edges[v])
                    for w, way in self.edges[v]:
                        seen.setdefault(w, []).append(way)
            groups: dict[int, dict[tuple[int, ...], list[int]]] = {}
            for w, ways in seen.items():
                group = groups.setdefault(self.colour[w], {})
                group.setdefault(tuple(sorted(ways)), []).append(w)
            for colour, group in groups.items():
                new = self.divide(colour, list(group.values()))
                if new is None:
                    return False
                # Hopcroft: the largest part of a class that is not waiting splits nothing.
                if colour not in waiting and new:
                    new.append(colour)
                    new.remove(max(new, key=self.size.__getitem__))
                queue += new
                waiting.update(new)
        return True

    def divide(self, colour: int, groups: list[list[int]]) -> list[int] | None:
        """Split groups off a class and return the new classes; None if one is out of balance."""
        if any(2 * sum(v < self.half for v in group) != len(group) for group in groups):
            return None
        if sum(map(len, groups)) == 2 * self.size[colour]:
            groups.remove(max(groups, key=len))  # it keeps its colour
        return [self.split(colour, group) for group in groups]

    def split(self, colour: int, layers: Sequence[int]) -> int:
        new = len(self.members)
        self.members.append(([], []))
        for v in layers:
            self.colour[v] = new
            self.members[new][v >= self.half].append(v)
        self.size.append(len(layers) // 2)
        self.size[colour] -= len(layers) // 2
        self.trail.append((new, colour))
        self.ambiguous += [c for c in (colour, new) if self.size[c] > 1]
        return new

    def undo(self, length: int) -> None:
        """Merge the classes split off since the trail had this length."""
        while len(self.trail) > length:
            new, colour = self.trail.pop()
            for side in (0, 1):
                for v in self.members_of(new, side):
                    self.colour[v] = colour
                    self.members[colour][side].append(v)
            self.size[colour] += self.size.pop()
            self.members.pop()
            self.ambiguous.append(colour)
