"""Sizes, counts and bytes as text, the way papers print them."""

from __future__ import annotations

from collections.abc import Sequence


def times(shape: Sequence[int]) -> str:
    """`7×7×64`."""
    return "×".join(map(str, shape))


def hwc(shape: Sequence[int]) -> str:
    """(C, H, W) as H×W×C."""
    return times((*shape[1:], shape[0]))


def number(value: int, short: bool = False) -> str:
    """`15,470,264,320`, or `15.5G` if `short`."""
    if not value:
        return "0"
    if short:
        for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
            if value >= size:
                return (
                    f"{value / size:.3g}{unit}" if value < 1000 * size else f"{value // size}{unit}"
                )
    return f"{value:,}"


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def memory_size(count: int) -> str:
    """Bytes in KiB or MiB."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
