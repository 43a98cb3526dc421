"""Fully connected layers, the output layer of LeNet-5, and flattening."""

import math
from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import check_inputs, count, flag, lengths
from archdsl.layers.terms import Call, Kept, LayerError, Misfit, Shape, Values, times
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


@layer("rbf", "radial basis function", "euclidean rbf", "gaussian connections", "gaussian output")
class RBF(Units):
    """The negative squared distance between the input and the code of each class, as logits (LeCun,
    Bottou, Bengio & Haffner 1998, equation 7).

    The paper's y is the distance, which is smallest for the most likely class; the layer returns
    -y, so that the largest value wins and the loss is cross-entropy, as after any other output
    layer. A softmax of -y weights the classes like the Gaussians that the paper mentions; its
    equation 9, without the rubbish class, is that cross-entropy.

    The codes are vectors of -1 and +1, which are buffers and not learned. For `rbf 10` on 84
    inputs they are the digits as bitmaps of 7x12 pixels, with ink as +1, drawn from figure 3. For
    all other sizes they are the paper's alternative, an error-correcting code: the rows of a
    Hadamard matrix. That needs more inputs than half of the classes, rounded up to a power of two.

    The distances are large, initially about the number of inputs: SGD with momentum 0.9 learns at
    a rate of 0.002, but not at ten times that rate.

    It counts as a weight layer, so the layer before it is a hidden layer. Multiply-adds: inputs x
    width.
    """

    named = "rbf {width}"
    examples = (
        "rbf 10 on 84",
        "RBF-3 on 84",
        "rbf 12 on 84",
        "5 gaussian connections on 7",
        "RBF10 on 84",
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        if "width" not in values:
            raise LayerError("`rbf` has no width", "write `rbf 10`, with the number of classes")
        if len(x) > 1:
            raise Misfit(
                f"`rbf` needs a vector, but its input is a map of {times(x[1:])}",
                "write `flatten` before it",
            )
        width: int = values["width"]
        needed = (1 << (width - 1).bit_length()) // 2 + 1
        if width > 1 and x[0] < needed:
            raise Misfit(
                f"the codes of {width} classes need at least {needed} inputs, not {x[0]}",
                f"write a layer of {needed} or more units before it",
            )
        return cls(width)

    def buffers(self, x: Shape) -> int:
        return x[0] * self.width

    def call(self, x: Shape) -> Call:
        return Call("RBF", (x[0], self.width), (), True)


@layer("flatten")
class Flatten(Layer):
    """Turns a map into a vector, channel by channel."""

    is_view = True
    examples = ("flatten on 3x4x5", "flatten on 7", "flatten on 3x4", "flatten on 2x3x2x2")

    def out(self, x: Shape) -> Shape:
        return (math.prod(x),)

    def gathers(self, x: Shape) -> bool:
        return True

    listed = listed_as("Flatten", fixed("start_dim", 1), fixed("end_dim", -1))
