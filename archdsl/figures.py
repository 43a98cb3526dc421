"""Sizes, counts and bytes as papers print them: how they are written, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Powers of ten, by the units that may follow a figure: `138M`, `60 million`.
_LETTERS = {9: "G", 6: "M", 3: "K"}
UNITS = {letter: power for power, letter in _LETTERS.items()}
UNITS |= {"thousand": 3, "million": 6, "billion": 9}

# Regexes of a figure without its unit, `~1.2e6`, `61,706`, and of a size, `112x112x64`, `7^2`.
# Those of the grammar differ: they must tell figures from what is next to them in a line.
FIGURE = (
    r"(?P<about>[~≈])?\s*(?P<digits>\d{1,3}(?:,\d{3})+(?!\.)|\d+)(?:\.(?P<decimals>\d+))?"
    r"(?:[eE](?P<e>\d+)|\s?[x×]\s?10\^(?P<power>\d+))?"
)
SIZE = r"\d+(?:\^2)?(?:\s?[x×]\s?\d+)*"


def unit_letter(words: str) -> str:
    """The letter of a unit that holds for many figures: `M` for `millions`, `m` and `10^6`. Empty
    for any other text."""
    if found := re.fullmatch(r"10\^([369])", words):
        return _LETTERS[int(found[1])]
    unit = words.upper() if len(words) == 1 else words.lower().removesuffix("s")
    return _LETTERS[UNITS[unit]] if unit in UNITS else ""


def numbers_of(size: str) -> tuple[int, ...]:
    """The numbers of a size: (3, 3) of `3x3`, (7, 7, 320) of `7^2 x 320`."""
    found = re.findall(r"(\d+)(\^2)?", size)
    return tuple(int(digits) for digits, square in found for _ in range(2 if square else 1))


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
        for power, unit in _LETTERS.items():
            size = 10**power
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
