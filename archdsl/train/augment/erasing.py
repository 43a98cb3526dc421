"""Boxes that are erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from archdsl.errors import ArchError
from archdsl.train.augment.base import Augmentation, Probability, Range, Share, ShareRange
from archdsl.train.settings import Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class RandomErasing(Augmentation):
    """A box erased with probability `p` (Zhong et al. 2017): a share of the image's area at a ratio
    of width to height, filled with `value` in 0 … 1 or with random values."""

    on_bytes: ClassVar[bool] = True
    forms = ("random erasing <p>", "random erasing", "erasing <p>", "erasing")

    p: Probability = 0.5
    area: Annotated[ShareRange, Words(("scale",))] = (0.02, 0.33)
    ratio: Range = (0.3, 3.3)
    value: Share | Literal["random"] = 0.0

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws

        count = len(images)
        chosen = draws.chance(self.p, count, generator)
        box = draws.boxes(count, images.shape[-2:], self.area, self.ratio, generator)
        top, left = box.top, box.left
        # Nothing is erased where the box would be empty.
        bottom = top + box.height * (chosen & box.fits)
        return _erased(images, (top, left, bottom, left + box.width), self.value, generator)


class Cutout(Augmentation):
    """A square erased whose centre is anywhere in the image (DeVries & Taylor 2017)."""

    on_bytes: ClassVar[bool] = True
    forms = ("cutout <length>",)

    length: Annotated[int, Field(ge=1, le=2**14), Words(("size",))]
    value: Share = 0.0

    def check(self, height: int, width: int) -> None:
        if self.length >= 2 * max(height, width):
            raise ArchError(
                f"a cutout of {self.length} covers images of {height}x{width}",
                help=f"write a smaller one, `cutout {max(min(height, width) // 2, 1)}`",
            )

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws

        height, width = images.shape[-2:]
        top = draws.whole(height, len(images), generator) - self.length // 2
        left = draws.whole(width, len(images), generator) - self.length // 2
        box = (top, left, top + self.length, left + self.length)
        return _erased(images, box, self.value, generator)


def _erased(
    images: Tensor,
    box: tuple[Tensor, Tensor, Tensor, Tensor],
    value: float | Literal["random"],
    generator: torch.Generator,
) -> Tensor:
    import torch

    from archdsl.train.augment import geometry

    maps = geometry.maps_of(images)
    inside = geometry.in_boxes(images.shape[-2:], box, images.device)[:, None]
    most = 1.0 if maps.is_floating_point() else 255.0
    if value == "random":
        noise = torch.rand(maps.shape, generator=generator) * most
        maps = torch.where(inside, noise.to(maps), maps)
    elif value == 0:
        maps = maps * ~inside
    else:
        maps = maps.masked_fill(inside, value * most)
    return geometry.like(maps, images)
