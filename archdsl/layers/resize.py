"""Resizing of maps, without weights."""

import math
from typing import Self

from archdsl.layers import resize_window
from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import flag, lengths, needs_map, per_axis, positive
from archdsl.layers.pool import AdaptiveAvgPool
from archdsl.layers.terms import (
    Call,
    Disputed,
    Kept,
    LayerError,
    Misfit,
    Shape,
    Value,
    Values,
    Window,
    times,
)
from archdsl.layers.torch_signature import Argument, Listing, fixed, scalar_if_equal
from archdsl.layers.windows import axes, enlarged

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}  # torch's names, by rank
_SPELLINGS = {"linear": "bilinear", "trilinear": "bilinear", "nearest-exact": "nearest exact"}
_MODES = ("nearest", "nearest exact", "bilinear", "bicubic", "area")
_TAPS = {"bilinear": 2, "bicubic": 4}  # the values per axis that a new value is computed from


def _factor(value: Value) -> Value:
    """A factor above 0, or one for each axis."""
    return per_axis(positive, value)


def _mode(value: Value) -> Value:
    """`nearest`, `nearest-exact`, `bilinear`, `bicubic` or `area`, on any number of axes."""
    mode = _SPELLINGS.get(str(value), value)
    if mode not in _MODES:
        raise LayerError(f"must be one of {', '.join(_MODES)}, not {value}")
    return mode


_ARGUMENTS = (Argument("size", "size", None), Argument("scale_factor", "factor", None))


@layer(
    "resize", "interpolate", "interpolation", upsample={"twice": True}, upsampling={"twice": True}
)
class Resize(Layer):
    """Resizes a map, with the nearest value or a mean of the values around it.

    By a factor, `resize 0.5`, `upsample 2x1`, or to a size, `resize to 56x56`; `upsample` alone
    doubles the size. Modes: `nearest`, the default, and `nearest-exact`, which takes the value at
    the centre of the new position; `bilinear`, linear along each axis; `bicubic`, for maps of two
    axes; `area`, the mean of what the new position covers. The borders of both maps coincide; with
    `align corners`, for bilinear and bicubic, the centres of their outermost values coincide.
    """

    keeps_channels = True
    takes_number = "factor"
    takes_size = "pair"
    takes_times = "factor"
    disputed = (Disputed("mode", "others interpolate bilinearly"),)
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
        "resize 1.5 nearest-exact on 2x8x8",
        "upsample to 9x10 on 2x6x4",
        "resize to 5 nearest-exact on 2x8x7",
        "resize to 8x3 bilinear on 2x6x9",
        "resize size 9 mode linear on 2x6",
        "upsample bicubic on 2x7x6",
        "resize to 7x10 bicubic on 2x9x8",
        "resize to 4x5 area on 2x8x7",
        "resize 0.5 area on 2x9",
        "resize to 2x3x4 area on 2x4x4x4",
        "resize to 1 area on 2x4x3",
        "upsample bilinear align corners on 2x4x5",
        "resize to 1x7 bilinear align_corners=True on 2x4x5",
        "resize to 9x6 bicubic align corners on 2x5x8",
        "upsample 3 bilinear align corners on 2x1x4",
        "resize to 8x10 on 3x4x5",
        "resize 0.5 area on 4x8x8",
    )

    factor: tuple[float, ...] = attribute(
        "factor", "scale factor", check=_factor, default=(), otherwise="2 for `upsample`"
    )
    size: tuple[int, ...] = attribute("to", "size", "to size", check=lengths, default=())
    mode: str = attribute(
        "mode",
        check=_mode,
        flags={**{mode: mode for mode in _MODES}, "linear": "bilinear", "trilinear": "bilinear"},
        default="nearest",
    )
    corners: bool = attribute(
        "align corners", check=flag, flags={"align corners": True}, default=False
    )
    twice: bool = attribute(check=flag, default=False, means="by 2 by default")
    pair: tuple[int, ...] = attribute(check=_factor, default=())  # a bare `2x1`

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        rank = needs_map(cls.kind, x)
        pair, factor, size = values.get("pair"), values.get("factor"), values.get("size")
        if pair and not values.get("twice"):
            shown = times(pair)
            raise LayerError(
                f"is `{shown}` the size of the new map, or a factor?",
                f"write `resize to {shown}`, or `resize factor {shown}`",
            )
        factor = factor or pair
        if factor and size:
            raise LayerError("a resize by a factor and to a size", "remove one of the two")
        if not factor and not size:
            if not values.get("twice"):
                raise LayerError(
                    "`resize` has no factor",
                    "write `resize 0.5`, `resize to 56x56`, or `upsample` to double",
                )
            factor = 2
        mode = str(values.get("mode", "nearest"))
        if mode == "bicubic" and rank != 2:
            raise Misfit(
                f"a bicubic resize of a map of {rank} {'axis' if rank == 1 else 'axes'}",
                "torch only supports two axes: use `bilinear`, which is linear along each axis",
            )
        corners = bool(values.get("corners", False))
        if corners and mode not in _TAPS:
            raise LayerError(
                f"`align corners` with the mode {mode}", "it needs `bilinear` or `bicubic`"
            )
        if size:
            return cls(size=axes(size, rank, "size"), mode=mode, corners=corners)
        factors = axes(factor if isinstance(factor, tuple) else (factor,) * rank, rank, "factor")
        return cls(factor=factors, mode=mode, corners=corners)

    def out(self, x: Shape) -> Shape:
        if self.size:
            return enlarged("resize", x, self.size)
        sizes = (math.floor(n * f) for n, f in zip(x[1:], self.factor, strict=True))
        return enlarged("resize", x, tuple(sizes))

    def window(self, x: Shape) -> Window:
        from fractions import Fraction  # late, to start faster

        axes_read = []
        for index, (n, m) in enumerate(zip(x[1:], self.out(x)[1:], strict=True)):
            # `a` positions of the old map are as long as `b` of the new one.
            ratio = 1 / Fraction(str(self.factor[index])) if self.factor else Fraction(n, m)
            a, b = ratio.as_integer_ratio()
            if self.mode == "area":
                axes_read.append(resize_window.adaptive(n, m))
            elif self.mode not in _TAPS:
                axes_read.append(resize_window.nearest(a, b, self.mode == "nearest exact"))
            elif self.corners:
                axes_read.append(resize_window.corners(n, m, _TAPS[self.mode]))
            else:
                axes_read.append(resize_window.between(a, b, _TAPS[self.mode]))
        return resize_window.window(axes_read)

    def gathers(self, x: Shape) -> bool:
        return self.mode == "area" and set(self.out(x)[1:]) == {1}

    def plainest(self, x: Shape) -> Layer:
        """By a factor, if one gives the size exactly; in mode `area` an adaptive pool."""
        if self.mode == "area":
            return AdaptiveAvgPool.settle({"size": self.out(x)[1:]}, x, "same").plainest(x)
        from fractions import Fraction

        factors = tuple(m / n for n, m in zip(x[1:], self.size, strict=False))
        exact = (Fraction(str(f)) * n for n, f in zip(x[1:], factors, strict=False))
        if self.size and tuple(exact) == self.size:
            return type(self)(factor=factors, mode=self.mode, corners=self.corners)
        return self

    def kept(self, x: Shape) -> Kept:
        # In mode `area` an adaptive pool; the gradient of the mean of a map only needs its size.
        return Kept(input=self.mode == "area" and set(self.out(x)[1:]) != {1})

    listed = (
        Listing(
            "Upsample",
            (
                *_ARGUMENTS,
                Argument(
                    "mode",
                    "mode",
                    "nearest",
                    texts=("nearest", "nearest-exact", *_LINEAR.values(), "bicubic", "area"),
                ),
                Argument("align_corners", "corners", None),
                fixed("recompute_scale_factor", None),
            ),
        ),
        Listing("UpsamplingNearest2d", _ARGUMENTS, builds="Upsample"),
        Listing(
            "UpsamplingBilinear2d",
            _ARGUMENTS,
            {"mode": "bilinear", "corners": True},
            builds="Upsample",
            axes=2,
        ),
    )

    def call(self, x: Shape) -> Call:
        if self.size:
            options: list[tuple[str, object]] = [("size", scalar_if_equal(self.size))]
        else:
            equal = len(set(self.factor)) == 1
            options = [("scale_factor", self.factor[0] if equal else self.factor)]
        if self.mode != "nearest":
            mode = _LINEAR[len(x) - 1] if self.mode == "bilinear" else self.mode.replace(" ", "-")
            options.append(("mode", mode))
        if self.corners:
            options.append(("align_corners", True))
        return Call("Upsample", (), tuple(options))

    @property
    def label(self) -> str:
        words = ["resize"]
        if self.size:
            words.append(f"to {times(self.size)}")
        else:
            factors = self.factor[:1] if len(set(self.factor)) == 1 else self.factor
            words += ["factor"] if len(factors) > 1 else []
            words.append("x".join(f"{f:g}" for f in factors))
        if self.mode != "nearest":
            words.append(self.mode)
        if self.corners:
            words.append("align corners")
        return " ".join(words)
