"""Normalisations: over a batch, of one image at a time, and over neighbouring channels.

Their statistics are not counted in receptive fields, nor are the gates of squeeze-and-excitation.
"""

import math
from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import (
    GROUP_WIDTH,
    MEANS_GROUP_WIDTH,
    count,
    flag,
    fraction,
    needs_map,
    positive,
    with_groups,
)
from archdsl.layers.terms import (
    Call,
    Disputed,
    Kept,
    LayerError,
    Misfit,
    Shape,
    Value,
    Values,
    times,
)
from archdsl.layers.torch_signature import ENTERING, Argument, fixed, listed_as

AFFINE = {"affine": True, "no affine": False}


class Normalisation(Layer):
    """Base class of normalisations whose channels have a scale and a shift if they are `affine`."""

    accompanies = True
    role = "norm"
    trails = False
    normalises = True
    affine: bool

    def params(self, x: Shape) -> int:
        return 2 * x[0] * self.affine


def share_of_new_batch(value: Value) -> None:
    """Raises LayerError for a momentum that papers and Keras give to the old statistics."""
    momentum = float(value)  # type: ignore[arg-type]
    if momentum > 0.5:
        raise LayerError(
            f"is {momentum:g}: the share of the new batch, or of the old statistics?",
            "torch's is that of the new batch, that of papers and Keras the rest: "
            f"write `momentum {1 - momentum:g}`; if the new batch has {momentum:g}, write "
            f"`nn.BatchNorm2d(…, momentum={momentum:g})`",
        )


@layer("bn", "batch norm")
class BatchNorm(Normalisation):
    """Normalises each channel to zero mean and unit variance over the batch, then scales and shifts
    it (Ioffe & Szegedy 2015).

    Each channel has a scale and a shift, or neither with `no affine`; the running mean and
    variance, and a counter, are buffers. As in torch, `momentum` is the weight of the new batch. A
    convolution before it has no bias, unlike with other norms.
    """

    details = ("eps", "momentum", "affine")
    keeps_channels = True
    kind = "bn"
    absorbs_bias = True
    uses_batch_statistics = True
    disputed = (
        Disputed("eps", "TensorFlow and Keras have 0.001"),
        Disputed("momentum", "Keras has 0.01"),
    )
    examples = (
        "bn on 3x4x4",
        "batch norm eps 0.001 momentum 0.01 on 5",
        "bn on 3x7",
        "bn on 3x2x3x2",
        "bn, no affine on 3x4x4",
    )

    eps: float = attribute("eps", "epsilon", check=positive, default=1e-5)
    momentum: float = attribute("momentum", check=fraction, doubt=share_of_new_batch, default=0.1)
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

    details = ("size", "alpha", "beta", "k")
    kind = "norm"
    named = "LRN"
    accompanies = True
    trails = False
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


@layer("layer norm", "ln", "layernorm2d")
class LayerNorm(Normalisation):
    """Normalises the channels of each position to zero mean and unit variance, then scales and
    shifts each channel (Ba, Kiros & Hinton 2016).

    As in ConvNeXt, each position of a map has its own statistics; with those of the whole map it
    is `group norm 1`. Each channel has a scale and a shift, or neither with `no affine`. A
    convolution before it keeps its bias.
    """

    details = ("eps", "affine")
    kind = "ln"
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

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=8 * math.prod(x[1:]))  # each mean and inverse deviation

    listed = listed_as(
        "LayerNorm",
        Argument("normalized_shape", ENTERING),
        Argument("eps", "eps", 1e-5),
        Argument("elementwise_affine", "affine", True),
        fixed("bias", True),
    )

    def call(self, x: Shape) -> Call:
        call = super().call(x)
        return call if len(x) == 1 else call._replace(name="ChannelNorm", own=True)


@layer("group norm", "gn")
class GroupNorm(Normalisation):
    """Normalises the channels of each group, over the whole map, to zero mean and unit variance,
    then scales and shifts each channel (Wu & He 2018).

    `group norm 16` has 16 groups, a number that divides the channels; the default is the paper's
    32. `group norm 1` is a layer norm of the whole map. Each channel has a scale and a shift, or
    neither with `no affine`. A convolution before it keeps its bias.
    """

    details = ("eps", "affine")
    kind = "gn"
    named = "gn {groups}"
    takes_number = "groups"
    takes_suffix = "groups"
    examples = (
        "group norm 2 on 4x3x5",
        "GN on 64x2x3",
        "gn3 eps 0.001 on 6x5",
        "group normalization groups 2 no affine on 6",
        "group norm, 4 groups on 4x2x3x2",
        "group norm, 3 channels per group on 6x3x5",
    )

    groups: int = attribute("groups", "num groups", units=("groups",), check=count, default=32)
    group_width: int | None = attribute(
        *GROUP_WIDTH,
        units=("channels per group",),
        check=count,
        default=None,
        means=MEANS_GROUP_WIDTH,
    )
    eps: float = attribute("eps", "epsilon", check=positive, default=1e-5)
    affine: bool = attribute("affine", check=flag, flags=AFFINE, default=True)

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        return super().settle(with_groups(values, x[0]), x, padding)

    def check(self, x: Shape) -> None:
        if x[0] % self.groups:
            raise Misfit(
                f"{x[0]} channels cannot be divided into {self.groups} equal groups",
                "write a number that divides them, as in `group norm 16`; the default is 32",
            )
        if math.prod(x) == self.groups:
            raise Misfit(
                f"each of {self.groups} groups has one value: the result would be 0",
                "use fewer groups",
            )

    def kept(self, x: Shape) -> Kept:
        return Kept(input=True, extra=8 * self.groups)  # each mean and inverse deviation

    listed = listed_as(
        "GroupNorm",
        Argument("num_groups", "groups"),
        Argument("num_channels", ENTERING),
        Argument("eps", "eps", 1e-5),
        Argument("affine", "affine", True),
    )


@layer("instance norm", "IN")
class InstanceNorm(Normalisation):
    """Normalises each channel of each image to zero mean and unit variance over its map (Ulyanov,
    Vedaldi & Lempitsky 2016).

    As in torch it learns nothing; with `affine` each channel has a scale and a shift. A
    convolution before it keeps its bias. `IN` is read only in capitals.
    """

    details = ("eps", "affine")
    keeps_channels = True
    named = "instance norm"
    examples = (
        "instance norm on 3x4x5",
        "instance normalization affine on 3x7",
        "instance norm eps 0.001 on 2x3x2x2",
    )

    eps: float = attribute("eps", "epsilon", check=positive, default=1e-5)
    affine: bool = attribute("affine", check=flag, flags=AFFINE, default=False)

    def check(self, x: Shape) -> None:
        needs_map(self.kind, x)
        if math.prod(x[1:]) == 1:
            raise Misfit(
                f"an instance norm of a {times(x[1:])} map would be 0",
                "put it before the pool, or use `layer norm`",
            )

    def kept(self, x: Shape) -> Kept:
        # Each mean and inverse deviation; torch repeats the scales for each image of a batch.
        return Kept(input=True, extra=(12 if self.affine else 8) * x[0])

    listed = listed_as(
        "InstanceNorm*d",
        Argument("num_features", ENTERING),
        Argument("eps", "eps", 1e-5),
        Argument("momentum", default=0.1),  # of running statistics, which it does not have
        Argument("affine", "affine", False),
        fixed("track_running_stats", False),
    )
