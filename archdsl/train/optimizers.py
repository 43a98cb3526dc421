"""The optimizers that a recipe can name."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from archdsl.errors import ArchError
from archdsl.train.settings import Forms, Setting, Words

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer

Momentum = Annotated[float, Field(ge=0, lt=1)]
Epsilon = Annotated[float, Field(gt=0, le=100), Words(("epsilon",))]
Groups = list[dict[str, Any]]


class Optimizer(Setting):
    """How gradients change the parameters."""

    splits_hidden: ClassVar[bool] = False  # its groups say whether they are `hidden` weights

    @abstractmethod
    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        """The torch optimizer of groups of parameters, each with its `weight_decay`, in the fastest
        implementation for their device."""


def _on_gpu(groups: Groups) -> bool:
    """Whether all parameters are on a GPU, where one kernel can update them all."""
    return all(p.is_cuda for group in groups for p in group["params"])


class Sgd(Optimizer):
    """Stochastic gradient descent; with Nesterov's momentum if asked (Sutskever et al. 2013)."""

    forms = ("sgd", "stochastic gradient descent", "gradient descent")

    momentum: Momentum = 0.0
    nesterov: bool = False

    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        from torch.optim import SGD

        if self.nesterov and not self.momentum:
            raise ArchError("`nesterov` needs a momentum", help="write `momentum 0.9, nesterov`")
        return SGD(
            groups,
            lr=lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            fused=_on_gpu(groups) or None,
        )


class AlexNetSgd(Optimizer):
    """v ← momentum · v − decay · lr · w − lr · gradient; w ← w + v (Krizhevsky et al. 2012).

    The rate is inside: a lower rate does not scale the steps that v remembers, as it does in
    `sgd`.
    """

    kind = "alexnet"
    forms = ("alexnet sgd", "alexnet")

    momentum: Momentum = 0.9

    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        from archdsl.train.updates import VelocitySgd

        return VelocitySgd(groups, lr=lr, momentum=self.momentum)


class Adam(Optimizer):
    """Kingma & Ba 2014; the decay is added to the gradient."""

    forms: ClassVar[Forms] = ("adam",)

    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    eps: Epsilon = 1e-8

    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        from torch import optim

        fused = _on_gpu(groups) or None
        return optim.Adam(groups, lr=lr, betas=self.betas, eps=self.eps, fused=fused)


class AdamW(Adam):
    """Adam whose decay shrinks the weights themselves (Loshchilov & Hutter 2017)."""

    forms = ("adamw", "adam w")

    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        from torch import optim

        fused = _on_gpu(groups) or None
        return optim.AdamW(groups, lr=lr, betas=self.betas, eps=self.eps, fused=fused)


class RmsProp(Optimizer):
    """Divides by the root of a running mean of squared gradients (Tieleman & Hinton 2012).

    `eps inside` the root, with a mean that begins at 1, is TensorFlow's, by which Inception v3 and
    MobileNet were trained.
    """

    forms = ("rmsprop", "rms prop")

    alpha: Annotated[Momentum, Words(("beta", "rho", "decay"))] = 0.99
    eps: Epsilon = 1e-8
    momentum: Momentum = 0.0
    inside: Annotated[bool, Words(("eps inside", "epsilon inside"), replace=True)] = False

    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        from torch import optim

        from archdsl.train.updates import TensorFlowRmsProp

        made = TensorFlowRmsProp if self.inside else optim.RMSprop
        return made(groups, lr=lr, alpha=self.alpha, eps=self.eps, momentum=self.momentum)


class Adagrad(Optimizer):
    """Divides by the root of the sum of all squared gradients (Duchi et al. 2011)."""

    forms = ("adagrad",)

    eps: Epsilon = 1e-10

    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        from torch import optim

        return optim.Adagrad(groups, lr=lr, eps=self.eps)


class Adadelta(Optimizer):
    """Zeiler 2012; its steps have the unit of the weights, so that the paper's rate is 1."""

    forms = ("adadelta",)

    rho: Momentum = 0.9
    eps: Epsilon = 1e-6

    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        from torch import optim

        return optim.Adadelta(groups, lr=lr, rho=self.rho, eps=self.eps)


class Muon(Optimizer):
    """Orthogonal steps for the weights of hidden layers (Jordan 2024), kernels as matrices; AdamW
    for all else.

    The steps are scaled as those of AdamW are (Liu et al. 2025), so one rate holds for both.
    """

    forms = ("muon",)
    splits_hidden = True

    momentum: Momentum = 0.95
    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    eps: Epsilon = 1e-8

    def build(self, groups: Groups, lr: float) -> TorchOptimizer:
        from torch import optim

        if not hasattr(optim, "Muon"):
            raise ArchError(
                "this version of torch has no Muon",
                help="install torch 2.9 or later, or write `optimizer adamw`",
            )
        from archdsl.train.updates import MuonAndAdamW

        return MuonAndAdamW(groups, lr, self.momentum, self.betas, self.eps)
