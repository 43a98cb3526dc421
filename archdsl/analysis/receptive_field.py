"""The receptive field of each layer: the positions of the input that one of its positions reads.

              input   conv3   maxpool 2x2/2   conv3
    size          1       3               4       8
    stride        1       1               2       2

After Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks"
(Distill), extended to layers that enlarge their map.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from archdsl.errors import ArchError
from archdsl.graph import Graph, Node
from archdsl.layers import Concat, Reads, Slice, Window
from archdsl.syntax.expressions import LARGEST_VALUE

if TYPE_CHECKING:
    from fractions import Fraction

MOST_PHASES = 250_000  # of all receptive fields of a network
MOST_PARTS = 100  # of a map that is concatenated again


class Field(NamedTuple):
    """The receptive field of a map on one axis, in positions of the input.

    One position reads `size` of them, neighbours read `stride` apart, and the first position
    starts to read at `start` (negative: in the padding). `positions` is the length of the map; it
    survives flattening, so that a fully connected layer knows what it reads.

    On an enlarged map neighbours read a fraction of a position apart, in a pattern that repeats:
    `phases` holds the interval (start, end) of each position of its first turn, and `size` is the
    longest of them.
    """

    size: int
    stride: int | Fraction
    start: int
    positions: int
    phases: tuple[tuple[int, int], ...] = ()

    def reads(self, position: int) -> tuple[int, int]:
        """The interval (start, end) of the input that a position reads."""
        if not self.phases:
            start = self.start + position * int(self.stride)
            return start, start + self.size
        turn, phase = divmod(position, len(self.phases))
        shift = turn * int(self.stride * len(self.phases))
        start, end = self.phases[phase]
        return start + shift, end + shift

    @property
    def centre(self) -> int | Fraction:
        """Twice the centre of what the first position reads, averaged over the phases."""
        if not self.phases:
            return 2 * self.start + self.size
        from fractions import Fraction  # most networks have no phases and start faster without it

        period = len(self.phases)
        return Fraction(sum(map(sum, self.phases)), period) - self.stride * (period - 1)


Fields = tuple[Field, ...]  # one per axis
Parts = tuple[tuple[int, Fields], ...]  # of a map: numbers of channels, and what these read


class AxisWindow(NamedTuple):
    """The window of a layer on one axis; see `Window`."""

    kernel: int
    stride: int
    pad: int
    dilation: int
    up: int
    reads: Reads | None

    def inputs(self, position: int) -> tuple[int, int]:
        """The first and the last position of the layer's input that a position reads."""
        if self.reads is not None:
            first, end = self.reads(position)
            return first, end - 1
        kernel, stride, pad, dilation, up, _ = self
        first = position * stride - pad
        last = first + dilation * (kernel - 1)
        if dilation > 1:  # its ends may fall between two values: move them to the next value read
            taps = range(0, dilation * min(kernel, up), dilation)
            first = next((first + tap for tap in taps if (first + tap) % up == 0), first)
            last = next((last - tap for tap in taps if (last - tap) % up == 0), last)
        return -(-first // up), last // up


Windows = tuple[AxisWindow, ...]  # one per axis; empty: each position reads itself


@lru_cache(256)  # a network has few different windows
def by_axis(window: Window) -> Windows:
    axes = len(window.kernel)
    up, reads = window.up or (1,) * axes, window.reads or (None,) * axes
    return tuple(map(AxisWindow, *window[:4], up, reads))


# Every node of a graph.


def receptive_fields(graph: Graph, windows: Sequence[Windows | None]) -> list[Fields]:
    """The receptive field of each node, per axis of the input.

    `windows` are those of the nodes; None: the node reads the whole map. Raises ArchError for
    fields too large to count with.
    """
    nodes = graph.nodes
    fields: list[Fields] = [tuple(Field(1, 1, 0, n) for n in nodes[0].shape[1:])]
    slices = [node for node in nodes if isinstance(node.op, Slice)]
    parts: dict[int, Parts] | None = {} if any(_cuts(graph, node) for node in slices) else None
    phases = 0  # of all nodes so far
    for index, (node, window) in enumerate(zip(nodes[1:], windows[1:], strict=True), 1):
        if len(node.inputs) > 1:
            branches = _branches(graph, node, fields)
            if phases:
                phases += sum(map(_common_period, zip(*branches, strict=True)))
                _check_phases(phases, graph, index)
            fields.append(_union(branches))
            if parts is not None and isinstance(node.op, Concat):
                parts[index] = _joined(graph, node, branches, parts)
            continue
        read = node.inputs[0]
        field = fields[read]
        if parts is not None and read in parts:
            if isinstance(node.op, Slice):
                parts[index] = _part(parts[read], node.op, nodes[read].shape[0])
                field = _union([one for _, one in parts[index]])
            elif node.op.keeps_channels:
                parts[index] = parts[read]
        if window is None:
            field = tuple(map(_whole_map, field))
        elif window:
            if phases or any([axis.up > 1 for axis in window]):
                phases += sum(map(_phases_to_compute, field, window))
                _check_phases(phases, graph, index)
            field = _slide(field, window, node.shape[1:])
            if parts is not None and index in parts:
                phases += sum(map(_phases_to_compute, field, window)) * len(parts[index])
                _check_phases(phases, graph, index)
                size = node.shape[1:]
                parts[index] = tuple((n, _slide(one, window, size)) for n, one in parts[index])
        fields.append(field)
        if window is None or window:
            _check_lengths(field, graph, index)
    return fields


# A slice of the channels of a concat reads only the branches that they come from.


def _cuts(graph: Graph, node: Node) -> bool:
    """Whether a slice omits channels."""
    return node.shape[0] != graph.nodes[node.inputs[0]].shape[0]


def _joined(
    graph: Graph, node: Node, branches: Sequence[Fields], parts: Mapping[int, Parts]
) -> Parts:
    """The parts of a concat; those of branches that are concats themselves are kept apart."""
    joined: list[tuple[int, Fields]] = []
    for i, branch in zip(node.inputs, branches, strict=True):
        own = ((graph.nodes[i].shape[0], branch),)
        inner = parts.get(i, own)
        joined += inner if len(inner) <= MOST_PARTS and len(node.shape) > 1 else own
    return tuple(joined)


def _part(parts: Parts, cut: Slice, channels: int) -> Parts:
    """What a slice leaves of the parts of its input."""
    left: list[tuple[int, Fields]] = []
    start = 0
    stop = channels if cut.stop is None else cut.stop
    for count, field in parts:
        rest = min(stop, start + count) - max(cut.start, start)
        if rest > 0:
            left.append((rest, field))
        start += count
    return tuple(left)


def _check_lengths(field: Fields, graph: Graph, index: int) -> None:
    for axis in field:
        if axis.size > LARGEST_VALUE or axis.stride > LARGEST_VALUE:
            raise ArchError(
                "a receptive field beyond 2^63",
                graph.origin.span(index),
                help="use smaller strides and kernels, or fewer of them",
            )


def _check_phases(phases: int, graph: Graph, index: int) -> None:
    if phases > MOST_PHASES:
        raise ArchError(
            f"receptive fields with more than {MOST_PHASES:,} phases",
            graph.origin.span(index),
            help="after an upsampling by n, positions take turns to read n different intervals: "
            "use smaller factors, or fewer layers after them",
        )


def _branches(graph: Graph, node: Node, fields: Sequence[Fields]) -> list[Fields]:
    """The fields that a join reads through."""
    branches = [fields[i] for i in spatial_inputs(graph, node)]
    if len(node.shape) == 1 and any(branch != branches[0] for branch in branches):
        # Vectors of different maps: each value may have read the whole of its map.
        return [tuple(map(_whole_map, branch)) for branch in branches]
    return branches


def spatial_inputs(graph: Graph, node: Node) -> list[int]:
    """The inputs of a join that are maps of its own size. A gate with one value per channel is
    not: it has no positions, and reads the whole map."""
    nodes, size = graph.nodes, node.shape[1:]
    same = [i for i in node.inputs if nodes[i].shape[1:] == size]
    return same or list(node.inputs)


def misaligned(graph: Graph, fields: Sequence[Fields]) -> list[int]:
    """The joins whose branches have different centres or strides."""
    found = []
    for index, node in enumerate(graph.nodes):
        if len(node.inputs) > 1:
            branches = (fields[i] for i in spatial_inputs(graph, node))
            if len({tuple((f.stride, f.centre) for f in branch) for branch in branches}) > 1:
                found.append(index)
    return found


def trunk(
    graph: Graph,
    fields: Sequence[Fields],
    gathers: Sequence[bool],
    last_use: Sequence[int],
    sides: Container[int],
) -> int:
    """The node whose receptive field is the network's: its last feature map.

    That is the map before the first layer that `gathers`, i.e. reads a whole map as one. A layer
    that a branch bypasses, as in a gate, does not end the trunk, nor does one of a side head. If
    several outputs are maps, it is the one that reads most.
    """
    reach = 0  # the last node that reads a value from before this one
    last_map = 0
    gathered = [False]
    for index, node in enumerate(graph.nodes[1:], 1):
        if last_use[index - 1] > reach:
            reach = last_use[index - 1]
        # A join has gathered if all its branches have.
        inputs = node.inputs
        all_gathered = gathered[inputs[0]] and all(gathered[i] for i in inputs)
        gathered.append(all_gathered or gathers[index])
        if reach > index or index in sides:
            continue  # bypassed by a branch
        if gathered[index]:
            return last_map
        last_map = index
    maps = [i for i in graph.outputs if not gathered[i]]
    return max(maps, key=lambda i: [f.size for f in fields[i]], default=last_map)


# One layer, one axis.


def _slide(field: Fields, window: Windows, size: tuple[int, ...]) -> Fields:
    """The fields of the map, of this size, that a window gives on a map with these fields."""
    rank = len(field)
    if len(set(size)) == 1 and field.count(field[0]) == window.count(window[0]) == rank:
        return (_slide_axis(field[0], window[0], size[0]),) * rank
    return tuple(map(_slide_axis, field, window, size))


def _slide_axis(f: Field, window: AxisWindow, positions: int) -> Field:
    """The core recurrence; the field grows by the kernel's extent, in strides so far."""
    kernel, stride, pad, dilation, up, reads = window
    if up == 1 and not f.phases and reads is None:
        jump = int(f.stride)
        size = f.size + dilation * (kernel - 1) * jump
        return Field(size, jump * stride, f.start - pad * jump, positions)
    from fractions import Fraction

    phases = f.phases or ((f.start, f.start + f.size),)
    shift = int(f.stride * len(phases))  # from one turn of the phases to the next
    intervals = []
    for position in range(_period(f, window)):
        first, last = window.inputs(position)
        # The start of f.reads(first) and the end of f.reads(last), computing `shift` only once.
        turn, phase = divmod(first, len(phases))
        last_turn, last_phase = divmod(last, len(phases))
        start, end = phases[phase][0] + turn * shift, phases[last_phase][1] + last_turn * shift
        intervals.append((start, end))
    return _of_phases(intervals, f.stride * Fraction(stride, up), positions)


def _union(branches: Sequence[Fields]) -> Fields:
    """What a join reads through any of its branches."""
    rank = len(branches[0])
    if rank and all([branch.count(branch[0]) == rank for branch in branches]):
        return (_union_axis([branch[0] for branch in branches]),) * rank
    return tuple(map(_union_axis, zip(*branches, strict=True)))


def _union_axis(axis: Sequence[Field]) -> Field:
    stride = max([f.stride for f in axis])
    period = _common_period(axis)
    if not period:
        start = min([f.start for f in axis])
        end = max([f.start + f.size for f in axis])
        return Field(end - start, stride, start, axis[0].positions)
    intervals = []
    for position in range(period):
        starts, ends = zip(*(f.reads(position) for f in axis), strict=True)
        intervals.append((min(starts), max(ends)))
    return _of_phases(intervals, stride, axis[0].positions)


def _whole_map(f: Field) -> Field:
    """The field of one value that reads every position of a map."""
    start, end = f.reads(0)[0], f.reads(f.positions - 1)[1]
    return Field(end - start, max(1, int(f.stride)), start, 1)


def _of_phases(phases: Sequence[tuple[int, int]], stride: int | Fraction, positions: int) -> Field:
    size = max(end - start for start, end in phases)
    if len(phases) == 1:
        return Field(size, int(stride), phases[0][0], positions)
    return Field(size, stride, phases[0][0], positions, tuple(phases))


# After how many positions the pattern of what they read repeats.


def _period(f: Field, window: AxisWindow) -> int:
    inner, up, stride = len(f.phases) or 1, window.up, window.stride
    if window.reads is not None:
        return up * (inner // math.gcd(inner, stride))
    return up * inner // math.gcd(up * inner, stride)


def _common_period(branches: Sequence[Field]) -> int:
    """0 if no branch has phases."""
    if not any(f.phases for f in branches):
        return 0
    return math.lcm(*(len(f.phases) or 1 for f in branches))


def _phases_to_compute(f: Field, window: AxisWindow) -> int:
    """The phases of a window's field, times the steps that each takes; 0 without phases."""
    if window.up == 1 and not f.phases:
        return 0
    return _period(f, window) * (min(window.kernel, window.up) if window.dilation > 1 else 1)
