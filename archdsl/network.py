"""A network: one object with every answer that its text gives."""

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

    from torch import nn

    from archdsl.claims.readings import Readings
    from archdsl.output.diagram import Diagram
    from archdsl.output.diff import NetworkDiff


class Network(Model):
    """What a spec says of one network: the data of `Model`, and everything that is made of it.

    Everything is computed from the text; only `module` needs torch.
    """

    def readings(self) -> Readings:
        """The printed numbers under each way to read what the paper leaves open."""
        from archdsl.claims.readings import readings

        return readings(self.text, self.parameters)

    def diff(self, other: Model) -> NetworkDiff:
        """Where another network differs from this one as a graph: `diff.same`, `diff.changes`."""
        from archdsl.compare.diff import diff
        from archdsl.output.diff import NetworkDiff

        return NetworkDiff(*diff(self, other))

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
        require("Network.module()", "torch")
        from archdsl.pytorch.module import build

        module = build(self, device=device, dtype=dtype, sides=sides)
        if weights is not None:
            from archdsl.pytorch.weights import put

            put(weights, module, left_out=() if sides else [s.section.name for s in self.sides])
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
