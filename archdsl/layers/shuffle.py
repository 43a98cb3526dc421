"""Values in another order: channels among each other, and into positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from archdsl.layers import resize_window
from archdsl.layers.base import Layer, Misfit, Shape, Window, attribute, layer, times
from archdsl.layers.checks import count, needs_map
from archdsl.layers.torch_signature import Argument, Listing
from archdsl.layers.windows import enlarged


def _needs_two_axes(what: str, x: Shape) -> None:
    if needs_map(what, x) != 2:
        raise Misfit(
            f"a {what} of a {times(x[1:])} map",
            "torch has it for maps of two axes, height and width",
        )


@layer("pixel shuffle")
class PixelShuffle(Layer):
    """The channels of a position become r x r positions, and a map r times as high and wide (Shi
    et al. 2016).

    `pixel shuffle 2` of C x 4 channels gives C: of four channels in a row the first is the upper
    left. Of maps of two axes.
    """

    kind = "pixelshuffle"
    takes_number = "factor"
    takes_suffix = "factor"
    takes_times = "factor"
    examples = (
        "pixel shuffle 2 on 8x3x4",
        "PixelShuffle(3) on 9x2x3",
        "pixel shuffle factor 2 on 4x5x5",
        "pixelshuffle2 on 8x3x4",
        "pixel shuffle x2 on 4x2x2",
    )

    factor: int = attribute("factor", "upscale factor", check=count)

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        self = super().settle(values, x, padding)
        _needs_two_axes("pixel shuffle", x)
        if x[0] % self.factor**2:
            raise Misfit(
                f"a pixel shuffle by {self.factor} of {x[0]} channels",
                f"it takes {self.factor} x {self.factor} channels for one: let the layer in front "
                f"have a multiple of {self.factor**2}",
            )
        return self

    def out(self, x: Shape) -> Shape:
        small = (x[0] // self.factor**2, *x[1:])
        return enlarged("pixel shuffle", small, tuple(n * self.factor for n in x[1:]))

    def window(self, x: Shape) -> Window:
        return resize_window.window(resize_window.nearest(1, self.factor, False) for _ in x[1:])

    listed = (Listing("PixelShuffle", (Argument("upscale_factor", "factor"),)),)

    @property
    def label(self) -> str:
        return f"pixel shuffle {self.factor}"


@layer("pixel unshuffle", "space to depth")
class PixelUnshuffle(Layer):
    """Each r x r positions become channels of one: the inverse of a pixel shuffle (Shi et al.
    2016).

    `pixel unshuffle 2` of C channels gives C x 4, those of one old channel in a row. Of maps of
    two axes, which r divides.
    """

    kind = "pixelunshuffle"
    takes_number = "factor"
    takes_suffix = "factor"
    examples = (
        "pixel unshuffle 2 on 3x4x6",
        "PixelUnshuffle(3) on 1x3x6",
        "pixelunshuffle2 on 3x4x6",
        "space to depth factor 2 on 5x2x2",
    )

    factor: int = attribute("factor", "downscale factor", check=count)

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        self = super().settle(values, x, padding)
        _needs_two_axes("pixel unshuffle", x)
        if any(n % self.factor for n in x[1:]):
            raise Misfit(
                f"a pixel unshuffle by {self.factor} of a {times(x[1:])} map",
                f"{self.factor} must divide its height and its width",
            )
        return self

    def out(self, x: Shape) -> Shape:
        return (x[0] * self.factor**2, *(n // self.factor for n in x[1:]))

    def window(self, x: Shape) -> Window:
        each = (self.factor,) * len(x[1:])
        return Window(each, each, (0,) * len(each), (1,) * len(each))

    listed = (Listing("PixelUnshuffle", (Argument("downscale_factor", "factor"),)),)

    @property
    def label(self) -> str:
        return f"pixel unshuffle {self.factor}"


@layer("channel shuffle")
class ChannelShuffle(Layer):
    """The channels of each group spread over all of them: behind the first of each group come the
    second ones (Zhang et al. 2018).

    `channel shuffle 3`, or `channel shuffle groups 3`; the groups divide the channels.
    """

    kind = "channelshuffle"
    takes_number = "groups"
    examples = (
        "channel shuffle 3 on 6x2x3",
        "channel shuffle groups 2 on 4x5",
        "ChannelShuffle(2) on 6x2x3x2",
        "channel shuffle, 4 groups on 8x3x3",
    )

    groups: int = attribute("groups", units=("groups",), check=count)

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        self = super().settle(values, x, padding)
        needs_map("channel shuffle", x)
        if x[0] % self.groups:
            raise Misfit(
                f"{x[0]} channels are no {self.groups} equal groups",
                "write a number of groups that divides them",
            )
        return self

    listed = (Listing("ChannelShuffle", (Argument("groups", "groups"),)),)

    @property
    def label(self) -> str:
        return f"channel shuffle {self.groups}"
