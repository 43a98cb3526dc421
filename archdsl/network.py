"""A network as users meet it: its data, and everything that can be made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archdsl import spec_files
from archdsl.extras import require
from archdsl.model import Model
from archdsl.spec import parse
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source

if TYPE_CHECKING:
    from pathlib import Path

    from networkx import DiGraph
    from torch import nn

    from archdsl.claims.readings import Readings
    from archdsl.output.diagram import Diagram
    from archdsl.output.diff import NetworkDiff


class Network(Model):
    """One network of a spec: the data of `Model`, and its summary, diagram, module, source, diff.

    Everything is computed from the text; only `module` needs torch.
    """

    def readings(self) -> Readings:
        """The printed numbers under each interpretation of what the paper leaves open."""
        from archdsl.claims.readings import readings

        return readings(self.text, self.parameters)

    def diff(self, other: Model) -> NetworkDiff:
        """How another network differs from this one as a graph: `diff.same`, `diff.changes`."""
        from archdsl.compare.diff import diff
        from archdsl.output.diff import NetworkDiff

        return NetworkDiff(*diff(self, other))

    def summary(self, width: int | None = None) -> str:
        """The table that `archdsl summary` prints."""
        from archdsl.output.summary import summary

        return summary(self, width=width)

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain data, as `archdsl summary --format json` prints it."""
        from archdsl.output.summary import as_dict

        return as_dict(self)

    def draw(self, path: str | Path | None = None) -> Diagram:
        """The diagram; written to `path` (svg, png, pdf, dot, mmd, graphml) if one is given."""
        from archdsl.output.diagram import Diagram

        diagram = Diagram(self)
        if path is not None:
            diagram.save(path)
        return diagram

    def to_networkx(self) -> DiGraph:
        """The layers as a networkx graph; its nodes have name, kind, notation, shape, params and
        macs. Raises ArchError without networkx."""
        from archdsl.output.graph_export import to_networkx

        return to_networkx(self)

    def module(
        self,
        device: Any = None,
        dtype: Any = None,
        weights: str | Path | Mapping[str, Any] | None = None,
        sides: bool = True,
    ) -> nn.Module:
        """The network as a torch module that returns logits; freshly initialised, or with weights.

        It returns a tuple if there are several outputs. In training mode the logits of side heads
        follow the others; `sides=False` leaves the side heads out.

        `device` and `dtype` are torch's. `weights` are a run's folder, its checkpoint, a file with
        a state dict, or a state dict. Raises ArchError if they do not fit.
        """
        require("Network.module()", "torch")
        from archdsl.pytorch.module import build

        module = build(self.graph, device=device, dtype=dtype, sides=sides)
        if weights is not None:
            from archdsl.pytorch.weights import load_into

            left_out = [side.section.name for side in self.sides]
            left_out += [self.graph.nodes[index].name for index in self.graph.of_sides()]
            load_into(weights, module, left_out=() if sides else left_out)
        return module

    def source(self) -> str:
        """The network as readable PyTorch source."""
        from archdsl.pytorch.source import source

        return source(self)

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
    """A network from a file (`specs/vgg16.arch`, or `FILE:NET` if it has several) or from the zoo
    (`vgg16`).

    `parameters` replace the defaults of the network's parameters, `input` its input size: (H, W) or
    (H, W, C) of an image, (L,) or (L, C) of a signal, (T, H, W) or (T, H, W, C) of a clip. Raises
    ArchError, which shows the line and the fix.
    """
    return Network(spec_files.find_one(str(target)), parameters, input)


def loads(
    text: str,
    parameters: Mapping[str, Number] | None = None,
    input: Sequence[int] | None = None,
    name: str = "<text>",
) -> Network:
    """A network from a text; the other arguments are those of `load`."""
    source = Source(name, text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    return Network(spec_files.one(parse(source), name), parameters, input)
