"""Changes of colour, with a factor of its own for each image of a batch.

Images are (B, C, H, W) or (B, C, T, H, W) in 0 … 1. Each equals torchvision's function of its name.
"""

from __future__ import annotations

import torch
from torch import Tensor

from archdsl.train.augment.geometry import per_image

LUMA = (0.2989, 0.587, 0.114)  # of red, green and blue


def blend(images: Tensor, others: Tensor, factor: Tensor) -> Tensor:
    """From the other images at factor 0 to these at 1, and beyond."""
    factor = per_image(factor, images).to(images.dtype)
    return (others + (images - others) * factor).clamp(0, 1)


def grey(images: Tensor) -> Tensor:
    """The brightness of each pixel, with one channel; grey images as they are."""
    if images.shape[1] != 3:
        return images
    luma = torch.tensor(LUMA, device=images.device, dtype=images.dtype)
    weighted = images * luma.reshape(-1, *[1] * (images.dim() - 2))
    return weighted.sum(1, keepdim=True)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    return blend(images, torch.zeros_like(images), factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    mean = grey(images).flatten(1).mean(1)
    return blend(images, per_image(mean, images), factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    return blend(images, grey(images), factor)


def hue(images: Tensor, turn: Tensor) -> Tensor:
    """Colours turned by -0.5 … 0.5 of the colour circle; grey images as they are."""
    if images.shape[1] != 3:
        return images
    high, low = images.amax(1), images.amin(1)
    chroma = high - low
    safe = torch.where(chroma == 0, 1.0, chroma)
    red, green, blue = images.unbind(1)
    sector = torch.where(
        high == red,
        (green - blue) / safe,
        torch.where(high == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sector = (sector + 6 * per_image(turn, sector).to(sector)) % 6
    channels = []
    for shift in (5, 3, 1):  # each channel falls from its own colour over two sectors
        k = (shift + sector) % 6
        channels.append(high - chroma * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels, 1)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Blended with a blur of 3×3; the pixels at the edges stay."""
    height, width = images.shape[-2:]
    if height < 3 or width < 3:
        return images
    total = 4 * images[..., 1:-1, 1:-1]
    for row in range(3):
        for column in range(3):
            bottom, right = height - 2 + row, width - 2 + column
            total = total + images[..., row:bottom, column:right]
    blurred = images.clone()
    blurred[..., 1:-1, 1:-1] = (total / 13 * 255).round() / 255  # torchvision rounds to bytes
    return blend(images, blurred, factor)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """The highest bits of each byte."""
    step = per_image(2 ** (8 - bits), images)
    return ((images * 255).round().int() // step * step).to(images.dtype) / 255


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Inverted where at least as bright as a threshold in 0 … 1."""
    bright = images >= per_image(threshold, images).to(images.dtype)
    return torch.where(bright, 1 - images, images)


def autocontrast(images: Tensor) -> Tensor:
    """Each channel stretched to 0 … 1, unless it has one value alone."""
    flat = images.flatten(2)
    low, high = flat.amin(2), flat.amax(2)
    same = low == high
    scale = torch.where(same, 1.0, 1 / torch.where(same, 1.0, high - low))
    low = torch.where(same, 0.0, low)
    return ((flat - low[..., None]) * scale[..., None]).clamp(0, 1).view_as(images)


def equalize(images: Tensor) -> Tensor:
    """Each channel with an even histogram of its bytes."""
    levels = (images * 255).round().long().flatten(2)
    counts = torch.zeros(*levels.shape[:2], 256, dtype=torch.long, device=images.device)
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    most = levels.amax(2, keepdim=True)
    step = (levels.shape[2] - counts.gather(2, most)) // 255  # without the brightest level
    below = counts.cumsum(2) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp(0, 255)
    equal = torch.where(step > 0, table.gather(2, levels), levels)
    return (equal.to(images.dtype) / 255).view_as(images)
