"""Maps made larger or smaller without weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

from archdsl.layers.base import (
    Call,
    Layer,
    LayerError,
    Shape,
    Value,
    Window,
    attribute,
    axes,
    enlarged,
    flag,
    layer,
    needs_map,
    positive,
)

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}  # torch's names, by rank


def _factor(value: Value) -> Value:
    """A factor above 0, or one an axis."""
    for one in value if isinstance(value, tuple) else (value,):
        positive(one)
    return value


def _mode(value: Value) -> Value:
    """Nearest or bilinear, on any number of axes."""
    if value not in ("nearest", "bilinear"):
        raise LayerError(f"must be nearest or bilinear, not {value}")
    return value


@layer(
    "resize",
    "interpolate",
    "interpolation",
    upsample={"twice": True},
    upsampling={"twice": True},
)
class Resize(Layer):
    """A map of another size: the nearest value, or linear between neighbours along each axis.

    As torch's with `align_corners=False`: the corners of the maps lie on each other, not the
    centres of their outermost values. `upsample` doubles unless it says more.
    """

    kind = "resize"
    takes_number = "factor"
    takes_size = "factor"
    takes_times = "factor"
    examples = (
        "upsample on 3x4x5",
        "upsample 2 bilinear on 3x4x5",
        "resize 0.5 bilinear on 3x8x6",
        "interpolate 0.5 on 3x8x6",
        "upsample 3 nearest on 2x5",
        "resize 1.5 bilinear on 2x8x8",
        "upsample 2x1 on 2x4x5",
        "upsample mode bilinear on 2x3x4x2",
        "upsample 4 bilinear on 2x6",
        "upsample x3 on 3x4x5",
    )

    factor: tuple[float, ...] = attribute(
        "factor", "scale factor", check=_factor, otherwise="2, of `upsample` alone"
    )
    mode: str = attribute(
        "mode",
        check=_mode,
        flags={"nearest": "nearest", "bilinear": "bilinear", "trilinear": "bilinear"},
        default="nearest",
    )
    twice: bool = attribute(check=flag, default=False, means="by 2, where it says no factor")

    @classmethod
    def settle(cls, given: Mapping[str, Value], x: Shape, padding: str) -> Self:
        rank = needs_map(cls.kind, x)
        if "factor" not in given and not given.get("twice"):
            raise LayerError(
                "`resize` has no factor", "write `resize 0.5`, or `upsample` to double"
            )
        factor = given.get("factor", 2)
        factors = axes(factor if isinstance(factor, tuple) else (factor,) * rank, rank, "factor")
        return cls(factor=factors, mode=str(given.get("mode", "nearest")))

    def out(self, x: Shape) -> Shape:
        sizes = (math.floor(n * f) for n, f in zip(x[1:], self.factor, strict=True))
        return enlarged("resize", x, tuple(sizes))

    def window(self, x: Shape) -> Window:
        """Between two values lie `up` positions, on which every value of the new map falls."""
        from fractions import Fraction  # a start without it is shorter

        axes_of: list[tuple[int, int, int, int]] = []
        for factor in self.factor:
            a, b = Fraction(str(factor)).as_integer_ratio()
            if self.mode == "nearest":  # the value in front: floor(o · b / a)
                axes_of.append((a, b, a - 1, a))
            else:  # those around (o + 1/2) · b / a - 1/2
                axes_of.append((4 * a - 1, 2 * b, 3 * a - b - 1, 2 * a))
        kernel, stride, pad, up = zip(*axes_of, strict=True)
        return Window(kernel, stride, pad, (1,) * len(kernel), up)

    def call(self, x: Shape) -> Call:
        equal = len(set(self.factor)) == 1
        factor = self.factor[0] if equal else self.factor
        options: list[tuple[str, object]] = [("scale_factor", factor)]
        if self.mode != "nearest":
            options.append(("mode", _LINEAR[len(x) - 1]))
        return Call("Upsample", (), tuple(options))

    @property
    def label(self) -> str:
        mode = "" if self.mode == "nearest" else f" {self.mode}"
        factors = self.factor[:1] if len(set(self.factor)) == 1 else self.factor
        return f"resize {'x'.join(f'{f:g}' for f in factors)}{mode}"
