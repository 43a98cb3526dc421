"""Padding beside that of a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from archdsl.layers.base import (
    Call,
    Layer,
    LayerError,
    Misfit,
    Shape,
    Value,
    attribute,
    count,
    layer,
)


@layer("channelpad", "channel pad", "channel padding")
class ChannelPad(Layer):
    """Zeros for new channels, behind the old ones (He et al. 2015, section 3.3, option A)."""

    kind = "channelpad"
    takes_number = "width"
    examples = (
        "channelpad 8 on 3x5x4",
        "channel padding 7 channels on 4x9",
        "channelpad 9 on 5",
        "channelpad 3 on 3x2x2",
        "channelpad 4 on 3x2x2x2",
    )

    width: int = attribute("width", units=("channels",), check=count)

    @classmethod
    def settle(cls, given: Mapping[str, Value], x: Shape, padding: str) -> Self:
        if "width" not in given:
            raise LayerError("`channelpad` has no width", cls.form())
        self = cls(**given)  # type: ignore[arg-type]
        if self.width < x[0]:
            raise Misfit(
                f"{x[0]} channels cannot be padded to {self.width}",
                "padding only adds channels; a 1x1 convolution takes some away",
            )
        return self

    def out(self, x: Shape) -> Shape:
        return (self.width, *x[1:])

    def call(self, x: Shape) -> Call:
        rank = len(x)
        # torch counts the axes from the last one; its classes look at the padding alone.
        margins = (*(0 for _ in range(2 * rank - 1)), self.width - x[0])
        return Call(f"ZeroPad{min(rank, 3)}d", (margins,))

    @property
    def label(self) -> str:
        return f"channelpad {self.width}"
