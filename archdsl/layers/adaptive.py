"""Adaptive pools: to a given size, whatever the size of their input."""

import math
from typing import ClassVar

from archdsl.layers import resize_window
from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import lengths, needs_map
from archdsl.layers.pool import AvgPool, MaxPool, Pool
from archdsl.layers.terms import Kept, Shape, Values, Window
from archdsl.layers.torch_signature import Argument, fixed, listed_as
from archdsl.layers.windows import axes, enlarged


class AdaptivePool(Layer):
    """Base class of both: output position o of m reads the input from o / m to (o + 1) / m of its
    size, rounded outwards. An adaptive pool to one position is the global pool."""

    kind = "pool"
    colour = "red"
    takes_size = "size"
    takes_number = "size"
    pool: ClassVar[type[Pool]]

    size: tuple[int, ...] = attribute("size", "to", "output size", check=lengths)

    @classmethod
    def settle(  # type: ignore[override]  # a global pool is another kind
        cls, values: Values, x: Shape, padding: str
    ) -> Layer:
        rank = needs_map(cls.kind, x)
        self = super().settle(values, x, padding)
        size = axes(values["size"], rank, "size")
        if set(size) == {1}:
            return self.pool((), (), (), False)
        return cls(size)

    def out(self, x: Shape) -> Shape:
        return enlarged(f"adaptive {self.pool.name}", x, self.size)

    def window(self, x: Shape) -> Window:
        return resize_window.window(map(resize_window.adaptive, x[1:], self.size))

    def plainest(self, x: Shape) -> Layer:
        """If the sizes divide those of the map, a pool with windows of their quotients."""
        if any(n % m for n, m in zip(x[1:], self.size, strict=True)):
            return self
        quotients = tuple(n // m for n, m in zip(x[1:], self.size, strict=True))
        return self.pool(quotients, quotients, (0,) * len(quotients), False)


@layer("adaptive max pool", "adaptive maxpool", "adaptive maxpooling")
class AdaptiveMaxPool(AdaptivePool):
    """The largest value of each part of a map, which is divided into a given number of parts.

    `adaptive max pool 6x6` has 6 x 6 parts, as in torch. They overlap by one position if 6 does
    not divide the size of the map.
    """

    named = "adaptive max pool {size}"
    pool = MaxPool
    examples = (
        "adaptive max pool 3x2 on 4x7x8",
        "adaptive max pooling to 4 on 3x9",
        "adaptive maxpool 2 on 3x4x6",
        "adaptive max pool 2x1x3 on 2x4x3x4",
        "adaptive max pool 4 on 4x8x8",
    )

    listed = listed_as(
        "AdaptiveMaxPool*d", Argument("output_size", "size"), fixed("return_indices", False)
    )

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=8 * math.prod(self.out(x)))  # the winners' indices, int64


@layer("adaptive average pool", "adaptive avgpool")
class AdaptiveAvgPool(AdaptivePool):
    """The mean of each part of a map, which is divided into a given number of parts.

    `adaptive average pool 6x6` has 6 x 6 parts, as in torch (torchvision's AlexNet and VGG). They
    overlap by one position if 6 does not divide the size of the map.
    """

    named = "adaptive avg pool {size}"
    pool = AvgPool
    keeps = Kept(input=True)
    examples = (
        "adaptive average pool 6x6 on 4x13x12",
        "adaptive avg pool 3 on 4x6x7",
        "adaptive avgpool to 4x5 on 3x3x5",
        "adaptive average pool 4 on 3x9",
        "adaptive average pool 2x2x1 on 3x4x3x2",
        "adaptive average pool 4 on 4x8x8",
    )

    listed = listed_as("AdaptiveAvgPool*d", Argument("output_size", "size"))
