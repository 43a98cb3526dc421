"""Connection tables: which input maps each output map of a convolution reads.

As text, `0 1 2, 1 2 3` is the input maps, counted from 0, of output map 0 and of output map 1.
"""

from archdsl.layers.terms import LayerError, Misfit, Shape, Value, Values

BELOW = "below"  # the value of `connections` alone: a table follows below the layer

FORM = "write `connections (0 1 2, 1 2 3)`: the input maps of each output map, numbered from 0"


def tables(text: str) -> tuple[tuple[int, ...], ...]:
    """The input maps of each output map."""
    return tuple(tuple(map(int, one.split())) for one in text.split(","))


def connection_lists(value: Value) -> Value:
    """Lists of input maps, each in ascending order."""
    if value == BELOW:
        return value
    if not isinstance(value, str):
        raise LayerError("must be lists of map numbers", FORM)
    lists = []
    for output, inputs in enumerate(tables(value)):
        if not inputs:
            raise LayerError(f"leave output map {output} without input maps", FORM)
        if len({*inputs}) < len(inputs):
            raise LayerError(f"name an input map of output map {output} twice", FORM)
        lists.append(" ".join(map(str, sorted(inputs))))
    return ", ".join(lists)


def with_connections(values: Values, x: Shape) -> Values:
    """The attributes of a convolution with connections, with the width that these give it.

    Raises LayerError if the table is missing, or does not fit the layer or its input.
    """
    if values["connections"] == BELOW:
        raise LayerError(
            "there is no connection table below the layer",
            "paste it there: a row for each input map, a column for each output map, and X where "
            "they are connected; or " + FORM,
        )
    for name in ("groups", "depthwise"):
        if name in values:
            raise LayerError(
                "a convolution with connections cannot have groups",
                "leave them out, and write the groups as connections",
            )
    table = tables(str(values["connections"]))
    width = values.get("width", len(table))
    if width != len(table):
        raise LayerError(
            f"the connections have {len(table)} output maps, but the width is {width}",
            "the connections have a column, or a list, for each output map",
        )
    read = {i for inputs in table for i in inputs}
    if (last := max(read)) >= x[0]:
        raise Misfit(
            f"the connections read input map {last} (counted from 0), but there are only {x[0]}",
            "the connections have a row, or a number, for each input map",
        )
    if len(read) < x[0]:
        unread = next(i for i in range(x[0]) if i not in read)
        raise Misfit(
            f"no output map reads input map {unread} (counted from 0) of {x[0]}",
            "the connections have a row, or a number, for each input map",
        )
    return {**values, "width": width}
