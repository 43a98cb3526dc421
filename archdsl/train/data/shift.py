"""Random shifts of images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad


class Shift(NamedTuple):
    """Moves each image by up to `most` pixels in both directions, filling with zeros."""

    most: int
    on_bytes: bool = True

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        most = self.most
        count, _, height, width = images.shape
        padded = pad(images, (most, most, most, most))
        # Drawn on the CPU, so that every device uses the same shifts.
        offsets = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator)
        offsets = offsets.to(images.device)
        rows = offsets[0] + torch.arange(height, device=images.device)
        columns = offsets[1] + torch.arange(width, device=images.device)
        index = torch.arange(count, device=images.device)[:, None, None]
        moved = padded[index, :, rows[:, :, None], columns[:, None, :]]
        return moved.permute(0, 3, 1, 2)
