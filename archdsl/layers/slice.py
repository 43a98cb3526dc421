"""A part of a value: some of its channels, or every second of its positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from archdsl.layers.base import (
    Call,
    Layer,
    LayerError,
    Misfit,
    Shape,
    Window,
    attribute,
    layer,
)
from archdsl.layers.checks import count, lengths, needs_map, whole
from archdsl.layers.conv import show_axes
from archdsl.layers.windows import axes


@layer("slice")
class Slice(Layer):
    """The channels from one up to, not including, another: `slice channels 0 to 16` are 16; and
    of a map every n-th position of each axis, from the first: `slice step 2` (the subsampling of
    He et al. 2015, option A).

    Channels count from 0. `slice channels from 8` are those from the ninth on, `slice channels to
    8` the first eight. `step 2x1` says a step an axis.
    """

    kind = "slice"
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
        "channels", check=whole, default=None, means="where they begin; the end must be said too"
    )
    stop: int | None = attribute("to", "channels to", check=count, default=None)
    step: tuple[int, ...] = attribute("step", check=lengths, default=())

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        if not values:
            raise LayerError(
                "`slice` says no part", "write `slice channels 0 to 16`, or `slice step 2`"
            )
        first = values.get("first")
        if first is not None and ("stop" not in values or "start" in values):
            raise LayerError(
                f"are `channels {first}` as many channels, or those from that one on?",
                f"write `slice channels to {first}`, or `slice channels from {first}`",
            )
        start = values.get("start", 0) if first is None else first
        stop = values.get("stop", x[0])
        assert isinstance(start, int) and isinstance(stop, int)
        if not start < stop <= x[0]:
            raise Misfit(
                f"channels from {start} to {stop} of {x[0]}",
                f"they count from 0 and end in front of the second number, at most {x[0]}",
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
