"""A network as a graph of layers, each with its place in the text and in the tree of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from archdsl.layers import Input, Layer, Shape, Value
from archdsl.layers.base import times
from archdsl.syntax.ast import ClaimText, NetworkText, Token
from archdsl.text.source import Source

Scope = tuple[str, ...]


class Node(NamedTuple):
    """One primitive layer, or one join of several.

    `scope` is its name, from the row inwards: ("conv1", "0", "relu"). Offsets count in the
    network's own source, also for what a block of the library holds.
    """

    op: Layer
    inputs: tuple[int, ...]
    scope: Scope
    shape: Shape
    start: int
    end: int

    @property
    def name(self) -> str:
        return ".".join(self.scope)


Tree = dict[str, "Tree | Node"]


class Section(NamedTuple):
    """What a line of the text became: the nodes first … last-1, and what was claimed of them.

    `entry` is the node whose value enters the line, `exit` the one whose value leaves it. A line
    may hold no node: `identity`.
    """

    name: str
    notation: str
    kind: str
    repeat: int
    first: int
    last: int
    entry: int
    exit: int
    claims: tuple[ClaimText, ...]
    size: Token | None  # the claimed size in a leading bracket
    source: Source
    start: int
    end: int


class Side(NamedTuple):
    """A side head: what its line became, the weight of its loss, and the node of its logits."""

    section: Section
    scope: Scope
    weight: float
    output: int


class Setting(NamedTuple):
    """An attribute that is settled, of the n-th layer of a kind in its line, from 0.

    Conventions may add layers between them, which depends on whether the line is the output.
    """

    kind: str
    nth: int
    name: str
    value: Value


class Settled(NamedTuple):
    """What a printed size settled of a line.

    `path` is its name, from the row inwards. `settings` are what it gives to the layers of the
    line; a group has one, its stride. `input` is the shape
    that enters, (C, H, W), and `printed` the size as the paper prints it.
    """

    path: tuple[str, ...]
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


class Graph(NamedTuple):
    """Nodes in topological order, node 0 the input; each line's section; lines with claims inside
    groups in `inner`; in `blocks` the scope of every block and join, with its name; in `settled`
    what printed sizes settled.

    `outputs` are the nodes whose values a module returns: a trailing softmax is left to the loss.
    `end` is the node whose value leaves the last line.
    """

    network: NetworkText
    nodes: tuple[Node, ...]
    sections: tuple[Section, ...]
    inner: tuple[Section, ...]
    blocks: Mapping[Scope, str]
    outputs: tuple[int, ...]
    end: int
    sides: tuple[Side, ...] = ()
    settled: tuple[Settled, ...] = ()

    @property
    def output(self) -> int:
        """The first of the outputs; most networks have one."""
        return self.outputs[0]

    def computed(self, sides: bool) -> list[int]:
        """The nodes that a module computes, in order; of side heads only where they are asked."""
        needed = bytearray(len(self.nodes))
        for index in (*self.outputs, *(side.output for side in self.sides if sides)):
            needed[index] = True
        for index in reversed(range(len(self.nodes))):
            if needed[index]:
                for i in self.nodes[index].inputs:
                    needed[i] = True
        return [index for index, one in enumerate(needed) if one]

    def tree(self, sides: bool = True) -> Tree:
        """The layers that a module computes, by scope: what it, or its source, nests."""
        root: Tree = {}
        for index in self.computed(sides):
            node = self.nodes[index]
            if not node.inputs:
                continue
            *path, name = node.scope
            here = root
            for step in path:
                inner = here.setdefault(step, {})
                assert isinstance(inner, dict), "a layer's name is also a group's"
                here = inner
            here[name] = node
        return root

    def shapes(self, node: Node) -> list[Shape]:
        """The shapes that a node reads, one a branch for a join."""
        nodes = self.nodes
        return [nodes[i].shape for i in node.inputs] or [node.shape]

    def check(self) -> None:
        """Verify what every reader of a graph relies on; a failure is a defect of the program."""
        assert isinstance(self.nodes[0].op, Input)
        names = {node.scope for node in self.nodes}
        assert len(names) == len(self.nodes), "two nodes share a name"
        for index, node in enumerate(self.nodes):
            assert all(i < index for i in node.inputs), node
            assert node.inputs or index == 0, node
            assert node.shape == node.op.out(*self.shapes(node)), node
        computed = set(self.computed(sides=True))
        for index, node in enumerate(self.nodes):
            assert index in computed or node.op.left_to_loss, f"{node} is lost"
        covered = 1
        for section in self.sections:
            assert section.first == covered, section
            assert section.entry < section.first and section.exit < section.last, section
            covered = section.last
        assert covered == len(self.nodes)
