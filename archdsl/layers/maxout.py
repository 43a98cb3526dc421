"""What makes fewer channels of several, as an activation does of one value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

from archdsl.layers.base import Call, Kept, Layer, Misfit, Shape, attribute, layer
from archdsl.layers.checks import count
from archdsl.layers.torch_signature import Argument, Listing


@layer("maxout", "max out")
class Maxout(Layer):
    """The largest of every few channels (Goodfellow et al. 2013): `maxout 4` of 64 channels gives
    16. Two, as long as no number is given."""

    kind = "maxout"
    takes_number = "pieces"
    accompanies = True
    examples = ("maxout on 6x4x4", "maxout 4 on 8", "maxout, 3 pieces on 6x5", "maxout on 4x3x2x2")

    pieces: int = attribute("pieces", "k", units=("pieces",), check=count, default=2)

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        self = cls(**values)
        if x[0] % self.pieces:
            raise Misfit(
                f"a maxout over {self.pieces} of {x[0]} channels",
                f"let the layer in front have a multiple of {self.pieces}",
            )
        return self

    def out(self, x: Shape) -> Shape:
        return (x[0] // self.pieces, *x[1:])

    def kept(self, x: Shape) -> Kept:
        return Kept(extra=8 * math.prod(self.out(x)))  # the winners' indices, int64

    def call(self, x: Shape) -> Call:
        return Call("Maxout", (self.pieces,), (), True)

    @property
    def label(self) -> str:
        return f"maxout {self.pieces}"


@layer("glu", "gated linear unit")
class GLU(Layer):
    """The first half of the channels, each times the sigmoid of one of the second half (Dauphin et
    al. 2017): half as many channels leave."""

    kind = "glu"
    accompanies = True
    examples = ("glu on 6x4x4", "gated linear unit on 8", "glu on 4x5", "glu on 4x3x2x2")

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        if x[0] % 2:
            raise Misfit(
                f"a gated linear unit on {x[0]} channels",
                "half of them are gates: let the layer in front have an even number",
            )
        return cls()

    def out(self, x: Shape) -> Shape:
        return (x[0] // 2, *x[1:])

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)

    listed = (Listing("GLU", (Argument("dim", default=-1, only=(1,)),)),)
