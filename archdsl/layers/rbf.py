"""The output layer of LeNet-5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from archdsl.layers.base import (
    Call,
    Kept,
    Layer,
    LayerError,
    Misfit,
    Shape,
    attribute,
    layer,
    times,
)
from archdsl.layers.checks import count


@layer("rbf", "radial basis function", "euclidean rbf", "gaussian connections", "gaussian output")
class RBF(Layer):
    """The squared distance of what enters from the code of each class, with a minus: logits
    (LeCun, Bottou, Bengio & Haffner 1998, equation 7).

    The paper's y is the distance, small for the likeliest class; the layer gives -y, so that the
    largest value wins and cross-entropy is the loss, as behind any other output layer. A softmax of
    -y weighs the classes as the Gaussians do that the paper speaks of; its equation 9 without the
    class of rubbish is that cross-entropy.

    The codes are numbers of -1 and +1 that do not learn: buffers. Of `rbf 10` behind 84 units they
    are the digits as bitmaps of 7x12 pixels, ink +1, drawn after figure 3. The paper's other
    choice, an error-correcting code, holds for all other sizes: the rows of a Hadamard matrix. It
    needs more inputs than half of the classes, rounded up to a power of two.

    The distances are large, at first about as many as there are inputs: SGD with momentum 0.9
    learns with a rate of 0.002, and with ten times as much not at all.

    It counts as a weight layer: in front of it stands a hidden layer. Multiply-adds: inputs x
    width.
    """

    kind = "rbf"
    colour = "green"
    takes_number = "width"
    takes_suffix = "width"
    weighs = True
    examples = (
        "rbf 10 on 84",
        "RBF-3 on 84",
        "rbf 12 on 84",
        "5 gaussian connections on 7",
        "RBF10 on 84",
    )

    width: int = attribute("width", units=("neurons", "units", "d", "way", "outputs"), check=count)

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        if "width" not in values:
            raise LayerError("`rbf` has no width", "write `rbf 10`, with the number of classes")
        if len(x) > 1:
            raise Misfit(
                f"`rbf` needs a vector, its input is a map of {times(x[1:])}",
                "write `flatten` in front of it",
            )
        width: int = values["width"]
        needed = (1 << (width - 1).bit_length()) // 2 + 1
        if width > 1 and x[0] < needed:
            raise Misfit(
                f"the codes of {width} classes need {needed} inputs or more, {x[0]} enter",
                f"write a layer of {needed} units or more in front of it",
            )
        return cls(width)

    def out(self, x: Shape) -> Shape:
        return (self.width,)

    def buffers(self, x: Shape) -> int:
        return x[0] * self.width

    def macs(self, x: Shape) -> int:
        return x[0] * self.width

    def gathers(self, x: Shape) -> bool:
        return True

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)

    def call(self, x: Shape) -> Call:
        return Call("RBF", (x[0], self.width), (), True)

    @property
    def label(self) -> str:
        return f"rbf {self.width}"
