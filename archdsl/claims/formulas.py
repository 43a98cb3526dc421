"""How each quantity of a claim is computed, of a line and of a whole network.

What papers call a quantity, and how its figures are printed, is in `archdsl.quantities`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from archdsl.analysis.totals import Analysis
from archdsl.claims.parameter_count import Counting
from archdsl.graph import Section
from archdsl.layers import Shape

Computed = int | tuple[int, ...]


class Network:
    """A network as the subject of claims; `with_sides` counts its side heads too."""

    where = "network"

    def __init__(self, analysis: Analysis, counting: Counting, with_sides: bool = False) -> None:
        self.analysis = analysis
        self.counting = counting
        self.with_sides = with_sides

    @property
    def input(self) -> Shape:
        return self.analysis.graph.nodes[0].shape

    @property
    def output(self) -> Shape:
        graph = self.analysis.graph
        return graph.nodes[graph.end].shape

    @property
    def params(self) -> int:
        """The trainable elements, counted as the paper counts its own."""
        analysis = self.analysis
        if self.counting.is_usual:
            return analysis.total_params + self.with_sides * analysis.side_params
        omitted = () if self.with_sides else analysis.side_nodes
        nodes = (i for i in range(len(analysis.graph.nodes)) if i not in omitted)
        return self.counting.params(analysis.graph, nodes)

    @property
    def macs(self) -> int:
        return self.analysis.total_macs + self.with_sides * self.analysis.side_macs

    @property
    def weight_layers(self) -> int:
        return self.analysis.weight_layers

    @property
    def receptive_field(self) -> tuple[int, ...]:
        return self.analysis.receptive_field


class Line:
    """A line of the spec as the subject of claims."""

    def __init__(self, analysis: Analysis, counting: Counting, section: Section) -> None:
        self.analysis = analysis
        self.counting = counting
        self.section = section
        self.where = section.name
        row = analysis.row(section)
        self.input, self.output = row.input, row.output
        self.macs = row.macs
        self.weight_layers = row.depth
        self.receptive_field = row.receptive_field
        self._usual_params = row.params

    @property
    def params(self) -> int:
        if self.counting.is_usual:
            return self._usual_params
        section, sides = self.section, self.analysis.side_nodes
        omitted = () if section.first in sides else sides
        nodes = (i for i in range(section.first, section.last) if i not in omitted)
        return self.counting.params(self.analysis.graph, nodes)


Subject = Network | Line

# By the names of `archdsl.quantities`. None: the subject has no such quantity.
FORMULAS: dict[str, Callable[[Subject], Computed | None]] = {
    "output size": lambda subject: subject.output,
    "input size": lambda subject: subject.input,
    "receptive field": lambda subject: subject.receptive_field,
    "params": lambda subject: subject.params,
    "trainable": lambda subject: subject.params,
    "macs": lambda subject: subject.macs,
    "flops": lambda subject: 2 * subject.macs,
    "depth": lambda subject: subject.weight_layers,
    "weight layers": lambda subject: subject.weight_layers,
    "channels": lambda subject: subject.output[0] if isinstance(subject, Line) else None,
    "kernel": lambda subject: _window(subject, "kernel"),
    "stride": lambda subject: _window(subject, "stride"),
}


def _window(subject: Subject, field: Literal["kernel", "stride"]) -> tuple[int, ...] | None:
    """The kernel or the stride of the first layer of a line that has one."""
    if isinstance(subject, Network):
        return None
    graph = subject.analysis.graph
    for node in graph.nodes[subject.section.first : subject.section.last]:
        window = node.op.window(graph.shapes(node)[0])
        if window is not None and field in node.op.attributes:
            return (window.up or window.stride) if field == "stride" else window.kernel
    return None
