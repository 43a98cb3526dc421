"""A network as a graph of layers, each with its place in the text and in the tree of names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from archdsl.layers import Input, Layer, Shape, Softmax
from archdsl.syntax import ClaimText, NetworkText, Part


class Node(NamedTuple):
    """One primitive layer. `scope` is its name, from the row inwards: ("conv1", "0", "relu")."""

    op: Layer
    inputs: tuple[int, ...]
    scope: tuple[str, ...]
    shape: Shape
    start: int
    end: int

    @property
    def name(self) -> str:
        return ".".join(self.scope)


Tree = dict[str, "Tree | Node"]


class Section(NamedTuple):
    """The nodes first … last-1 that a line of the text became, with what was claimed of them."""

    name: str
    notation: str
    kind: str
    repeat: int
    first: int
    last: int
    claims: tuple[ClaimText, ...]
    size: Part | None  # the claimed size in a leading bracket
    start: int
    end: int


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order, node 0 the input; each line's section; lines with claims inside
    groups in `inner`."""

    network: NetworkText
    nodes: tuple[Node, ...]
    sections: tuple[Section, ...]
    inner: tuple[Section, ...]

    @property
    def output(self) -> int:
        """The node whose value a module returns: a trailing softmax is left to the loss."""
        last = len(self.nodes) - 1
        while last > 0 and isinstance(self.nodes[last].op, Softmax):
            (last,) = self.nodes[last].inputs
        return last

    def tree(self) -> Tree:
        """The layers up to the output by scope: what a module, or its source, nests."""
        root: Tree = {}
        for node in self.nodes[1 : self.output + 1]:
            *path, name = node.scope
            here = root
            for step in path:
                inner = here.setdefault(step, {})
                assert isinstance(inner, dict), "a layer's name is also a group's"
                here = inner
            here[name] = node
        return root

    def input_shape(self, node: Node) -> Shape:
        return self.nodes[node.inputs[0]].shape if node.inputs else node.shape

    def check(self) -> None:
        """Verify what every reader of a graph relies on; a failure is a defect of the program."""
        assert isinstance(self.nodes[0].op, Input)
        names = {node.scope for node in self.nodes}
        assert len(names) == len(self.nodes), "two nodes share a name"
        for index, node in enumerate(self.nodes):
            assert all(i < index for i in node.inputs), node
            assert node.inputs or index == 0, node
            assert node.shape == node.op.out(self.input_shape(node)), node
        covered = 1
        for section in self.sections:
            assert section.first == covered, section
            covered = section.last
        assert covered == len(self.nodes)
