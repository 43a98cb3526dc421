"""Batches of random images for tests of augmentations, and torchvision's functions."""

from __future__ import annotations

import torch
from torch import Tensor

from archdsl.pytorch.vision import v2 as transforms

functional = transforms.functional


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(*shape: int, seed: int = 1, byte: bool = False) -> Tensor:
    """Random bytes, or bytes as floats in 0 … 1."""
    values = torch.randint(0, 256, shape, generator=seeded(seed), dtype=torch.uint8)
    return values if byte else values.float() / 255


def smooth(count: int, channels: int, height: int, width: int) -> Tensor:
    """Different images without sharp edges, in 0 … 1, as bytes that became floats."""
    small = images(count, channels, 4, 5)
    large = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")
    return (large * 255).round() / 255
