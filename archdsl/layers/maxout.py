"""Activations that combine several channels into one."""

import math

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import count
from archdsl.layers.terms import Call, Kept, Misfit, Shape
from archdsl.layers.torch_signature import Argument, listed_as


@layer("maxout", "max out")
class Maxout(Layer):
    """The largest of each group of adjacent channels (Goodfellow et al. 2013).

    `maxout 4` of 64 channels gives 16; by default each two channels become one.
    """

    named = "maxout {pieces}"
    takes_number = "pieces"
    accompanies = True
    examples = ("maxout on 6x4x4", "maxout 4 on 8", "maxout, 3 pieces on 6x5", "maxout on 4x3x2x2")

    pieces: int = attribute("pieces", "k", units=("pieces",), check=count, default=2)

    def check(self, x: Shape) -> None:
        if x[0] % self.pieces:
            raise Misfit(
                f"{x[0]} channels cannot be divided into groups of {self.pieces}",
                f"give the preceding layer a multiple of {self.pieces} channels",
            )

    def out(self, x: Shape) -> Shape:
        return (x[0] // self.pieces, *x[1:])

    def kept(self, x: Shape) -> Kept:
        return Kept(extra=8 * math.prod(self.out(x)))  # the winners' indices, int64

    def call(self, x: Shape) -> Call:
        return Call("Maxout", (self.pieces,), (), True)


@layer("glu", "gated linear unit")
class GLU(Layer):
    """Multiplies the first half of the channels by the sigmoids of the second half (Dauphin et al.
    2017), which gives half as many channels."""

    accompanies = True
    keeps = Kept(input=True)
    examples = ("glu on 6x4x4", "gated linear unit on 8", "glu on 4x5", "glu on 4x3x2x2")

    def check(self, x: Shape) -> None:
        if x[0] % 2:
            raise Misfit(
                f"a gated linear unit on {x[0]} channels",
                "half of them are gates: give the preceding layer an even number of channels",
            )

    def out(self, x: Shape) -> Shape:
        return (x[0] // 2, *x[1:])

    listed = listed_as("GLU", Argument("dim", default=-1, only=(1,)))
