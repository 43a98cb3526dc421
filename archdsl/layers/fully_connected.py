"""Fully connected layers, and the flattening before them."""

import math
from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import check_inputs, count, flag, lengths
from archdsl.layers.terms import Kept, LayerError, Shape, Values, times
from archdsl.layers.torch_signature import ENTERING, Argument, fixed, listed_as


class Units(Layer):
    """Base class of layers whose `width` outputs each read the whole input vector."""

    colour = "green"
    takes_number = "width"
    takes_suffix = "width"
    weighs = True
    keeps = Kept(input=True)

    width: int = attribute(
        "width", "out features", units=("neurons", "units", "d", "way", "outputs"), check=count
    )

    def out(self, x: Shape) -> Shape:
        return (self.width,)

    def macs(self, x: Shape) -> int:
        return x[0] * self.width

    def gathers(self, x: Shape) -> bool:
        return True


@layer(
    "fc",
    "fully connected",
    "fully connected layer",
    "linear",
    "dense",
    "dense layer",
    "inner product",
)
class FullyConnected(Units):
    """The product with a learned matrix, plus a bias; a map is flattened first."""

    kind = "fc"
    named = "fc {width}"
    bare = ("linear",)  # a matrix product alone, without the usual activation
    compact = ((r"(?P<width>\d+)N", {}),)  # 150N in Ciresan, Meier & Schmidhuber 2012
    takes_size = "matrix"
    flattens = True
    examples = (
        "FC-10 on 12",
        "FC 12x10 on 12",
        "linear in_features 6 out_features 4 on 6",
        "1000-d fc on 7",
        "linear 5 no bias on 9",
        "fully connected 6 on 7",
        "fc 4096 neurons on 3",
        "150N on 7",
        "FC6 on 7",
    )

    inputs: int | None = attribute(
        "in features", check=count, default=None, means="the input features: only checked"
    )
    matrix: tuple[int, ...] = attribute(check=lengths, default=(), means="inputs x width")
    bias: bool = attribute("bias", check=flag, flags={"no bias": False, "bias": True}, default=True)

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        values = dict(values)
        matrix = values.pop("matrix", None)
        if isinstance(matrix, tuple) and len(matrix) == 2 and not {"inputs", "width"} & {*values}:
            values |= zip(("inputs", "width"), matrix, strict=True)
        elif matrix is not None:
            raise LayerError(
                f"`{times(matrix)}` is not a size of a fully connected layer"
                if "width" not in values
                else "the width of the fully connected layer is given twice",
                "write `FC-1000`, or with the input features `FC 1024x1000`",
            )
        if "width" not in values:
            raise LayerError("the fully connected layer has no width", cls.form())
        check_inputs(values.pop("inputs", None), x[0], "features")
        return cls(**values)

    def params(self, x: Shape) -> int:
        return x[0] * self.width + self.width * self.bias

    listed = listed_as(
        "Linear",
        Argument("in_features", ENTERING),
        Argument("out_features", "width"),
        Argument("bias", "bias", True),
    )


@layer("flatten")
class Flatten(Layer):
    """Turns a map into a vector, channel by channel."""

    trails = True
    is_view = True
    examples = ("flatten on 3x4x5", "flatten on 7", "flatten on 3x4", "flatten on 2x3x2x2")

    def out(self, x: Shape) -> Shape:
        return (math.prod(x),)

    def gathers(self, x: Shape) -> bool:
        return True

    listed = listed_as("Flatten", fixed("start_dim", 1), fixed("end_dim", -1))
