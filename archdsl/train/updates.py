"""Optimizers that torch does not have. Steps of all parameters of a group run together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Groups = list[dict[str, Any]]


class VelocitySgd(Optimizer):
    """v ← momentum · v − weight_decay · lr · w − lr · g; w ← w + v."""

    def __init__(
        self, params: Any, lr: float, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            params, gradients = _with_gradients(group)
            if not params:
                continue
            velocities = self._state_of(params, "velocity", 0.0)
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients, alpha=-group["lr"])
            if group["weight_decay"]:
                alpha = -group["weight_decay"] * group["lr"]
                torch._foreach_add_(velocities, params, alpha=alpha)
            torch._foreach_add_(params, velocities)

    def _state_of(self, params: list[Tensor], name: str, first: float) -> list[Tensor]:
        for parameter in params:
            if name not in self.state[parameter]:
                self.state[parameter][name] = torch.full_like(parameter, first)
        return [self.state[parameter][name] for parameter in params]


class TensorFlowRmsProp(VelocitySgd):
    """RMSProp as TensorFlow has it: eps inside the root, the rate inside the momentum, a mean of
    squares that begins at 1."""

    def __init__(
        self,
        params: Any,
        lr: float,
        alpha: float = 0.9,
        eps: float = 1e-10,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        Optimizer.__init__(self, params, {**defaults, "alpha": alpha, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            params, gradients = _with_gradients(group)
            if not params:
                continue
            if group["weight_decay"]:
                decayed = torch._foreach_add(gradients, params, alpha=group["weight_decay"])
                gradients = list(decayed)
            squares = self._state_of(params, "square", 1.0)
            torch._foreach_mul_(squares, group["alpha"])
            torch._foreach_addcmul_(squares, gradients, gradients, value=1 - group["alpha"])
            roots = torch._foreach_add(squares, group["eps"])
            torch._foreach_sqrt_(roots)
            if not group["momentum"]:
                torch._foreach_addcdiv_(params, gradients, roots, value=-group["lr"])
                continue
            velocities = self._state_of(params, "velocity", 0.0)
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_addcdiv_(velocities, gradients, roots, value=-group["lr"])
            torch._foreach_add_(params, velocities)


def _with_gradients(group: dict[str, Any]) -> tuple[list[Tensor], list[Tensor]]:
    pairs = [(p, p.grad) for p in group["params"] if p.grad is not None]
    return [parameter for parameter, _ in pairs], [gradient for _, gradient in pairs]


class MuonAndAdamW(Optimizer):
    """torch's Muon for the groups of hidden weights, each as a matrix, and AdamW for the others."""

    def __init__(
        self,
        groups: Groups,
        lr: float,
        momentum: float,
        betas: tuple[float, float],
        eps: float,
    ) -> None:
        hidden = [group for group in groups if group["hidden"]]
        others = [group for group in groups if not group["hidden"]]
        super().__init__([*hidden, *others], {"lr": lr})
        # torch's Muon takes matrices alone; these share the memory of the kernels.
        self.kernels = [parameter for group in hidden for parameter in group["params"]]
        self.matrices = [nn.Parameter(kernel.detach().flatten(1)) for kernel in self.kernels]
        views = dict(zip(self.kernels, self.matrices, strict=True))
        self.parts: list[Optimizer] = []
        if hidden:
            matrices = [
                {**group, "params": [views[p] for p in group["params"]]} for group in hidden
            ]
            self.parts.append(
                torch.optim.Muon(matrices, lr=lr, momentum=momentum, adjust_lr_fn="match_rms_adamw")
            )
        if others:
            rest = [dict(group) for group in others]
            self.parts.append(torch.optim.AdamW(rest, lr=lr, betas=betas, eps=eps))

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        of_parts = [group for part in self.parts for group in part.param_groups]
        for own, other in zip(self.param_groups, of_parts, strict=True):
            other["lr"] = own["lr"]
        for kernel, matrix in zip(self.kernels, self.matrices, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        for part in self.parts:
            part.step()
        for matrix in self.matrices:
            matrix.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
