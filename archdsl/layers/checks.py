"""Checks of the values that a text gives to a layer, and of what enters it.

A check of an attribute returns the value in its canonical form, or raises LayerError; its first
sentence says in `archdsl layers` which values there are.
"""

from __future__ import annotations

import math

from archdsl.layers.base import LayerError, Misfit, Shape, Value, elements, show

LARGEST = 2**31 - 1  # of a width, kernel, stride or padding: torch's own limit
MOST_ELEMENTS = 2**63 - 1  # of the value that leaves a layer: torch's own limit


def count(value: Value) -> Value:
    """A whole number from 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise LayerError(f"must be a whole number from 1 to {LARGEST:,}, not {show(value)}")
    return value


def lengths(value: Value) -> Value:
    """A length from 1, or one an axis."""
    values = value if isinstance(value, tuple) else (value,)
    for one in values:
        count(one)
    return values if len(values) > 1 else int(values[0])


def margin(value: Value) -> Value:
    """A length from 0, one an axis, `same` or `valid`."""
    if isinstance(value, str):
        return value
    values = value if isinstance(value, tuple) else (value,)
    for one in values:
        if one != 0 or isinstance(one, bool):
            count(one)
    return tuple(map(int, values)) if len(values) > 1 else int(values[0])


def fraction(value: Value) -> Value:
    """A probability from 0 up to, not including, 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise LayerError(f"must be at least 0 and below 1, not {show(value)}")
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
    """The shape of a value. Raises LayerError where it has more elements than any machine holds."""
    if elements(x) > MOST_ELEMENTS:
        raise LayerError(
            f"a value of more than {MOST_ELEMENTS:,} numbers",
            "use fewer channels, or a smaller map",
        )
    return x


def check_inputs(given: Value | None, channels: int, what: str, groups: int = 1) -> None:
    """Raises Misfit where a text says other inputs of a layer than there are.

    In groups each filter sees its share: AlexNet's `5x5x48` on 96 channels.
    """
    if given is not None and given not in (channels, channels // groups):
        share = f", {channels // groups} a group" if groups > 1 else ""
        raise Misfit(
            f"{show(given)} input {what} on an input of {channels}{share}",
            "the number is checked against the layers in front: correct it, or leave it out",
        )


def needs_map(kind: str, x: Shape) -> int:
    """The number of axes of a map. Raises Misfit for a vector."""
    if len(x) < 2:
        raise Misfit(
            f"`{kind}` needs a map, its input is a vector of {x[0]}",
            "put it in front of the fully connected layers; "
            "a signal says its channels: `input 16000x1`",
        )
    return len(x) - 1


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
