"""The data of one network, which the renderers and the compiler read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from archdsl.analysis.memory import Memory
from archdsl.analysis.totals import Analysis, Row
from archdsl.claims import judge, parameter_count
from archdsl.claims.judge import Claim
from archdsl.expand import includes
from archdsl.expand.network import expand
from archdsl.expand.parameters import values_of
from archdsl.graph import Decision, Graph, Settled, Side
from archdsl.layers import Shape
from archdsl.syntax.ast import NetworkText, Outputs, Paper, Reported, Train
from archdsl.syntax.expressions import Number
from archdsl.text.collector import collector_paused


class Model:
    """One network: its text, its graph, and everything that is computed from them.

    Shapes are (C, H, W), (C, L) for signals, (C, T, H, W) for clips and (C,) for vectors, without
    the batch. Raises ArchError for a text that is not a network.
    """

    def __init__(
        self,
        text: NetworkText,
        parameters: Mapping[str, Number] | None = None,
        input: Sequence[int] | None = None,
    ) -> None:
        self.text = text = includes.resolve(text)
        self.parameters = dict(parameters or {})
        self.changed = bool(parameters) or input is not None
        with collector_paused():
            self.graph: Graph = expand(text, parameters, input)
            self.analysis = Analysis(self.graph)
            self.counting = parameter_count.read_counting(text)
            self.claims: tuple[Claim, ...] = judge.judge(self.analysis, self.changed, self.counting)
            # All outputs need these; their many small tuples are cheaper with the collector off.
            self.analysis.fields  # noqa: B018
            self.analysis.trunk  # noqa: B018

    @property
    def name(self) -> str:
        stem = os.path.splitext(os.path.basename(self.text.source.name))[0]
        # The name of a file may contain control characters of a terminal.
        stem = "".join(c if c.isprintable() else "_" for c in stem)
        return self.text.name or stem.lstrip("<-").rstrip(">") or "net"

    @property
    def full_name(self) -> str:
        """The name that identifies it among others: `vgg:D` for the column D of a table."""
        return self.text.full_name or self.name

    @property
    def title(self) -> str:
        """The title in the text; for a column of a table the table's title and its own name."""
        header = self.text.header
        if header is None or header.title is None:
            return self.name
        is_column = bool(header.family) and header.title != self.name
        return f"{header.title}, {self.name}" if is_column else header.title

    @property
    def paper(self) -> str | None:
        return next((s.text for s in self.text.statements if isinstance(s, Paper)), None)

    @property
    def values(self) -> dict[str, Number]:
        """The network's parameters, by name."""
        return values_of(self.text, self.parameters)[0]

    @property
    def spec(self) -> str:
        """A text that contains the whole network: its file with the blocks that it uses."""
        return includes.with_included_blocks(self.text)

    @property
    def reported(self) -> tuple[str, ...]:
        """The paper's figures that only training can check."""
        return tuple(s.text for s in self.text.statements if isinstance(s, Reported))

    @property
    def train_sections(self) -> tuple[Train, ...]:
        """The recipes of the text, not parsed yet; a network may have only one."""
        return tuple(s for s in self.text.statements if isinstance(s, Train))

    @property
    def input(self) -> Shape:
        return self.graph.nodes[0].shape

    @property
    def output(self) -> Shape:
        """Shape of the module's result, the first if there are several: the logits if the text
        ends in softmax."""
        return self.outputs[0]

    @property
    def outputs(self) -> tuple[Shape, ...]:
        """Shapes of all results of the module, in the order of the `output` statement."""
        return tuple(self.graph.nodes[i].shape for i in self.graph.outputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The labels in the `output` statement; none without one."""
        named = (s.labels for s in self.text.statements if isinstance(s, Outputs))
        return tuple(label.text for labels in named for label in labels)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The side heads, in the order of the text."""
        return self.graph.sides

    @property
    def settled(self) -> tuple[Settled, ...]:
        """What printed sizes settled; identical repetitions of a line appear once."""
        settled: dict[object, Settled] = {}
        for one in self.graph.origin.settled:
            settled.setdefault((one.start, one.settings, one.input, one.printed), one)
        return tuple(settled.values())

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What the text leaves open and archdsl decides, once for each line of the network."""
        return self.graph.origin.decisions

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row for each line of the spec; those of side heads have the kind `side`."""
        return self.analysis.rows

    @property
    def layers(self) -> tuple[Row, ...]:
        """One row for each primitive layer."""
        return self.analysis.layers

    @property
    def params(self) -> int:
        """Trainable elements of the main path."""
        return self.analysis.total_params

    @property
    def side_params(self) -> int:
        """Trainable elements of the side heads."""
        return self.analysis.side_params

    @property
    def buffers(self) -> int:
        return self.analysis.total_buffers

    @property
    def macs(self) -> int:
        """Multiply-adds of convolutions and fully connected layers on the main path, for one
        input."""
        return self.analysis.total_macs

    @property
    def side_macs(self) -> int:
        """Multiply-adds of the side heads."""
        return self.analysis.side_macs

    @property
    def flops(self) -> int:
        """2 · macs."""
        return 2 * self.macs

    @property
    def weight_layers(self) -> int:
        return self.analysis.weight_layers

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """That of the last feature map (`Analysis.trunk`), per axis."""
        return self.analysis.receptive_field

    @property
    def misaligned(self) -> tuple[str, ...]:
        """Joins whose branches have different centres or strides; their receptive field is the
        union of all branches."""
        return tuple(self.graph.nodes[i].name for i in self.analysis.misaligned)

    @property
    def memory(self) -> Memory:
        """Bytes at float32 and batch 1."""
        return self.analysis.memory

    def verify(self) -> tuple[Claim, ...]:
        """Every printed number with its verdict."""
        return self.claims

    def __repr__(self) -> str:
        return f"<network {self.name}: {self.params:,} params, {self.macs:,} macs>"
