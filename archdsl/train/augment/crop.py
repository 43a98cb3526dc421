"""Crops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from archdsl.errors import ArchError
from archdsl.train.augment.base import Augmentation, Range, ShareRange
from archdsl.train.settings import Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Size = Annotated[int, Field(ge=1, le=2**14)]


class PaddedCrop(Augmentation):
    """A window of `size`, or of the image's own size, anywhere in an image that has `padding` on
    all sides: zeros, or its reflection (`random crop 32 padding 4`, He et al. 2015, §4.2)."""

    on_bytes: ClassVar[bool] = True
    kind: ClassVar[str] = "random crop"
    forms = (
        "random crop <size> padding <padding>",
        "random crop <size> pad <padding>",
        "random crop padding <padding>",
        "random crop pad <padding>",
        "random crop <size>",
        "padded crop <padding>",
    )

    padding: Annotated[int, Field(ge=0, le=1024), Words(("pad",))] = 0
    size: Size | None = None
    reflect: Annotated[bool, Words(("reflected",))] = False

    def size_after(self, height: int, width: int) -> tuple[int, int]:
        return (height, width) if self.size is None else (self.size, self.size)

    def load(self, height: int, width: int) -> tuple[int, int]:
        return (height, width) if self.padding or self.size is None else _larger(height, width)

    def check(self, height: int, width: int) -> None:
        smaller = min(height, width)
        if self.size is not None and self.size > smaller + 2 * self.padding:
            need = -(-(self.size - smaller) // 2)
            raise ArchError(
                f"a crop of {self.size} is larger than images of {height}x{width} with a padding "
                f"of {self.padding}",
                help=f"write `random crop {self.size} padding {need}`, or a smaller crop",
            )
        if self.reflect and self.padding >= smaller:
            raise ArchError(
                f"images of {height}x{width} have no reflection of {self.padding} pixels",
                help=f"write at most `padding {smaller - 1}`, or leave out `reflect`",
            )

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws, geometry

        maps = geometry.padded(geometry.maps_of(images), self.padding, self.reflect)
        height, width = self.size_after(*images.shape[-2:])
        top = draws.whole(maps.shape[2] - height + 1, len(maps), generator)
        left = draws.whole(maps.shape[3] - width + 1, len(maps), generator)
        return geometry.like(geometry.windows(maps, top, left, height, width), images)


class RandomResizedCrop(Augmentation):
    """A box that takes a random share of the image at a random ratio of width to height, resized
    (Szegedy et al. 2014, §6).

    If no box fits at the tenth attempt it is the largest one in the centre whose ratio is in the
    range. Resizing is bilinear, antialiased where it shrinks, as torchvision's with `antialias`.
    """

    forms = ("random resized crop <size>", "random resized crop")

    size: Size | None = None
    area: Annotated[ShareRange, Words(("scale",))] = (0.08, 1.0)
    ratio: Range = (3 / 4, 4 / 3)

    def load(self, height: int, width: int) -> tuple[int, int]:
        return (height, width) if self.size is None else _larger(height, width)

    def size_after(self, height: int, width: int) -> tuple[int, int]:
        return (height, width) if self.size is None else (self.size, self.size)

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        from archdsl.train.augment import draws, geometry

        height, width = images.shape[-2:]
        box = draws.boxes(len(images), (height, width), self.area, self.ratio, generator)
        ratio = min(max(width / height, self.ratio[0]), self.ratio[1])
        rows, columns = min(height, round(width / ratio)), min(width, round(height * ratio))
        sides = (
            torch.where(box.fits, box.top, (height - rows) // 2),
            torch.where(box.fits, box.left, (width - columns) // 2),
            torch.where(box.fits, box.height, rows),
            torch.where(box.fits, box.width, columns),
        )
        size = self.size_after(height, width)
        return geometry.like(geometry.crops(geometry.maps_of(images), sides, size), images)


class ScaleJitter(Augmentation):
    """A crop, anywhere, of an image whose shorter side was resized to a random length (Simonyan &
    Zisserman 2014, §3.1: `scale jitter [256; 512] crop 224`)."""

    forms = ("scale jitter <sides>",)

    sides: Annotated[Range, Words(("side",))]
    crop: Size = 224

    def load(self, height: int, width: int) -> tuple[int, int]:
        return round(self.sides[1]), round(self.sides[1])

    def size_after(self, height: int, width: int) -> tuple[int, int]:
        return self.crop, self.crop

    def check(self, height: int, width: int) -> None:
        if self.sides[0] < self.crop:
            raise ArchError(
                f"a crop of {self.crop} does not fit into images resized to {self.sides[0]:g}",
                help=f"write a smaller crop, `scale jitter {self.sides[0]:g} to "
                f"{self.sides[1]:g} crop {self.sides[0]:g}`",
            )

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws, geometry

        count, (height, width) = len(images), images.shape[-2:]
        low, high = self.sides
        side = draws.whole(round(high) - round(low) + 1, count, generator) + round(low)
        shorter = min(height, width)
        weights = []
        for length in (height, width):
            resized = length * side // shorter
            offset = draws.whole(resized - self.crop + 1, count, generator)
            scale = (length / resized.double()).to(images.device)
            ends = side.new_zeros(count), side.new_full((count,), length)
            edges = (end.to(images.device) for end in ends)
            start = offset.to(images.device) * scale
            weights.append(geometry.weights(self.crop, length, start, scale, *edges))
        return geometry.like(geometry.resampled(geometry.maps_of(images), *weights), images)


def _larger(height: int, width: int) -> tuple[int, int]:
    """256 for a crop of 224, as papers have it."""
    return round(height * 256 / 224), round(width * 256 / 224)


class CenterCrop(Augmentation):
    """The centre of an image, padded with zeros where it is smaller."""

    on_bytes: ClassVar[bool] = True
    kind: ClassVar[str] = "center crop"
    forms = ("center crop <size>", "centre crop <size>")

    size: Size

    def size_after(self, height: int, width: int) -> tuple[int, int]:
        return self.size, self.size

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        from torch.nn.functional import pad

        sides = []
        for length in (images.shape[-1], images.shape[-2]):
            before = (
                (self.size - length) // 2 if self.size > length else -((length - self.size) // 2)
            )
            sides += [before, self.size - length - before]
        return pad(images, sides)
