"""The output layer of LeNet-5."""

from typing import Self

from archdsl.layers.base import layer
from archdsl.layers.fully_connected import Units
from archdsl.layers.terms import Call, LayerError, Misfit, Shape, Values, times


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
