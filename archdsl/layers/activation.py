"""Activations: functions of one value, and softmax."""

from __future__ import annotations

from archdsl.layers.base import Call, Kept, Layer, Shape, layer
from archdsl.layers.listing import INPLACE, Argument, Listing


class Activation(Layer):
    """What all activations share: they accompany a weight layer and keep their output."""

    accompanies = True

    module = ""  # the class in torch.nn

    def kept(self, x: Shape) -> Kept:
        return Kept(output=True)

    def call(self, x: Shape) -> Call:
        return Call(self.module)


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


@layer("softmax", "soft max")
class Softmax(Layer):
    """Probabilities over the channels. A last one is left to the loss: modules give logits."""

    kind = "softmax"
    trails = True
    examples = ("soft-max on 7", "softmax on 3x4x4")

    def kept(self, x: Shape) -> Kept:
        return Kept(output=True)

    listed = (Listing("Softmax", (Argument("dim", only=(1,)),)),)

    def call(self, x: Shape) -> Call:
        return Call("Softmax", (), (("dim", 1),))
