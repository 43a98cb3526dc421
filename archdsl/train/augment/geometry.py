"""Crops, resampling and affine maps with parameters of their own for each image of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample


def maps_of(images: Tensor) -> Tensor:
    """Images (B, C, H, W), or clips (B, C, T, H, W) as maps (B, C T, H, W)."""
    return images.reshape(len(images), -1, *images.shape[-2:])


def like(maps: Tensor, images: Tensor) -> Tensor:
    """Maps (B, C T, h, w) in the shape of the images that they come from, but for their size."""
    return maps.reshape(*images.shape[:-2], *maps.shape[-2:])


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """Values (B,) that broadcast against images, on their device."""
    return values.to(images.device).reshape(-1, *[1] * (images.dim() - 1))


def windows(maps: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    """The window of each map (B, C, H, W) whose corner is at (top, left), (B, C, height, width)."""
    maps = maps.contiguous()
    _, channels, rows, columns = maps.shape
    device = maps.device
    corner = (torch.arange(len(maps)) * channels * rows + top) * columns + left
    plane = torch.arange(channels, device=device) * (rows * columns)
    row = torch.arange(height, device=device) * columns
    starts = corner.to(device)[:, None, None] + plane[:, None] + row
    # Every run of `width` numbers in memory, as a row: copying runs is much faster than indexing
    # pixels.
    runs = maps.as_strided((maps.numel() - width + 1, width), (1, 1))
    return runs.index_select(0, starts.flatten()).view(len(maps), channels, height, width)


def padded(maps: Tensor, pad: int, reflect: bool = False) -> Tensor:
    """Maps (B, C, H, W) with zeros, or their reflection, on all sides."""
    if not pad:
        return maps
    *_, height, width = maps.shape
    if reflect:
        rows, columns = _reflected(height, pad, maps), _reflected(width, pad, maps)
        return maps.index_select(2, rows).index_select(3, columns)
    larger = maps.new_zeros(*maps.shape[:2], height + 2 * pad, width + 2 * pad)
    larger[:, :, pad : pad + height, pad : pad + width] = maps
    return larger


def _reflected(size: int, pad: int, maps: Tensor) -> Tensor:
    """The indices of a side after reflection; the edge is not repeated."""
    index = torch.arange(-pad, size + pad, device=maps.device).abs()
    return torch.where(index < size, index, 2 * (size - 1) - index)


def mirrored(maps: Tensor, chosen: Tensor, dim: int) -> Tensor:
    """Maps, of which the chosen ones (B,) are reversed along a dimension."""
    both = torch.cat((maps, maps.flip(dim)))
    index = torch.arange(len(maps)) + len(maps) * chosen
    return both.index_select(0, index.to(maps.device))


def weights(
    count: int, size: int, start: Tensor, scale: Tensor, low: Tensor, high: Tensor
) -> Tensor:
    """Weights (B, count, size) of bilinear resampling, antialiased where it shrinks.

    Output pixel i is centred at start + scale · (i + 0.5), in pixels of the input, of which those
    from `low` to below `high` count.
    """
    centre = start[:, None] + scale[:, None] * (torch.arange(count, device=start.device) + 0.5)
    pixel = torch.arange(size, device=start.device)
    distance = (pixel + 0.5 - centre[:, :, None]) / scale.clamp(min=1)[:, None, None]
    triangle = (1 - distance.abs()).clamp(min=0)
    inside = (pixel >= low[:, None]) & (pixel < high[:, None])
    triangle = triangle * inside[:, None, :]
    return triangle / triangle.sum(2, keepdim=True)


def resampled(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Maps (B, C, H, W) by weights of their rows (B, h, H) and columns (B, w, W), (B, C, h, w)."""
    narrow = maps @ columns.to(maps).transpose(1, 2)[:, None]
    return rows.to(maps)[:, None] @ narrow


def crops(maps: Tensor, boxes: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """The box (top, left, height, width) of each map, resized to a size."""
    top, left, height, width = (side.to(maps.device).double() for side in boxes)
    *_, rows, columns = maps.shape
    y = weights(size[0], rows, top, height / size[0], top, top + height)
    x = weights(size[1], columns, left, width / size[1], left, left + width)
    return resampled(maps, y, x)


_PLACES = {"xx": (0, 0), "xy": (0, 1), "x": (0, 2), "yx": (1, 0), "yy": (1, 1), "y": (1, 2)}


def matrices(count: int, **entries: Tensor | float) -> Tensor:
    """Identities (count, 3, 3) but for entries: `xy` is what a step in y adds to x, `x` what is
    added to every x."""
    matrix = torch.eye(3).repeat(count, 1, 1)
    for name, value in entries.items():
        matrix[:, *_PLACES[name]] = value
    return matrix


def warped(maps: Tensor, matrices: Tensor, mode: str = "bilinear") -> Tensor:
    """Maps (B, C, H, W) under affine maps, with zeros from outside.

    `matrices` (B, 3, 3) take a position in the result to one in the map, (x, y, 1) in pixels from
    the centre, y downwards.
    """
    *_, height, width = maps.shape
    theta = matrices[:, :2].clone()
    theta[:, 0, 1] *= height / width
    theta[:, 1, 0] *= width / height
    theta[:, 0, 2] *= 2 / width
    theta[:, 1, 2] *= 2 / height
    grid = affine_grid(theta.to(maps), list(maps.shape), align_corners=False)
    return grid_sample(maps, grid, mode=mode, padding_mode="zeros", align_corners=False)


def in_boxes(size: Sequence[int], box: tuple[Tensor, ...], device: torch.device) -> Tensor:
    """Whether each pixel is in the box (top, left, bottom, right) of its image, (B, H, W)."""
    top, left, bottom, right = (side.to(device)[:, None] for side in box)
    row, column = (torch.arange(side, device=device) for side in size)
    rows = (row >= top) & (row < bottom)
    columns = (column >= left) & (column < right)
    return rows[:, :, None] & columns[:, None, :]


def blurred(maps: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Each map under a Gaussian of its own standard deviation, (B,), cut off at a radius."""
    if radius < 1:
        return maps
    count, channels, _, width = maps.shape
    offset = torch.arange(-radius, radius + 1)
    kernel = (-0.5 * (offset / sigma[:, None]) ** 2).exp()
    kernel = (kernel / kernel.sum(1, keepdim=True)).to(maps).repeat_interleave(channels, 0)
    larger = padded(maps, radius, reflect=True).reshape(1, count * channels, -1, width + 2 * radius)
    rows = conv2d(larger, kernel[:, None, :, None], groups=count * channels)
    both = conv2d(rows, kernel[:, None, None, :], groups=count * channels)
    return both.reshape(maps.shape)
