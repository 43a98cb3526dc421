"""How a map is padded: with what, and how far."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.layers.base import LayerError, Misfit, Shape, Value, count, show

MODES = ("zeros", "reflect", "replicate", "circular")  # torch's names


def padding_mode(value: Value) -> Value:
    """`zeros`, `reflect`, `replicate` or `circular`."""
    if value not in MODES:
        raise LayerError(f"must be {', '.join(MODES[:-1])} or {MODES[-1]}, not {show(value)}")
    return value


def whole(value: Value) -> Value:
    """A whole number from 0."""
    if value == 0 and not isinstance(value, bool):
        return 0
    try:
        return count(value)
    except LayerError:
        raise LayerError(f"must be a whole number from 0, not {show(value)}") from None


def margins(value: Value) -> Value:
    """A margin from 0, or several."""
    values = value if isinstance(value, tuple) else (value,)
    for one in values:
        if isinstance(one, int | float) and one < 0:
            raise LayerError(
                f"must be from 0, not {show(one)}: what makes a map smaller is `crop` or `slice`"
            )
        whole(one)
    return tuple(map(int, values)) if len(values) > 1 else int(values[0])


def check_room(mode: str, sides: Sequence[tuple[int, int]], x: Shape) -> None:
    """Raises Misfit where a map has too few positions to pad with, (front, behind) an axis."""
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
            f"its values are the map's own, which needs {least}: pad less, or `replicate`",
        )
