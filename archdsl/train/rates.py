"""The learning rate of every step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from archdsl.train.schedules import Plateau, Schedule, Time, WarmUp

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from archdsl.train.recipe import Recipe


class Rates:
    """Sets the rates of an optimizer's groups by the schedule and the warm-up of a recipe.

    An epoch has `steps` steps of the optimizer. A group's rate is that of the recipe times its own
    `scale`, if it has one.
    """

    def __init__(self, optimizer: Optimizer, recipe: Recipe, steps: int) -> None:
        self.optimizer = optimizer
        self.lr = recipe.lr
        self.schedule: Schedule = recipe.schedule
        self.warm_up: WarmUp | None = recipe.warm_up
        self.time = Time(0, steps, recipe.epochs)
        if self.warm_up is not None:
            self.time = self.time._replace(warm=self.warm_up.steps(steps))
        self.best = math.inf  # validation loss
        self.bad = 0  # epochs since then
        self.drops = 0  # by plateaus
        self._set()

    @property
    def now(self) -> float:
        """The rate of the next step."""
        time, warm = self.time, self.time.warm
        if self.warm_up is not None and time.step < warm:
            target = self.schedule.rate(self.lr, time._replace(step=warm))
            return self.warm_up.rate(target, time.step, warm)
        rate = self.schedule.rate(self.lr, time)
        return (
            rate * self.schedule.times**self.drops if isinstance(self.schedule, Plateau) else rate
        )

    def step(self) -> None:
        """After a step of the optimizer."""
        step, steps, epochs, warm = self.time
        self.time = Time(step + 1, steps, epochs, warm)
        if self.schedule.each_step or step < warm or (step + 1) % steps == 0:
            self._set()

    def measured(self, loss: float) -> None:
        """After an epoch with a validation loss."""
        if not isinstance(plateau := self.schedule, Plateau):
            return
        if loss < self.best * (1 - plateau.threshold):
            self.best, self.bad = loss, 0
            return
        self.bad += 1
        if self.bad > plateau.patience and (plateau.most is None or self.drops < plateau.most):
            self.drops, self.bad = self.drops + 1, 0
            self._set()

    def _set(self) -> None:
        rate = self.now
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)

    def state(self) -> dict[str, Any]:
        """What the rates of later steps depend on."""
        return {
            "step": self.time.step, "best": self.best, "bad": self.bad, "drops": self.drops,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        step = int(state["step"])
        if not 0 <= step <= self.time.steps * self.time.epochs:
            raise ValueError(f"there is no step {step}")
        self.time = self.time._replace(step=step)
        self.best, self.bad = float(state["best"]), int(state["bad"])
        self.drops = int(state["drops"])
        self._set()
