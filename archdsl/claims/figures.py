"""Whether a figure, as a paper prints it, agrees with an exact value.

138M        138,357,544    rounds
3.6e9       3,663,761,408  truncates
112x112x64  (64, 112, 112) exactly
"""

import math
import re
from typing import Literal, NamedTuple

from archdsl.figures import FIGURE, SIZE, UNITS, numbers_of
from archdsl.layers import Shape

How = Literal["exactly", "rounds", "truncates", "within one unit"]

_NUMBER = re.compile(rf"{FIGURE}\s*(?P<unit>%|{'|'.join(UNITS)})?")
_SIZE = re.compile(rf"{SIZE}|\d{{1,3}}([,.]\d{{3}})+")


class _Number(NamedTuple):
    """A printed number. `1.8e9` has the digits `18`, 1 of them a decimal, and the unit 10^9."""

    digits: str
    decimals: int
    unit: int
    is_abbreviated: bool
    is_approximate: bool  # `~140M`


def _number(printed: str, kilo: int) -> _Number:
    match = _NUMBER.fullmatch(printed)
    assert match, printed
    digits, decimals = match["digits"].replace(",", ""), match["decimals"] or ""
    letter, power = match["unit"] or "", match["e"] or match["power"] or ""
    has_unit = bool(letter or power)
    is_separator = len(decimals) == 3 and 0 < len(digits.lstrip("0")) <= 3 and not has_unit
    thousand = kilo if letter in ("K", "M", "G") else 1000
    return _Number(
        digits + decimals,
        0 if is_separator else len(decimals),  # LeNet-5's 1.516 is 1,516
        thousand ** (UNITS.get(letter, 0) // 3) * 10 ** int(power or 0),
        has_unit or bool(decimals and not is_separator),
        bool(match["about"]),
    )


def compare(printed: str, exact: int, kilo: int = 1000) -> How | None:
    """How a printed number agrees with an exact one, or None if it does not. The units K, M and G
    are powers of `kilo`.

    A number printed in full must agree exactly. An abbreviated one (`138M`, `3.8e9`) agrees if it
    is the exact value rounded or truncated, or, printed with two digits or more, if it is within
    one unit of its last digit; `~140M` if it is within half a unit of its last digit that is not
    zero.

    >>> compare("138M", 138357544), compare("1.8e9", 1814073344), compare("61,706", 61706)
    ('rounds', 'rounds', 'exactly')
    >>> compare("3.6e9", 3663761408), compare("60M", 62378344)
    ('truncates', None)
    """
    digits, decimals, last, is_abbreviated, is_approximate = _number(printed, kilo)
    # In steps of 10^-decimals, all are integers; `last` is one unit of the last digit.
    exact *= 10**decimals
    value = int(digits) * last
    if exact == value:
        return "exactly"
    if not value:
        return None
    if is_approximate:
        zeros = len(digits) - len(digits.rstrip("0"))
        return "rounds" if 2 * abs(exact - value) <= last * 10**zeros else None
    if not is_abbreviated:
        return None
    if (2 * exact + last) // (2 * last) * last == value:
        return "rounds"
    if exact // last * last == value:
        return "truncates"
    if len(digits.lstrip("0")) < 2:
        return None  # one unit of a single digit may be the whole figure
    return "within one unit" if abs(exact - value) <= last else None


def is_size(printed: str) -> bool:
    """Whether a figure can be compared with a size: `112x112x64`, `7^2`, `4,096`, but not `4K`."""
    return _SIZE.fullmatch(printed) is not None


def compare_size(printed: str, exact: tuple[int, ...], is_shape: bool) -> How | None:
    """Sizes agree to the integer. A shape (C, H, W) is printed as H×W×C, as H×W, or as the number
    of its elements; any other size in full, or as one number if its axes are equal."""
    numbers = numbers_of(re.sub(r"[,.]", "", printed))
    forms: list[Shape] = [exact]
    if is_shape:
        flat = tuple(n for n in exact if n != 1) or (1,)
        forms = [(*exact[1:], exact[0]), exact[1:], (math.prod(exact),)]
        if len(exact) == 1:
            # A vector is also printed as 1×1×1000, or as a map of 1×1; of any rank.
            forms += [(*ones, *exact) for ones in ((1,), (1, 1), (1, 1, 1))]
            forms += [(1, 1), (1, 1, 1)]
        elif len(flat) == 1:
            forms += [flat]
    elif len(set(exact)) == 1:
        forms += [exact[:1]]
    return "exactly" if numbers and numbers in forms else None
