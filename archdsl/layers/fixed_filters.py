"""Filters of image processing: their weights are fixed, not learned.

They filter each channel separately. As in torch and OpenCV they cross-correlate: the kernel is laid
on the image as it is printed, not flipped.
"""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any, ClassVar, Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import count, lengths, margin, needs_map, positive
from archdsl.layers.padding import same
from archdsl.layers.terms import Call, Kept, LayerError, Misfit, Shape, Value, Values, Window, show
from archdsl.layers.torch_signature import scalar_if_equal
from archdsl.layers.windows import KERNEL_WORDS, axes, slide


class FixedFilter(Layer):
    """Base class of fixed filters: kernels with which each channel is correlated.

    They pad with zeros, by default so that the size is kept, or not at all under `padding valid`.
    The output maps of a channel are adjacent. The weights are buffers; the multiply-adds are those
    of a depthwise convolution.
    """

    trails = False
    keeps = Kept(input=True)  # like torch's convolutions, although only learned filters need it
    ranks: ClassVar[tuple[int, ...]] = (1, 2, 3)  # of the maps that the filter is defined for

    pad: tuple[int, ...] = attribute(
        "pad",
        "padding",
        "p",
        units=("pad", "padding"),
        check=margin,
        flags={"same": "same", "valid": "valid", "no padding": "valid", "unpadded": "valid"},
        otherwise="the network's `padding`: `same`",
    )

    @classmethod
    def rank(cls, x: Shape) -> int:
        """The number of axes of a map. Raises Misfit if the filter is not defined for it."""
        rank = needs_map(cls.kind, x)
        if rank not in cls.ranks:
            raise Misfit(
                f"`{cls.kind}` needs an image of two axes, but its input has {rank}",
                "`laplacian` and `gaussian` are also defined for one axis and for three",
            )
        return rank

    @classmethod
    def padded(cls, values: Values, kernel: tuple[int, ...], padding: str) -> Any:
        """The padding of a kernel, per axis."""
        pad = values.get("pad", padding)
        if isinstance(pad, str):
            return same(kernel) if pad == "same" else (0,) * len(kernel)
        return axes(pad, len(kernel), "padding")

    def size(self, x: Shape) -> tuple[int, ...]:
        """The size of the kernels."""
        return (3,) * (len(x) - 1)

    def maps(self, x: Shape) -> int:
        """The number of output maps for each channel."""
        return 1

    def out(self, x: Shape) -> Shape:
        return (x[0] * self.maps(x), *slide("filter", x, self.window(x)))

    def window(self, x: Shape) -> Window:
        one = (1,) * (len(x) - 1)
        return Window(self.size(x), one, self.pad, one)

    def buffers(self, x: Shape) -> int:
        return x[0] * self.maps(x) * math.prod(self.size(x))

    def macs(self, x: Shape) -> int:
        return math.prod(self.out(x)) * math.prod(self.size(x))

    def padding(self) -> tuple[tuple[str, Value], ...]:
        """The option of the torch call."""
        return (("padding", scalar_if_equal(self.pad)),) if any(self.pad) else ()


class Gradient(FixedFilter):
    """Base class of derivatives: differences along one axis, smoothed along the other."""

    ranks = (2,)
    smoothing: ClassVar[tuple[int, int, int]]

    direction: str = attribute(check=str, default="both")  # "x", "y" or "both"

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        cls.rank(x)
        direction = str(values.get("direction", "both"))
        return cls(cls.padded(values, (3, 3), padding), direction)

    def maps(self, x: Shape) -> int:
        return 2 if self.direction == "both" else 1

    def call(self, x: Shape) -> Call:
        difference = (-1, 0, 1)
        along_x = tuple(tuple(s * d for d in difference) for s in self.smoothing)
        along_y = tuple(zip(*along_x, strict=True))
        kernels = {"x": (along_x,), "y": (along_y,), "both": (along_x, along_y)}[self.direction]
        return Call("FixedFilter", (x[0], *kernels), self.padding(), True)

    @property
    def label(self) -> str:
        return self.kind + (f" {self.direction}" if self.direction != "both" else "")


_X: Mapping[str, Value] = {"direction": "x"}
_Y: Mapping[str, Value] = {"direction": "y"}


@layer("sobel", "sobel filter", "sobel operator", sobel_x=_X, sobel_y=_Y)
class Sobel(Gradient):
    """The derivative along one axis, smoothed by (1, 2, 1) along the other (Sobel & Feldman 1968).

    `sobel x` is positive where the image becomes brighter to the right, `sobel y` where it becomes
    brighter downwards: G_y = (-1 -2 -1; 0 0 0; 1 2 1). Texts that print G_y upside down have the
    opposite sign. `sobel` alone gives two maps for each channel, x and then y. The result is not
    divided by 8.
    """

    smoothing = (1, 2, 1)
    examples = (
        "sobel on 3x6x7",
        "sobel x on 1x6x6",
        "sobel_y on 2x5x5",
        "sobel filter, valid on 2x5x6",
        "sobel pad 2x0 on 1x5x6",
    )


@layer("scharr", "scharr filter", "scharr operator", scharr_x=_X, scharr_y=_Y)
class Scharr(Gradient):
    """Like the Sobel filter, but smoothed by (3, 10, 3), which measures directions more precisely
    (Scharr 2000)."""

    smoothing = (3, 10, 3)
    examples = ("scharr on 3x6x7", "scharr x on 1x6x6", "scharr y no padding on 2x5x5")


@layer("laplacian", "laplacian filter", "discrete laplacian", "laplace filter")
class Laplacian(FixedFilter):
    """The sum of the second derivatives: the sum of the neighbours, minus their number times the
    value itself.

    On images it has the 4 neighbours along the axes (0 1 0; 1 -4 1; 0 1 0), or with `8 neighbours`
    also the diagonal ones (1 1 1; 1 -8 1; 1 1 1). On signals it has 2, on volumes 6 or 26.
    """

    named = "laplacian, {neighbours} neighbours"
    examples = (
        "laplacian on 3x6x7",
        "laplacian, 8 neighbours on 2x5x5",
        "discrete laplacian valid on 2x9",
        "laplacian on 2x4x4x4",
    )

    neighbours: int = attribute(
        units=("neighbours", "neighbors", "neighbour", "neighbor"),
        check=count,
        otherwise="those along the axes",
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        rank = cls.rank(x)
        known = sorted({2 * rank, 3**rank - 1})
        neighbours = values.get("neighbours", 2 * rank)
        if neighbours not in known:
            raise LayerError(
                f"a laplacian cannot have {neighbours} neighbours",
                f"on {rank} axes it has {' or '.join(map(str, known))}",
            )
        return cls(cls.padded(values, (3,) * rank, padding), neighbours)

    def call(self, x: Shape) -> Call:
        rank = len(x) - 1

        def weight(offset: tuple[int, ...]) -> int:
            distance = sum(map(abs, offset))
            if not distance:
                return -self.neighbours
            return int(distance == 1 or self.neighbours > 2 * rank)

        kernel: Any = [weight(offset) for offset in product((-1, 0, 1), repeat=rank)]
        while len(kernel) > 3:
            kernel = [tuple(kernel[i : i + 3]) for i in range(0, len(kernel), 3)]
        return Call("FixedFilter", (x[0], tuple(kernel)), self.padding(), True)


def _sigma(value: Value) -> Value:
    """A number of positions, from 0.001 to 1,000,000."""
    positive(value)
    if not 0.001 <= value <= 1e6:  # type: ignore[operator]
        raise LayerError(f"must be from 0.001 to 1,000,000 positions, not {show(value)}")
    return value


@layer("gaussian", "gaussian filter", "gaussian blur", "gaussian smoothing")
class Gaussian(FixedFilter):
    """A blur: the mean of a window, with the weight exp(-d² / (2 · sigma²)) at the distance d.

    The window has 5 positions on each axis unless a size is given. `sigma` defaults, as in OpenCV,
    to 0.3 · ((k - 1) / 2 - 1) + 0.8 for a window of k positions, which is 1.1 for 5. The weights
    add up to 1. Windows of even size do not pad.
    """

    named = "gaussian {kernel}"
    takes_size = "kernel"
    takes_number = "kernel"
    examples = (
        "gaussian on 3x6x7",
        "gaussian blur 3x3 sigma 1 on 2x5x5",
        "gaussian 5x3 valid on 1x8x8",
        "gaussian 4x4 on 1x8x8",
        "gaussian 7 sigma 2.5 on 2x20",
        "gaussian 3 on 1x4x4x4",
    )

    kernel: tuple[int, ...] = attribute(*KERNEL_WORDS, check=lengths, otherwise="5")
    sigma: tuple[float, ...] = attribute(
        "sigma", check=_sigma, otherwise="0.3 · ((k - 1) / 2 - 1) + 0.8"
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        rank = cls.rank(x)
        kernel = axes(values.get("kernel", 5), rank, "kernel")
        default = tuple(round(0.3 * ((k - 1) / 2 - 1) + 0.8, 6) for k in kernel)
        sigma = (float(values["sigma"]),) * rank if "sigma" in values else default
        return cls(cls.padded(values, kernel, padding), kernel, sigma)

    def size(self, x: Shape) -> tuple[int, ...]:
        return self.kernel

    def call(self, x: Shape) -> Call:
        return Call("GaussianFilter", (x[0], self.kernel, self.sigma), self.padding(), True)
