"""Padding: how far `same` pads, with which values, and whether the map is large enough for it."""

from collections.abc import Sequence

from archdsl.layers.terms import LayerError, Misfit, Shape, Value, show

MODES = ("zeros", "reflect", "replicate", "circular")  # torch's names


def padding_mode(value: Value) -> Value:
    """`zeros`, `reflect`, `replicate` or `circular`."""
    if value not in MODES:
        raise LayerError(f"must be {', '.join(MODES[:-1])} or {MODES[-1]}, not {show(value)}")
    return value


def from_last_axis(sides: tuple[int, ...]) -> tuple[int, ...]:
    """Margins, (before, after) for each axis, in torch's order, from the last axis; or back."""
    pairs = [sides[at : at + 2] for at in range(0, len(sides), 2)]
    return tuple(margin for pair in reversed(pairs) for margin in pair)


def check_room(mode: str, sides: Sequence[tuple[int, int]], x: Shape) -> None:
    """Raises Misfit if a map is too small for its padding; `sides` are (before, after) per axis."""
    if mode not in ("reflect", "circular"):
        return  # zeros, and copies of its edge, fit any map
    for size, pair in zip(x[1:], sides, strict=True):
        widest = max(pair)
        if mode == "reflect" and widest >= size:
            least = "more positions than that"
        elif mode == "circular" and widest > size:
            least = "as many positions"
        else:
            continue
        raise Misfit(
            f"a {mode} padding of {widest} on an axis of {size}",
            f"its values come from the map, which needs {least}: pad less, or use `replicate`",
        )


def same(kernel: tuple[int, ...], dilation: tuple[int, ...] | None = None) -> tuple[int, ...]:
    """The padding on each side that keeps the size at stride 1; 0 for even kernels."""
    dilation = dilation or (1,) * len(kernel)
    return tuple(d * (k - 1) // 2 if k % 2 else 0 for k, d in zip(kernel, dilation, strict=True))
