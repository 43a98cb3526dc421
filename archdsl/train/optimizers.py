"""The optimizers that a recipe can name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from archdsl.train.settings import Setting

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer

Momentum = Annotated[float, Field(ge=0, lt=1)]


class Optimizer(Setting):
    """How gradients change the parameters."""

    def build(self, groups: Iterable[Any], lr: float, weight_decay: float) -> TorchOptimizer:
        """The torch optimizer of groups of parameters; a group's own options win."""
        raise NotImplementedError


class Sgd(Optimizer):
    """Stochastic gradient descent; with Nesterov's momentum if asked (Sutskever et al. 2013)."""

    forms = ("sgd", "gradient descent")

    momentum: Momentum = 0.0
    nesterov: bool = False

    def build(self, groups: Iterable[Any], lr: float, weight_decay: float) -> TorchOptimizer:
        from torch.optim import SGD

        return SGD(
            groups,
            lr=lr,
            momentum=self.momentum,
            weight_decay=weight_decay,
            nesterov=self.nesterov,
        )


class Adam(Optimizer):
    """Kingma & Ba 2014; the decay is added to the gradient."""

    forms = ("adam",)

    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    eps: Annotated[float, Field(gt=0)] = 1e-8

    def build(self, groups: Iterable[Any], lr: float, weight_decay: float) -> TorchOptimizer:
        from torch.optim import Adam as TorchAdam

        return TorchAdam(groups, lr=lr, betas=self.betas, eps=self.eps, weight_decay=weight_decay)
