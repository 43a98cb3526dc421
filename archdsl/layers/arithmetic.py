"""Arithmetic on one value, for gates and scaled shortcuts."""

from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import flag, number
from archdsl.layers.terms import Call, Kept, Shape, Values, brief


@layer("scale")
class Scale(Layer):
    """Multiplies every value by a constant (He et al. 2016, Fig. 2b)."""

    keeps_channels = True
    named = "scale {factor}"
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


@layer(
    layer_scale={"channelwise": True},
    learned_scale={"channelwise": False},
    learnable_scale={"channelwise": False},
    rezero={"channelwise": False},
    skipinit={"channelwise": False},
)
class LearnedScale(Layer):
    """Multiplies every value by a learned factor: one for each channel (layer scale, Touvron et
    al. 2021), or one in all (`learned scale`: ReZero, Bachlechner et al. 2020; SkipInit, De &
    Smith 2020).

    The number in `layer scale 0.1` is the initial value. It defaults to 1e-6 for a layer scale,
    as in ConvNeXt, and to 0 for a learned scale, so that a residual block starts as the identity.
    """

    keeps_channels = True
    kind = "layerscale"
    trails = False
    takes_number = "init"
    weakens = True
    keeps = Kept(input=True)
    examples = (
        "layer scale on 3x4x4",
        "layer scale 0.1 on 7",
        "LayerScale(init=1e-5) on 3x5",
        "learned scale on 3x4x4",
        "learned scale init 0.5 on 7",
        "rezero on 3x2x3x2",
        "layer scale on 2x3x2x2",
    )

    init: float = attribute(
        "init", "initial", check=number, otherwise="1e-6, for a learned scale 0"
    )
    channelwise: bool = attribute(check=flag, default=True)

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        if "init" not in values:
            values = {**values, "init": 1e-6 if values["channelwise"] else 0}
        return cls(**values)

    def params(self, x: Shape) -> int:
        return x[0] if self.channelwise else 1

    def call(self, x: Shape) -> Call:
        shape = (x[0], *(1 for _ in x[1:])) if self.channelwise else ()
        return Call("LearnedScale", (shape, self.init), (), True)

    @property
    def label(self) -> str:
        return f"{'layer' if self.channelwise else 'learned'} scale {brief(self.init)}"


@layer("complement")
class Complement(Layer):
    """1 - x, the share that a gate does not let through (Srivastava et al. 2015, equation 3)."""

    keeps_channels = True
    examples = (
        "complement on 3x4x4",
        "complement on 7",
        "complement on 3x5",
        "complement on 2x3x2x2",
    )

    def call(self, x: Shape) -> Call:
        return Call("Complement", (), (), True)
