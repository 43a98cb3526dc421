"""The learning-rate schedules that a recipe can name, and the warm-up before any of them.

A schedule is a function of time, so a run that resumes anywhere continues it exactly. Only `divide
lr by 10 on plateau` depends on what was measured: archdsl.train.rates remembers that.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from archdsl.train.settings import Setting, Words

Count = Annotated[int, Field(ge=1, le=10**9)]
Rate = Annotated[float, Field(ge=0, le=1000)]


class Time(NamedTuple):
    """How far a training is: `step` steps are completed. An epoch has `steps`, of which the
    training has `epochs`; the warm-up takes `warm` steps."""

    step: int
    steps: int
    epochs: int
    warm: int = 0

    @property
    def epoch(self) -> int:
        """The number of completed epochs."""
        return self.step // self.steps

    @property
    def share(self) -> float:
        """The completed share of the steps after the warm-up, 0 … 1."""
        total = self.steps * self.epochs - self.warm
        return min(1.0, max(0, self.step - self.warm) / max(1, total))


class Schedule(Setting):
    """How the learning rate changes; `lr` is the highest."""

    each_step: ClassVar[bool] = False  # it changes within an epoch

    @abstractmethod
    def rate(self, lr: float, time: Time) -> float:
        """The learning rate of the step after a number of completed steps."""


class Constant(Schedule):
    """The same rate throughout."""

    forms = ("constant",)

    def rate(self, lr: float, time: Time) -> float:
        return lr


class _Multiplied(Schedule):
    """The rate times a factor now and then; `halve` without a factor."""

    factor: Annotated[float, Field(gt=0, le=1)] | None = None
    divisor: Annotated[float, Field(ge=1, le=1e9)] | None = None
    percent: Annotated[float, Field(ge=0, lt=100)] | None = None

    @model_validator(mode="after")
    def _one_factor(self) -> Self:
        if sum(one is not None for one in (self.factor, self.divisor, self.percent)) > 1:
            raise ValueError("a schedule has one factor: `times …`, `divide by …` or `-…%`")
        return self

    @property
    def times(self) -> float:
        """The factor, however it is written."""
        if self.divisor is not None:
            return 1 / self.divisor
        if self.percent is not None:
            return 1 - self.percent / 100
        return 0.5 if self.factor is None else self.factor


class Steps(_Multiplied):
    """Times a factor every few epochs."""

    kind = "steps"
    forms = (
        "divide [lr] by <divisor> every <every> [epochs]",
        "divide [lr] by <divisor> every epoch",
        "times <factor> every <every> [epochs]",
        "times <factor> every epoch",
        "-<percent>% every <every> [epochs]",
        "-<percent>% every epoch",
        "halve [lr] every <every> [epochs]",
        "halve [lr] every epoch",
        "exponential <factor>",
    )

    every: Count = 1

    def rate(self, lr: float, time: Time) -> float:
        return lr * self.times ** (time.epoch // self.every)


class Milestones(_Multiplied):
    """Times a factor after each of some numbers of epochs, or of steps."""

    kind = "milestones"
    forms = (
        "divide [lr] by <divisor> at [epochs] <milestones>",
        "divide [lr] by <divisor> at epoch <milestones>",
        "divide [lr] by <divisor> at <unit> <milestones>",
        "times <factor> at [epochs] <milestones>",
        "times <factor> at epoch <milestones>",
        "times <factor> at <unit> <milestones>",
        "halve [lr] at [epochs] <milestones>",
        "halve [lr] at epoch <milestones>",
        "halve [lr] at <unit> <milestones>",
    )

    milestones: Annotated[tuple[Count, ...], Field(min_length=1, max_length=100)]
    unit: Literal["epochs", "steps"] = "epochs"

    def rate(self, lr: float, time: Time) -> float:
        now = time.epoch if self.unit == "epochs" else time.step
        return lr * self.times ** sum(now >= one for one in self.milestones)

    @property
    def each_step(self) -> bool:  # type: ignore[override]
        return self.unit == "steps"


class Plateau(_Multiplied):
    """Times a factor when the validation loss has not become smaller for `patience` epochs.

    Smaller means by a share of `threshold`. `at most`: how often.
    """

    kind = "plateau"
    forms = (
        "divide [lr] by <divisor> on plateau",
        "times <factor> on plateau",
        "halve [lr] on plateau",
    )

    patience: Annotated[int, Field(ge=0, le=10**6)] = 10
    threshold: Annotated[float, Field(ge=0, lt=1)] = 1e-4
    most: Annotated[Count | None, Words(("at most",), replace=True)] = None

    def rate(self, lr: float, time: Time) -> float:
        return lr


class _Smooth(Schedule):
    """Changes after every step, from the end of the warm-up to the end of the training."""

    each_step = True

    def rate(self, lr: float, time: Time) -> float:
        return self.at(time.share, lr)

    @abstractmethod
    def at(self, share: float, lr: float) -> float:
        """The rate after a share of the steps."""


class _To(_Smooth):
    """Down to the rate `final`."""

    final: Annotated[Rate, Words(("to",))] = 0.0


class Cosine(_To):
    """Along half a cosine (Loshchilov & Hutter 2016)."""

    forms = ("cosine",)

    def at(self, share: float, lr: float) -> float:
        return self.final + (lr - self.final) * (1 + math.cos(math.pi * share)) / 2


class Polynomial(_To):
    """As a power of the share of the steps that are left; 1, a straight line, without `power`."""

    forms = ("polynomial", "poly", "linear")

    power: Annotated[float, Field(gt=0, le=100)] = 1.0

    def at(self, share: float, lr: float) -> float:
        left: float = (1 - share) ** self.power
        return self.final + (lr - self.final) * left


class OneCycle(Schedule):
    """Up from lr / `div` for a share `rise` of the steps, and down to lr / `div` / `final div`.

    Each along half a cosine (Smith & Topin 2018), as torch's OneCycleLR without its momentum.
    """

    each_step = True
    forms = ("one-cycle", "onecycle")

    rise: Annotated[float, Field(gt=0, lt=1), Words(("pct start",))] = 0.3
    div: Annotated[float, Field(ge=1, le=1e9)] = 25.0
    final_div: Annotated[float, Field(ge=1, le=1e9)] = 1e4

    def rate(self, lr: float, time: Time) -> float:
        low, last = lr / self.div, time.steps * time.epochs - time.warm - 1
        step, top = min(max(0, time.step - time.warm), last), self.rise * (last + 1) - 1
        if step <= top:
            return _between(low, lr, step / top if top > 0 else 1.0)
        return _between(lr, low / self.final_div, (step - top) / (last - top))


def _between(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


class WarmUp(Setting):
    """The first epochs, or steps: the rate grows evenly to that of the schedule, at the first step
    from `from`, by default from almost zero; or it stays `at` a rate."""

    kind = "warm-up"
    forms = ("<duration> <unit>", "<duration>")

    duration: Annotated[int, Field(ge=1, le=10**9)]
    unit: Literal["epochs", "epoch", "steps"] = "epochs"
    start: Annotated[Rate | None, Words(("from",), replace=True)] = None
    constant: Annotated[Rate | None, Words(("at",), replace=True)] = None

    def steps(self, steps: int) -> int:
        """Its length in steps, of which an epoch has `steps`."""
        return self.duration * (1 if self.unit == "steps" else steps)

    def rate(self, target: float, step: int, warm: int) -> float:
        """The rate of one of its `warm` steps, counted from 0."""
        if self.constant is not None:
            return self.constant
        if self.start is None:
            return target * (step + 1) / (warm + 1)
        return self.start + (target - self.start) * step / warm
