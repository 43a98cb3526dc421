"""The data of one network, as renderers and the compiler read it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archdsl.analysis.totals import Analysis, Memory, Row
from archdsl.claims import judge, parameter_count
from archdsl.claims.judge import Claim
from archdsl.expand import includes
from archdsl.expand.network import expand
from archdsl.expand.parameters import values_of
from archdsl.graph import Graph, Settled, Side
from archdsl.layers import Shape
from archdsl.syntax.ast import NetworkText, Outputs, Paper, Reported, Train
from archdsl.syntax.expressions import Number
from archdsl.syntax.parser import collector_paused

if TYPE_CHECKING:
    pass


class Model:
    """One network: its text, its graph, and everything that is computed from them.

    Shapes are (C, H, W), of signals (C, L), of clips (C, T, H, W), of vectors (C,), without batch.
    Raises ArchError for a text that is not a network.
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
            self.counting = parameter_count.read(text)
            self.claims: tuple[Claim, ...] = judge.judge(self.analysis, self.changed, self.counting)
            # Everything shown needs them, and 100,000 small tuples are made with the collector off.
            self.analysis.fields  # noqa: B018
            self.analysis.trunk  # noqa: B018

    @property
    def name(self) -> str:
        stem = os.path.splitext(os.path.basename(self.text.source.name))[0]
        # A file may be called by what moves a terminal's cursor.
        stem = "".join(c if c.isprintable() else "_" for c in stem)
        return self.text.name or stem.lstrip("<-").rstrip(">") or "net"

    @property
    def full_name(self) -> str:
        """What names it among others: of a table's column `vgg:D`."""
        return self.text.full_name or self.name

    @property
    def title(self) -> str:
        """What the text calls it; a column of a table by the table's title and its own name."""
        header = self.text.header
        if header is None or header.title is None:
            return self.name
        return f"{header.title}, {self.name}" if header.family else header.title

    @property
    def paper(self) -> str | None:
        return next((s.text for s in self.text.statements if isinstance(s, Paper)), None)

    @property
    def values(self) -> dict[str, Number]:
        """The network's parameters, by name."""
        return values_of(self.text, self.parameters)[0]

    @property
    def spec(self) -> str:
        """The text that holds all of the network: its file's, with the blocks that it uses."""
        return includes.written_in(self.text)

    @property
    def reported(self) -> tuple[str, ...]:
        """The paper's figures that only training can check."""
        return tuple(s.text for s in self.text.statements if isinstance(s, Reported))

    @property
    def train_sections(self) -> tuple[Train, ...]:
        """The recipes of the text, unread; a network has one at most."""
        return tuple(s for s in self.text.statements if isinstance(s, Train))

    @property
    def input(self) -> Shape:
        return self.graph.nodes[0].shape

    @property
    def output(self) -> Shape:
        """Shape of the module's result: the logits where the text ends in softmax. Of several
        outputs it is the first one's."""
        return self.outputs[0]

    @property
    def outputs(self) -> tuple[Shape, ...]:
        """Shapes of all that the module returns, in the order of `output`."""
        return tuple(self.graph.nodes[i].shape for i in self.graph.outputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The labels that `output` names; none without it."""
        named = (s.labels for s in self.text.statements if isinstance(s, Outputs))
        return tuple(label.text for labels in named for label in labels)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The side heads, in the order of the text."""
        return self.graph.sides

    @property
    def settled(self) -> tuple[Settled, ...]:
        """What printed sizes settled, once for each line of the text that it is alike of."""
        found: dict[object, Settled] = {}
        for one in self.graph.origin.settled:
            found.setdefault((one.start, one.settings, one.input, one.printed), one)
        return tuple(found.values())

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row for each line of the spec; those of side heads are of the kind `side`."""
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
        """Multiply-adds of convolutions and fully connected layers for one input, on the main
        path."""
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
        """Of the trunk, per axis."""
        return self.analysis.receptive_field

    @property
    def misaligned(self) -> tuple[str, ...]:
        """Joins whose branches are centred on different places of the input, or step differently:
        there the receptive field is that of all branches together."""
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
