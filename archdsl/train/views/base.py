"""The family of views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.train.settings import Setting, Words

if TYPE_CHECKING:
    from torch import Tensor, nn

Side = Annotated[int, Field(ge=1, le=2**14)]
Size = tuple[int, int]


class View(Setting):
    """What a network sees of an image when it is evaluated: crops, whose probabilities are
    averaged.

    `scales` are the lengths that the shorter side is resized to, one after the other.
    """

    scales: Annotated[tuple[Side, ...], Words(("scale", "at", "at scale", "at scales"))] = ()

    def sides(self, size: Size) -> tuple[int, ...]:
        """The lengths of the shorter side for an input size (h, w); without any, images stay."""
        return self.scales

    def crops(self, images: Tensor, size: Size) -> Iterator[Tensor]:
        """Crops (B, C, h, w) of images (B, C, H, W) that were resized to one of the scales, by
        default all that is left of them."""
        yield images

    @property
    def title(self) -> str:
        """`10-crop at 224, 256`."""
        return f"{self.kind} at {', '.join(map(str, self.scales))}" if self.scales else self.kind

    def probabilities(
        self, module: nn.Module, images: Tensor, size: Size, as_inputs: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Mean probabilities (B, classes) of images (B, C, H, W), of a module that takes inputs of
        a size (h, w), which `as_inputs` makes from crops (B, C, h, w)."""
        import torch

        from archdsl.train.views.scaling import at_scales

        seen = [
            _class_scores(module(as_inputs(crop))).softmax(1)
            for scaled in at_scales(images, self.sides(size), size)
            for crop in self.crops(scaled, size)
        ]
        return torch.stack(seen).mean(0)


def _class_scores(outputs: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The logits of the main path, without those of side heads."""
    return outputs[0] if isinstance(outputs, tuple) else outputs
