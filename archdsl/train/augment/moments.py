"""The mean and the covariance of the colours of a data set."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

CHUNK = 2**22  # pixels that are converted to double precision at once


class Moments(NamedTuple):
    """Of all pixels in 0 … 1, in double precision: mean (C,) and covariance (C, C)."""

    mean: Tensor
    covariance: Tensor


def moments(images: Tensor) -> Moments:
    """Of images (N, C, …) that are uint8 or in 0 … 1."""
    channels = images.shape[1]
    scale = 1 if images.is_floating_point() else 255
    total = torch.zeros(channels, dtype=torch.float64)
    squares = torch.zeros(channels, channels, dtype=torch.float64)
    pixels = images[0, 0].numel()
    for chunk in images.split(max(CHUNK // max(pixels, 1), 1)):
        colours = chunk.cpu().double().transpose(0, 1).reshape(channels, -1) / scale
        total += colours.sum(1)
        squares += colours @ colours.T
    count = len(images) * pixels
    mean = total / count
    return Moments(mean, squares / count - torch.outer(mean, mean))
