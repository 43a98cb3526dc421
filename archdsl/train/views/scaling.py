"""Images in several sizes, and their crops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor
from torch.nn.functional import interpolate

from archdsl.errors import ArchError


def at_scales(images: Tensor, sides: Sequence[int], least: Sequence[int]) -> Iterator[Tensor]:
    """Images (B, C, H, W) with the shorter side at each length, or as they are without lengths.

    Raises ArchError if a crop of the `least` size (h, w) does not fit into them.
    """
    for side in sides or (min(images.shape[-2:]),):
        scaled = scale_to(images, side)
        height, width = scaled.shape[-2:]
        if height < least[0] or width < least[1]:
            raise ArchError(
                f"an image of {height}x{width} is smaller than the input, {least[0]}x{least[1]}",
                help=f"write a scale of at least {max(least)}",
            )
        yield scaled


def scale_to(images: Tensor, side: int) -> Tensor:
    """Images resized bilinearly, antialiased if they shrink, so that the shorter side is `side`."""
    old = images.shape[-2:]
    new = [int(side * length / min(old)) for length in old]
    if list(old) == new:
        return images
    shrinks = side < min(old)
    return interpolate(images, new, mode="bilinear", align_corners=False, antialias=shrinks)


def center(images: Tensor, size: Sequence[int]) -> Tensor:
    top, left = (round((old - new) / 2) for old, new in zip(images.shape[-2:], size, strict=True))
    return images[..., top : top + size[0], left : left + size[1]]


def corners(images: Tensor, size: Sequence[int]) -> Iterator[Tensor]:
    """Top left, top right, bottom left, bottom right."""
    height, width = images.shape[-2:]
    for top in (0, height - size[0]):
        for left in (0, width - size[1]):
            yield images[..., top : top + size[0], left : left + size[1]]


def squares(images: Tensor) -> list[Tensor]:
    """The squares at both ends and in the middle of the longer side; one of square images."""
    height, width = images.shape[-2:]
    side = min(height, width)
    if height == width:
        return [images]
    longer = max(height, width)
    starts = (0, (longer - side) // 2, longer - side)
    if height > width:
        return [images[..., at : at + side, :] for at in starts]
    return [images[..., at : at + side] for at in starts]
