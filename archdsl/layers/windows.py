"""Arithmetic of windows and map sizes, shared by convolutions, pools, paddings and resizes."""

from __future__ import annotations

from typing import Any

from archdsl.layers.base import Misfit, Shape, Window, times
from archdsl.layers.checks import LARGEST


def axes(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """A length for each of `rank` axes. Papers print the 4 of a signal as 4x1, too."""
    if isinstance(value, int):
        return (value,) * rank
    if rank == 1 and len(value) == 2 and value[1] == 1 and name != "padding":
        value = value[:1]
    if len(value) != rank:
        raise Misfit(
            f"the {name} {times(value)} has {len(value)} axes, the input has {rank}",
            f"write one number, or {rank}",
        )
    return tuple(value)


def slide(kind: str, x: Shape, window: Window, ceil: bool = False) -> tuple[int, ...]:
    """The positions of a window on a map, per axis. Raises Misfit where it does not fit."""
    positions = []
    for size, k, s, p, d in zip(x[1:], *window[:4], strict=True):
        reach = d * (k - 1) + 1
        room = size + 2 * p - reach
        if room < 0:
            padded = tuple(n + 2 * q for n, q in zip(x[1:], window.pad, strict=True))
            raise Misfit(
                f"a {times(window.kernel)} {kind} does not fit on its {times(x[1:])} input"
                + (f", {times(padded)} padded" if any(window.pad) else ""),
                "use a smaller window, more padding, or fewer reductions in front of it",
            )
        n = room // s + 1
        # A window that ceil adds must begin inside the map or its left padding, as in torch.
        if ceil and room % s and n * s < size + p:
            n += 1
        positions.append(n)
    return tuple(positions)


def enlarged(kind: str, x: Shape, sizes: tuple[int, ...]) -> Shape:
    """The shape of a map that a layer has resized. Raises Misfit where it is empty or endless."""
    if not all(1 <= size <= LARGEST for size in sizes):
        raise Misfit(
            f"a {kind} of a {times(x[1:])} map gives {times(sizes)}",
            f"a map has from 1 to {LARGEST:,} positions an axis: change its factor or stride",
        )
    return (x[0], *sizes)
