"""Cropping: the centre of a map."""

from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import lengths, needs_map
from archdsl.layers.terms import Call, Misfit, Shape, Values, Window, times
from archdsl.layers.windows import axes


@layer("crop", "center crop", "centre crop")
class Crop(Layer):
    """The centre of a map (Ronneberger et al. 2015).

    Without a size, the map is cropped to the size of the other branch of its join. If an odd
    number of positions is cut off, the larger half is cut at the end.
    """

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
        # torch starts with the last axis.
        cut = [-margin for pair in reversed(self.margins(x)) for margin in pair]
        return Call(f"ZeroPad{len(self.size)}d", (tuple(cut),))
