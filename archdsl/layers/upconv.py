"""Transposed convolution, which enlarges a map."""

import math
from typing import Self

from archdsl.layers.base import attribute, layer
from archdsl.layers.checks import flag, lengths, margin, needs_map
from archdsl.layers.conv import Filters, show_axes, show_window, unfolded
from archdsl.layers.terms import LayerError, Shape, Values, Window
from archdsl.layers.torch_signature import ENTERING, Argument, fixed, listed_as
from archdsl.layers.windows import axes, enlarged


@layer("transposed conv", "conv transpose", "deconv", "deconvolution", up_conv={"up": True})
class UpConv(Filters):
    """A transposed convolution: multiplies each input value by a window of weights; the windows are
    `stride` positions apart and add up (Zeiler et al. 2010).

    The stride of `up-conv` is the size of its kernel, so that windows do not overlap (Ronneberger
    et al. 2015); the other spellings have stride 1. It does not pad by default; `pad` removes
    positions on each side, and `output padding` adds some at the end. Multiply-adds: input
    positions x width x kernel x channels / groups.
    """

    examples = (
        "up-conv 2x2 4 on 8x5x6",
        "upconv2-4 on 8x5",
        "transposed conv 4x4 6 stride 2 pad 1 on 3x5x4",
        "deconv 3x3 4 stride 2 pad 1 output padding 1 on 4x5x5",
        "conv transpose 3x3 4 no bias on 2x6x6",
        "convtranspose2d 3x3 4 groups 2 dilation 2 on 6x5x5",
        "deconv 3x3 6 group width 2 on 6x5x5",
        "deconv 3x3 4 stride 2 dilation 3 on 2x9x9",
        "deconv 5x3 4 stride 3x2 pad 1x0 on 2x6x5",
        "up-conv 2x2x2 2 on 3x4x3x2",
        "up-conv 2x2x8x4 on 8x5x6",
    )

    stride: tuple[int, ...] = attribute(
        "stride",
        "s",
        units=("stride",),
        check=lengths,
        default=(),
        means="the distance between windows",
        otherwise="1; for `up-conv` the size of its kernel",
    )
    pad: tuple[int, ...] = attribute(
        "pad",
        "padding",
        check=margin,
        flags={"valid": 0},
        default=0,
        means="positions removed on each side",
    )
    more: tuple[int, ...] = attribute(
        "output padding", check=margin, default=0, means="positions added at the end"
    )
    up: bool = attribute(check=flag, default=False, means="with the stride of its kernel")

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        rank = needs_map(cls.kind, x)
        values = unfolded(values, x)
        if "group_width" in values:
            values = cls.grouped(values, x)
        for name in ("width", "kernel"):
            if name not in values:
                raise LayerError(f"the transposed convolution has no {name}", cls.form())
        kernel = axes(values["kernel"], rank, "kernel")
        self = cls(
            width=values["width"],
            kernel=kernel,
            stride=axes(values.get("stride", kernel if values.get("up") else 1), rank, "stride"),
            pad=axes(values.get("pad", 0), rank, "padding"),
            more=axes(values.get("more", 0), rank, "output padding"),
            dilation=axes(values.get("dilation", 1), rank, "dilation"),
            groups=values.get("groups", 1),
            bias=values.get("bias", True),
        )
        self.check_groups(values, x)
        for more, s, d in zip(self.more, self.stride, self.dilation, strict=True):
            if more >= max(s, d):
                raise LayerError(
                    f"an output padding of {more} at a stride of {s}",
                    "it must be smaller than the stride or the dilation",
                )
        return self

    def out(self, x: Shape) -> Shape:
        sizes = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + 1 + more
            for n, k, s, p, d, more in zip(
                x[1:], self.kernel, self.stride, self.pad, self.dilation, self.more, strict=True
            )
        )
        return (self.width, *enlarged("transposed convolution", x, sizes)[1:])

    def params(self, x: Shape) -> int:
        weights = x[0] * (self.width // self.groups) * math.prod(self.kernel)
        return weights + self.width * self.bias

    def macs(self, x: Shape) -> int:
        return math.prod(x) * (self.width // self.groups) * math.prod(self.kernel)

    def window(self, x: Shape) -> Window:
        # A convolution of the map with `stride - 1` zeros between adjacent values.
        pad = tuple(
            d * (k - 1) - p for k, p, d in zip(self.kernel, self.pad, self.dilation, strict=True)
        )
        return Window(self.kernel, (1,) * len(pad), pad, self.dilation, self.stride)

    listed = listed_as(
        "ConvTranspose*d",
        Argument("in_channels", ENTERING),
        Argument("out_channels", "width"),
        Argument("kernel_size", "kernel"),
        Argument("stride", "stride", 1),
        Argument("padding", "pad", 0),
        Argument("output_padding", "more", 0),
        Argument("groups", "groups", 1),
        Argument("bias", "bias", True),
        Argument("dilation", "dilation", 1),
        fixed("padding_mode", "zeros"),
    )

    @property
    def label(self) -> str:
        stride = f", stride {show_axes(self.stride)}" if any(s != 1 for s in self.stride) else ""
        name = "up-conv" if self.stride == self.kernel else "deconv"
        return f"{name} {show_window(self.kernel)}, {self.width}{stride}"
