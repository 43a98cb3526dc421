"""Reflections."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archdsl.train.augment.base import Augmentation, Probability

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class HorizontalFlip(Augmentation):
    """Left and right exchanged, with probability `p`."""

    on_bytes: ClassVar[bool] = True
    kind: ClassVar[str] = "flip"
    forms = (
        "random horizontal flip <p>",
        "random horizontal flip",
        "horizontal flip <p>",
        "horizontal flip",
        "horizontal reflection",
        "hflip <p>",
        "hflip",
        "flip <p>",
        "flip",
        "reflection",
    )

    p: Probability = 0.5

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return _flipped(images, self.p, -1, generator)


class VerticalFlip(Augmentation):
    """Top and bottom exchanged, with probability `p`."""

    on_bytes: ClassVar[bool] = True
    forms = (
        "vertical flip <p>",
        "vertical flip",
        "random vertical flip <p>",
        "random vertical flip",
        "vflip <p>",
        "vflip",
    )

    p: Probability = 0.5

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return _flipped(images, self.p, -2, generator)


def _flipped(images: Tensor, p: float, dim: int, generator: torch.Generator) -> Tensor:
    from archdsl.train.augment import draws, geometry

    return geometry.mirrored(images, draws.chance(p, len(images), generator), dim)
