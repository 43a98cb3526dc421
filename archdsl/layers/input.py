"""The input of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, cast

from archdsl.layers.base import (
    Layer,
    LayerError,
    Shape,
    Value,
    attribute,
    count,
    layer,
    lengths,
    times,
)

LARGEST = 2**20  # of one axis: larger images do not exist, larger signals are cut


@layer("input")
class Input(Layer):
    """The shape that enters: `224x224 RGB`, `28x28x1`, `1x28x28`, `784`.

    Of three numbers the channel axis is the one that differs, and if none or all do, the last. One
    number is a vector, or with channels a signal: `100, 3 channels`.
    """

    kind = "input"
    takes_size = "lengths"
    takes_number = "lengths"
    examples = ("input 224x224 RGB on 3x224x224", "input 28x28x1 on 1x28x28", "input 784 on 784")

    lengths: tuple[int, ...] = attribute("size", check=lengths)
    channels: int = attribute(
        "channels",
        units=("channels",),
        flags={"rgb": 3, "colour": 3, "color": 3, "grey": 1, "gray": 1, "grayscale": 1},
        check=count,
        default=0,
        otherwise="the number of the size that differs; none in a vector",
    )

    @classmethod
    def settle(cls, given: Mapping[str, Value], x: Shape, padding: str) -> Self:
        if "lengths" not in given:
            raise LayerError("the input has no size", cls.form())
        size = given["lengths"]
        sizes = size if isinstance(size, tuple) else (cast(int, size),)
        if max(sizes) > LARGEST:
            raise LayerError(f"an input axis of {max(sizes)}", f"at most {LARGEST:,} a side")
        if min(sizes) < 1:
            raise LayerError(f"an input of {times(sizes)}", "write sizes from 1, as in `320x320`")
        channels = cast(int, given.get("channels", 0))
        if len(sizes) == 2 and not channels:
            raise LayerError(
                f"the input {times(sizes)} has no channels",
                f"write `input {times(sizes)} RGB`, `input {times(sizes)}x1`, …",
            )
        if len(sizes) > 3:
            raise LayerError(f"the input {times(sizes)} has more than three numbers", cls.form())
        if len(sizes) == 3:
            a, b, c = sizes
            shape = (a, b, c) if b == c != a else (b, a, c) if a == c != b else (c, a, b)
            if channels and channels != shape[0]:
                raise LayerError(
                    f"the input {times(sizes)} has {shape[0]} channels, not {channels}"
                )
            return cls(shape[1:], shape[0])
        return cls(sizes, channels)

    @property
    def shape(self) -> Shape:
        """(C, H, W), or (N,) for a vector."""
        return (self.channels, *self.lengths) if self.channels else self.lengths

    def out(self, x: Shape) -> Shape:
        return self.shape
