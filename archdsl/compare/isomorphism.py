"""Whether two networks are one graph, whatever their names: exact, by a bijection that is checked.

Colour refinement (Weisfeiler & Leman 1968) gives layers one colour that read alike and are read
alike. What is left open, as between equal branches, is tried: a pair of one colour is matched and
the colours are refined, as in McKay & Piperno 2014.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from archdsl.errors import ArchError
from archdsl.layers import Flatten, Input, Join, Layer, Shape

if TYPE_CHECKING:
    from archdsl.graph import Graph

MOST_STEPS = 1_000_000  # edges that a search looks at; no network of a paper needs a search

Colours = list[int]
Palette = dict[Hashable, int]


class Plain(NamedTuple):
    """The layers of a graph as a comparison sees them, in order; without what changes nothing.

    `nodes`: their nodes in the graph; `place`: the place here of each node there. `keys` say what
    each layer is, whatever the size of its map, and `marks` the outputs and side heads of the
    network that it gives.
    """

    nodes: list[int]
    place: list[int]
    ops: list[Layer]
    keys: list[Hashable]
    shapes: list[Shape]
    inputs: list[tuple[int, ...]]
    marks: list[tuple[Hashable, ...]]

    def ordered(self, place: int) -> bool:
        """Whether the order of what a layer reads matters."""
        op = self.ops[place]
        return op.ordered if isinstance(op, Join) else True

    def reads(self, place: int) -> tuple[int, ...]:
        """What a layer reads, in an order that depends on nothing that does not matter."""
        inputs = self.inputs[place]
        return inputs if self.ordered(place) else tuple(sorted(inputs))


def plain(graph: Graph) -> Plain:
    """The layers of a graph. The flattening of a vector is none, and two of one map are one."""
    nodes = graph.nodes
    self = Plain([], [], [], [], [], [], [])
    flat: dict[int, int] = {}
    known: dict[tuple[int, Shape], tuple[Layer, Hashable]] = {}
    for index, node in enumerate(nodes):
        op, inputs = node.op, tuple(self.place[i] for i in node.inputs)
        if isinstance(op, Flatten):
            if len(nodes[node.inputs[0]].shape) == 1:
                flat[inputs[0]] = inputs[0]
            elif inputs[0] not in flat:
                flat[inputs[0]] = len(self.nodes)
            if flat[inputs[0]] < len(self.nodes):
                self.place.append(flat[inputs[0]])
                continue
        if isinstance(op, Input | Join):
            key: Hashable = op.kind
        else:
            x = nodes[node.inputs[0]].shape
            if (id(op), x) not in known:
                same = op.plainest(x)
                known[id(op), x] = same, same.call(x)
            op, key = known[id(op), x]
        self.place.append(len(self.nodes))
        self.nodes.append(index)
        self.ops.append(op)
        self.keys.append(key)
        self.shapes.append(node.shape)
        self.inputs.append(inputs)
        self.marks.append(())
    marks: dict[int, list[Hashable]] = {}
    for number, output in enumerate(graph.outputs):
        marks.setdefault(self.place[output], []).append(("output", number))
    for number, side in enumerate(graph.sides):
        marks.setdefault(self.place[side.output], []).append(("side", number, side.weight))
        for index in range(side.section.first, side.section.last):
            if not isinstance(nodes[index].op, Flatten):
                marks.setdefault(self.place[index], []).append(("within", number))
    for place, own in marks.items():
        self.marks[place] = tuple(own)
    return self


def forward(plain: Plain, colours: Sequence[int], palette: Palette) -> Colours:
    """A colour for each layer that tells all that it is made of."""
    found: Colours = []
    for place, (colour, inputs) in enumerate(zip(colours, plain.inputs, strict=True)):
        read = [found[i] for i in inputs]
        if len(read) > 1 and not plain.ordered(place):
            read.sort()
        found.append(palette.setdefault((colour, *read), len(palette)))
    return found


def backward(plain: Plain, colours: Sequence[int], palette: Palette) -> Colours:
    """A colour for each layer that tells all that is made of it."""
    found = list(colours)
    users: list[list[tuple[int, int]]] = [[] for _ in found]
    for place in reversed(range(len(found))):
        users[place].sort()
        key = (colours[place], *users[place])
        found[place] = colour = palette.setdefault(key, len(palette))
        for i, number in _slots(plain, place):
            users[i].append((colour, number))
    return found


def coloured(values: Sequence[Hashable], palette: Palette) -> Colours:
    """A colour for each value."""
    return [palette.setdefault(value, len(palette)) for value in values]


def same(a: Plain, b: Plain) -> bool:
    """Whether a bijection of the layers keeps what they are, what they read and what they give.

    Raises ArchError where the two are so regular that a search would not end.
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
        return _keeps(a, b, [of[colour] for colour in found[0]])
    image = _Partition(a, b, found[0] + found[1]).image()
    return image is not None and _keeps(a, b, image)


def _slots(plain: Plain, place: int) -> Iterator[tuple[int, int]]:
    """What a layer reads, with the number of its place where the order matters."""
    inputs = plain.inputs[place]
    if len(inputs) > 1 and plain.ordered(place):
        return zip(inputs, range(len(inputs)), strict=True)
    return ((i, 0) for i in inputs)


def _keeps(a: Plain, b: Plain, image: Sequence[int]) -> bool:
    """Whether a map of the layers of `a` to those of `b` is an isomorphism."""
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


class _Try(NamedTuple):
    """A pair that was matched, where the trail was then, and what else the first of it may be."""

    undo: int
    colour: int
    pair: tuple[int, int]
    others: list[int] | None


class _Partition:
    """The layers of two networks, those of the second behind those of the first, in classes of one
    colour. Each class holds as many of either.

    Members are in two lists, one a network; one that has left is struck when it is met.
    """

    def __init__(self, a: Plain, b: Plain, colours: Sequence[int]) -> None:
        self.half = len(a.nodes)
        names: Palette = {}
        self.colour = coloured(colours, names)
        self.members: list[tuple[list[int], list[int]]] = [([], []) for _ in names]
        self.size = [0] * len(names)  # of either list
        for layer, colour in enumerate(self.colour):
            self.members[colour][layer >= self.half].append(layer)
            self.size[colour] += layer < self.half
        self.edges: list[list[tuple[int, int]]] = [[] for _ in self.colour]
        for plain, shift in ((a, 0), (b, self.half)):
            for place in range(len(plain.nodes)):
                for i, number in _slots(plain, place):
                    self.edges[place + shift].append((i + shift, 2 * number))
                    self.edges[i + shift].append((place + shift, 2 * number + 1))
        self.trail: list[tuple[int, int]] = []  # classes that were split off, and of which
        self.wide: list[int] = []  # those that may hold several pairs
        self.steps = 0

    def image(self) -> list[int] | None:
        """The place in the second network of each layer of the first; None where there is none."""
        if not self.refine(list(range(len(self.members)))):
            return None
        self.wide = list(range(len(self.members)))
        tries: list[_Try] = []
        while (colour := self.open()) is not None:
            pair = self.last(colour, 0), self.last(colour, 1)
            tries.append(_Try(len(self.trail), colour, pair, None))
            fits = self.match(colour, pair)
            while not fits:
                if not tries:
                    return None
                fits = self.again(tries)
        found = [0] * self.half
        for colour in range(len(self.members)):
            found[self.last(colour, 0)] = self.last(colour, 1) - self.half
        return found

    def again(self, tries: list[_Try]) -> bool:
        """Match the first of the last pair with another layer, where there is one left."""
        if self.steps > MOST_STEPS:
            raise ArchError(
                "the two networks are too regular to be compared",
                help="their layers are wired in so many equal ways that a search would not end",
            )
        undo, colour, (first, second), others = tries.pop()
        self.undo(undo)
        if others is None:
            others = [v for v in self.living(colour, 1) if v != second]
        if not others:
            return False
        pair = first, others.pop()
        tries.append(_Try(undo, colour, pair, others))
        return self.match(colour, pair)

    def match(self, colour: int, pair: tuple[int, int]) -> bool:
        """Give a pair of one colour a colour of its own; False where the rest does not follow."""
        return self.refine([self.split(colour, pair)])

    def open(self) -> int | None:
        """A class that holds several pairs."""
        while self.wide:
            colour = self.wide[-1]
            if colour < len(self.size) and self.size[colour] > 1:  # it may have been put back
                return colour
            self.wide.pop()
        return None

    def last(self, colour: int, side: int) -> int:
        members = self.members[colour][side]
        while self.colour[members[-1]] != colour:
            members.pop()
        return members[-1]

    def living(self, colour: int, side: int) -> list[int]:
        """The members of a class in one of the networks; those that have left are struck."""
        members = self.members[colour][side]
        members[:] = dict.fromkeys(v for v in members if self.colour[v] == colour)
        return members

    def refine(self, queue: list[int]) -> bool:
        """Split the classes until all members of each read the same colours, and are read by them.

        False where a class would hold more of one network than of the other.
        """
        waiting = set(queue)
        while queue:
            splitter = queue.pop()
            waiting.discard(splitter)
            seen: dict[int, list[int]] = {}
            for side in (0, 1):
                for v in self.living(splitter, side):
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
                # The largest part of a class that waits no more tells nothing new.
                if colour not in waiting and new:
                    new.append(colour)
                    new.remove(max(new, key=self.size.__getitem__))
                queue += new
                waiting.update(new)
        return True

    def divide(self, colour: int, groups: list[list[int]]) -> list[int] | None:
        """Split groups off a class: the new classes. None where one is out of balance."""
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
        self.wide += [c for c in (colour, new) if self.size[c] > 1]
        return new

    def undo(self, length: int) -> None:
        """Put what was split off behind a length of the trail back."""
        while len(self.trail) > length:
            new, colour = self.trail.pop()
            for side in (0, 1):
                for v in self.living(new, side):
                    self.colour[v] = colour
                    self.members[colour][side].append(v)
            self.size[colour] += self.size.pop()
            self.members.pop()
            self.wide.append(colour)
