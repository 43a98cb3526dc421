"""Shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.errors import ArchError
from archdsl.train.augment.base import Augmentation

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Shift(Augmentation):
    """Moves an image by up to `pixels` in both directions; zeros come in at the edges."""

    forms = ("random shift <pixels>", "shift <pixels>", "translation <pixels>")

    pixels: Annotated[int, Field(ge=0, le=1024)]

    def check(self, height: int, width: int) -> None:
        if self.pixels >= min(height, width):
            raise ArchError(
                f"a shift of {self.pixels} moves images of {height}x{width} out of view",
                help="write `random shift 2`, or leave it out",
            )

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        import torch
        from torch.nn.functional import pad

        if not self.pixels:
            return images
        count, _, height, width = images.shape
        most = 2 * self.pixels + 1
        offsets = torch.randint(0, most, (2, count), generator=generator).to(images.device)
        padded = pad(images, (self.pixels,) * 4)
        rows = offsets[0, :, None] + torch.arange(height, device=images.device)
        columns = offsets[1, :, None] + torch.arange(width, device=images.device)
        index = torch.arange(count, device=images.device)[:, None, None]
        moved = padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]]
        return moved.permute(0, 3, 1, 2).contiguous()
