"""Blur and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.train.augment.base import Augmentation, Probability, Range
from archdsl.train.settings import Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class GaussianBlur(Augmentation):
    """Blurred with probability `p` by a Gaussian whose standard deviation in pixels is uniform in a
    range; the image is reflected at its edges."""

    forms = ("gaussian blur <sigma>", "gaussian blur", "blur <sigma>")

    sigma: Range = (0.1, 2.0)
    p: Probability = 0.5

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws, geometry
        from archdsl.train.augment.masks import apply_chosen

        chosen = draws.chance(self.p, len(images), generator)
        sigma = draws.uniform(*self.sigma, len(images), generator)
        shorter = min(images.shape[-2:])
        radius = min(max(round(3 * self.sigma[1]), 1), shorter - 1)

        def blurred(some: Tensor, sigmas: Tensor) -> Tensor:
            maps = geometry.blurred(geometry.maps_of(some), sigmas, radius)
            return geometry.like(maps, some)

        return apply_chosen(images, chosen, blurred, sigma)


class GaussianNoise(Augmentation):
    """Noise from N(0, std) added to every pixel, of images in 0 … 1."""

    forms = ("gaussian noise <std>", "noise <std>")

    std: Annotated[float, Field(ge=0, le=10), Words(("sigma",))]

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        noise = torch.randn(images.shape, generator=generator) * self.std
        return (images + noise.to(images)).clamp(0, 1)
