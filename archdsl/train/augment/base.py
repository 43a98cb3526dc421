"""The family of augmentations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.train.settings import Setting

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Augmentation(Setting):
    """A random change of training images, different for each image of a batch."""

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Changed copies of images (B, C, H, W) in 0 … 1. Random numbers come from a generator on
        the CPU, so that they are the same on every device."""
        raise NotImplementedError

    def check(self, height: int, width: int) -> None:
        """Raises ArchError if it makes no sense on images of a size."""
