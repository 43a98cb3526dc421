"""Averages of the weights, which are evaluated in place of the weights of the last step."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field

from archdsl.train.settings import Forms, Setting, Words


class Averaging(Setting):
    """How the weights of several steps become one."""

    def due(self, epoch: int, ends: bool) -> bool:
        """Whether to take up the weights after a step of an epoch, counted from 1, or after the
        last one, which `ends` it."""
        return True

    @abstractmethod
    def weight(self, count: int) -> float:
        """The weight of new weights after `count` earlier ones."""

    @property
    def own_statistics(self) -> bool:
        """Whether batch norms need statistics of the averaged weights."""
        return False


class Ema(Averaging):
    """An exponential moving average of the weights of all steps.

    After `warm start` it begins as a running mean, with a decay of at most (1 + n) / (10 + n) after
    n steps, as TensorFlow's.
    """

    forms = ("ema <decay>", "exponential moving average <decay>", "ema")

    decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    warm: Annotated[bool, Words(("warm start",), replace=True)] = False

    def weight(self, count: int) -> float:
        return 1 - (min(self.decay, (1 + count) / (10 + count)) if self.warm else self.decay)


class Polyak(Averaging):
    """The mean of the weights of all steps from the epoch `start` on (Polyak & Juditsky 1992)."""

    kind = "polyak"
    forms: ClassVar[Forms] = ("polyak from epoch <start>", "polyak")

    start: Annotated[int, Field(ge=1, le=10**6)] = 1

    def due(self, epoch: int, ends: bool) -> bool:
        return epoch >= self.start

    def weight(self, count: int) -> float:
        return 1 / (count + 1)


class Swa(Polyak):
    """The mean of the weights after each epoch from the epoch `start` on; batch norms get the
    statistics of the mean (Izmailov et al. 2018)."""

    kind = "swa"
    forms = ("swa from epoch <start>", "stochastic weight averaging from epoch <start>", "swa")

    def due(self, epoch: int, ends: bool) -> bool:
        return ends and epoch >= self.start

    @property
    def own_statistics(self) -> bool:
        return True
