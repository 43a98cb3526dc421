"""The learning-rate schedules that a recipe can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from archdsl.train.settings import Setting

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class Schedule(Setting):
    """How the learning rate changes; `lr` is the highest."""

    def build(self, optimizer: Optimizer, epochs: int, steps: int) -> tuple[LRScheduler, bool]:
        """The torch schedule for epochs of `steps` steps, and whether it advances after every
        step instead of after every epoch."""
        raise NotImplementedError


class Constant(Schedule):
    forms = ("constant",)

    def build(self, optimizer: Optimizer, epochs: int, steps: int) -> tuple[LRScheduler, bool]:
        from torch.optim.lr_scheduler import ConstantLR

        return ConstantLR(optimizer, factor=1.0), False


class Steps(Schedule):
    """The rate times a factor every few epochs."""

    kind = "steps"
    forms = (
        "divide [lr] by <divisor> every <every> [epochs]",
        "times <factor> every <every> [epochs]",
        "halve [lr] every <every> [epochs]",
        "divide [lr] by <divisor> every epoch",
        "times <factor> every epoch",
        "halve [lr] every epoch",
    )

    factor: Annotated[float, Field(gt=0, le=1)] = 0.5
    every: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="before")
    @classmethod
    def _of_divisor(cls, values: Any) -> Any:
        if "divisor" not in values:
            return values
        divisor = float(values["divisor"])
        if not divisor >= 1:
            raise ValueError(f"the divisor must be at least 1, not {divisor:g}")
        return {n: v for n, v in values.items() if n != "divisor"} | {"factor": 1 / divisor}

    def build(self, optimizer: Optimizer, epochs: int, steps: int) -> tuple[LRScheduler, bool]:
        from torch.optim.lr_scheduler import StepLR

        return StepLR(optimizer, step_size=self.every, gamma=self.factor), False


class Cosine(Schedule):
    """To zero along half a cosine (Loshchilov & Hutter 2016), after every step."""

    forms = ("cosine",)

    def build(self, optimizer: Optimizer, epochs: int, steps: int) -> tuple[LRScheduler, bool]:
        from torch.optim.lr_scheduler import CosineAnnealingLR

        return CosineAnnealingLR(optimizer, T_max=epochs * steps), True


class OneCycle(Schedule):
    """Up to the rate and down to almost zero, after every step (Smith & Topin 2018)."""

    forms = ("one-cycle", "onecycle")

    def build(self, optimizer: Optimizer, epochs: int, steps: int) -> tuple[LRScheduler, bool]:
        from torch.optim.lr_scheduler import OneCycleLR

        (lr,) = {group["lr"] for group in optimizer.param_groups}
        # torch would cycle the momentum too; the recipe's stays.
        total = epochs * steps
        return OneCycleLR(optimizer, max_lr=lr, total_steps=total, cycle_momentum=False), True
