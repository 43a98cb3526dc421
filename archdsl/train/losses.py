"""The losses that a recipe can name."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.train.settings import Setting, Words

if TYPE_CHECKING:
    from torch import Tensor

Share = Annotated[float, Field(ge=0, lt=1)]


class Loss(Setting):
    """What training makes small."""

    @abstractmethod
    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over a batch of the loss of outputs (B, classes); the targets are labels (B,)
        or shares of the classes (B, classes)."""

    @property
    def plain(self) -> Loss:
        """The loss to measure by: without smoothing."""
        return self


class CrossEntropy(Loss):
    """The cross-entropy of a softmax of the outputs, with a share of `label smoothing` spread over
    all classes (Szegedy et al. 2015)."""

    forms = ("cross-entropy", "softmax")

    label_smoothing: Annotated[Share, Words(("smoothing",))] = 0.0

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)

    @property
    def plain(self) -> Loss:
        return CrossEntropy()


class MeanSquare(Loss):
    """The mean of the squared differences between the outputs and one-hot targets."""

    forms = ("mean square", "mean squared error", "mse")

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        from torch.nn.functional import mse_loss

        return mse_loss(outputs, shares(outputs, targets))


class MaximumAPosteriori(Loss):
    """The loss of LeNet-5's codes, y + log(exp(-j) + Σ exp(-y)), with y the distance to the code of
    the right class (LeCun et al. 1998, equation 9).

    An `rbf` layer gives -y. `rubbish` is j, the distance to a class of what is no character: the
    loss does not push wrong codes away that are farther. The paper does not print its value.
    """

    forms = ("maximum a posteriori", "map", "lenet")

    rubbish: Annotated[float, Field(ge=0, le=1e6)] = 1.0

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        import torch

        rubbish = outputs.new_full((len(outputs), 1), -self.rubbish)
        total = torch.cat((rubbish, outputs), 1).logsumexp(1)
        return (total - (outputs * shares(outputs, targets)).sum(1)).mean()


def shares(outputs: Tensor, targets: Tensor) -> Tensor:
    """Targets as shares of the classes (B, classes), as outputs have; labels become one-hot."""
    if targets.ndim == outputs.ndim:
        return targets
    from torch.nn.functional import one_hot

    return one_hot(targets, outputs.shape[1]).to(outputs.dtype)
