"""The mean and the covariance of the colours of a data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Moments(NamedTuple):
    """Of all pixels in 0 … 1, in double precision: mean (C,) and covariance (C, C)."""

    mean: Tensor
    covariance: Tensor


def moments(chunks: Iterable[Tensor], channels: int) -> Moments:
    """Of images (N, C, …) that are uint8 or in 0 … 1, some at a time."""
    total = torch.zeros(channels, dtype=torch.float64)
    squares = torch.zeros(channels, channels, dtype=torch.float64)
    count = 0
    for images in chunks:
        scale = 1 if images.is_floating_point() else 255
        colours = images.cpu().double().transpose(0, 1).reshape(channels, -1) / scale
        total += colours.sum(1)
        squares += colours @ colours.T
        count += colours.shape[1]
    mean = total / count
    return Moments(mean, squares / count - torch.outer(mean, mean))
