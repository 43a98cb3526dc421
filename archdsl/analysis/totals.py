"""Graph to numbers: shapes, parameters, multiply-adds, receptive fields, memory. All exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from archdsl.errors import ArchError
from archdsl.graph import Graph, Node, Section
from archdsl.layers import Join, Kept, Layer, Reads, Shape
from archdsl.syntax.expressions import LARGEST

if TYPE_CHECKING:
    from fractions import Fraction

FLOAT = 4  # bytes of a float32; memory is told at float32 and batch 1
MOST_PHASES = 250_000  # of the receptive fields of a network


class Field(NamedTuple):
    """The receptive field on one axis, after Araujo, Norris & Sim 2019 (Distill).

    `size` input positions are read by one position; neighbours lie `stride` apart; the first
    position begins at `start` (negative: in the padding). `positions` is the length of the map,
    kept through a flattening so that a fully connected layer knows what it reads.

    Where a map has been made larger, neighbours lie a fraction apart on average and read in turn
    what `phases` say, (start, end), of the first of them; `size` is then the largest.
    """

    size: int
    stride: int | Fraction
    start: int
    positions: int
    phases: tuple[tuple[int, int], ...] = ()

    def reads(self, position: int) -> tuple[int, int]:
        """Where what a position reads begins, and where it ends."""
        if not self.phases:
            start = self.start + position * int(self.stride)
            return start, start + self.size
        turn, phase = divmod(position, len(self.phases))
        shift = turn * int(self.stride * len(self.phases))
        start, end = self.phases[phase]
        return start + shift, end + shift

    @property
    def centre(self) -> int | Fraction:
        """Twice the centre of what the first position reads, on average over the phases."""
        if not self.phases:
            return 2 * self.start + self.size
        from fractions import Fraction  # most networks have none: a start without it is shorter

        period = len(self.phases)
        return Fraction(sum(map(sum, self.phases)), period) - self.stride * (period - 1)


Fields = tuple[Field, ...]


class Row(NamedTuple):
    """One line of a spec, or one primitive layer, in numbers.

    `input` and `output` are (C, H, W) or (C,); `macs` are multiply-adds; `receptive_field` and
    `stride` say, per axis, how many input positions one output position reads and how far apart
    those of neighbours lie; `depth` counts the weight layers.
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
    """A value on its way to a row, from another; row -1 is the input."""

    source: int
    shape: Shape


class Memory(NamedTuple):
    """Bytes at float32 and batch 1.

    `parameters`: the trainable elements, of side heads too. `forward_peak`: the most that
    activations hold at one time when each is freed after its last use, without side heads, as in
    eval mode. `backward`: what autograd keeps in training mode, with side heads, parameters
    apart.
    """

    parameters: int
    forward_peak: int
    backward: int


_Axis = tuple[int, int, int, int, int, Reads | None]


class _Facts(NamedTuple):
    """What a layer says of itself on its input; the window is (kernel, stride, pad, dilation, up,
    reads) for each axis, empty where each position stands for itself."""

    params: int
    macs: int
    window: tuple[_Axis, ...]
    enlarges: bool
    everything: bool  # it reads the whole map
    gathers: bool


_NOTHING = _Facts(0, 0, (), False, False, False)


class Analysis:
    """The numbers of a graph, each computed when it is first asked for."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    # Per node.

    @cached_property
    def facts(self) -> list[_Facts]:
        """What each layer says of itself. Repeated layers are one object: they are asked once."""
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
                # A fully connected layer reads every position of the map that was flattened.
                everything = op.weighs and len(x) == 1
                window = None if everything else op.window(x)
                axes: tuple[_Axis, ...] = ()
                if window:
                    up = window.up or (1,) * len(window.kernel)
                    reads = window.reads or (None,) * len(window.kernel)
                    axes = tuple(zip(*window[:4], up, reads, strict=True))
                enlarges = bool(window and window.up)
                fact = _Facts(op.params(x), op.macs(x), axes, enlarges, everything, op.gathers(x))
                known[id(op), x] = fact
            facts.append(fact)
        return facts

    @cached_property
    def params(self) -> list[int]:
        return [fact.params for fact in self.facts]

    @cached_property
    def macs(self) -> list[int]:
        return [fact.macs for fact in self.facts]

    @cached_property
    def fields(self) -> list[Fields]:
        """Receptive field of each node, per axis of the input."""
        graph = self.graph
        fields: list[Fields] = [tuple(Field(1, 1, 0, n) for n in graph.nodes[0].shape[1:])]
        phases = 0
        for node, fact in zip(graph.nodes[1:], self.facts[1:], strict=True):
            if len(node.inputs) > 1:
                branches = [fields[i] for i in self.spread(node)]
                if len(node.shape) == 1 and any(b != branches[0] for b in branches):
                    # Vectors of different maps: each value may have read all of its map.
                    branches = [tuple(map(_everything, branch)) for branch in branches]
                if phases:
                    phases += sum(map(_period, zip(*branches, strict=True)))
                    self._check_phases(phases, node)
                fields.append(_union(branches))
                continue
            field = fields[node.inputs[0]]
            if fact.everything:
                field = tuple(map(_everything, field))
            elif fact.window:
                if phases or fact.enlarges:
                    phases += sum(map(_phases, field, fact.window))
                    self._check_phases(phases, node)
                size = node.shape[1:]
                if len(set(field)) == len(set(fact.window)) == len(set(size)) == 1:
                    field = (_slide(field[0], *fact.window[0], size[0]),) * len(field)
                else:
                    field = tuple(map(_slid, field, fact.window, size))
            else:
                fields.append(field)
                continue
            if any(f.size > LARGEST or f.stride > LARGEST for f in field):
                raise ArchError(
                    "a receptive field beyond 2^63",
                    graph.network.span(node.start, node.end),
                    help="use smaller strides and kernels, or fewer of them",
                )
            fields.append(field)
        return fields

    def _check_phases(self, phases: int, node: Node) -> None:
        if phases > MOST_PHASES:
            raise ArchError(
                f"receptive fields of more than {MOST_PHASES:,} phases",
                self.graph.network.span(node.start, node.end),
                help="behind an upsampling by n positions read n different stretches in turn: "
                "use smaller factors, or fewer layers behind them",
            )

    def spread(self, node: Node) -> list[int]:
        """The inputs of a join that have a place for each of its own: a gate of one value a
        channel has none, and reads the whole map."""
        nodes = self.graph.nodes
        same = [i for i in node.inputs if nodes[i].shape[1:] == node.shape[1:]]
        return same or list(node.inputs)

    @cached_property
    def misaligned(self) -> list[int]:
        """Joins whose branches are centred on different places, or step differently."""
        found = []
        for index, node in enumerate(self.graph.nodes):
            if len(node.inputs) > 1:
                fields = [self.fields[i] for i in self.spread(node)]
                ways = {tuple((f.stride, f.centre) for f in field) for field in fields}
                if len(ways) > 1:
                    found.append(index)
        return found

    @cached_property
    def depths(self) -> list[int]:
        """Weight layers on the longest path to each node, itself included."""
        depths = [0]
        for node in self.graph.nodes[1:]:
            inputs = node.inputs
            before = depths[inputs[0]] if len(inputs) == 1 else max(depths[i] for i in inputs)
            depths.append(before + node.op.weighs)
        return depths

    # Per line, per layer.

    def row(self, section: Section) -> Row:
        """The numbers of a line: sums over its layers, and the state behind the last of them.

        Side heads within a line are counted apart.
        """
        nodes, first, last = self.graph.nodes, section.first, section.last
        fields = self.fields[section.exit]
        params, macs = sum(self.params[first:last]), sum(self.macs[first:last])
        outermost = section.name.partition(".")[0]
        for head in self.heads.get(outermost, ()) if section.kind != "side" else ():
            if first <= head.first < last:
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
            tuple(_plain(f.stride) for f in fields),
            self.depths[section.exit] - self.depths[section.entry],
        )

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One row for each line of the spec, and behind it one for each side head within."""
        return tuple(map(self.row, self.lines))

    @cached_property
    def lines(self) -> tuple[Section, ...]:
        """What the rows are of."""
        lines = ((one, *self.heads.get(one.name, ())) for one in self.graph.sections)
        return tuple(section for line in lines for section in line)

    @cached_property
    def heads(self) -> dict[str, list[Section]]:
        """The side heads within lines, by the name of the line."""
        heads: dict[str, list[Section]] = {}
        for side in self.graph.sides:
            if len(side.scope) > 1:
                heads.setdefault(side.scope[0], []).append(side.section)
        return heads

    @cached_property
    def makers(self) -> dict[int, int]:
        """The row that each node's value comes from; -1 is the input."""
        return self._wires[0]

    @cached_property
    def edges(self) -> list[list[Edge]]:
        """What each row reads."""
        return self._wires[1]

    @cached_property
    def _wires(self) -> tuple[dict[int, int], list[list[Edge]]]:
        nodes = self.graph.nodes
        makers = {0: -1}
        for row, section in enumerate(self.lines):
            makers |= dict.fromkeys(range(section.first, section.last), row)  # a side's, last
        edges = []
        for row, section in enumerate(self.lines):
            own = [i for i in range(section.first, section.last) if makers[i] == row]
            read = [i for index in own for i in nodes[index].inputs if makers[i] != row]
            if not own and section.kind != "reference":
                read = [section.entry]  # a line that changes nothing
            sources = dict.fromkeys((makers[i], nodes[i].shape) for i in read)
            edges.append([Edge(source, shape) for source, shape in sources])
            if not own and section.kind != "reference":
                makers[section.exit] = row
        return makers, edges

    @cached_property
    def beside(self) -> frozenset[int]:
        """The nodes of side heads: the figures of a network are those of its main path."""
        spans = (range(s.section.first, s.section.last) for s in self.graph.sides)
        return frozenset(i for span in spans for i in span)

    def main(self, figures: Sequence[int]) -> int:
        """The sum of a figure over the main path."""
        return sum(figures) - sum(figures[i] for i in self.beside)

    @cached_property
    def layers(self) -> tuple[Row, ...]:
        """One row for each primitive layer, and for each join."""
        return tuple(
            Row(
                node.name,
                node.op.label,
                node.op.kind,
                1,
                self.graph.nodes[node.inputs[0]].shape,
                node.shape,
                self.params[index],
                self.macs[index],
                tuple(f.size for f in self.fields[index]),
                tuple(_plain(f.stride) for f in self.fields[index]),
                int(node.op.weighs),
            )
            for index, node in enumerate(self.graph.nodes)
            if index
        )

    # Totals.

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
        """Those of the longest path to an output."""
        return max(self.depths[i] for i in self.graph.outputs)

    def count(self, kind: type[Layer]) -> int:
        """The layers of one kind, on the main path."""
        return self.main([type(node.op) is kind for node in self.graph.nodes])

    @cached_property
    def trunk(self) -> int:
        """The last feature map: in front of the first layer that reads a whole map as one.

        A layer that a branch goes around, as in a gate, does not end the trunk. Of several outputs
        that are maps it is the one that reads most.
        """
        graph = self.graph
        last_use, beside = self.last_use, self.beside
        reach = 0  # the last reader of what stands in front
        trunk = 0
        gathered = [False]
        for index, node in enumerate(graph.nodes[1:], 1):
            reach = max(reach, last_use[index - 1])
            # A join has gathered where all its branches have.
            inputs = node.inputs
            all_gathered = gathered[inputs[0]] and all(gathered[i] for i in inputs)
            gathered.append(all_gathered or self.facts[index].gathers)
            if reach > index or index in beside:
                continue  # a branch goes around
            if gathered[index]:
                return trunk
            trunk = index
        maps = [i for i in graph.outputs if not gathered[i]]
        return max(maps, key=lambda i: [f.size for f in self.fields[i]], default=trunk)

    @cached_property
    def last_use(self) -> list[int]:
        """The last node of the main path that reads each node's value; of the last, itself.

        Several outputs are read behind all nodes.
        """
        nodes, beside = self.graph.nodes, self.beside
        last = list(range(len(nodes)))
        for index, node in enumerate(nodes):
            if index not in beside:
                for i in node.inputs:
                    last[i] = index
        if len(self.graph.outputs) > 1:
            for i in self.graph.outputs:
                last[i] = len(nodes)
        return last

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """The trunk's, per axis."""
        return tuple(f.size for f in self.fields[self.trunk])

    @cached_property
    def computed(self) -> list[int]:
        """The nodes that a module computes in training mode."""
        return self.graph.computed(sides=True)

    @cached_property
    def memory(self) -> Memory:
        return Memory(FLOAT * sum(self.params), self._forward_peak(), self._backward())

    def _forward_peak(self) -> int:
        """Liveness: a tensor lives from the layer that makes it to the last that reads it."""
        nodes = self.graph.nodes
        computed = self.computed if not self.graph.sides else self.graph.computed(sides=False)
        last = list(self.last_use)
        for index in reversed(computed):
            if nodes[index].op.is_view:
                # A flattened map is the map itself.
                (i,) = nodes[index].inputs
                last[i] = max(last[i], last[index])
        freed: dict[int, list[int]] = {}
        for i in computed:
            freed.setdefault(last[i], []).append(i)
        alive = peak = 0
        for index in computed:
            alive += self._size(nodes[index])
            peak = max(peak, alive)
            for i in freed.get(index, ()):
                alive -= self._size(nodes[i])
        return peak

    def _size(self, node: Node) -> int:
        return 0 if node.op.is_view else FLOAT * math.prod(node.shape)

    def _backward(self) -> int:
        """The distinct tensors that autograd keeps in training mode, parameters apart."""
        nodes = self.graph.nodes
        tensors: set[int] = set()
        total = 0
        needs = [False] * len(nodes)  # whether a gradient flows back to the node
        for index in self.computed:
            node = nodes[index]
            needs[index] = self.params[index] > 0 or any(needs[i] for i in node.inputs)
            if not needs[index]:
                continue
            shapes = self.graph.shapes(node)
            if isinstance(node.op, Join):
                kept: Kept = node.op.kept(*shapes, needs=[needs[i] for i in node.inputs])
            else:
                kept = node.op.kept(shapes[0])
            total += kept.extra
            if kept.input and not (kept.passing and not any(needs[i] for i in node.inputs)):
                which = kept.branches or (True,) * len(node.inputs)
                tensors |= {
                    _storage(nodes, i)
                    for i, is_kept in zip(node.inputs, which, strict=True)
                    if is_kept
                }
            if kept.output:
                tensors.add(_storage(nodes, index))
        return total + sum(FLOAT * math.prod(nodes[i].shape) for i in tensors)


def _storage(nodes: Sequence[Node], index: int) -> int:
    """The node whose tensor a node's value is: flattening copies nothing."""
    while nodes[index].op.is_view:
        (index,) = nodes[index].inputs
    return index


def _plain(stride: int | Fraction) -> float:
    return int(stride) if stride == int(stride) else float(stride)


def _period(branches: Sequence[Field]) -> int:
    """After how many positions the phases of branches repeat together; 0: they have none."""
    if not any(f.phases for f in branches):
        return 0
    return math.lcm(*(len(f.phases) or 1 for f in branches))


def _union(branches: Sequence[Fields]) -> Fields:
    """What a join reads through any of its branches."""
    union = []
    for axis in zip(*branches, strict=True):
        stride = max(f.stride for f in axis)
        period = _period(axis)
        if not period:
            start = min(f.start for f in axis)
            end = max(f.start + f.size for f in axis)
            union.append(Field(end - start, stride, start, axis[0].positions))
            continue
        found = []
        for position in range(period):
            starts, ends = zip(*(f.reads(position) for f in axis), strict=True)
            found.append((min(starts), max(ends)))
        union.append(_field(found, stride, axis[0].positions))
    return tuple(union)


def _field(phases: Sequence[tuple[int, int]], stride: int | Fraction, positions: int) -> Field:
    size = max(end - start for start, end in phases)
    if len(phases) == 1:
        return Field(size, int(stride), phases[0][0], positions)
    return Field(size, stride, phases[0][0], positions, tuple(phases))


def _everything(f: Field) -> Field:
    """What is read where every position of a map is read."""
    start, end = f.reads(0)[0], f.reads(f.positions - 1)[1]
    return Field(end - start, _whole(f.stride), start, 1)


def _whole(stride: int | Fraction) -> int:
    return max(1, int(stride))


def _slid(f: Field, axis: _Axis, positions: int) -> Field:
    return _slide(f, *axis, positions)


def _phases(f: Field, axis: _Axis) -> int:
    """How many phases a window has on a field, times the work for each."""
    kernel, stride, _, dilation, up, reads = axis
    if up == 1 and not f.phases:
        return 0
    if reads is not None:
        return _turns(f, stride, up)
    turns = up * (len(f.phases) or 1)
    return turns // math.gcd(turns, stride) * (min(kernel, up) if dilation > 1 else 1)


def _turns(f: Field, stride: int, up: int) -> int:
    """After how many positions what they read of a field repeats, `stride` further every `up`."""
    inner = len(f.phases) or 1
    return up * (inner // math.gcd(inner, stride))


def _slide(
    f: Field,
    kernel: int,
    stride: int,
    pad: int,
    dilation: int,
    up: int,
    reads: Reads | None,
    positions: int,
) -> Field:
    if reads is not None:
        from fractions import Fraction

        own = map(reads, range(_turns(f, stride, up)))
        stretches = [(f.reads(first)[0], f.reads(last - 1)[1]) for first, last in own]
        return _field(stretches, f.stride * Fraction(stride, up), positions)
    if up == 1 and not f.phases:
        return Field(
            f.size + dilation * (kernel - 1) * f.stride,  # type: ignore[arg-type]
            f.stride * stride,
            f.start - pad * f.stride,  # type: ignore[arg-type]
            positions,
        )
    from fractions import Fraction

    # The window slides on a grid on which the input's values lie `up` apart.
    phases = f.phases or ((f.start, f.start + f.size),)
    shift = int(f.stride * len(phases))  # from the phases of one turn to those of the next
    turns = up * (len(f.phases) or 1)
    period = turns // math.gcd(turns, stride)
    found = []
    for position in range(period):
        first = position * stride - pad
        last = first + dilation * (kernel - 1)
        if dilation > 1:  # it may begin and end between two values
            tries = range(min(kernel, up))
            first = next(
                (first + dilation * j for j in tries if (first + dilation * j) % up == 0), first
            )
            last = next(
                (last - dilation * j for j in tries if (last - dilation * j) % up == 0), last
            )
        # As `reads` says it, without the work that is the same for all positions.
        turn, phase = divmod(-(-first // up), len(phases))
        last_turn, last_phase = divmod(last // up, len(phases))
        found.append((phases[phase][0] + turn * shift, phases[last_phase][1] + last_turn * shift))
    return _field(found, f.stride * Fraction(stride, up), positions)
