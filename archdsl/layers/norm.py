"""Normalisation over a batch, and over neighbouring channels."""

import math

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import count, flag, fraction, needs_map, positive
from archdsl.layers.terms import Kept, Shape
from archdsl.layers.torch_signature import ENTERING, Argument, fixed, listed_as

AFFINE = {"affine": True, "no affine": False}


class Normalisation(Layer):
    """Base class of normalisations whose channels have a scale and a shift if they are `affine`."""

    accompanies = True
    normalises = True
    affine: bool

    def params(self, x: Shape) -> int:
        return 2 * x[0] * self.affine


@layer("bn", "batch norm")
class BatchNorm(Normalisation):
    """Normalises each channel to zero mean and unit variance over the batch, then scales and shifts
    it (Ioffe & Szegedy 2015).

    Each channel has a scale and a shift, or neither with `no affine`; the running mean and
    variance, and a counter, are buffers. As in torch, `momentum` is the weight of the new batch. A
    convolution before it has no bias, unlike with other norms.
    """

    kind = "bn"
    absorbs_bias = True
    uses_batch_statistics = True
    examples = (
        "bn on 3x4x4",
        "batch norm eps 0.001 momentum 0.01 on 5",
        "bn on 3x7",
        "bn on 3x2x3x2",
        "bn, no affine on 3x4x4",
    )

    eps: float = attribute("eps", "epsilon", check=positive, default=1e-5)
    momentum: float = attribute("momentum", check=fraction, default=0.1)
    affine: bool = attribute("affine", check=flag, flags=AFFINE, default=True)

    def buffers(self, x: Shape) -> int:
        return 2 * x[0] + 1

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=8 * x[0])  # the batch's mean and inverse deviation

    listed = listed_as(
        "BatchNorm*d",
        Argument("num_features", ENTERING),
        Argument("eps", "eps", 1e-5),
        Argument("momentum", "momentum", 0.1),
        Argument("affine", "affine", True),
        fixed("track_running_stats", True),
    )


@layer("lrn", "local response norm", "normalization layer")
class LocalResponseNorm(Layer):
    """Divides each value by a power of the energy of the neighbouring channels (AlexNet,
    Krizhevsky, Sutskever & Hinton 2012, section 3.3).

    `alpha` is that of the paper, a factor of the sum; torch divides its alpha by the size.
    """

    kind = "norm"
    named = "LRN"
    accompanies = True
    examples = (
        "LRN on 7x4x4",
        "lrn size 3 alpha 0.01 beta 0.5 k 1 on 7x4x4",
        "LRN on 7x5",
        "LRN on 7x3x2x2",
    )

    size: int = attribute("size", "n", check=count, default=5)
    alpha: float = attribute("alpha", check=positive, default=1e-4)
    beta: float = attribute("beta", check=positive, default=0.75)
    k: float = attribute("k", check=positive, default=2.0)

    def check(self, x: Shape) -> None:
        needs_map(self.kind, x)

    def kept(self, x: Shape) -> Kept:
        # The padded squares, the denominators and their power.
        positions = math.prod(x[1:])
        return Kept(input=True, extra=4 * positions * (3 * x[0] + self.size - 1))

    listed = listed_as(
        "LocalResponseNorm",
        Argument("size", "size"),
        Argument("alpha", "alpha", 1e-4, per="size", written="keyword"),
        Argument("beta", "beta", 0.75, written="keyword"),
        Argument("k", "k", 1.0, written="keyword"),
    )
