"""What each layer kind is, and how it is written: `archdsl layers`, told from the classes alone."""

from __future__ import annotations

from archdsl import phrases
from archdsl.errors import Source
from archdsl.layers import JOINS, Layer, Shape
from archdsl.parse import parse
from archdsl.readings import LayerText


def written(spec: str) -> LayerText:
    """The one layer of a line. Raises ArchError."""
    source = Source("example", spec)
    (network,) = parse(source)
    (item,) = network.statements
    (layer,) = phrases.read(source, item.phrases[0]).layers  # type: ignore[union-attr]
    return layer


def settled(spec: str, *xs: Shape) -> Layer:
    """The layer of a line, or the join, on inputs of these shapes. Raises ArchError, LayerError."""
    if spec in JOINS:
        return JOINS[spec]()
    layer = written(spec)
    given = {name: one.value for name, one in layer.given.items()}
    return layer.kind.settle(given, xs[0], "same")  # type: ignore[arg-type]


def split(example: str) -> tuple[str, tuple[Shape, ...]]:
    """An example of a layer kind, `maxpool on 4x8x8`: the line, and the shapes that enter."""
    spec, _, shapes = example.rpartition(" on ")
    return spec, tuple(tuple(map(int, shape.split("x"))) for shape in shapes.split())
