"""Shrinkages: activations that set small values to zero."""

from archdsl.layers.activation import Activation
from archdsl.layers.base import attribute, layer
from archdsl.layers.checks import number, positive
from archdsl.layers.terms import Kept
from archdsl.layers.torch_signature import INPLACE, Argument, listed_as


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

    keeps = Kept(output=True)
    examples = ("tanh shrink on 3x4x4",)
    listed = listed_as("Tanhshrink")


@layer("thresholded relu", "threshold relu", "truncated relu")
class Threshold(Activation):
    """x if it is above the threshold, otherwise zero (Konda, Memisevic & Krueger 2015).

    `thresholded relu 0.5`; as in torch's Threshold, another value than zero is `value -1`.
    """

    named = "thresholded relu {threshold}"
    takes_number = "threshold"
    examples = ("thresholded relu 0.5 on 3x4x4", "truncated relu threshold 0.3 value -1 on 7")
    listed = listed_as(
        "Threshold", Argument("threshold", "threshold"), Argument("value", "value"), INPLACE
    )

    threshold: float = attribute("threshold", "theta", check=number, default=1)
    value: float = attribute("value", check=number, default=0)
