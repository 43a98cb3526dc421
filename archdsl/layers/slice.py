"""Slices and crops: a part of the channels, every n-th position, or the centre of a map."""

from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import count, lengths, needs_map, whole
from archdsl.layers.conv import show_axes
from archdsl.layers.padding import from_last_axis
from archdsl.layers.terms import Call, LayerError, Misfit, Shape, Values, Window, times
from archdsl.layers.windows import axes


@layer("slice")
class Slice(Layer):
    """A range of the channels, or every n-th position of each axis, as the subsampling in option A
    of He et al. 2015.

    `slice channels 0 to 16` are the first 16 channels: they are counted from 0, and the end is not
    included. `slice channels from 8` omits the first eight, `slice channels to 8` keeps only them.
    `slice step 2` starts at the first position; `step 2x1` has a step for each axis.
    """

    examples = (
        "slice channels 0 to 3 on 8x4x5",
        "slice channels from 5 to 8 on 8x7",
        "slice channels from 2 on 8",
        "slice channels to 2 on 8x2x3x4",
        "slice step 2 on 3x7x8",
        "slice step 3 on 3x10",
        "slice step 1x2x3 channels from 1 on 3x4x6x8",
    )

    start: int = attribute("channels from", check=whole, default=0)
    first: int | None = attribute(
        "channels", check=whole, default=None, means="the first one; the end must follow"
    )
    stop: int | None = attribute("to", "channels to", check=count, default=None)
    step: tuple[int, ...] = attribute("step", check=lengths, default=())

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        if not values:
            raise LayerError(
                "`slice` has no range", "write `slice channels 0 to 16`, or `slice step 2`"
            )
        first = values.get("first")
        if first is not None and ("stop" not in values or "start" in values):
            raise LayerError(
                f"is `channels {first}` the number of channels, or the first of them?",
                f"write `slice channels to {first}`, or `slice channels from {first}`",
            )
        start = values.get("start", 0) if first is None else first
        stop = values.get("stop", x[0])
        if not start < stop <= x[0]:
            raise Misfit(
                f"channels from {start} to {stop} of {x[0]}",
                f"they are counted from 0, and the end, at most {x[0]}, is not included",
            )
        step: tuple[int, ...] = ()
        if "step" in values:
            step = axes(values["step"], needs_map("slice step", x), "step")
        return cls(start=start, stop=stop, step=step)

    def out(self, x: Shape) -> Shape:
        assert self.stop is not None
        sizes = x[1:]
        if self.step:
            sizes = tuple(-(-n // s) for n, s in zip(sizes, self.step, strict=True))
        return (self.stop - self.start, *sizes)

    def window(self, x: Shape) -> Window | None:
        if not self.step:
            return None
        ones = (1,) * len(self.step)
        return Window(ones, self.step, (0,) * len(ones), ones)

    def call(self, x: Shape) -> Call:
        return Call("Slice", (self.start, self.stop, *self.step), (), True)

    @property
    def label(self) -> str:
        step = f" step {show_axes(self.step)}" if self.step else ""
        return f"slice channels {self.start} to {self.stop}{step}"


@layer("crop", "center crop", "centre crop")
class Crop(Layer):
    """The centre of a map (Ronneberger et al. 2015).

    Without a size, the map is cropped to the size of the other branch of its join. If an odd
    number of positions is cut off, the larger half is cut at the end.
    """

    keeps_channels = True
    named = "crop {size}"
    takes_size = "size"
    takes_number = "size"
    fits = "size"
    examples = (
        "crop 4x3 on 2x7x6",
        "center crop 5 on 3x8x5",
        "centre crop size 3 on 2x6",
        "crop 2x2x3 on 2x5x4x3",
    )

    size: tuple[int, ...] = attribute("size", check=lengths, otherwise="that of the other branch")

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        size = axes(super().settle(values, x, padding).size, needs_map("crop", x), "size")
        if any(a > b for a, b in zip(size, x[1:], strict=True)):
            raise Misfit(
                f"a map of {times(x[1:])} cannot be cropped to {times(size)}",
                "cropping only makes maps smaller: crop the larger of the two",
            )
        return cls(size)

    def margins(self, x: Shape) -> list[tuple[int, int]]:
        """How many positions are cut off before and after, per axis."""
        rests = [b - a for a, b in zip(self.size, x[1:], strict=True)]
        return [(rest // 2, rest - rest // 2) for rest in rests]

    def out(self, x: Shape) -> Shape:
        return (x[0], *self.size)

    def window(self, x: Shape) -> Window:
        ones = (1,) * len(self.size)
        return Window(ones, ones, tuple(-before for before, _ in self.margins(x)), ones)

    def call(self, x: Shape) -> Call:
        cut = tuple(-margin for pair in self.margins(x) for margin in pair)
        return Call(f"ZeroPad{len(self.size)}d", (from_last_axis(cut),))
