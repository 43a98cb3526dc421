"""Which input maps each output map of a convolution reads.

As text these are lists of numbers from 0, `0 1 2, 1 2 3`: one for each output map.
"""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.layers.base import LayerError, Misfit, Shape, Value

BELOW = "below"  # a layer that says `connections` alone: its table stands below it

FORM = "write `connections (0 1 2, 1 2 3)`: the input maps of each output map, numbered from 0"


def tables(text: str) -> tuple[tuple[int, ...], ...]:
    """The input maps of each output map."""
    return tuple(tuple(map(int, one.split())) for one in text.split(","))


def connected(value: Value) -> Value:
    """Lists of input maps, each in ascending order."""
    if value == BELOW:
        return value
    if not isinstance(value, str):
        raise LayerError("are lists of maps", FORM)
    lists = []
    for output, inputs in enumerate(tables(value)):
        if not inputs:
            raise LayerError(f"leave output map {output} without an input", FORM)
        if len({*inputs}) < len(inputs):
            raise LayerError(f"name an input map of output map {output} twice", FORM)
        lists.append(" ".join(map(str, sorted(inputs))))
    return ", ".join(lists)


def connecting(given: Mapping[str, Value], x: Shape) -> Mapping[str, Value]:
    """The attributes of a convolution with connections, its width among them.

    Raises LayerError where a table is missing or does not fit the layer, or what enters it.
    """
    if given["connections"] == BELOW:
        raise LayerError(
            "no connection table stands below the layer",
            "paste it there: a row for each input map, a column for each output map, X where "
            "they are connected; or " + FORM,
        )
    for name in ("groups", "depthwise"):
        if name in given:
            raise LayerError(
                "a convolution with connections has no groups", "a group is a block of connections"
            )
    table = tables(str(given["connections"]))
    width = given.get("width", len(table))
    if width != len(table):
        raise LayerError(
            f"connections of {len(table)} output maps, and a width of {width}",
            "the connections have a column, or a list, for each output map",
        )
    read = {i for inputs in table for i in inputs}
    if (last := max(read)) >= x[0]:
        raise Misfit(
            f"the connections read the input map {last}, counted from 0, and {x[0]} maps enter",
            "the connections have a row, or a number, for each input map",
        )
    if len(read) < x[0]:
        lacking = next(i for i in range(x[0]) if i not in read)
        raise Misfit(
            f"no output map reads the input map {lacking}, counted from 0: {x[0]} maps enter",
            "the connections have a row, or a number, for each input map",
        )
    return {**given, "width": width}
