"""Crops as papers evaluate them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from archdsl.train.settings import Forms
from archdsl.train.views.base import Size, View

if TYPE_CHECKING:
    from torch import Tensor


class CenterView(View):
    """The centre, of one scale or of several."""

    kind: ClassVar[str] = "center crop"
    forms: ClassVar[Forms] = ("center crop", "centre crop", "single crop", "scales <scales>")

    def crops(self, images: Tensor, size: Size) -> Iterator[Tensor]:
        from archdsl.train.views.scaling import center

        yield center(images, size)


class TenCrop(View):
    """The four corners and the centre, and their mirror images (Krizhevsky et al. 2012, §4.1), at
    8/7 of the input as their 256 for 224."""

    kind: ClassVar[str] = "10-crop"
    forms: ClassVar[Forms] = ("10-crop", "ten crop")

    def sides(self, size: Size) -> tuple[int, ...]:
        return self.scales or (round(min(size) * 256 / 224),)

    def crops(self, images: Tensor, size: Size) -> Iterator[Tensor]:
        from archdsl.train.views.scaling import center, corners

        for some in (images, images.flip(-1)):
            yield from corners(some, size)
            yield center(some, size)


class GoogLeNetCrops(View):
    """144 crops (Szegedy et al. 2014, §7): of each of 4 scales the left, middle and right square,
    of each square the corners, the centre and the whole square resized, and all mirrored.

    The scales are 256, 288, 320 and 352 for an input of 224. Square images have one square, and so
    a third of the crops.
    """

    kind: ClassVar[str] = "144-crop"
    forms: ClassVar[Forms] = ("144-crop",)

    def sides(self, size: Size) -> tuple[int, ...]:
        return self.scales or tuple(round(min(size) * s / 224) for s in (256, 288, 320, 352))

    def crops(self, images: Tensor, size: Size) -> Iterator[Tensor]:
        from torch.nn.functional import interpolate

        from archdsl.train.views.scaling import center, corners, squares

        for square in squares(images):
            whole = interpolate(square, size, mode="bilinear", align_corners=False, antialias=True)
            for some in (*corners(square, size), center(square, size), whole):
                yield some
                yield some.flip(-1)
