"""Pooling: over windows, to a given size, and with learned coefficients."""

import math
from collections.abc import Mapping
from typing import ClassVar, Self

from archdsl.layers import resize_window
from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import flag, lengths, margin, needs_map
from archdsl.layers.conv import show_axes, show_window
from archdsl.layers.padding import same
from archdsl.layers.terms import (
    Call,
    Disputed,
    Kept,
    LayerError,
    Misfit,
    Shape,
    Value,
    Values,
    Window,
    times,
)
from archdsl.layers.torch_signature import Argument, fixed, listed_as
from archdsl.layers.windows import KERNEL_WORDS, axes, enlarged, slide

LARGE = 14  # a window that is rather the size of a map


class Pool(Layer):
    """Base class of pools: a window that slides over a map, by default with a stride of its size.

    With stride 1 it pads to keep the size; with larger strides it does not pad, and rounds down,
    unless `pad` or `ceil` is given. An empty `kernel` is the whole map.
    """

    keeps_channels = True
    kind = "pool"
    colour = "red"
    trails = False
    takes_size = "kernel"
    takes_number = "kernel"
    default_kernel: ClassVar[int | None]
    name: ClassVar[str]
    disputed: ClassVar[tuple[Disputed, ...]] = (
        Disputed("ceil", "Caffe rounds up", "{kind} rounding down", "ceil"),
        Disputed(
            "stride",
            "AlexNet and ResNet have 3x3/2",
            "{kind} with the stride of its window",
            "stride 2",
        ),
    )

    kernel: tuple[int, ...] = attribute(
        *KERNEL_WORDS,
        units=("window",),
        check=lengths,
        otherwise="2, for an average the whole map",
    )
    stride: tuple[int, ...] = attribute(
        "stride", "s", units=("stride",), check=lengths, otherwise="the size of the window"
    )
    pad: tuple[int, ...] = attribute(
        "pad",
        "padding",
        "p",
        units=("pad", "padding"),
        check=margin,
        flags={"same": "same", "valid": "valid"},
        otherwise="`same` at stride 1, otherwise 0",
    )
    ceil: bool = attribute(
        "ceil",
        check=flag,
        flags={"ceil": True},
        default=False,
        means="a last window may extend past the border",
    )
    everywhere: bool = attribute(
        check=flag, flags={"global": True}, default=False, means="over the whole map"
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        rank = needs_map(cls.kind, x)
        size = values.get("kernel", cls.default_kernel)
        if values.get("everywhere") or size is None:
            if size is not None and "kernel" in values and axes(size, rank, "kernel") != x[1:]:
                raise Misfit(
                    f"a global {times(axes(size, rank, 'kernel'))} pool on a {times(x[1:])} input",
                    f"write `{times(x[1:])}`, or leave out the size",
                )
            for name in ("stride", "pad", "ceil"):
                if name in values:
                    raise LayerError(
                        f"a global pool does not take {name}",
                        "give the pool a size, as in `2x2 avgpool`",
                    )
            return cls((), (), (), False)
        kernel = axes(size, rank, "kernel")
        if "stride" not in values and all(
            k >= LARGE and n == 2 * k for k, n in zip(kernel, x[1:], strict=True)
        ):
            shown = times(kernel)
            raise Misfit(
                f"is {shown} the window of the pool, or the size of the map after it?",
                f"write `{times((2,) * rank)}` for a pool that halves the map, "
                f"`{shown} stride {show_axes(kernel)}` for the window",
            )
        stride = axes(values.get("stride", kernel), rank, "stride")
        pad: Value = values.get("pad", "same" if set(stride) == {1} else "valid")
        if isinstance(pad, str):
            pad = same(kernel) if pad == "same" else 0
        margins = axes(pad, rank, "padding")
        if any(p > k // 2 for p, k in zip(margins, kernel, strict=True)):
            raise LayerError(
                f"a padding of {show_axes(margins)} is over half of the {times(kernel)} window",
                "pad at most half of the window",
            )
        return cls(kernel, stride, margins, bool(values.get("ceil", False)))

    def matters(self, attribute: str, x: Shape) -> bool:
        if attribute == "ceil":
            window = self.window(x)
            return slide("pool", x, window, ceil=True) != slide("pool", x, window)
        if attribute == "stride":
            return max(self.kernel, default=0) > 2 and self.kernel != x[1:]
        return attribute != "counted" or any(self.pad)

    def out(self, x: Shape) -> Shape:
        if not self.kernel:
            return (x[0], *(1 for _ in x[1:]))
        return (x[0], *slide("pool", x, self.window(x), self.ceil))

    def window(self, x: Shape) -> Window:
        one = (1,) * (len(x) - 1)
        if not self.kernel:
            return Window(x[1:], one, (0,) * len(one), one)
        return Window(self.kernel, self.stride, self.pad, one)

    def gathers(self, x: Shape) -> bool:
        return not self.kernel

    def plainest(self, x: Shape) -> Layer:
        if self.kernel == x[1:] and not any(self.pad):
            return type(self)((), (), (), False)  # of the whole map
        if self.ceil:
            floor = type(self)(**{**vars(self), "ceil": False})
            return floor if floor.out(x) == self.out(x) else self
        return self

    def call(self, x: Shape) -> Call:
        if not self.kernel:
            return Call(f"Adaptive{self.listed[0].name}".replace("*", str(len(x) - 1)), (1,))
        return super().call(x)

    @property
    def label(self) -> str:
        if not self.kernel:
            return f"global {self.name}"
        stride = self.stride if self.stride != self.kernel else ()
        return f"{self.name} {show_window(self.kernel, stride)}"


_GLOBAL: Mapping[str, Value] = {"everywhere": True}


@layer("maxpool", "max pool", global_max_pool=_GLOBAL)
class MaxPool(Pool):
    """The largest value of each window, which is 2x2 with stride 2 unless a size is given."""

    details = ("ceil",)
    compact = ((r"MP(?P<kernel>\d+)", {}),)  # MP3 in Ciresan, Meier & Schmidhuber 2012
    default_kernel = 2
    name = "max pool"
    examples = (
        "maxpool on 4x8x8",
        "3x3 max pool, stride 2 on 4x9x9",
        "max pool 3x3/2 ceil on 4x8x8",
        "max pool 3x3/2 ceil on 4x9x9",
        "max pool 2x2 stride 3 ceil on 2x6x7",  # no window starts on 6, after the last whole one
        "maxpool 3x3/1 on 4x8x8",
        "maxpool 3x3/1 on 4x3x3",
        "maxpool 3x3/2 pad 1 on 4x8x8",
        "maxpool 2x1 on 3x8x5",
        "maxpool on 3x9",
        "max pool 4x1 on 3x9",
        "global max pool on 3x5x5",
        "max pool 2x2x2 on 2x4x4x5",
        "maxpool 3 on 3x7x9",
        "MP3 on 3x7x9",
    )

    listed = listed_as(
        "MaxPool*d",
        Argument("kernel_size", "kernel"),
        Argument("stride", "stride", None, like="kernel_size"),
        Argument("padding", "pad", 0),
        fixed("dilation", 1),
        fixed("return_indices", False),
        Argument("ceil_mode", "ceil", False),
    )

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=8 * math.prod(self.out(x)))  # the winners' indices, int64


@layer("avgpool", "avg pool", "average pool", global_average_pool=_GLOBAL, gap=_GLOBAL)
class AvgPool(Pool):
    """The mean of each window, which is the whole map unless a size is given.

    The zeros of the padding count; with `exclude padding` they do not.
    """

    details = ("ceil", "counted")
    default_kernel = None
    name = "avg pool"
    disputed = (
        *Pool.disputed,
        Disputed(
            "counted",
            "TensorFlow leaves them out",
            "{kind} counting the zeros of its padding",
            "exclude padding",
        ),
    )
    counted: bool = attribute(
        "count include pad",
        check=flag,
        flags={
            "count include pad": True,
            "include padding": True,
            "exclude padding": False,
            "exclude pad": False,
        },
        default=True,
    )

    examples = (
        "2x2 average pool, stride 2 on 4x8x8",
        "avgpool on 4x7x7",
        "7x7 avgpool on 4x7x7",
        "7x7 global average pool on 4x7x7",
        "avg pool 3x3/1 on 4x8x8",
        "avgpool 3x3/2 pad 1 on 4x8x8",
        "avgpool 3x3/2 ceil on 4x8x8",
        "avgpool 2 on 3x9",
        "avgpool on 2x3x4x5",
        "avgpool 3x3/1 exclude padding on 4x8x8",
        "avgpool 3x3 stride 2 pad 1 ceil exclude padding on 4x8x7",
        "avgpool 3 stride 2 pad 1 count_include_pad=False on 4x9",
        "avgpool 3x3x3/2 pad 1 exclude pad on 2x5x6x7",
        "avgpool 2x2x2 on 2x4x6x8",
    )

    listed = listed_as(
        "AvgPool*d",
        Argument("kernel_size", "kernel"),
        Argument("stride", "stride", None, like="kernel_size"),
        Argument("padding", "pad", 0),
        Argument("ceil_mode", "ceil", False),
        Argument("count_include_pad", "counted", True),
        fixed("divisor_override", None),
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        self = super().settle(values, x, padding)
        # torch considers the padding only for images.
        if len(x) == 4 and any(n < k for n, k in zip(x[1:], self.kernel, strict=False)):
            raise Misfit(
                f"a {times(self.kernel)} average on a {times(x[1:])} map",
                "on three axes, torch only supports windows that fit without padding",
            )
        if values.get("counted", True) or not any(self.pad):
            return self
        return cls(**{**vars(self), "counted": False})

    def gathers(self, x: Shape) -> bool:
        # A mean of the whole map reads all of it, whether or not its size is written.
        return not self.kernel or (self.kernel == x[1:] and not any(self.pad))

    def kept(self, x: Shape) -> Kept:
        # The gradient of the mean of a map only needs its size.
        return Kept() if not self.kernel else Kept(input=True)


class AdaptivePool(Layer):
    """Base class of both: output position o of m reads the input from o / m to (o + 1) / m of its
    size, rounded outwards. An adaptive pool to one position is the global pool."""

    keeps_channels = True
    kind = "pool"
    colour = "red"
    trails = False
    takes_size = "size"
    takes_number = "size"
    pool: ClassVar[type[Pool]]

    size: tuple[int, ...] = attribute("size", "to", "output size", check=lengths)

    @classmethod
    def settle(  # type: ignore[override]  # a global pool is another kind
        cls, values: Values, x: Shape, padding: str
    ) -> Layer:
        rank = needs_map(cls.kind, x)
        size = axes(super().settle(values, x, padding).size, rank, "size")
        if set(size) == {1}:
            return cls.pool((), (), (), False)
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


@layer("subsampling", "weighted subsampling", "trainable subsampling")
class Subsampling(Layer):
    """The sum of each window times a coefficient, plus a bias, both learned for each channel
    (LeCun, Bottou, Bengio & Haffner 1998, section II.B, S2 and S4).

    The window is 2x2 unless a size is given, and its stride is its size unless a stride is given.
    It does not pad, and rounds down. Like pools, it has no multiply-adds and is not counted among
    the weight layers. The squashing function that follows it needs a convention: `subsampling
    means subsampling-scaled tanh`.
    """

    keeps_channels = True
    colour = "red"
    trails = False
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
