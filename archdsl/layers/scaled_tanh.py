"""The squashing function of LeNet-5."""

from __future__ import annotations

from archdsl.layers.activation import Activation
from archdsl.layers.base import Call, Kept, Shape, attribute, elements, layer, positive


@layer("scaled tanh", "scaled hyperbolic tangent")
class ScaledTanh(Activation):
    """A · tanh(S · x) (LeCun, Bottou, Bengio & Haffner 1998, equation 6).

    `amplitude` is A, 1.7159, and `slope` S, 2/3, so that 1 and -1 are mapped to themselves
    (appendix A).
    """

    kind = "scaledtanh"
    examples = ("scaled tanh on 3x4x4", "scaled tanh amplitude 1.5 slope 0.5 on 7")

    amplitude: float = attribute("amplitude", check=positive, default=1.7159)
    slope: float = attribute("slope", check=positive, default=2 / 3)

    def kept(self, x: Shape) -> Kept:
        return Kept(extra=4 * elements(x))  # the tanh in front of its factor

    def call(self, x: Shape) -> Call:
        return Call("ScaledTanh", (self.amplitude, self.slope), (), True)
