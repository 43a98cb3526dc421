"""Random parameters of augmentations, one for each image, from a generator on the CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

ATTEMPTS = 10  # at a box that fits into the image, as torchvision has it


def uniform(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    """(count,)"""
    return torch.rand(count, generator=generator) * (high - low) + low


def chance(p: float, count: int, generator: torch.Generator) -> Tensor:
    """Whether something with a probability happens, (count,)."""
    return torch.rand(count, generator=generator) < p


def whole(below: int | Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Whole numbers from 0 to below a limit, or below a limit for each, (count,)."""
    share = torch.rand(count, generator=generator, dtype=torch.float64)
    return (share * below).long()


def signs(count: int, generator: torch.Generator) -> Tensor:
    """1 or -1 at the same probability, (count,)."""
    return torch.randint(0, 2, (count,), generator=generator) * 2.0 - 1.0


def beta(alpha: float, count: int, generator: torch.Generator) -> Tensor:
    """Beta(alpha, alpha), (count,)."""
    # torch.distributions do not take a generator; double precision, as small alphas underflow.
    gammas = torch._standard_gamma(
        torch.full((2, count), alpha, dtype=torch.float64), generator=generator
    )
    return (gammas[0] / gammas.sum(0)).nan_to_num(0.5).float()


class Boxes(NamedTuple):
    """A box in each image, each (count,) in pixels; `fits` is False where none was found."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    fits: Tensor


def boxes(
    count: int,
    size: Sequence[int],
    area: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator,
) -> Boxes:
    """Boxes that take a uniform share of an image, at a width to height that is uniform in its
    logarithm, anywhere inside; the first of ten attempts that fits."""
    height, width = size
    share = torch.rand(ATTEMPTS, count, generator=generator, dtype=torch.float64)
    share = (share * (area[1] - area[0]) + area[0]) * (height * width)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = torch.rand(ATTEMPTS, count, generator=generator, dtype=torch.float64)
    aspect = (aspect * (high - low) + low).exp()
    w, h = (share * aspect).sqrt().round().long(), (share / aspect).sqrt().round().long()
    fit = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first = fit.byte().argmax(0, keepdim=True)
    w, h, fits = w.gather(0, first)[0], h.gather(0, first)[0], fit.any(0)
    w, h = w.clamp(1, width), h.clamp(1, height)
    top = whole(height - h + 1, count, generator)
    left = whole(width - w + 1, count, generator)
    return Boxes(top, left, h, w, fits)
