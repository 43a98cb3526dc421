"""Arithmetic of windows and map sizes, shared by convolutions, pools, paddings and resizes."""

from typing import Any

from archdsl.layers.checks import LARGEST_LENGTH
from archdsl.layers.terms import Misfit, Shape, Window, times

# How texts name the size of a window.
KERNEL_WORDS = ("kernel", "kernel size", "size", "window", "k")


def axes(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """A length for each of `rank` axes. Raises Misfit if there are more or fewer.

    For signals, papers also print a length of 4 as 4x1.
    """
    if isinstance(value, int):
        return (value,) * rank
    if rank == 1 and len(value) == 2 and value[1] == 1 and name != "padding":
        value = value[:1]
    if len(value) != rank:
        raise Misfit(
            f"the {name} {times(value)} has {len(value)} axes, but the input has {rank}",
            f"write one number, or {rank}",
        )
    return tuple(value)


def slide(kind: str, x: Shape, window: Window, ceil: bool = False) -> tuple[int, ...]:
    """The number of positions of a window on a map, per axis. Raises Misfit if it does not fit."""
    positions = []
    for size, k, s, p, d in zip(x[1:], *window[:4], strict=True):
        reach = d * (k - 1) + 1
        room = size + 2 * p - reach
        if room < 0:
            padded = tuple(n + 2 * q for n, q in zip(x[1:], window.pad, strict=True))
            raise Misfit(
                f"a {times(window.kernel)} {kind} does not fit on its {times(x[1:])} input"
                + (f", {times(padded)} padded" if any(window.pad) else ""),
                "use a smaller window, more padding, or fewer reductions before it",
            )
        n = room // s + 1
        # As in torch, a window that `ceil` adds must start within the map or its left padding.
        if ceil and room % s and n * s < size + p:
            n += 1
        positions.append(n)
    return tuple(positions)


def enlarged(kind: str, x: Shape, sizes: tuple[int, ...]) -> Shape:
    """The shape of a resized map. Raises Misfit if it is empty or too large."""
    if not all(1 <= size <= LARGEST_LENGTH for size in sizes):
        raise Misfit(
            f"a {kind} of a {times(x[1:])} map would make it {times(sizes)}",
            f"a map has from 1 to {LARGEST_LENGTH:,} positions per axis: "
            "change the factor or stride",
        )
    return (x[0], *sizes)
