"""Layers that reorder values: channels among themselves, and channels into positions."""

from typing import Self

from archdsl.layers import resize_window
from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import GROUP_WIDTH, MEANS_GROUP_WIDTH, count, needs_map, with_groups
from archdsl.layers.terms import Misfit, Shape, Values, Window, times
from archdsl.layers.torch_signature import Argument, listed_as
from archdsl.layers.windows import enlarged


def _needs_two_axes(what: str, x: Shape) -> None:
    if needs_map(what, x) != 2:
        raise Misfit(
            f"a {what} of a {times(x[1:])} map",
            "torch only supports maps of two axes, height and width",
        )


@layer("pixel shuffle")
class PixelShuffle(Layer):
    """Rearranges the channels of each position into r x r positions, so that the map becomes r
    times as high and wide (Shi et al. 2016).

    `pixel shuffle 2` of 4 x C channels gives C; of each four adjacent channels, the first becomes
    the upper left position. Only for maps of two axes.
    """

    named = "pixel shuffle {factor}"
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

    def check(self, x: Shape) -> None:
        _needs_two_axes("pixel shuffle", x)
        if x[0] % self.factor**2:
            raise Misfit(
                f"a pixel shuffle by {self.factor} of {x[0]} channels",
                f"it makes one channel of {self.factor} x {self.factor}: give the preceding layer "
                f"a multiple of {self.factor**2}",
            )

    def out(self, x: Shape) -> Shape:
        small = (x[0] // self.factor**2, *x[1:])
        return enlarged("pixel shuffle", small, tuple(n * self.factor for n in x[1:]))

    def window(self, x: Shape) -> Window:
        return resize_window.window(resize_window.nearest(1, self.factor, False) for _ in x[1:])

    listed = listed_as("PixelShuffle", Argument("upscale_factor", "factor"))


@layer("pixel unshuffle", "space to depth")
class PixelUnshuffle(Layer):
    """Rearranges each r x r positions into channels of one position, the inverse of a pixel shuffle
    (Shi et al. 2016).

    `pixel unshuffle 2` of C channels gives 4 x C; those from one channel are adjacent. Only for
    maps of two axes whose sizes r divides.
    """

    named = "pixel unshuffle {factor}"
    takes_number = "factor"
    takes_suffix = "factor"
    examples = (
        "pixel unshuffle 2 on 3x4x6",
        "PixelUnshuffle(3) on 1x3x6",
        "pixelunshuffle2 on 3x4x6",
        "space to depth factor 2 on 5x2x2",
    )

    factor: int = attribute("factor", "downscale factor", check=count)

    def check(self, x: Shape) -> None:
        _needs_two_axes("pixel unshuffle", x)
        if any(n % self.factor for n in x[1:]):
            raise Misfit(
                f"a pixel unshuffle by {self.factor} of a {times(x[1:])} map",
                f"{self.factor} must divide its height and its width",
            )

    def out(self, x: Shape) -> Shape:
        return (x[0] * self.factor**2, *(n // self.factor for n in x[1:]))

    def window(self, x: Shape) -> Window:
        each = (self.factor,) * len(x[1:])
        return Window(each, each, (0,) * len(each), (1,) * len(each))

    listed = listed_as("PixelUnshuffle", Argument("downscale_factor", "factor"))


@layer("channel shuffle")
class ChannelShuffle(Layer):
    """Interleaves the channels of all groups: first the first channel of each group, then the
    second of each (Zhang et al. 2018).

    `channel shuffle 3` or `channel shuffle groups 3`; the number of groups divides the channels.
    """

    named = "channel shuffle {groups}"
    takes_number = "groups"
    examples = (
        "channel shuffle 3 on 6x2x3",
        "channel shuffle groups 2 on 4x5",
        "ChannelShuffle(2) on 6x2x3x2",
        "channel shuffle, 4 groups on 8x3x3",
        "channel shuffle groups of 4 on 8x3x3",
    )

    groups: int = attribute("groups", units=("groups",), check=count)
    group_width: int | None = attribute(
        *GROUP_WIDTH,
        units=("channels per group",),
        check=count,
        default=None,
        means=MEANS_GROUP_WIDTH,
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        return super().settle(with_groups(values, x[0]), x, padding)

    def check(self, x: Shape) -> None:
        needs_map("channel shuffle", x)
        if x[0] % self.groups:
            raise Misfit(
                f"{x[0]} channels cannot be divided into {self.groups} equal groups",
                "write a number of groups that divides them",
            )

    listed = listed_as("ChannelShuffle", Argument("groups", "groups"))
