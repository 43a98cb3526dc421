"""A network as a graph of layers, independent of the text that its layers may come from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archdsl.layers import Layer, Shape, Value
from archdsl.layers.terms import times
from archdsl.syntax.ast import ClaimText, NetworkText, Token
from archdsl.text.source import Span

Scope = tuple[str, ...]


class Node(NamedTuple):
    """One primitive layer, or one join of several branches.

    `inputs` are the indexes of the nodes it reads. `scope` is its name, from the outermost
    container inwards: ("conv1", "0", "relu"). `shape` is that of its output, (C, H, W).
    """

    op: Layer
    inputs: tuple[int, ...]
    scope: Scope
    shape: Shape

    @property
    def name(self) -> str:
        return ".".join(self.scope)


Tree = dict[str, "Tree | Node"]


class Section(NamedTuple):
    """A stretch of the graph that is shown as one row: the nodes first … last-1.

    `entry` is the node whose value enters it, `exit` the one whose value leaves it. A section may
    hold no node: `identity`. `notation` is how a paper writes it.
    """

    name: str
    notation: str
    kind: str
    repeat: int
    first: int
    last: int
    entry: int
    exit: int


class Side(NamedTuple):
    """A side head: its section, the weight of its loss, and the node of its logits."""

    section: Section
    scope: Scope
    weight: float
    output: int


class Setting(NamedTuple):
    """An attribute that a printed size settles: of the n-th layer of a kind in its line, from 0.

    Counted per kind because conventions may add other layers in between, depending on whether the
    line is the output.
    """

    kind: str
    nth: int
    name: str
    value: Value


class Settled(NamedTuple):
    """What a printed size settles in a line.

    `path` is the line's name, from the outermost container inwards. `settings` are the attributes
    it gives to the layers of the line; for a group, the stride. `input` is the shape that enters,
    (C, H, W), and `printed` the size as the paper prints it.
    """

    path: Scope
    settings: tuple[Setting, ...]
    input: Shape
    printed: str
    start: int
    end: int

    @property
    def where(self) -> str:
        return ".".join(self.path)

    @property
    def what(self) -> str:
        """The attributes as a line would write them: `stride 2, pad 1`."""
        return ", ".join(
            name if value is True else f"{name} {times(value) if type(value) is tuple else value}"
            for _, _, name, value in self.settings
        )


class Choice(NamedTuple):
    """A choice that a text may leave open, and how it is made; `topic` is its kind.

    `decided` says what is chosen and `because` by which rule, as `{activation} after the sum`, `as
    residual blocks do`; `instead` holds what can be written for another choice. Values in braces
    are filled in where the choice occurs. If statements for the whole network make the choice,
    `options` are all of them, of which `default` holds without any.
    """

    topic: str
    decided: str
    because: str
    instead: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    default: str = ""


class Decision(NamedTuple):
    """A choice that a text leaves open, where it does.

    `path` is the line's name, from the outermost container inwards, and `start` and `end` its place
    in the network's own source. The texts are filled in only when they are read.
    """

    choice: Choice
    values: Mapping[str, object]
    path: Scope
    start: int
    end: int

    @property
    def where(self) -> str:
        return ".".join(self.path)

    @property
    def topic(self) -> str:
        return self.choice.topic

    @property
    def decided(self) -> str:
        return self.choice.decided.format(**self.values)

    @property
    def because(self) -> str:
        return self.choice.because.format(**self.values)

    @property
    def instead(self) -> tuple[str, ...]:
        return tuple(text.format(**self.values) for text in self.choice.instead)


class Claimed(NamedTuple):
    """What a text prints about a section: a size in a leading bracket, and the claims after `=>`.

    `start` is where the line begins in its source.
    """

    section: Section
    size: Token | None
    claims: tuple[ClaimText, ...]
    start: int


class Origin(NamedTuple):
    """Where a graph comes from: the text of the network, and what in the text belongs to which part
    of the graph. Empty for a graph that was built without a text.

    `places` holds the (start, end) of each node in the network's own source, also for what a block
    of the library holds. `claims` are those of the network's lines, then those within groups.
    `decisions` has each decision once for each place in the text, and there once for each of the
    network's own lines.
    """

    network: NetworkText | None = None
    places: Sequence[tuple[int, int]] = ()
    claims: tuple[Claimed, ...] = ()
    settled: tuple[Settled, ...] = ()
    decisions: tuple[Decision, ...] = ()

    def span(self, index: int) -> Span | None:
        """The text of a node, or None without a text."""
        return self.network.span(*self.places[index]) if self.network is not None else None


class Graph(NamedTuple):
    """Nodes in topological order, node 0 the input.

    `outputs` are the nodes whose values a module returns: a trailing softmax is left to the loss.
    `end` is the node whose value leaves the last section. `sections` are the rows, in order;
    `blocks` gives the scope of every block and join its name.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    end: int
    sections: tuple[Section, ...] = ()
    blocks: Mapping[Scope, str] = {}
    sides: tuple[Side, ...] = ()
    origin: Origin = Origin()

    @property
    def output(self) -> int:
        """The first of the outputs; most networks have one."""
        return self.outputs[0]

    def computed(self, sides: bool) -> list[int]:
        """The nodes that a module computes, in order; `sides`: those of side heads too."""
        needed = bytearray(len(self.nodes))
        for index in (*self.outputs, *(side.output for side in self.sides if sides)):
            needed[index] = True
        for index in reversed(range(len(self.nodes))):
            if needed[index]:
                for i in self.nodes[index].inputs:
                    needed[i] = True
        return [index for index, one in enumerate(needed) if one]

    def of_sides(self) -> frozenset[int]:
        """The nodes of side heads: those in them, and those that nothing but side heads needs."""
        if not self.sides:
            return frozenset()
        spans = (range(side.section.first, side.section.last) for side in self.sides)
        needed = {*self.computed(sides=True)}.difference(self.computed(sides=False))
        return frozenset(needed.union(*spans))

    def tree(self, sides: bool = True) -> Tree:
        """The layers that a module computes, nested by scope as its modules are."""
        root: Tree = {}
        for index in self.computed(sides):
            node = self.nodes[index]
            if not node.inputs:
                continue
            *path, name = node.scope
            container = root
            for step in path:
                inner = container.setdefault(step, {})
                assert isinstance(inner, dict), "a layer has the name of a container"
                container = inner
            container[name] = node
        return root

    def shapes(self, node: Node) -> list[Shape]:
        """The shapes that a node reads, one per branch for a join."""
        nodes = self.nodes
        return [nodes[i].shape for i in node.inputs] or [node.shape]
