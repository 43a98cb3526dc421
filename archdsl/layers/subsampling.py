"""The trainable pooling of LeNet-5."""

import math
from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import lengths, needs_map
from archdsl.layers.terms import Call, Kept, Shape, Values, Window, times
from archdsl.layers.windows import KERNEL_WORDS, axes, slide


@layer("subsampling", "weighted subsampling", "trainable subsampling")
class Subsampling(Layer):
    """The sum of each window times a coefficient, plus a bias, both learned for each channel
    (LeCun, Bottou, Bengio & Haffner 1998, section II.B, S2 and S4).

    The window is 2x2 unless a size is given, and its stride is its size unless a stride is given.
    It does not pad, and rounds down. Like pools, it has no multiply-adds and is not counted among
    the weight layers. The squashing function that follows it needs a convention: `subsampling
    means subsampling-scaled tanh`.
    """

    colour = "red"
    takes_size = "kernel"
    takes_number = "kernel"
    examples = (
        "subsampling 2x2 on 6x8x8",
        "weighted subsampling on 3x7x9",
        "trainable subsampling 3x3, stride 2 on 4x9x9",
        "subsampling 3 on 2x10",
        "subsampling 2x1x2 on 2x4x3x4",
        "subsampling 3x3 on 2x3x3",
    )

    kernel: tuple[int, ...] = attribute(
        *KERNEL_WORDS, units=("window",), check=lengths, otherwise="2"
    )
    stride: tuple[int, ...] = attribute(
        "stride", "s", units=("stride",), check=lengths, otherwise="the size of the window"
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        rank = needs_map(cls.kind, x)
        kernel = axes(values.get("kernel", 2), rank, "kernel")
        return cls(kernel, axes(values.get("stride", kernel), rank, "stride"))

    def out(self, x: Shape) -> Shape:
        return (x[0], *slide("subsampling", x, self.window(x)))

    def params(self, x: Shape) -> int:
        return 2 * x[0]

    def window(self, x: Shape) -> Window:
        rank = len(x) - 1
        return Window(self.kernel, self.stride, (0,) * rank, (1,) * rank)

    def gathers(self, x: Shape) -> bool:
        return self.kernel == x[1:]  # like a mean of the whole map

    def kept(self, x: Shape) -> Kept:
        # The gradient of the coefficient needs the sums.
        return Kept(input=True, extra=4 * math.prod(self.out(x)), passing=True)

    def call(self, x: Shape) -> Call:
        options = () if self.stride == self.kernel else (("stride", self.stride),)
        return Call("Subsampling", (x[0], self.kernel), options, True)

    @property
    def label(self) -> str:
        stride = f"/{times(self.stride)}" if self.stride != self.kernel else ""
        return f"subsampling {times(self.kernel)}{stride}"
