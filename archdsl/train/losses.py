"""The losses that a recipe can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.train.settings import Setting

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Setting):
    """What training makes small."""

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over a batch of the loss of outputs (B, classes); the targets are labels (B,)
        or shares of the classes (B, classes)."""
        raise NotImplementedError


class CrossEntropy(Loss):
    forms = ("cross-entropy", "softmax")

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)
