"""Each schedule value by value, against torch's or written out."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import SGD, lr_scheduler

from archdsl.train import Recipe
from archdsl.train.rates import Rates
from archdsl.train.schedules import (
    Constant,
    Cosine,
    Milestones,
    OneCycle,
    Plateau,
    Polynomial,
    Schedule,
    Steps,
    WarmUp,
)

LR, STEPS, EPOCHS = 0.4, 5, 12


def rates(schedule: Schedule, warm_up: WarmUp | None = None, resumes: bool = False) -> list[float]:
    """The rate of every step, of an optimizer that has a group with a scale."""
    optimizer = SGD([{"params": [nn.Parameter(torch.zeros(1))], "scale": 2.0}], lr=9.0)
    recipe = Recipe(schedule=schedule, warm_up=warm_up, lr=LR, epochs=EPOCHS)
    made = Rates(optimizer, recipe, STEPS)
    found = []
    for _ in range(STEPS * EPOCHS):
        found.append(optimizer.param_groups[0]["lr"] / 2)
        assert found[-1] == pytest.approx(made.now)
        made.step()
        if resumes:
            state = made.state()
            made = Rates(optimizer, recipe, STEPS)
            made.restore(state)
    return found


def torchs(make: Callable[[SGD], lr_scheduler.LRScheduler], each_step: bool) -> list[float]:
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = make(optimizer)
    found = []
    for step in range(1, STEPS * EPOCHS + 1):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if each_step or step % STEPS == 0:
            scheduler.step()
    return found


TOTAL = STEPS * EPOCHS
CASES: dict[str, tuple[Schedule, Callable[[SGD], lr_scheduler.LRScheduler], bool]] = {
    "constant": (Constant(), lambda o: lr_scheduler.ConstantLR(o, 1.0), False),
    "divide": (Steps(divisor=10, every=3), lambda o: lr_scheduler.StepLR(o, 3, 0.1), False),
    "times": (Steps(factor=0.96), lambda o: lr_scheduler.ExponentialLR(o, 0.96), False),
    "percent": (Steps(percent=4, every=8), lambda o: lr_scheduler.StepLR(o, 8, 0.96), False),
    "halve": (Steps(every=2), lambda o: lr_scheduler.StepLR(o, 2, 0.5), False),
    "at epochs": (Milestones(divisor=10, milestones=(4, 9)),
                  lambda o: lr_scheduler.MultiStepLR(o, [4, 9], 0.1), False),
    "at steps": (Milestones(divisor=10, milestones=(7, 31), unit="steps"),
                 lambda o: lr_scheduler.MultiStepLR(o, [7, 31], 0.1), True),
    "cosine": (Cosine(), lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL), True),
    "cosine to": (Cosine(final=0.01),
                  lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, 0.01), True),
    "linear": (Polynomial(), lambda o: lr_scheduler.PolynomialLR(o, TOTAL, 1.0), True),
    "polynomial": (Polynomial(power=2), lambda o: lr_scheduler.PolynomialLR(o, TOTAL, 2.0), True),
    "one-cycle": (OneCycle(), lambda o: lr_scheduler.OneCycleLR(
        o, LR, TOTAL, cycle_momentum=False), True),
    "one-cycle rise": (OneCycle(rise=0.4, div=10, final_div=100), lambda o: lr_scheduler.OneCycleLR(
        o, LR, TOTAL, pct_start=0.4, div_factor=10, final_div_factor=100, cycle_momentum=False),
        True),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_schedules_against_torch(name: str):
    schedule, make, each_step = CASES[name]
    assert rates(schedule) == pytest.approx(torchs(make, each_step), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("warm_up", [None, WarmUp(duration=2)])
@pytest.mark.parametrize("name", CASES)
def test_a_schedule_resumes_after_any_step(name: str, warm_up: WarmUp | None):
    assert rates(CASES[name][0], warm_up, resumes=True) == rates(CASES[name][0], warm_up)


def test_warm_up_grows_evenly_to_the_schedule():
    found = rates(Steps(divisor=10, every=4), WarmUp(duration=2))
    assert found[:10] == pytest.approx([LR * (step + 1) / 11 for step in range(10)])
    assert found[10:] == pytest.approx(rates(Steps(divisor=10, every=4))[10:])


def test_warm_up_from_a_rate():
    found = rates(Constant(), WarmUp(duration=4, unit="steps", start=0.1))
    assert found[:5] == pytest.approx([0.1, 0.175, 0.25, 0.325, 0.4])


def test_warm_up_at_a_rate():
    """As ResNet-110 of He et al. 2015 on CIFAR-10."""
    found = rates(Constant(), WarmUp(duration=7, unit="steps", constant=0.01))
    assert found == pytest.approx([0.01] * 7 + [LR] * (TOTAL - 7))


def test_smooth_schedules_begin_after_the_warm_up():
    found = rates(Cosine(), WarmUp(duration=2))
    left = TOTAL - 10
    assert found[10:] == pytest.approx(
        [LR * (1 + math.cos(math.pi * step / left)) / 2 for step in range(left)]
    )


LOSSES = [1.0, 0.9, 0.91, 0.92, 0.93, 0.8, 0.81, 0.82, 0.8, 0.85, 0.9, 0.9, 0.9, 0.9]


def plateaus(schedule: Plateau) -> list[float]:
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=LR)
    recipe = Recipe(schedule=schedule, lr=LR, epochs=len(LOSSES))
    made = Rates(optimizer, recipe, STEPS)
    found = []
    for loss in LOSSES:
        found.append(optimizer.param_groups[0]["lr"])
        for _ in range(STEPS):
            made.step()
        made.measured(loss)
        state = made.state()
        made = Rates(optimizer, recipe, STEPS)
        made.restore(state)
    return found


def test_plateaus_against_torch():
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=2, threshold=1e-3)
    expected = []
    for loss in LOSSES:
        expected.append(optimizer.param_groups[0]["lr"])
        scheduler.step(loss)
    schedule = Plateau(divisor=10, patience=2, threshold=1e-3)
    assert plateaus(schedule) == pytest.approx(expected)
    assert min(expected) == pytest.approx(LR / 1000)
    once = plateaus(Plateau(divisor=10, patience=2, threshold=1e-3, most=1))
    assert min(once) == pytest.approx(LR / 10)
