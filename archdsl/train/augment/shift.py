"""Shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from archdsl.errors import ArchError
from archdsl.train.augment.base import Augmentation

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Shift(Augmentation):
    """Moves an image by up to `pixels` in both directions; zeros come in at the edges."""

    on_bytes: ClassVar[bool] = True
    forms = (
        "random shift <pixels> [px] [pixels]",
        "shift <pixels> [px] [pixels]",
        "translation <pixels> [px] [pixels]",
    )

    pixels: Annotated[int, Field(ge=0, le=1024)]

    def check(self, height: int, width: int) -> None:
        if self.pixels >= min(height, width):
            raise ArchError(
                f"a shift of {self.pixels} moves images of {height}x{width} out of view",
                help="write `random shift 2`, or leave it out",
            )

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        from archdsl.train.augment import geometry

        if not self.pixels:
            return images
        count, (height, width) = len(images), images.shape[-2:]
        top, left = torch.randint(0, 2 * self.pixels + 1, (2, count), generator=generator)
        maps = geometry.padded(geometry.maps_of(images), self.pixels)
        return geometry.like(geometry.windows(maps, top, left, height, width), images)
