"""A network: one object with every answer that its text gives."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archdsl import spec_files
from archdsl.analysis.totals import Analysis, Memory, Row
from archdsl.claims import judge, parameter_count
from archdsl.claims.judge import Claim
from archdsl.errors import Source
from archdsl.expand import includes
from archdsl.expand.network import expand
from archdsl.expand.parameters import values_of
from archdsl.expand.printed_sizes import Settled
from archdsl.graph import Graph, Side
from archdsl.layers import Shape
from archdsl.syntax.ast import NetworkText, Outputs, Paper, Reported, Train
from archdsl.syntax.expressions import Number
from archdsl.syntax.parser import collector_paused, parse

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from archdsl.claims.readings import Readings
    from archdsl.compare.diff import Diff
    from archdsl.output.diagram import Diagram


class Network:
    """What a spec says of one network.

    Shapes are (C, H, W), of signals (C, L), of clips (C, T, H, W), of vectors (C,), without batch.
    Everything is computed from the text; only `module` needs torch.
    """

    def __init__(
        self,
        text: NetworkText,
        parameters: Mapping[str, Number] | None = None,
        input: Sequence[int] | None = None,
    ) -> None:
        self.text = text = includes.whole(text)
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
        for one in self.graph.settled:
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

    def readings(self) -> Readings:
        """The printed numbers under each way to read what the paper leaves open."""
        from archdsl.claims.readings import readings

        return readings(self.text, self.parameters)

    def diff(self, other: Network) -> Diff:
        """Where another network differs from this one as a graph: `diff.same`, `diff.changes`."""
        from archdsl.compare.diff import diff

        return diff(self, other)

    def summary(self, width: int | None = None) -> str:
        """The table that `archdsl summary` prints."""
        from archdsl.output.summary import summary

        return summary(self, width=width)

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain data: what `archdsl summary --format json` prints."""
        from archdsl.output.summary import as_dict

        return as_dict(self)

    def draw(self, path: str | Path | None = None) -> Diagram:
        """The diagram; written to `path` (svg, png, pdf, dot, mmd) when one is given."""
        from archdsl.output.diagram import Diagram

        diagram = Diagram(self)
        if path is not None:
            diagram.save(path)
        return diagram

    def module(
        self,
        device: Any = None,
        dtype: Any = None,
        weights: str | Path | Mapping[str, Any] | None = None,
        sides: bool = True,
    ) -> nn.Module:
        """The network as a torch module, freshly initialised or with weights; it returns logits.

        Of several outputs it returns a tuple. In training mode it returns the logits of side heads
        too, behind the others; `sides=False` leaves the side heads out.

        `device` and `dtype` are torch's, as for any module. `weights` are a run's folder, its
        checkpoint, a file of a state dict, or a state dict. Raises ArchError where they do not
        fit.
        """
        from archdsl.pytorch.module import build

        module = build(self, device=device, dtype=dtype, sides=sides)
        if weights is not None:
            from archdsl.pytorch.weights import put

            put(weights, module, beside=() if sides else [s.section.name for s in self.sides])
        return module

    def source(self) -> str:
        """The network as readable PyTorch source."""
        from archdsl.pytorch.source import source

        return source(self)

    def __repr__(self) -> str:
        return f"<network {self.name}: {self.params:,} params, {self.macs:,} macs>"

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from archdsl.output.summary import html

        return html(self)


def load(
    target: str | Path,
    parameters: Mapping[str, Number] | None = None,
    input: Sequence[int] | None = None,
) -> Network:
    """The network of a file (`specs/vgg16.arch`), of one of several in a file (`FILE:NET`), or of
    the zoo (`vgg16`).

    `parameters` replace defaults of the network's parameters, `input` its input size: (H, W) or
    (H, W, C), of a signal (L,) or (L, C), of a clip (T, H, W) or (T, H, W, C). Raises ArchError,
    whose text shows the line and the fix.
    """
    return Network(spec_files.find_one(str(target)), parameters, input)


def loads(
    text: str,
    parameters: Mapping[str, Number] | None = None,
    input: Sequence[int] | None = None,
    name: str = "<text>",
) -> Network:
    """The network of a text; the arguments are those of `load`."""
    source = Source(name, text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    return Network(spec_files.one(parse(source), name), parameters, input)
