"""Fully connected layers, and the flattening in front of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from archdsl.layers.base import (
    Call,
    Kept,
    Layer,
    LayerError,
    Shape,
    Value,
    attribute,
    count,
    elements,
    flag,
    layer,
)
from archdsl.layers.listing import ENTERING, Argument, Listing, fixed


@layer(
    "fc",
    "fully connected",
    "fully connected layer",
    "linear",
    "dense",
    "dense layer",
    "inner product",
)
class FullyConnected(Layer):
    """A matrix product; a map in front of it is flattened."""

    kind = "fc"
    takes_number = "width"
    takes_suffix = "width"
    compact = (r"(?P<width>\d+)N",)  # the 150N of Ciresan, Meier & Schmidhuber 2012
    weighs = True
    examples = (
        "FC-10 on 12",
        "1000-d fc on 7",
        "linear 5 no bias on 9",
        "fully connected 6 on 7",
        "fc 4096 neurons on 3",
    )

    width: int = attribute(
        "width",
        "out features",
        units=("neurons", "units", "d", "way", "outputs"),
        check=count,
    )
    bias: bool = attribute("bias", check=flag, flags={"no bias": False, "bias": True}, default=True)

    @classmethod
    def settle(cls, given: Mapping[str, Value], x: Shape, padding: str) -> Self:
        if "width" not in given:
            raise LayerError("the fully connected layer has no width", cls.form())
        return cls(**given)  # type: ignore[arg-type]

    def out(self, x: Shape) -> Shape:
        return (self.width,)

    def params(self, x: Shape) -> int:
        return x[0] * self.width + self.width * self.bias

    def macs(self, x: Shape) -> int:
        return x[0] * self.width

    def gathers(self, x: Shape) -> bool:
        return True

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True)

    listed = (
        Listing(
            "Linear",
            (
                Argument("in_features", ENTERING),
                Argument("out_features", "width"),
                Argument("bias", "bias", True),
            ),
        ),
    )

    def call(self, x: Shape) -> Call:
        options = () if self.bias else (("bias", False),)
        return Call("Linear", (x[0], self.width), options)

    @property
    def label(self) -> str:
        return f"fc {self.width}"


@layer("flatten")
class Flatten(Layer):
    """A map as a vector, channel by channel."""

    kind = "flatten"
    trails = True
    examples = ("flatten on 3x4x5", "flatten on 7")

    def out(self, x: Shape) -> Shape:
        return (elements(x),)

    def gathers(self, x: Shape) -> bool:
        return True

    listed = (Listing("Flatten", (fixed("start_dim", 1), fixed("end_dim", -1))),)

    def call(self, x: Shape) -> Call:
        return Call("Flatten")
