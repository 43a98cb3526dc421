"""The optimizers and learning-rate schedules that a recipe can name."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR, StepLR

from archdsl.train.recipe import Recipe


def optimizer(recipe: Recipe, module: nn.Module) -> Optimizer:
    """The optimizer of a recipe, for the parameters of a module."""
    parameters, decay = module.parameters(), recipe.weight_decay
    if recipe.optimizer == "adam":
        return Adam(parameters, lr=recipe.lr, weight_decay=decay)
    return SGD(parameters, lr=recipe.lr, momentum=recipe.momentum, weight_decay=decay)


def schedule(recipe: Recipe, optimizer: Optimizer, steps: int) -> tuple[LRScheduler, bool]:
    """The schedule of a recipe whose epochs have `steps` steps, and whether it advances after
    every step instead of after every epoch."""
    total = steps * recipe.epochs
    match recipe.schedule:
        case "one-cycle":
            # torch would cycle the momentum too; the recipe's stays.
            cycle = OneCycleLR(optimizer, max_lr=recipe.lr, total_steps=total, cycle_momentum=False)
            return cycle, True
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=total), True
        case "step":
            return StepLR(optimizer, step_size=recipe.every, gamma=recipe.factor), False
        case "constant":
            return LambdaLR(optimizer, _constant), False


def _constant(epoch: int) -> float:
    return 1.0
