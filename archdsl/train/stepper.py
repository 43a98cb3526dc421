"""Steps: what turns the losses of batches into changes of the weights."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.pytorch.extra_modules import StochasticDepth
from archdsl.train.averaging import Averaging
from archdsl.train.parameters import groups_of
from archdsl.train.ramps import set_rates
from archdsl.train.rates import Rates
from archdsl.train.recipe import Recipe

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Stepper:
    """Optimizer, learning rates, clipping, loss scaling, averaging and rates of dropout of a
    recipe. An epoch has `batches` batches, of which a step takes up `accumulate`."""

    def __init__(
        self,
        network: Network,
        module: nn.Module,
        recipe: Recipe,
        device: torch.device,
        batches: int,
    ) -> None:
        self.module = module
        self.recipe = recipe
        self.device = device
        self.batches = batches
        self.parameters = list(module.parameters())
        self.optimizer = recipe.optimizer.build(groups_of(network, module, recipe), recipe.lr)
        self.rates = Rates(self.optimizer, recipe, math.ceil(batches / recipe.accumulate))
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.amp == "fp16")
        self.average = None if recipe.average is None else _average(module, recipe.average)
        self.dropping = {
            "dropout": _rates_of(module, nn.modules.dropout._DropoutNd),
            "stochastic_depth": _rates_of(module, StochasticDepth),
        }
        for name, layers in self.dropping.items():
            if getattr(recipe, name) is not None and not layers:
                what = name.replace("_", " ")
                raise ArchError(
                    f"the network {network.name} has no {what} whose rate could be set",
                    help=f"add `{what}` to its lines, or leave the setting out",
                )

    @property
    def averaged(self) -> nn.Module:
        """The module to evaluate: the average of its weights, once there is one."""
        if self.average is None or not int(self.average.n_averaged):
            return self.module
        return self.average.module

    @property
    def needs_statistics(self) -> bool:
        """Whether the batch norms of the average need statistics of their own."""
        averaging = self.recipe.average
        return (
            averaging is not None and averaging.own_statistics and self.averaged is not self.module
        )

    @property
    def scale(self) -> float:
        """What the loss is multiplied by before the backward pass: more than 1 in fp16, and less
        if a step takes up several batches."""
        scale: float = self.scaler.get_scale()
        return scale / self.recipe.accumulate

    def precision(self) -> AbstractContextManager[Any]:
        """The context of the forward pass."""
        if self.recipe.amp is None:
            return nullcontext()
        return torch.autocast(self.device.type, PRECISIONS[self.recipe.amp])

    def begin(self, epoch: int) -> None:
        """Before the batches of an epoch, counted from 1."""
        for name, layers in self.dropping.items():
            ramp = getattr(self.recipe, name)
            if ramp is not None:
                set_rates(layers, ramp.at(epoch))

    def take(self, loss: Tensor, batch: int, epoch: int) -> None:
        """Take up the mean loss of a batch of an epoch, both counted from 1, and step if it is the
        last of those that a step takes up."""
        accumulate = self.recipe.accumulate
        if accumulate > 1:
            first = (batch - 1) // accumulate * accumulate
            loss = loss / min(accumulate, self.batches - first)
        self.scaler.scale(loss).backward()
        if batch % accumulate and batch != self.batches:
            return
        if self.recipe.clip is not None:
            self.scaler.unscale_(self.optimizer)
            self.recipe.clip.apply(self.parameters)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.rates.step()
        averaging = self.recipe.average
        if averaging is not None and averaging.due(epoch, batch == self.batches):
            assert self.average is not None
            self.average.update_parameters(self.module)

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, but for weights without average."""
        state = {
            "optimizer": self.optimizer.state_dict(),
            "rates": self.rates.state(),
            "scaler": self.scaler.state_dict(),
        }
        if self.average is not None:
            state |= {"average": self.average.state_dict(), "raw": self.module.state_dict()}
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.rates.restore(state["rates"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
            self.module.load_state_dict(state["raw"])


def _average(module: nn.Module, averaging: Averaging) -> AveragedModel:
    def lerp(averaged: Any, current: Any, count: Any) -> None:
        torch._foreach_lerp_(averaged, current, averaging.weight(int(count)))

    return AveragedModel(module, multi_avg_fn=lerp)


def _rates_of(module: nn.Module, kind: type[nn.Module]) -> list[tuple[nn.Module, float]]:
    return [(layer, layer.p) for layer in module.modules() if isinstance(layer, kind)]  # type: ignore[misc]
