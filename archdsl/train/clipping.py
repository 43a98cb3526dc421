"""Gradient clipping."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.train.settings import Setting

if TYPE_CHECKING:
    from torch import Tensor

Limit = Annotated[float, Field(gt=0, le=1e9)]


class Clipping(Setting):
    """What is done to large gradients before a step."""

    @abstractmethod
    def apply(self, parameters: list[Tensor]) -> None:
        """Change the gradients of parameters in place."""


class ClipNorm(Clipping):
    """Scales all gradients so that their norm is at most `limit` (Pascanu et al. 2013)."""

    kind = "norm"
    forms = ("norm <limit>", "<limit>")

    limit: Limit

    def apply(self, parameters: list[Tensor]) -> None:
        from torch.nn.utils import clip_grad_norm_

        clip_grad_norm_(parameters, self.limit)


class ClipValue(Clipping):
    """Cuts each gradient off at ±`limit`."""

    forms = ("value <limit>",)

    limit: Limit

    def apply(self, parameters: list[Tensor]) -> None:
        from torch.nn.utils import clip_grad_value_

        clip_grad_value_(parameters, self.limit)
