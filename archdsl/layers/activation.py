"""Activations: functions of one value, and softmax."""

from __future__ import annotations

from archdsl.layers.base import (
    Call,
    Kept,
    Layer,
    Shape,
    attribute,
    flag,
    layer,
    number,
    positive,
)
from archdsl.layers.listing import INPLACE, Argument, Listing, fixed


class Activation(Layer):
    """What all activations share: they accompany a weight layer and keep their output."""

    accompanies = True

    module = ""  # the class in torch.nn

    def kept(self, x: Shape) -> Kept:
        return Kept(output=True)

    def call(self, x: Shape) -> Call:
        return Call(self.module)

    @property
    def label(self) -> str:
        name = self.takes_number
        if name is None or vars(self)[name] == self.defaults[name]:
            return self.kind
        return f"{self.kind} {vars(self)[name]:g}"


@layer("relu", "rectified linear unit")
class ReLU(Activation):
    """max(0, x)."""

    kind = "relu"
    module = "ReLU"
    examples = ("relu on 3x4x4", "ReLU on 7")
    listed = (Listing("ReLU", (INPLACE,)),)


@layer("relu6")
class ReLU6(Activation):
    """min(max(0, x), 6), of the mobile networks."""

    kind = "relu6"
    module = "ReLU6"
    examples = ("relu6 on 3x4x4",)
    listed = (Listing("ReLU6", (INPLACE,)),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("sigmoid", "logistic")
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    kind = "sigmoid"
    module = "Sigmoid"
    examples = ("sigmoid on 3x4x4",)
    listed = (Listing("Sigmoid"),)


@layer("tanh")
class Tanh(Activation):
    """The hyperbolic tangent."""

    kind = "tanh"
    module = "Tanh"
    examples = ("tanh on 3x4x4",)
    listed = (Listing("Tanh"),)


@layer("silu", "swish")
class SiLU(Activation):
    """x · sigmoid(x)."""

    kind = "silu"
    module = "SiLU"
    examples = ("silu on 3x4x4", "swish on 5")
    listed = (Listing("SiLU", (INPLACE,)),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("leaky relu", "leakyrelu", "lrelu")
class LeakyReLU(Activation):
    """x above zero, slope · x below (Maas, Hannun & Ng 2013)."""

    kind = "leakyrelu"
    takes_number = "slope"
    examples = ("leaky relu on 3x4x4", "lrelu(0.2) on 7", "leaky relu slope 0.1 on 3x5")
    listed = (Listing("LeakyReLU", (Argument("negative_slope", "slope", 0.01), INPLACE)),)

    slope: float = attribute("slope", "negative slope", check=number, default=0.01)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)

    def call(self, x: Shape) -> Call:
        return Call("LeakyReLU", (self.slope,))


@layer("prelu", "parametric relu")
class PReLU(Activation):
    """x above zero, a · x below; one `a` is learned, or one a channel (He et al. 2015)."""

    kind = "prelu"
    takes_number = "slope"
    examples = (
        "prelu on 3x4x4",
        "channel-wise prelu on 3x4x4",
        "prelu(0.1) per channel on 7",
    )

    slope: float = attribute("slope", "init", check=number, default=0.25, means="before training")
    channelwise: bool = attribute(
        check=flag,
        flags={
            "channel wise": True,
            "per channel": True,
            "channel shared": False,
            "shared": False,
        },
        default=False,
        means="one slope a channel",
    )

    def params(self, x: Shape) -> int:
        return x[0] if self.channelwise else 1

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)

    def call(self, x: Shape) -> Call:
        options = () if self.slope == 0.25 else (("init", self.slope),)
        return Call("PReLU", (self.params(x),), options)


@layer("elu", "exponential linear unit")
class ELU(Activation):
    """x above zero, alpha · (exp(x) - 1) below (Clevert, Unterthiner & Hochreiter 2016)."""

    kind = "elu"
    takes_number = "alpha"
    examples = ("elu on 3x4x4", "elu(0.5) on 7")
    listed = (Listing("ELU", (Argument("alpha", "alpha", 1.0), INPLACE)),)

    alpha: float = attribute("alpha", check=positive, default=1.0)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)

    def call(self, x: Shape) -> Call:
        return Call("ELU", (self.alpha,))


@layer("selu")
class SELU(Activation):
    """The scaled ELU of self-normalising networks (Klambauer et al. 2017)."""

    kind = "selu"
    module = "SELU"
    examples = ("selu on 3x4x4",)
    listed = (Listing("SELU", (INPLACE,)),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("gelu")
class GELU(Activation):
    """x times the normal distribution up to x (Hendrycks & Gimpel 2016)."""

    kind = "gelu"
    module = "GELU"
    examples = ("gelu on 3x4x4",)
    listed = (Listing("GELU", (fixed("approximate", "none"),)),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("hard swish", "hardswish", "h swish")
class HardSwish(Activation):
    """x · relu6(x + 3) / 6 (Howard et al. 2019)."""

    kind = "hardswish"
    module = "Hardswish"
    examples = ("hard swish on 3x4x4", "h-swish on 7")
    listed = (Listing("Hardswish", (INPLACE,)),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("hard sigmoid", "hardsigmoid")
class HardSigmoid(Activation):
    """relu6(x + 3) / 6 (Howard et al. 2019)."""

    kind = "hardsigmoid"
    module = "Hardsigmoid"
    examples = ("hard sigmoid on 3x4x4",)
    listed = (Listing("Hardsigmoid", (INPLACE,)),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("mish")
class Mish(Activation):
    """x · tanh(softplus(x)) (Misra 2020)."""

    kind = "mish"
    module = "Mish"
    examples = ("mish on 3x4x4",)
    listed = (Listing("Mish", (INPLACE,)),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("softplus", "soft plus")
class Softplus(Activation):
    """log(1 + exp(x)) (Glorot, Bordes & Bengio 2011)."""

    kind = "softplus"
    module = "Softplus"
    examples = ("softplus on 3x4x4",)
    listed = (Listing("Softplus", (fixed("beta", 1), fixed("threshold", 20))),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("hard tanh", "hardtanh")
class HardTanh(Activation):
    """x, held between -1 and 1 (Collobert 2004)."""

    kind = "hardtanh"
    module = "Hardtanh"
    examples = ("hard tanh on 3x4x4",)
    listed = (Listing("Hardtanh", (fixed("min_val", -1), fixed("max_val", 1), INPLACE)),)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)


@layer("softmax", "soft max")
class Softmax(Layer):
    """Probabilities over the channels. A last one is left to the loss: modules give logits."""

    kind = "softmax"
    trails = True
    examples = ("soft-max on 7", "softmax on 3x4x4", "softmax on 3x5", "softmax on 3x2x2x2")

    def kept(self, x: Shape) -> Kept:
        return Kept(output=True)

    listed = (Listing("Softmax", (Argument("dim", only=(1,)),)),)

    def call(self, x: Shape) -> Call:
        return Call("Softmax", (), (("dim", 1),))
