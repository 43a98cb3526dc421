"""Activations: functions of a single value, and the softmax over the channels."""

import math
from typing import ClassVar, Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import count, flag, fraction, number, positive
from archdsl.layers.terms import (
    Call,
    Disputed,
    Kept,
    LayerError,
    Misfit,
    Shape,
    Value,
    Values,
    brief,
)
from archdsl.layers.torch_signature import INPLACE, Argument, Listing, listed_as


class Activation(Layer):
    """Base class of activations, which follow a weight layer and keep their input for backward."""

    accompanies = True
    keeps_channels = True
    role = "activation"
    keeps = Kept(input=True)

    @property
    def label(self) -> str:
        name = self.takes_number
        if self.named or name is None or vars(self)[name] == self.defaults[name]:
            return super().label
        return f"{self.kind} {brief(vars(self)[name])}"


@layer("relu", "rectified linear unit")
class ReLU(Activation):
    """max(0, x) (Nair & Hinton 2010)."""

    keeps = Kept(output=True)
    examples = ("relu on 3x4x4", "ReLU on 7")
    listed = listed_as("ReLU", INPLACE)


@layer("relu6")
class ReLU6(Activation):
    """min(max(0, x), 6), as in MobileNetV2 (Sandler et al. 2018)."""

    examples = ("relu6 on 3x4x4",)
    listed = listed_as("ReLU6", INPLACE)


@layer("sigmoid", "logistic")
class Sigmoid(Activation):
    """The logistic function, 1 / (1 + exp(-x))."""

    keeps = Kept(output=True)
    examples = ("sigmoid on 3x4x4",)
    listed = listed_as("Sigmoid")


@layer("tanh")
class Tanh(Activation):
    """The hyperbolic tangent."""

    keeps = Kept(output=True)
    examples = ("tanh on 3x4x4",)
    listed = listed_as("Tanh")


@layer("scaled tanh", "scaled hyperbolic tangent")
class ScaledTanh(Activation):
    """A · tanh(S · x), of LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998, equation 6).

    `amplitude` is A and `slope` is S; by default 1.7159 and 2/3, which map 1 and -1 to themselves
    (appendix A).
    """

    details = ("amplitude", "slope")
    examples = ("scaled tanh on 3x4x4", "scaled tanh amplitude 1.5 slope 0.5 on 7")

    amplitude: float = attribute("amplitude", check=positive, default=1.7159)
    slope: float = attribute("slope", check=positive, default=2 / 3)

    def kept(self, x: Shape) -> Kept:
        return Kept(extra=4 * math.prod(x))  # the tanh, before its factor

    def call(self, x: Shape) -> Call:
        return Call("ScaledTanh", (self.amplitude, self.slope), (), True)


@layer("silu", "swish")
class SiLU(Activation):
    """x · sigmoid(x) (Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017)."""

    examples = ("silu on 3x4x4", "swish on 5")
    listed = listed_as("SiLU", INPLACE)


@layer("leaky relu", "leakyrelu", "lrelu")
class LeakyReLU(Activation):
    """x if positive, otherwise slope · x (Maas, Hannun & Ng 2013)."""

    takes_number = "slope"
    disputed = (Disputed("slope", "Darknet has 0.1, DCGAN 0.2, Keras 0.3"),)
    examples = ("leaky relu on 3x4x4", "lrelu(0.2) on 7", "leaky relu slope 0.1 on 3x5")
    listed = listed_as(
        "LeakyReLU", Argument("negative_slope", "slope", 0.01, written="position"), INPLACE
    )

    slope: float = attribute("slope", "negative slope", check=number, default=0.01)


@layer("prelu", "parametric relu")
class PReLU(Activation):
    """x if positive, otherwise a · x with a learned slope a (He et al. 2015).

    All channels share one slope; `channel-wise prelu` has one for each channel. `slope` is the
    initial value.
    """

    details = ("channelwise",)
    takes_number = "slope"
    examples = ("prelu on 3x4x4", "channel-wise prelu on 3x4x4", "prelu(0.1) per channel on 7")
    listed = listed_as(
        "PReLU", Argument("num_parameters", "slopes", 1), Argument("init", "slope", 0.25)
    )

    slope: float = attribute("slope", "init", check=number, default=0.25, means="initial value")
    channelwise: bool = attribute(
        check=flag,
        flags={"channel wise": True, "per channel": True, "channel shared": False, "shared": False},
        default=False,
        means="one slope for each channel",
    )
    slopes: int | None = attribute("num parameters", check=count, default=None)  # in a listing

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        values = dict(values)
        slopes = values.pop("slopes", None)
        if slopes not in (None, 1, x[0]):
            raise Misfit(f"{slopes} slopes on {x[0]} channels", f"write 1 or {x[0]}")
        if slopes is not None or x[0] == 1:
            values["channelwise"] = slopes == x[0] > 1
        return cls(**values)

    def params(self, x: Shape) -> int:
        return x[0] if self.channelwise else 1

    def call(self, x: Shape) -> Call:
        options = () if self.slope == 0.25 else (("init", self.slope),)
        return Call("PReLU", (self.params(x),), options)


@layer("elu", "exponential linear unit")
class ELU(Activation):
    """x if positive, otherwise alpha · (exp(x) - 1) (Clevert, Unterthiner & Hochreiter 2016)."""

    takes_number = "alpha"
    examples = ("elu on 3x4x4", "elu(0.5) on 7")
    listed = listed_as("ELU", Argument("alpha", "alpha", 1.0, written="position"), INPLACE)

    alpha: float = attribute("alpha", check=positive, default=1.0)


@layer("selu")
class SELU(Activation):
    """A scaled ELU, which keeps activations normalised (Klambauer et al. 2017)."""

    examples = ("selu on 3x4x4",)
    listed = listed_as("SELU", INPLACE)


def _approximation(value: Value) -> Value:
    """`none` or `tanh`."""
    if value not in ("none", "tanh"):
        raise LayerError(f"must be none or tanh, not {value}")
    return value


@layer("gelu", approximate_gelu={"approximate": "tanh"})
class GELU(Activation):
    """x · Φ(x), with the distribution function Φ of the normal (Hendrycks & Gimpel 2016).

    `gelu approximate tanh` is the paper's approximation with a tanh.
    """

    details = ("approximate",)
    disputed = (
        Disputed(
            "approximate", "many releases approximate it with a tanh", "gelu in its exact form"
        ),
    )
    examples = ("gelu on 3x4x4", "gelu approximate tanh on 7", "approximate gelu on 3x5")
    listed = listed_as(
        "GELU", Argument("approximate", "approximate", "none", texts=("none", "tanh"))
    )

    approximate: str = attribute(
        "approximate", check=_approximation, flags={"tanh": "tanh"}, default="none"
    )


@layer("hard swish", "hardswish", "h swish")
class HardSwish(Activation):
    """x · relu6(x + 3) / 6 (Howard et al. 2019)."""

    examples = ("hard swish on 3x4x4", "h-swish on 7")
    listed = listed_as("Hardswish", INPLACE)


@layer("hard sigmoid", "hardsigmoid")
class HardSigmoid(Activation):
    """relu6(x + 3) / 6 (Howard et al. 2019)."""

    examples = ("hard sigmoid on 3x4x4",)
    listed = listed_as("Hardsigmoid", INPLACE)


@layer("mish")
class Mish(Activation):
    """x · tanh(softplus(x)) (Misra 2020)."""

    examples = ("mish on 3x4x4",)
    listed = listed_as("Mish", INPLACE)


@layer("softplus", "soft plus")
class Softplus(Activation):
    """log(1 + exp(beta · x)) / beta (Glorot, Bordes & Bengio 2011).

    As in torch, it is x itself if beta · x is greater than `threshold`.
    """

    details = ("threshold",)
    takes_number = "beta"
    examples = ("softplus on 3x4x4", "softplus beta 2 threshold 0.5 on 7", "softplus 3 on 7")
    listed = listed_as(
        "Softplus", Argument("beta", "beta", 1), Argument("threshold", "threshold", 20)
    )

    beta: float = attribute("beta", check=positive, default=1)
    threshold: float = attribute("threshold", check=number, default=20)


@layer("hard tanh", "hardtanh")
class HardTanh(Activation):
    """x clipped to the range from -1 to 1 (Collobert 2004).

    Other bounds: `hard tanh from 0 to 20`.
    """

    details = ("low", "high")
    examples = ("hard tanh on 3x4x4", "hard tanh from 0 to 0.5 on 7")
    listed = listed_as(
        "Hardtanh", Argument("min_val", "low", -1.0), Argument("max_val", "high", 1.0), INPLACE
    )

    low: float = attribute("from", "min val", check=number, default=-1.0)
    high: float = attribute("to", "max val", check=number, default=1.0)

    def check(self, x: Shape) -> None:
        if self.low >= self.high:
            raise LayerError(
                f"a hard tanh cannot go from {self.low:g} to {self.high:g}",
                "write the lower bound first, as in `hard tanh from -2 to 2`",
            )

    def call(self, x: Shape) -> Call:
        bounds = (self.low, self.high)
        return Call("Hardtanh", () if bounds == (-1, 1) else bounds)


@layer("log sigmoid")
class LogSigmoid(Activation):
    """The logarithm of the sigmoid, -log(1 + exp(-x))."""

    examples = ("log sigmoid on 3x4x4",)
    listed = listed_as("LogSigmoid")

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=4 * math.prod(x))  # exp(-|x|)


@layer("softsign", "soft sign")
class Softsign(Activation):
    """x / (1 + abs(x)) (Bergstra et al. 2009)."""

    examples = ("softsign on 3x4x4",)
    listed = listed_as("Softsign")

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=4 * math.prod(x))  # the denominators


@layer("celu", "continuously differentiable elu")
class CELU(ELU):
    """x if positive, otherwise alpha · (exp(x / alpha) - 1) (Barron 2017)."""

    kind = "celu"
    examples = ("celu on 3x4x4", "celu(0.5) on 7")
    listed = listed_as("CELU", Argument("alpha", "alpha", 1.0, written="position"), INPLACE)


@layer("rrelu", "randomized relu", "randomised relu", "randomized leaky relu")
class RReLU(Activation):
    """x if positive, otherwise a · x with a random slope a (Xu et al. 2015).

    In training, the slope of each value is drawn from the range from `lower` to `upper`, by
    default 1/8 to 1/3; otherwise it is their mean.
    """

    details = ("lower", "upper")
    examples = ("rrelu on 3x4x4", "randomized leaky relu lower 0.1 upper 0.3 on 7")
    listed = listed_as(
        "RReLU", Argument("lower", "lower", 1 / 8), Argument("upper", "upper", 1 / 3), INPLACE
    )

    lower: float = attribute("lower", check=fraction, default=1 / 8)
    upper: float = attribute("upper", check=positive, default=1 / 3)

    def check(self, x: Shape) -> None:
        if self.lower > self.upper:
            raise LayerError(
                f"the slopes cannot range from {self.lower:g} to {self.upper:g}",
                "write the lower one first",
            )

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=4 * math.prod(x))  # the slopes

    def call(self, x: Shape) -> Call:
        bounds = (self.lower, self.upper)
        return Call("RReLU", () if bounds == (1 / 8, 1 / 3) else bounds)


@layer("softmax", "soft max")
class Softmax(Layer):
    """Probabilities: exp(x) divided by its sum over the channels, at each position.

    At the end of a network it is left to the loss: modules return logits.
    """

    colour = "yellow"
    left_to_loss = True
    keeps = Kept(output=True)
    examples: ClassVar[tuple[str, ...]] = (
        "soft-max on 7",
        "softmax on 3x4x4",
        "softmax on 3x5",
        "softmax on 3x2x2x2",
    )

    listed: ClassVar[tuple[Listing, ...]] = (
        Listing("Softmax", (Argument("dim", only=(1,)),)),
        Listing("Softmax2d", builds="Softmax", axes=2),  # over the batch of signals
    )


@layer("log softmax", "log soft max")
class LogSoftmax(Softmax):
    """The logarithm of the softmax over the channels.

    Like a softmax, it is left to the loss at the end of a network: modules return logits.
    """

    kind = "logsoftmax"
    colour = "grey"
    examples = (
        "log softmax on 7",
        "log-softmax on 3x4x4",
        "log softmax on 3x5",
        "log softmax on 3x2x2x2",
    )
    listed = listed_as("LogSoftmax", Argument("dim", only=(1,)))


@layer("softmin", "soft min")
class Softmin(Layer):
    """Probabilities, largest for the smallest value: the softmax of -x over the channels."""

    keeps = Kept(output=True)
    examples = ("softmin on 7", "soft-min on 3x4x4", "softmin on 3x5", "softmin on 3x2x2x2")
    listed = listed_as("Softmin", Argument("dim", only=(1,)))


class Shrink(Activation):
    """Base class of both: values from -lambda to lambda become zero."""

    takes_number = "lambd"
    lambd: float = attribute("lambda", "lambd", check=positive, default=0.5)


@layer("hard shrink", "hard shrinkage", "hard thresholding")
class HardShrink(Shrink):
    """x, but zero if it is from -lambda to lambda (Donoho & Johnstone 1994)."""

    examples = ("hard shrink on 3x4x4", "hardshrink(0.2) on 7")
    listed = listed_as("Hardshrink", Argument("lambd", "lambd", 0.5, written="position"))


@layer("soft shrink", "soft shrinkage", "soft thresholding")
class SoftShrink(Shrink):
    """x moved towards zero by lambda, and zero if it is from -lambda to lambda (Donoho &
    Johnstone 1994; the activation of learned ISTA, Gregor & LeCun 2010)."""

    examples = ("soft shrink on 3x4x4", "soft thresholding lambda 0.1 on 7", "softshrink(0.2) on 7")
    listed = listed_as("Softshrink", Argument("lambd", "lambd", 0.5, written="position"))


@layer("tanh shrink")
class TanhShrink(Activation):
    """x - tanh(x)."""

    examples = ("tanh shrink on 3x4x4",)
    listed = listed_as("Tanhshrink")

    def kept(self, x: Shape) -> Kept:
        return Kept(extra=4 * math.prod(x))  # the tanh, before the difference


@layer("thresholded relu", "threshold relu", "truncated relu")
class Threshold(Activation):
    """x if it is above the threshold, otherwise zero (Konda, Memisevic & Krueger 2015).

    `thresholded relu 0.5`; as in torch's Threshold, another value than zero is `value -1`.
    """

    details = ("value",)
    named = "thresholded relu {threshold}"
    takes_number = "threshold"
    examples = ("thresholded relu 0.5 on 3x4x4", "truncated relu threshold 0.3 value -1 on 7")
    listed = listed_as(
        "Threshold", Argument("threshold", "threshold"), Argument("value", "value"), INPLACE
    )

    threshold: float = attribute("threshold", "theta", check=number, default=1)
    value: float = attribute("value", check=number, default=0)
