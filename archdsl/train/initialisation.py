"""The initialisations that a recipe can name.

Each changes weights or biases of some layers of a module; torch's own stays for the others. A
layer has weights if they have two dimensions or more, so norms are not meant.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from archdsl.train.settings import Setting, Words

if TYPE_CHECKING:
    from torch import Tensor

Names = Annotated[tuple[str, ...], Words(("in",), replace=True), Field(max_length=1000)]
Fan = Annotated[Literal["in", "out"], Words(("fan",), replace=True)]
Spread = Annotated[float, Field(gt=0, le=1e6)]
Value = Annotated[float, Field(ge=-1e6, le=1e6)]


class Initialisation(Setting):
    """How parameters begin, in all layers or `in` some: by name, all below a name, or by kind."""

    layers: Names = ()


class OfWeights(Initialisation):
    """Of the weights of each layer alone."""

    @abstractmethod
    def fill(self, weight: Tensor) -> None:
        """Give a weight its initial values, in place."""


class Normal(OfWeights):
    """N(0, std²); with a fan n instead of std, N(0, 1 / n)."""

    kind = "normal"
    forms = ("normal fan <fan>", "normal std <std>", "normal <std>", "gaussian <std>")

    std: Spread | None = None
    fan: Fan = "in"

    def fill(self, weight: Tensor) -> None:
        from torch.nn import init

        std = self.std
        if std is None:
            std = 1 / math.sqrt(_fans(weight)[self.fan])
        init.normal_(weight, std=std)


class TruncatedNormal(OfWeights):
    """N(0, std²) without what is farther than two deviations from 0, as TensorFlow's."""

    forms = ("truncated normal <std>",)

    std: Spread

    def fill(self, weight: Tensor) -> None:
        from torch.nn import init

        init.trunc_normal_(weight, std=self.std, a=-2 * self.std, b=2 * self.std)


class Uniform(OfWeights):
    """Between ±`bound`, or ±bound / n with n the inputs of a unit (LeCun et al. 1998: 2.4 / n)."""

    forms = ("uniform <bound>",)

    bound: Spread
    over_fan: Annotated[bool, Words(("/ fan in", "over fan in"), replace=True)] = False

    def fill(self, weight: Tensor) -> None:
        from torch.nn import init

        bound = self.bound / (_fans(weight)["in"] if self.over_fan else 1)
        init.uniform_(weight, -bound, bound)


class Glorot(OfWeights):
    """Variance 2 / (fan in + fan out) (Glorot & Bengio 2010)."""

    forms = ("glorot <shape>", "xavier <shape>", "glorot", "xavier")

    shape: Literal["uniform", "normal"] = "uniform"

    def fill(self, weight: Tensor) -> None:
        from torch.nn import init

        {"uniform": init.xavier_uniform_, "normal": init.xavier_normal_}[self.shape](weight)


class He(OfWeights):
    """Variance 2 / fan (He et al. 2015); the fan is `in` by default."""

    forms = ("he <shape>", "kaiming <shape>", "msra <shape>", "he", "kaiming", "msra")

    shape: Literal["normal", "uniform"] = "normal"
    fan: Fan = "in"

    def fill(self, weight: Tensor) -> None:
        from torch.nn import init

        made = {"uniform": init.kaiming_uniform_, "normal": init.kaiming_normal_}[self.shape]
        made(weight, mode="fan_in" if self.fan == "in" else "fan_out", nonlinearity="relu")


class Orthogonal(OfWeights):
    """Orthogonal matrices (Saxe et al. 2013)."""

    forms = ("orthogonal",)

    def fill(self, weight: Tensor) -> None:
        from torch.nn import init

        init.orthogonal_(weight)


class Bias(Initialisation):
    """Constant biases of layers with weights."""

    forms = ("bias <value>", "biases <value>")

    value: Value


class ZeroLastNorm(Initialisation):
    """Scales of 0 in the last norm of each residual block, which then begins as an identity (Goyal
    et al. 2017)."""

    kind = "zero last norm"
    forms = ("zero last norm", "zero gamma", "zero init residual")


class FromRun(Initialisation):
    """The weights of a run's folder, its checkpoint, or a file with a state dict, wherever a layer
    fits one there.

    Layers are paired in order, as many as possible of those with equal shapes; among equal ways,
    equal names decide. The layers left out keep their own.
    """

    kind = "from"
    forms = ("from <path>",)

    path: Annotated[str, Field(min_length=1, max_length=4096)]


def _fans(weight: Tensor) -> dict[str, int]:
    """The inputs and outputs of a unit, as torch counts them."""
    field = math.prod(weight.shape[2:])
    return {"in": weight.shape[1] * field, "out": weight.shape[0] * field}
