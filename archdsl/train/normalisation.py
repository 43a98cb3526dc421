"""How the values of images become a network's inputs.

`normalise to [-1, 1]`, `normalise per channel`, `normalise mean (0.49, 0.48, 0.45) std (0.25, 0.24,
0.26)`, `normalise mean image`. What is measured is measured on the training images alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from archdsl.train.settings import Setting, Words

if TYPE_CHECKING:
    from torch import Tensor

    from archdsl.train.normaliser import Normaliser

Number = Annotated[float, Field(ge=-1000, le=1000)]
Deviation = Annotated[float, Field(gt=0, le=1000)]


class Normalisation(Setting):
    """A shift and a scale of images in 0 … 1."""

    @abstractmethod
    def fit(self, chunks: Iterable[Tensor], channels: int) -> Normaliser:
        """With what it measures on training images (N, C, H, W), which are uint8 or in 0 … 1, some
        at a time.

        Raises ArchError if it does not fit their channels.
        """


class Interval(Normalisation):
    """To an interval: `to [0, 1]`, `to [-1, 1]`, `to [-0.1, 1.175]` (LeCun et al. 1998, §II.B)."""

    forms = ("to <interval>",)

    interval: tuple[Number, Number] = (0.0, 1.0)

    @model_validator(mode="after")
    def _not_empty(self) -> Interval:
        if self.interval[0] >= self.interval[1]:
            raise ValueError("an interval begins with its smaller end, as in `[-1, 1]`")
        return self

    def fit(self, chunks: Iterable[Tensor], channels: int) -> Normaliser:
        from archdsl.train.normaliser import by_channel

        low, high = self.interval
        return by_channel((low / (low - high),), (1 / (high - low),), channels)


class PerChannel(Normalisation):
    """To mean 0 and standard deviation 1 in each channel of the training images."""

    forms = ("per channel", "each channel", "by channel")

    def fit(self, chunks: Iterable[Tensor], channels: int) -> Normaliser:
        from archdsl.train.augment.moments import moments
        from archdsl.train.normaliser import by_channel

        mean, covariance = moments(chunks, channels)
        deviation = covariance.diagonal().clamp(min=0).sqrt()
        deviation[deviation < 1e-6] = 1  # of a channel with one value alone
        return by_channel(mean.tolist(), deviation.tolist(), channels)


class Given(Normalisation):
    """By the mean and the standard deviation of each channel, or of all channels."""

    forms = ("mean <mean> std <std>", "mean <mean> deviation <std>", "mean <mean>")

    mean: tuple[Number, ...]
    std: Annotated[tuple[Deviation, ...], Words(("deviation", "standard deviation"))] = (1.0,)

    def fit(self, chunks: Iterable[Tensor], channels: int) -> Normaliser:
        from archdsl.train.normaliser import by_channel

        return by_channel(self.mean, self.std, channels)


class MeanImage(Normalisation):
    """By the mean of the training images, subtracted pixel by pixel (Krizhevsky et al. 2012, §2);
    from smaller crops, its centre."""

    forms = ("mean image", "minus mean image", "subtract mean image")

    def fit(self, chunks: Iterable[Tensor], channels: int) -> Normaliser:
        from archdsl.train.normaliser import by_image

        return by_image(chunks)
