"""Checks of the values that a text gives to a layer, and of what enters it.

A check of an attribute returns the value in its canonical form, or raises LayerError. The first
sentence of its docstring describes the allowed values in `archdsl layers`.
"""

import math
from collections.abc import Callable
from typing import Any

from archdsl.layers.terms import LayerError, Misfit, Shape, Value, Values, show

LARGEST_LENGTH = 2**31 - 1  # of a width, kernel, stride or padding: torch's limit
MOST_ELEMENTS = 2**63 - 1  # of the output of a layer: torch's limit


def count(value: Value) -> Value:
    """A whole number from 1."""
    return _from(1, value)


def whole(value: Value) -> Value:
    """A whole number from 0."""
    return _from(0, value)


def _from(least: int, value: Value) -> Value:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not least <= value <= LARGEST_LENGTH:  # type: ignore[operator]
        limits = f"{least} to {LARGEST_LENGTH:,}"
        raise LayerError(f"must be a whole number from {limits}, not {show(value)}")
    return value


def per_axis(check: Callable[[Value], Any], value: Value) -> Value:
    """A value that passes a check, or one for each axis."""
    values = tuple(map(check, value if isinstance(value, tuple) else (value,)))
    return values if len(values) > 1 else values[0]


def lengths(value: Value) -> Value:
    """A length from 1, or one for each axis."""
    return per_axis(count, value)


def margin(value: Value) -> Value:
    """A length from 0, one for each axis, `same` or `valid`."""
    return value if isinstance(value, str) else per_axis(whole, value)


def fraction(value: Value) -> Value:
    """A number from 0 to less than 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise LayerError(f"must be at least 0 and less than 1, not {show(value)}")
    return float(value)


def positive(value: Value) -> Value:
    """A finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise LayerError(f"must be above 0, not {show(value)}")
    return value


def number(value: Value) -> Value:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise LayerError(f"must be a number, not {show(value)}")
    return value


def flag(value: Value) -> Value:
    """Yes or no."""
    if value not in (0, 1):
        raise LayerError(f"must be true or false, not {show(value)}")
    return bool(value)


def check_elements(x: Shape) -> Shape:
    """The shape of a value. Raises LayerError if no machine could hold it."""
    if math.prod(x) > MOST_ELEMENTS:
        raise LayerError(
            f"the output has more than {MOST_ELEMENTS:,} elements",
            "use fewer channels, or a smaller map",
        )
    return x


def check_inputs(stated: Value | None, channels: int, what: str, groups: int = 1) -> None:
    """Raises Misfit if a text states another number of input channels, or features, than enter.

    It may state those of one group: AlexNet's `5x5x48` on 96 channels in 2 groups.
    """
    if stated is not None and stated not in (channels, channels // groups):
        share = f", {channels // groups} in each group" if groups > 1 else ""
        raise Misfit(
            f"{show(stated)} input {what} on an input of {channels}{share}",
            "the number must agree with the preceding layer: correct it, or leave it out",
        )


# `groups of 8`, `group width 8` (RegNet), `8 channels per group`.
GROUP_WIDTH = ("group width", "group size", "groups of", "groups of size", "channels per group")
MEANS_GROUP_WIDTH = "the channels of each group, in place of the number of groups"


def with_groups(values: Values, channels: int) -> Values:
    """The attributes with the number of groups in place of the channels of each. Raises LayerError
    if there cannot be such groups."""
    width = values.get("group_width")
    if not isinstance(width, int):
        return values
    if "groups" in values:
        raise LayerError(
            "the groups are given twice, by their number and by their width",
            "remove one of the two",
        )
    if channels % width:
        raise Misfit(
            f"{channels} channels cannot be divided into groups of {width}",
            f"write a number that divides them, or for {width} groups `groups {width}`",
        )
    rest = {name: value for name, value in values.items() if name != "group_width"}
    return {**rest, "groups": channels // width}


def needs_map(kind: str, x: Shape) -> int:
    """The number of axes of a map, without the channels. Raises Misfit for a vector."""
    if len(x) < 2:
        raise Misfit(
            f"`{kind}` needs a map, but its input is a vector of {x[0]}",
            "put it before the fully connected layers; "
            "the input of a signal states its channels: `input 16000x1`",
        )
    return len(x) - 1


def _added(value: Value) -> Value:
    if isinstance(value, int | float) and value < 0:
        raise LayerError(
            f"must not be negative, like {show(value)}: `crop` and `slice` make maps smaller"
        )
    return whole(value)


def margins(value: Value) -> Value:
    """A whole number from 0, or several."""
    return per_axis(_added, value)
