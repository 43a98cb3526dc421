"""Augmentations that mix two images of a batch, and the shares of their classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.train.augment.base import Mixer

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Alpha = Annotated[float, Field(gt=0, le=100)]


class Mixup(Mixer):
    """Each image blended with another one of the batch, λ of it and 1 - λ of the other, with λ from
    Beta(alpha, alpha) (Zhang et al. 2017)."""

    forms = ("mixup <alpha>", "mixup")

    alpha: Alpha = 0.2

    def mix(
        self, images: Tensor, targets: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        import torch

        from archdsl.train.augment import draws, geometry

        other = torch.randperm(len(images), generator=generator).to(images.device)
        share = draws.beta(self.alpha, len(images), generator)
        ours = geometry.per_image(share, images).to(images.dtype)
        mixed = images * ours + images[other] * (1 - ours)
        return mixed, _shared(targets, other, share)


class Cutmix(Mixer):
    """A box of each image replaced by the same box of another one of the batch (Yun et al. 2019).

    The box takes 1 - λ of the area, λ from Beta(alpha, alpha), before what is outside the image is
    cut off; the targets are mixed by the areas that remain.
    """

    forms = ("cutmix <alpha>", "cutmix")

    alpha: Alpha = 1.0

    def mix(
        self, images: Tensor, targets: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        import torch

        from archdsl.train.augment import draws, geometry

        count, (height, width) = len(images), images.shape[-2:]
        other = torch.randperm(count, generator=generator).to(images.device)
        side = (1 - draws.beta(self.alpha, count, generator)).sqrt()
        row = draws.whole(height, count, generator)
        column = draws.whole(width, count, generator)
        half = [(side * length / 2).long() for length in (height, width)]
        top, bottom = (row - half[0]).clamp(min=0), (row + half[0]).clamp(max=height)
        left, right = (column - half[1]).clamp(min=0), (column + half[1]).clamp(max=width)
        inside = geometry.in_boxes((height, width), (top, left, bottom, right), images.device)
        maps = geometry.maps_of(images)
        mixed = geometry.like(torch.where(inside[:, None], maps[other], maps), images)
        share = 1 - (bottom - top) * (right - left) / (height * width)
        return mixed, _shared(targets, other, share)


def _shared(targets: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Targets (B, classes) mixed with those of other images, `share` (B,) of their own."""
    ours = share.to(targets)[:, None]
    return targets * ours + targets[other] * (1 - ours)
