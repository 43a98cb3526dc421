"""Convolution."""

import math
from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import (
    GROUP_WIDTH,
    MEANS_GROUP_WIDTH,
    check_inputs,
    count,
    flag,
    lengths,
    margin,
    needs_map,
    with_groups,
)
from archdsl.layers.connection_table import BELOW, connection_lists, tables, with_connections
from archdsl.layers.padding import MODES, check_room, padding_mode, same
from archdsl.layers.terms import (
    Call,
    Kept,
    LayerError,
    Misfit,
    Shape,
    Value,
    Values,
    Window,
    show,
    times,
)
from archdsl.layers.torch_signature import ENTERING, Argument, listed_as
from archdsl.layers.windows import axes, slide


class Filters(Layer):
    """`width` learned filters of `kernel` positions; each of the `groups` has its own channels.

    A kernel may have more numbers than the map has axes: 3x3x3x32 also gives 3 input channels and
    a width of 32.
    """

    details = ("groups", "dilation")
    takes_size = "kernel"
    takes_number = "width"
    takes_suffix = "kernel"
    weighs = True
    colour = "blue"
    keeps = Kept(input=True)

    width: int = attribute(
        "width",
        "out channels",
        "output channel",
        "output channels",
        units=("filters", "filter", "channels", "kernels", "kernel", "maps", "feature maps"),
        check=count,
    )
    kernel: tuple[int, ...] = attribute(
        "kernel", "kernel size", "filter size", "size", "k", check=lengths
    )
    stride: tuple[int, ...] = attribute(
        "stride", "s", units=("stride",), check=lengths, default=(1,)
    )
    inputs: int | None = attribute(
        "in channels",
        "input channel",
        "input channels",
        check=count,
        default=None,
        means="the input channels, in all or of a group: only checked",
    )
    dilation: tuple[int, ...] = attribute(
        "dilation",
        check=lengths,
        default=(1,),
        means="the distance between the positions of a kernel",
    )
    groups: int = attribute(
        "groups",
        "group",
        "cardinality",
        "C",
        units=("groups",),
        check=count,
        default=1,
        means="each reads its own channels",
    )
    group_width: int | None = attribute(
        *GROUP_WIDTH,
        units=("channels per group",),
        check=count,
        default=None,
        means=MEANS_GROUP_WIDTH,
    )
    bias: bool = attribute("bias", check=flag, flags={"no bias": False, "bias": True}, default=True)

    @staticmethod
    def grouped(values: Values, x: Shape) -> Values:
        """The attributes with a number of groups. Raises LayerError where their width may be that
        of the input or of the output."""
        grouped = with_groups(values, x[0])
        if grouped is values:
            return values
        per, groups, width = values["group_width"], grouped["groups"], values.get("width", x[0])
        assert isinstance(per, int) and isinstance(width, int)
        others = width // per
        if others and groups != others and not width % per and not x[0] % others:
            raise LayerError(
                f"are groups of {per} those of the {x[0]} channels, or of the {width} filters?",
                f"write `groups {groups}`, or `groups {others}`",
            )
        return grouped

    def check_groups(self, values: Values, x: Shape) -> None:
        """Raises Misfit if the groups do not divide the channels, or the text states others."""
        for what, channels in (("input", x[0]), ("output", self.width)):
            if channels % self.groups:
                raise Misfit(
                    f"{self.groups} groups do not divide {channels} {what} channels",
                    "the groups must divide both the input channels and the width",
                )
        check_inputs(values.get("inputs"), x[0], "channels", self.groups)


def unfolded(values: Values, x: Shape) -> Values:
    """The attributes with input channels and width split from the kernel, which may include both.

    On a map of two axes, the kernel 3x3x16x32 becomes kernel 3x3, inputs 16 and width 32; 16x3x3,
    with 16 channels, becomes kernel 3x3 and inputs 16. Raises LayerError for a repeated value.
    """
    kernel, rank = values.get("kernel"), len(x) - 1
    if not isinstance(kernel, tuple) or not rank < len(kernel) <= rank + 2:
        return values
    if rank == 1 and len(kernel) == 2 and kernel[1] == 1:
        return values  # 80x1 on a signal
    if len(kernel) == rank + 1 and kernel[0] == x[0] != kernel[-1] and len(set(kernel[1:])) == 1:
        kernel = (*kernel[1:], kernel[0])  # `4 kernels (3,5,5)`, as torch orders them
    elif len(kernel) == rank + 2 and kernel[1] == x[0] and len({*kernel[:rank]}) > 1:
        raise LayerError(
            f"is {times(kernel)} in the order of torch's weights?",
            f"on a map of {rank} axes, write kernel x input channels x width",
        )
    more = dict(zip(("inputs", "width"), kernel[rank:], strict=False))
    for name in more:
        if name in values:
            what = "the width is" if name == "width" else "the input channels are"
            raise LayerError(
                f"{what} given twice, once in {times(kernel)}",
                f"on a map of {rank} axes, {times(kernel)} is kernel x input channels x width",
            )
    return {**values, **more, "kernel": kernel[:rank]}


@layer(
    "conv",
    "convolutional",
    dw_conv={"depthwise": True},
    conv_dw={"depthwise": True},
    depthwise_conv={"depthwise": True},
    pw_conv={"kernel": 1},
    conv_pw={"kernel": 1},
    pointwise_conv={"kernel": 1},
)
class Conv(Filters):
    """`width` filters that slide over a map; each computes weighted sums of its window (LeCun et
    al. 1989).

    `groups` splits the channels, `dilation` spreads the kernel. A depthwise convolution has a
    group for each channel, and as many filters as channels unless a multiple is given.
    Multiply-adds: output positions x width x kernel x channels / groups.

    It pads with zeros unless a padding mode is given: `reflect` mirrors the map at its border,
    `replicate` repeats the border, `circular` continues at the opposite side.

    With `connections`, each output map reads only some of the input maps (LeCun, Bottou, Bengio &
    Haffner 1998, Table I, C3). The connections are a table below the line, or in parentheses the
    input maps of each output map, counted from 0: `connections (0 1 2, 1 2 3)`. Only what is
    connected has weights and multiply-adds. The module has one grouped convolution for each number
    of input maps.
    """

    compact = (
        # 20C4 in Ciresan, Meier & Schmidhuber 2012, without padding.
        (r"(?P<width>\d+)C(?P<kernel>\d+)", {"pad": "valid"}),
        # k3n64s1 in Ledig et al. 2017.
        (r"k(?P<kernel>\d+)n(?P<width>\d+)(?:s(?P<stride>\d+))?", {}),
    )
    examples = (
        "conv 3x3 64 on 3x32x32",
        "conv3-64 on 3x32x32",
        "conv 7x7/2 64 pad 3 on 3x33x40",
        "96 11x11 filters at stride 4, pad 0 conv on 3x67x67",
        "conv 1x3 16 on 8x9x9",
        "conv 3x3 8 pad 0x1 stride 2x1 on 4x9x12",
        "conv 3x3 12 groups 2 dilation 2 no bias on 6x16x16",
        "conv 3x3 12 groups of 3 on 6x16x16",
        "conv 3x3 6, 2 channels per group on 6x5x5",
        "conv 2x2 5 on 3x7x7",
        "conv 5x5 4 valid on 2x5x5",
        "conv 3x3 4 stride 2 on 2x9x9",
        "conv kernel 5 width 4 on 3x40",
        "conv 3x3x3 4 on 2x6x7x8",
        "conv 9x1 4 stride 2 on 3x40",
        "3x3 dw conv, stride 2 on 6x8x8",
        "depthwise convolution 5x5 on 4x9x9",
        "conv dw 3x3 8 no bias on 4x6x6",
        "conv dw 3x3x6 on 6x8x8",
        "pointwise conv 5 on 3x4x4",
        "conv 3x3x3x32 on 3x8x8",
        "11x11x3, 8 filters on 3x16x16",
        "conv 5x5x2 8 groups 2 on 4x8x8",
        "conv 3x3 in_channels 3 out_channels 8 on 3x8x8",
        "20C4 on 3x9x9",
        "k3n8s2 on 3x9x9",
        "conv 3x3 4 reflect on 3x9x8",
        "conv 5x3 4 replicate padding 2x0 stride 2 on 3x9x8",
        "conv 3x3 4 padding mode circular on 3x9x8",
        "conv5-4 reflect padding on 3x20",
        "conv3-4 circular dilation 2 on 3x20",
        "conv 3x3x3 2 replicate on 2x4x5x6",
        "conv 3x3x3 2 reflect padding 1 on 2x5x5x6",
        "conv 3x3x1 2 circular on 2x5x5x6",
        "conv 1x1 4 reflect on 3x4x4",
        "conv 5x5 valid 4 connections (0 1 2, 1 2, 0, 0 2) on 3x9x8",
        "conv 3x3 stride 2 no bias connections (1, 0 1) on 2x7x7",
        "conv kernel 3 dilation 2 connections (0, 1, 0 1) on 2x9",
        "conv 1x3x3 connections (1, 0) on 2x3x4x4",
        "conv 3x3 circular connections (1, 0 1) on 2x7x7",
        "conv 3x3 reflect connections (1, 0 1) on 2x7x7",
    )

    pad: tuple[int, ...] = attribute(
        "pad",
        "padding",
        "p",
        units=("pad", "padding"),
        check=margin,
        flags={
            "same": "same",
            "padded": "same",
            "valid": "valid",
            "no padding": "valid",
            "unpadded": "valid",
        },
        default=(0,),
        means="on each side",
        otherwise="the network's `padding`: `same`",
    )
    depthwise: bool = attribute(
        check=flag,
        flags={"dw": True, "depthwise": True},
        default=False,
        means="a group for each channel",
    )
    mode: str = attribute(
        "padding mode",
        "pad mode",
        check=padding_mode,
        flags={mode: mode for mode in MODES}
        | {"reflect padding": "reflect", "replicate padding": "replicate"},
        default="zeros",
    )
    connections: str = attribute(  # the input maps of each output map, `0 1 2, 1 2 3`
        "connections",
        "connection table",
        check=connection_lists,
        flags={"connections": BELOW, "connection table": BELOW},
        default="",
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        rank = needs_map(cls.kind, x)
        values = unfolded(values, x)
        if "group_width" in values:
            values = cls.grouped(values, x)
        if values.get("depthwise"):
            if "groups" in values:
                raise LayerError(
                    "a depthwise convolution has a group for each channel", "remove the groups"
                )
            values = {"width": x[0], **values, "groups": x[0]}
        if "connections" in values:
            values = with_connections(values, x)
        if "width" not in values:
            raise LayerError("the convolution has no width", "write `conv3-64` or `conv 3x3 64`")
        if "kernel" not in values:
            raise LayerError(
                f"is {show(values['width'])} the kernel or the width of the convolution?",
                "write `conv3-64` or `conv 3x3 64`: the kernel first, then the width",
            )
        kernel = axes(values["kernel"], rank, "kernel")
        dilation = axes(values.get("dilation", 1), rank, "dilation")
        pad: Value = values.get("pad", padding)
        if values.get("pad") == "same" and any(k % 2 == 0 for k in kernel):
            raise LayerError(
                f"`same` does not define the padding of the even kernel {times(kernel)}",
                "write the padding as a number, `pad 1`, or as a layer before this one: "
                "`zero padding right 1 bottom 1 -> conv 2x2 16 valid`",
            )
        if isinstance(pad, str):
            pad = same(kernel, dilation) if pad == "same" else 0
        margins = axes(pad, rank, "padding")
        mode = str(values.get("mode", "zeros")) if any(margins) else "zeros"
        check_room(mode, [(p, p) for p in margins], x)
        self = cls(
            width=values["width"],
            kernel=kernel,
            stride=axes(values.get("stride", 1), rank, "stride"),
            pad=margins,
            dilation=dilation,
            groups=values.get("groups", 1),
            bias=values.get("bias", True),
            mode=mode,
            connections=values.get("connections", ""),
            depthwise=values.get("groups", 1) == x[0] > 1,
        )
        self.check_groups(values, x)
        return self

    def out(self, x: Shape) -> Shape:
        return (self.width, *slide("convolution", x, self.window(x)))

    def links(self, x: Shape) -> int:
        """The number of pairs of an input map and an output map that reads it."""
        if self.connections:
            return sum(map(len, tables(self.connections)))
        return self.width * (x[0] // self.groups)

    def params(self, x: Shape) -> int:
        return self.links(x) * math.prod(self.kernel) + self.width * self.bias

    def macs(self, x: Shape) -> int:
        positions = math.prod(self.out(x)[1:])
        return positions * self.links(x) * math.prod(self.kernel)

    def window(self, x: Shape) -> Window:
        return Window(self.kernel, self.stride, self.pad, self.dilation)

    def gathers(self, x: Shape) -> bool:
        # A convolution of the whole map is a fully connected layer in another spelling.
        return self.kernel == x[1:] and not any(self.pad) and math.prod(self.kernel) > 1

    def kept(self, x: Shape) -> Kept:
        # With connections, each output map has its own copies of the maps that it reads.
        maps = self.links(x) if self.connections else x[0]
        copies = 4 * maps * math.prod(x[1:]) if self.connections else 0
        if self.mode == "zeros":
            return Kept(input=not self.connections, extra=copies)
        # The padded map is another tensor; the backward pass of `circular` does not need the map.
        padded = 4 * maps * math.prod(n + 2 * p for n, p in zip(x[1:], self.pad, strict=True))
        if self.mode == "circular":
            return Kept(extra=padded)
        return Kept(input=not self.connections, extra=copies + padded, passing=True)

    listed = listed_as(
        "Conv*d",
        Argument("in_channels", ENTERING),
        Argument("out_channels", "width"),
        Argument("kernel_size", "kernel"),
        Argument("stride", "stride", 1),
        Argument("padding", "pad", 0, texts=("same", "valid")),
        Argument("dilation", "dilation", 1),
        Argument("groups", "groups", 1),
        Argument("bias", "bias", True),
        Argument("padding_mode", "mode", "zeros", texts=MODES),
    )

    def call(self, x: Shape) -> Call:
        call = super().call(x)
        if not self.connections:
            return call
        return Call("PartialConv", (tables(self.connections), self.kernel), call.options, True)

    @property
    def described(self) -> str:
        # A depthwise convolution has a group for each channel: its label says so.
        described = super().described
        return described.replace(f", groups {self.groups}", "") if self.depthwise else described

    @property
    def label(self) -> str:
        stride = self.stride if any(s != 1 for s in self.stride) else ()
        name = "dw conv" if self.depthwise else "conv"
        mode = f", {self.mode}" if self.mode != "zeros" else ""
        read = ", connections" if self.connections else ""
        return f"{name} {show_window(self.kernel, stride)}, {self.width}{mode}{read}"


def show_axes(values: tuple[int, ...]) -> str:
    """`2` for equal axes, otherwise `2x1`."""
    return str(values[0]) if len(set(values)) == 1 else times(values)


def show_window(kernel: tuple[int, ...], stride: tuple[int, ...] = ()) -> str:
    """`3x3/2`, or on one axis `k3 s2`, since a bare number could also be the width."""
    if len(kernel) == 1:
        return f"k{kernel[0]}" + (f" s{stride[0]}" if stride else "")
    return times(kernel) + (f"/{show_axes(stride)}" if stride else "")
