"""Graph to numbers: parameters, multiply-adds, weight layers, and the rows of a summary. All exact.

What needs an argument of its own is computed next door: `receptive_field`, `memory`.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from archdsl.analysis import memory, receptive_field
from archdsl.analysis.memory import FLOAT, Memory
from archdsl.analysis.receptive_field import Fields, Windows
from archdsl.graph import Graph, Section, Side
from archdsl.layers import Layer, Shape

if TYPE_CHECKING:
    from fractions import Fraction


class Row(NamedTuple):
    """The numbers of one line of a spec, or of one primitive layer.

    `input` and `output` are (C, H, W) or (C,); `macs` are multiply-adds. Per axis,
    `receptive_field` is how many positions of the network's input one output position reads, and
    `stride` how far apart neighbours read. `depth` counts weight layers.
    """

    name: str
    notation: str
    kind: str
    repeat: int
    input: Shape
    output: Shape
    params: int
    macs: int
    receptive_field: tuple[int, ...]
    stride: tuple[float, ...]
    depth: int


class Edge(NamedTuple):
    """A value that a row reads: the row that computed it, -1 for the input, and its shape."""

    source: int
    shape: Shape


class _Facts(NamedTuple):
    """What a layer computes from its input. `windows` is None if it reads the whole map."""

    params: int
    macs: int
    windows: Windows | None
    gathers: bool


_NOTHING = _Facts(0, 0, (), False)


class Analysis:
    """The numbers of a graph, each computed when it is first read."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    # Per node.

    @cached_property
    def _facts(self) -> list[_Facts]:
        """Repeats of a layer are one object: it is asked once per shape of its input."""
        nodes = self.graph.nodes
        facts: list[_Facts] = []
        known: dict[tuple[int, Shape], _Facts] = {}
        for node in nodes:
            op, inputs = node.op, node.inputs
            if len(inputs) != 1:
                facts.append(_NOTHING)  # the input, or a join
                continue
            x = nodes[inputs[0]].shape
            fact = known.get((id(op), x))
            if fact is None:
                windows: Windows | None = ()
                if op.weighs and len(x) == 1:
                    windows = None  # fully connected to every position of the flattened map
                elif window := op.window(x):
                    windows = receptive_field.by_axis(window)
                fact = _Facts(op.params(x), op.macs(x), windows, op.gathers(x))
                known[id(op), x] = fact
            facts.append(fact)
        return facts

    @cached_property
    def params(self) -> list[int]:
        return [fact.params for fact in self._facts]

    @cached_property
    def macs(self) -> list[int]:
        return [fact.macs for fact in self._facts]

    @cached_property
    def fields(self) -> list[Fields]:
        """Receptive field of each node, per axis of the input."""
        return receptive_field.receptive_fields(self.graph, [one.windows for one in self._facts])

    @cached_property
    def depths(self) -> list[int]:
        """Weight layers on the longest path to each node, itself included.

        As in the receptive field, a gate with one value per channel is not on a path.
        """
        depths = [0]
        for node in self.graph.nodes[1:]:
            if len(node.inputs) == 1:
                before = depths[node.inputs[0]]
            else:
                inputs = receptive_field.spatial_inputs(self.graph, node)
                before = max([depths[i] for i in inputs])
            depths.append(before + node.op.weighs)
        return depths

    @cached_property
    def side_nodes(self) -> frozenset[int]:
        """The nodes of side heads: the totals of a network are those of its main path."""
        return self.graph.of_sides()

    @cached_property
    def _last_use(self) -> list[int]:
        return memory.last_uses(self.graph, self.side_nodes)

    # Per line, per layer.

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One row for each line of the spec, each followed by those of its side heads."""
        return tuple(map(self.row, self.lines))

    @cached_property
    def lines(self) -> tuple[Section, ...]:
        """The section that each row describes."""
        lines: list[Section] = []
        for section in self.graph.sections:
            lines += (section, *(side.section for side in self._sides.get(section.name, ())))
        return tuple(lines)

    def row(self, section: Section) -> Row:
        """The numbers of a line: sums over its layers, and the state after the last of them.

        The params and macs of side heads inside a line are left to their own rows.
        """
        nodes, first, last = self.graph.nodes, section.first, section.last
        fields = self.fields[section.exit]
        params, macs = sum(self.params[first:last]), sum(self.macs[first:last])
        for head in self.heads_inside(section):
            params -= sum(self.params[head.first : head.last])
            macs -= sum(self.macs[head.first : head.last])
        return Row(
            section.name,
            section.notation,
            section.kind,
            section.repeat,
            nodes[section.entry].shape,
            nodes[section.exit].shape,
            params,
            macs,
            tuple(f.size for f in fields),
            tuple(_number(f.stride) for f in fields),
            self.depths[section.exit] - self.depths[section.entry],
        )

    def heads_inside(self, section: Section) -> list[Section]:
        """The side heads inside a line; a line of a side head is not outside it."""
        return [
            side.section
            for side in self._sides.get(section.name.partition(".")[0], ())
            if section.first <= side.section.first < section.last
            and section.kind != "side"
            and not section.name.startswith(f"{'.'.join(side.scope)}.")
        ]

    @cached_property
    def _sides(self) -> dict[str, list[Side]]:
        """The side heads inside lines, by the name of the line."""
        sides: dict[str, list[Side]] = {}
        for side in self.graph.sides:
            if len(side.scope) > 1:
                sides.setdefault(side.scope[0], []).append(side)
        return sides

    @cached_property
    def layers(self) -> tuple[Row, ...]:
        """One row for each primitive layer, joins included."""
        nodes = self.graph.nodes
        return tuple(
            Row(
                node.name,
                node.op.described,
                node.op.kind,
                1,
                nodes[node.inputs[0]].shape,
                node.shape,
                self.params[index],
                self.macs[index],
                tuple(f.size for f in self.fields[index]),
                tuple(_number(f.stride) for f in self.fields[index]),
                int(node.op.weighs),
            )
            for index, node in enumerate(nodes)
            if index
        )

    @cached_property
    def row_of(self) -> dict[int, int]:
        """The row that computes the value of each node; -1 is the input."""
        return self._wiring[0]

    @cached_property
    def edges(self) -> list[list[Edge]]:
        """What each row reads."""
        return self._wiring[1]

    @cached_property
    def _wiring(self) -> tuple[dict[int, int], list[list[Edge]]]:
        nodes = self.graph.nodes
        row_of = {0: -1}
        for row, section in enumerate(self.lines):  # side heads come last and take their nodes
            row_of |= dict.fromkeys(range(section.first, section.last), row)
        edges = []
        for row, section in enumerate(self.lines):
            own = [i for i in range(section.first, section.last) if row_of[i] == row]
            read = [i for index in own for i in nodes[index].inputs if row_of[i] != row]
            changes_nothing = not own and section.kind != "reference"
            if changes_nothing:
                read = [section.entry]
            sources = dict.fromkeys((row_of[i], nodes[i].shape) for i in read)
            edges.append([Edge(source, shape) for source, shape in sources])
            if changes_nothing:
                row_of[section.exit] = row
        return row_of, edges

    # Totals.

    def main(self, figures: Sequence[int]) -> int:
        """The sum over the nodes of the main path."""
        return sum(figures) - sum(figures[i] for i in self.side_nodes)

    @property
    def total_params(self) -> int:
        return self.main(self.params)

    @property
    def side_params(self) -> int:
        return sum(self.params) - self.total_params

    @property
    def total_buffers(self) -> int:
        graph = self.graph
        return self.main([n.op.buffers(*graph.shapes(n)) for n in graph.nodes])

    @property
    def total_macs(self) -> int:
        return self.main(self.macs)

    @property
    def side_macs(self) -> int:
        return sum(self.macs) - self.total_macs

    @property
    def weight_layers(self) -> int:
        """Those on the longest path to an output."""
        return max(self.depths[i] for i in self.graph.outputs)

    def count(self, kind: type[Layer]) -> int:
        """The layers of one kind on the main path."""
        return self.main([type(node.op) is kind for node in self.graph.nodes])

    @cached_property
    def trunk(self) -> int:
        """The node whose receptive field is the network's: its last feature map."""
        gathers = [fact.gathers for fact in self._facts]
        return receptive_field.trunk(
            self.graph, self.fields, gathers, self._last_use, self.side_nodes
        )

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """The trunk's, per axis."""
        return tuple(f.size for f in self.fields[self.trunk])

    @cached_property
    def misaligned(self) -> list[int]:
        """The joins whose branches have different centres or strides."""
        return receptive_field.misaligned(self.graph, self.fields)

    @cached_property
    def memory(self) -> Memory:
        return Memory(
            FLOAT * sum(self.params),
            memory.forward_peak(self.graph, self._last_use),
            memory.backward(self.graph, self.params),
        )


def _number(stride: "int | Fraction") -> float:
    return int(stride) if stride == int(stride) else float(stride)
