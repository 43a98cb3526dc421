"""A fitted normalisation, which makes inputs from images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from archdsl.errors import ArchError
from archdsl.train.augment.batch import as_floats


class Normaliser:
    """(images - mean) / deviation, of images in 0 … 1. Both are (C, 1, 1), or (C, H, W)."""

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        self.mean = mean.float()
        self.deviation = deviation.float()
        self.factor = (1 / deviation.double()).float()
        self.offset = (mean.double() / deviation.double()).float()
        self.changes = bool((mean != 0).any() or (deviation != 1).any())

    @property
    def state(self) -> dict[str, Tensor]:
        """What it needs to be made again."""
        return {"mean": self.mean, "deviation": self.deviation}

    def to(self, device: torch.device) -> Normaliser:
        return Normaliser(self.mean.to(device), self.deviation.to(device))

    def apply(self, images: Tensor) -> Tensor:
        """Of images (B, C, H, W), or clips (B, C, T, H, W), that are uint8 or in 0 … 1."""
        is_bytes = not images.is_floating_point()
        floats = images.float() if is_bytes else images
        if not self.changes:
            return floats.div_(255) if is_bytes else floats
        factor, offset = (_fitted(one, images) for one in (self.factor, self.offset))
        # In place on what is new: no memory but the result's is touched.
        scaled = floats.mul_(factor / 255) if is_bytes else floats * factor
        return scaled.sub_(offset)


def _fitted(values: Tensor, images: Tensor) -> Tensor:
    """Values (C, 1, 1), or the centre of (C, H, W), that broadcast against images."""
    height, width = images.shape[-2:]
    if values.shape[-2:] not in ((1, 1), (height, width)):
        rows, columns = values.shape[-2:]
        top, left = (rows - height) // 2, (columns - width) // 2
        if min(top, left) < 0:
            raise ArchError(
                f"the mean image is of {rows}x{columns}, the images of {height}x{width}",
                help="write `normalise per channel`",
            )
        values = values[:, top : top + height, left : left + width]
    return values if images.dim() == 4 else values[:, None]


def by_channel(mean: Sequence[float], deviation: Sequence[float], channels: int) -> Normaliser:
    """By values for each channel, or by one for all. Raises ArchError."""
    for name, values in (("mean", mean), ("std", deviation)):
        if len(values) not in (1, channels):
            raise ArchError(
                f"`{name}` has {len(values)} values, the images have {channels} channels",
                help="write one value for each channel, or one for all",
            )
    both = [torch.tensor(values, dtype=torch.float64) for values in (mean, deviation)]
    return Normaliser(*(one.expand(channels)[:, None, None].clone() for one in both))


def by_image(chunks: Iterable[Tensor]) -> Normaliser:
    """By the mean of images (N, C, H, W) that are uint8 or in 0 … 1, some at a time."""
    total: Tensor | float = 0.0
    count = 0
    for images in chunks:
        total = total + as_floats(images).cpu().sum(0, dtype=torch.float64)
        count += len(images)
    mean = torch.as_tensor(total) / count
    return Normaliser(mean, torch.ones(len(mean), 1, 1))
