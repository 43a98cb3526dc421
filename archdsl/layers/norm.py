"""Normalisation and dropout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

from archdsl.layers.base import (
    Call,
    Kept,
    Layer,
    Shape,
    Value,
    attribute,
    count,
    fraction,
    layer,
    needs_map,
    positive,
)


@layer("bn", "batch norm", "batchnorm", "batch normalization", "batch normalisation", "batchnorm2d")
class BatchNorm(Layer):
    """Each channel to zero mean and unit variance over the batch, then scaled and shifted.

    Two parameters a channel; the running mean and variance, and a counter, are buffers.
    `momentum` is torch's: the share of the new batch.
    """

    kind = "bn"
    accompanies = True
    normalises = True
    examples = ("bn on 3x4x4", "batch norm eps 0.001 momentum 0.01 on 5", "bn on 3x7")

    eps: float = attribute("eps", "epsilon", check=positive, default=1e-5)
    momentum: float = attribute("momentum", check=fraction, default=0.1)

    def params(self, x: Shape) -> int:
        return 2 * x[0]

    def buffers(self, x: Shape) -> int:
        return 2 * x[0] + 1

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=8 * x[0])  # the batch's mean and inverse deviation

    def call(self, x: Shape) -> Call:
        options: list[tuple[str, object]] = []
        if self.eps != 1e-5:
            options.append(("eps", self.eps))
        if self.momentum != 0.1:
            options.append(("momentum", self.momentum))
        return Call(f"BatchNorm{max(1, len(x) - 1)}d", (x[0],), tuple(options))


@layer(
    "lrn",
    "local response norm",
    "local response normalization",
    "local response normalisation",
    "normalization layer",
    "normalisation layer",
)
class LocalResponseNorm(Layer):
    """Each value over a power of the energy of its neighbour channels (AlexNet, section 3.3).

    `alpha` is the paper's, a factor of the sum; torch divides its own by the size.
    """

    kind = "norm"
    accompanies = True
    examples = ("LRN on 7x4x4", "lrn size 3 alpha 0.01 beta 0.5 k 1 on 7x4x4")

    size: int = attribute("size", "n", check=count, default=5)
    alpha: float = attribute("alpha", check=positive, default=1e-4)
    beta: float = attribute("beta", check=positive, default=0.75)
    k: float = attribute("k", check=positive, default=2.0)

    @classmethod
    def settle(cls, given: Mapping[str, Value], x: Shape, padding: str) -> Self:
        needs_map(cls.kind, x)
        return cls(**given)  # type: ignore[arg-type]

    def kept(self, x: Shape) -> Kept:
        # The padded squares, the denominators and their power.
        positions = math.prod(x[1:])
        return Kept(input=True, extra=4 * positions * (3 * x[0] + self.size - 1))

    def call(self, x: Shape) -> Call:
        alpha = self.size * self.alpha
        return Call(
            "LocalResponseNorm",
            (self.size,),
            (("alpha", alpha), ("beta", self.beta), ("k", self.k)),
        )

    @property
    def label(self) -> str:
        return "LRN"


@layer("dropout", "drop out")
class Dropout(Layer):
    """Each value to zero with probability p in training, the others scaled up by 1 / (1 - p)."""

    kind = "dropout"
    takes_number = "p"
    accompanies = True

    examples = ("dropout(0.5) on 3x4x4", "dropout (40%) on 6", "dropout on 6")

    p: float = attribute("p", "rate", "ratio", check=fraction, default=0.5)

    def kept(self, x: Shape) -> Kept:
        return Kept(extra=4 * math.prod(x)) if self.p else Kept()  # the scaled mask

    def call(self, x: Shape) -> Call:
        return Call("Dropout", (self.p,))

    @property
    def label(self) -> str:
        return f"dropout {self.p:g}"
