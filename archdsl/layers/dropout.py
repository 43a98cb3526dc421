"""Dropout: values that are randomly set to zero in training."""

import math
from collections.abc import Mapping

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import flag, fraction, needs_map
from archdsl.layers.terms import Call, Disputed, Kept, Shape, Value
from archdsl.layers.torch_signature import INPLACE, Argument, Listing

_P = Argument("p", "p", 0.5, written="position")
_CHANNELS: Mapping[str, Value] = {"channelwise": True}


class BaseDropout(Layer):
    """Base class: the probability, and whether whole channels are dropped."""

    keeps_channels = True
    takes_number = "p"
    accompanies = True
    weakens = True

    p: float = attribute("p", "rate", "ratio", check=fraction, default=0.5)
    channelwise: bool = attribute(check=flag, default=False)

    def check(self, x: Shape) -> None:
        if self.channelwise:
            needs_map(self.label.removesuffix(f" {self.p:g}"), x)

    def kept(self, x: Shape) -> Kept:
        mask = x[0] if self.channelwise else math.prod(x)
        return Kept(extra=4 * mask) if self.p else Kept()  # the scaled mask


@layer("dropout", "drop out", channel_dropout=_CHANNELS, spatial_dropout=_CHANNELS)
class Dropout(BaseDropout):
    """Sets each value to zero with probability p in training, and scales the others by 1 / (1 - p)
    (Srivastava et al. 2014).

    Channel dropout drops whole channels (Tompson et al. 2015).
    """

    disputed = (Disputed("p", "papers give different rates"),)
    examples = (
        "dropout(0.5) on 3x4x4",
        "dropout (40%) on 6",
        "dropout on 6",
        "channel dropout(0.2) on 3x4x4",
        "dropout1d on 3x5",
        "spatial dropout on 3x2x3x4",
    )

    listed = (
        Listing("Dropout", (_P, INPLACE)),
        Listing("Dropout*d", (_P, INPLACE), _CHANNELS),
    )

    @property
    def label(self) -> str:
        return f"{'channel ' if self.channelwise else ''}dropout {self.p:g}"


@layer("alpha dropout", feature_alpha_dropout=_CHANNELS)
class AlphaDropout(BaseDropout):
    """Sets each value, with probability p in training, to the limit of SELU for large negative
    values, then scales and shifts all to preserve mean and variance (Klambauer et al. 2017).

    `feature alpha dropout` drops whole channels.
    """

    examples = (
        "alpha dropout on 3x4x4",
        "alpha dropout (10%) on 7",
        "feature alpha dropout(0.2) on 3x4x4",
        "alpha dropout p 0 on 6",
        "feature alpha dropout on 3x5",
        "alpha dropout 0.2 on 3x2x2x2",
    )

    listed = (
        Listing("AlphaDropout", (_P, INPLACE)),
        Listing("FeatureAlphaDropout", (_P, INPLACE), _CHANNELS),
    )

    @property
    def label(self) -> str:
        return f"{'feature ' if self.channelwise else ''}alpha dropout {self.p:g}"


@layer("stochastic depth", "drop path")
class StochasticDepth(Layer):
    """Sets all values of an image to zero with probability p in training, or else scales them by
    1 / (1 - p) (Huang et al. 2016).

    At the end of the body of a residual block, it makes random images skip the block.
    """

    keeps_channels = True
    named = "stochastic depth {p}"
    takes_number = "p"
    weakens = True
    examples = (
        "stochastic depth 0.2 on 3x4x4",
        "drop path (10%) on 6",
        "stochastic depth p 0 on 6",
        "drop path 0.1 on 3x5",
        "drop path 0.1 on 2x3x2x2",
    )

    p: float = attribute("p", "rate", "ratio", check=fraction)

    def kept(self, x: Shape) -> Kept:
        return Kept(extra=4) if self.p else Kept()  # a factor for each image

    def call(self, x: Shape) -> Call:
        return Call("StochasticDepth", (self.p,), (), True)
