"""What each layer kind is, and how it is written: `archdsl layers`, told from the classes alone."""

from __future__ import annotations

from typing import Any

from archdsl import phrases
from archdsl.errors import Source
from archdsl.expressions import Expression, evaluate
from archdsl.layers import JOINS, Layer, Shape
from archdsl.parse import parse
from archdsl.readings import LayerText


def written(spec: str) -> LayerText:
    """The one layer of a line. Raises ArchError."""
    source = Source("example", spec)
    (network,) = parse(source)
    (item,) = network.statements
    reading = phrases.read(source, item.phrases[0])  # type: ignore[union-attr]
    (layer,) = reading.layers
    assert reading.repeat is None, spec
    return layer


def settled(spec: str, *xs: Shape) -> Layer:
    """The layer of a line, or the join, on inputs of these shapes. Raises ArchError, LayerError."""
    if spec in JOINS:
        return JOINS[spec]()
    layer = written(spec)
    given: dict[str, Any] = {name: one.value for name, one in layer.given.items()}
    for name, value in given.items():
        if isinstance(value, Expression):  # `scale (-1)`
            given[name] = evaluate(value, {}, Source("example", spec))
    return layer.kind.settle(given, xs[0], "same")


def split(example: str) -> tuple[str, tuple[Shape, ...]]:
    """An example of a layer kind, `maxpool on 4x8x8`: the line, and the shapes that enter."""
    spec, _, shapes = example.rpartition(" on ")
    return spec, tuple(tuple(map(int, shape.split("x"))) for shape in shapes.split())
