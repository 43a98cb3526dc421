"""Which positions of a map each position of a resized map reads, per axis.

An axis of n positions becomes one of m. What the new positions read is periodic: each function
returns an Axis, the period in old positions, the period in new positions, and the range that each
new position reads. `nearest(2, 3, False)` is the resize of 2 positions to 3:
(2, 3, o -> the position floor(o · 2/3)).
"""

import math
from collections.abc import Iterable

from archdsl.layers.terms import Reads, Window

Axis = tuple[int, int, Reads]


def window(axes: Iterable[Axis]) -> Window:
    """The window of a layer that resizes a map."""
    stride, up, reads = zip(*axes, strict=True)
    one = (1,) * len(stride)
    return Window(one, stride, (0,) * len(stride), one, up, reads)


def adaptive(n: int, m: int) -> Axis:
    """An adaptive pool: from floor(o · n / m) to ceil((o + 1) · n / m)."""
    common = math.gcd(n, m)
    return n // common, m // common, lambda o: (o * n // m, -(-(o + 1) * n // m))


def nearest(a: int, b: int, exact: bool) -> Axis:
    """The value at floor(o · a / b), or if `exact` at the centre, floor((o + 1/2) · a / b)."""
    if exact:
        return a, b, lambda o: _one((2 * o + 1) * a // (2 * b))
    return a, b, lambda o: _one(o * a // b)


def between(a: int, b: int, taps: int) -> Axis:
    """The values around (o + 1/2) · a / b - 1/2: 2 for linear interpolation, 4 for cubic."""
    return a, b, lambda o: _around((2 * o + 1) * a - b, 2 * b, taps)


def corners(n: int, m: int, taps: int) -> Axis:
    """The values around o · (n - 1) / (m - 1), so that the outermost positions coincide."""
    if n == 1 or m == 1:
        return 1, m, lambda o: (0, 1)
    common = math.gcd(n - 1, m - 1)
    a, b = (n - 1) // common, (m - 1) // common
    return a, b, lambda o: _around(o * a, b, taps)


def _one(position: int) -> tuple[int, int]:
    return position, position + 1


def _around(a: int, b: int, taps: int) -> tuple[int, int]:
    """The range of the values with a weight around a / b; only one if it is a whole number."""
    at, remainder = divmod(a, b)
    return (at - taps // 2 + 1, at + taps // 2 + 1) if remainder else (at, at + 1)
