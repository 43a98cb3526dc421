"""Arithmetic with one value: what gates and scaled shortcuts are made of."""

from __future__ import annotations

from archdsl.layers.base import Call, Layer, Shape, attribute, layer, number


@layer("scale")
class Scale(Layer):
    """Every value times a constant (He et al. 2016, Fig. 2b)."""

    kind = "scale"
    takes_number = "factor"
    weakens = True
    examples = (
        "scale 0.5 on 3x4x4",
        "scale by -1 on 7",
        "scale (2) on 3x5",
        "scale 0.1 on 2x3x2x2",
    )

    factor: float = attribute("by", check=number)

    def call(self, x: Shape) -> Call:
        return Call("Scale", (self.factor,), (), True)

    @property
    def label(self) -> str:
        return f"scale {self.factor:g}" if self.factor >= 0 else f"scale ({self.factor:g})"


@layer("complement")
class Complement(Layer):
    """1 - x: what a gate does not let through (Srivastava et al. 2015, equation 3)."""

    kind = "complement"
    examples = (
        "complement on 3x4x4",
        "complement on 7",
        "complement on 3x5",
        "complement on 2x3x2x2",
    )

    def call(self, x: Shape) -> Call:
        return Call("Complement", (), (), True)
