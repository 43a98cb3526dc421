"""Normalisations of one image alone: over its channels, over groups of them, over each map.

What they read beside its own position are statistics; of a receptive field they are no part, as
the statistics of a batch norm and the gates of squeeze-and-excitation are none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

from archdsl.layers.base import Call, Kept, Layer, Misfit, Shape, attribute, layer, times
from archdsl.layers.checks import count, flag, needs_map, positive
from archdsl.layers.torch_signature import ENTERING, Argument, Listing, fixed

AFFINE = {"affine": True, "no affine": False}


@layer(
    "layer norm",
    "ln",
    "layer normalization",
    "layer normalisation",
    "layernorm2d",
)
class LayerNorm(Layer):
    """The channels of each position to zero mean and unit variance, then scaled and shifted (Ba,
    Kiros & Hinton 2016).

    So ConvNeXt has it: on a map each position has statistics of its own; over the channels and
    the positions of the whole map it is `group norm 1`. A scale and a shift a channel, none with
    `no affine`; `eps` 1e-5. A convolution in front of it keeps its bias.
    """

    kind = "ln"
    accompanies = True
    normalises = True
    examples = (
        "layer norm on 3x4x5",
        "LN eps 1e-6 on 7",
        "layer normalization no affine on 5x6",
        "layer norm, no affine on 9",
        "ln on 3x2x4x3",
        "layer norm eps 0.01 on 3x4x5",
    )

    eps: float = attribute("eps", "epsilon", check=positive, default=1e-5)
    affine: bool = attribute("affine", check=flag, flags=AFFINE, default=True)

    def params(self, x: Shape) -> int:
        return 2 * x[0] * self.affine

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=8 * math.prod(x[1:]))  # each mean and inverse deviation

    listed = (
        Listing(
            "LayerNorm",
            (
                Argument("normalized_shape", ENTERING),
                Argument("eps", "eps", 1e-5),
                Argument("elementwise_affine", "affine", True),
                fixed("bias", True),
            ),
        ),
    )

    def call(self, x: Shape) -> Call:
        call = super().call(x)
        return call if len(x) == 1 else call._replace(name="ChannelNorm", own=True)


@layer(
    "group norm",
    "gn",
    "group normalization",
    "group normalisation",
)
class GroupNorm(Layer):
    """The channels of each group, over the whole map, to zero mean and unit variance, then each
    channel scaled and shifted (Wu & He 2018).

    `group norm 16` has 16 groups, which divide the channels; 32 when none are given, the paper's.
    `group norm 1` is a layer norm of the whole map. `no affine`; `eps` 1e-5. A convolution in
    front of it keeps its bias.
    """

    kind = "gn"
    takes_number = "groups"
    takes_suffix = "groups"
    accompanies = True
    normalises = True
    examples = (
        "group norm 2 on 4x3x5",
        "GN on 64x2x3",
        "gn3 eps 0.001 on 6x5",
        "group normalization groups 2 no affine on 6",
        "group norm, 4 groups on 4x2x3x2",
    )

    groups: int = attribute("groups", "num groups", units=("groups",), check=count, default=32)
    eps: float = attribute("eps", "epsilon", check=positive, default=1e-5)
    affine: bool = attribute("affine", check=flag, flags=AFFINE, default=True)

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        self = cls(**values)
        if x[0] % self.groups:
            raise Misfit(
                f"{x[0]} channels are no {self.groups} equal groups",
                "write a number of groups that divides them, as in `group norm 16`; 32 is the rule",
            )
        if math.prod(x) == self.groups:
            raise Misfit(
                f"{self.groups} groups of one value each: all would be 0",
                "use fewer groups",
            )
        return self

    def params(self, x: Shape) -> int:
        return 2 * x[0] * self.affine

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=8 * self.groups)  # each mean and inverse deviation

    listed = (
        Listing(
            "GroupNorm",
            (
                Argument("num_groups", "groups"),
                Argument("num_channels", ENTERING),
                Argument("eps", "eps", 1e-5),
                Argument("affine", "affine", True),
            ),
        ),
    )

    @property
    def label(self) -> str:
        return f"gn {self.groups}"


@layer(
    "instance norm",
    "IN",
    "instance normalization",
    "instance normalisation",
    "instancenorm2d",
)
class InstanceNorm(Layer):
    """Each channel of each image to zero mean and unit variance over its map (Ulyanov, Vedaldi &
    Lempitsky 2016).

    As torch's it learns nothing; `affine` gives each channel a scale and a shift. `eps` 1e-5. A
    convolution in front of it keeps its bias. `IN` is short for it in capitals alone.
    """

    kind = "instancenorm"
    accompanies = True
    normalises = True
    examples = (
        "instance norm on 3x4x5",
        "instance normalization affine on 3x7",
        "instance norm eps 0.001 on 2x3x2x2",
    )

    eps: float = attribute("eps", "epsilon", check=positive, default=1e-5)
    affine: bool = attribute("affine", check=flag, flags=AFFINE, default=False)

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        needs_map(cls.kind, x)
        if math.prod(x[1:]) == 1:
            raise Misfit(
                f"an instance norm of a {times(x[1:])} map: all would be 0",
                "put it in front of the pool, or use `layer norm`",
            )
        return cls(**values)

    def params(self, x: Shape) -> int:
        return 2 * x[0] * self.affine

    def kept(self, x: Shape) -> Kept:
        # Each mean and inverse deviation; torch repeats the scales for the images of a batch.
        return Kept(input=True, extra=(12 if self.affine else 8) * x[0])

    listed = (
        Listing(
            "InstanceNorm*d",
            (
                Argument("num_features", ENTERING),
                Argument("eps", "eps", 1e-5),
                Argument("momentum", default=0.1),  # of statistics that it does not have
                Argument("affine", "affine", False),
                fixed("track_running_stats", False),
            ),
        ),
    )

    @property
    def label(self) -> str:
        return "instance norm"
