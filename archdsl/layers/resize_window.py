"""Where the positions of a map lie on one of another size, per axis.

A map of n positions becomes one of m. What its positions read repeats after a turn: each
function gives how far a turn moves, how many positions it has, and what each of them reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from archdsl.layers.base import Reads, Window

Axis = tuple[int, int, Reads]  # how far a turn moves, its positions, what each reads


def window(axes: Iterable[Axis]) -> Window:
    """The window of a layer that makes a map of another size."""
    stride, up, reads = zip(*axes, strict=True)
    one = (1,) * len(stride)
    return Window(one, stride, (0,) * len(stride), one, up, reads)


def adaptive(n: int, m: int) -> Axis:
    """The stretch of an adaptive pool: from floor(o · n / m) to ceil((o + 1) · n / m)."""
    common = math.gcd(n, m)
    return n // common, m // common, lambda o: (o * n // m, -(-(o + 1) * n // m))


def nearest(a: int, b: int, exact: bool) -> Axis:
    """The one value that lies at floor(o · a / b); exact, below the middle of the position."""
    if exact:
        return a, b, lambda o: _one((2 * o + 1) * a // (2 * b))
    return a, b, lambda o: _one(o * a // b)


def between(a: int, b: int, taps: int) -> Axis:
    """The values around (o + 1/2) · a / b - 1/2: 2 between them linearly, 4 with a cubic."""
    return a, b, lambda o: _around((2 * o + 1) * a - b, 2 * b, taps)


def corners(n: int, m: int, taps: int) -> Axis:
    """The values around o · (n - 1) / (m - 1): the outermost ones lie on each other."""
    if n == 1 or m == 1:
        return 1, m, lambda o: (0, 1)
    common = math.gcd(n - 1, m - 1)
    a, b = (n - 1) // common, (m - 1) // common
    return a, b, lambda o: _around(o * a, b, taps)


def _one(position: int) -> tuple[int, int]:
    return position, position + 1


def _around(a: int, b: int, taps: int) -> tuple[int, int]:
    """The values whose weight is not zero: on one of them, it alone."""
    at, rest = divmod(a, b)
    return (at - taps // 2 + 1, at + taps // 2 + 1) if rest else (at, at + 1)
