"""Images as inputs of a network: their channels, their size, their shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from archdsl.errors import ArchError
from archdsl.expand.layers import hwc
from archdsl.layers import Shape

if TYPE_CHECKING:
    from torch import Tensor


def image_shape(shape: Shape, data: str) -> tuple[int, int, int]:
    """(C, H, W) of the images that an input shape stands for.

    A vector or a signal holds a square image row by row, a vector also the three colours of one,
    one after the other; a clip shows one image in every frame.
    """
    channels = shape[0] if len(shape) > 1 else 1
    if channels in (1, 3) and len(shape) > 2:
        return channels, shape[-2], shape[-1]
    for colours in (1, 3) if len(shape) == 1 else (1,):
        side = math.isqrt(shape[-1] // colours)
        if channels in (1, 3) and colours * side**2 == shape[-1]:
            return channels * colours, side, side
    raise ArchError(
        f"{data} has images, but the input is {hwc(shape)}",
        help="write an input such as `input 32x32x1`, `input 32x32 RGB` or `input 64`; a signal, "
        "`input 1024x1`, is a square image row by row, a clip, `input 8x32x32x1`, one image in "
        "every frame",
    )


def fitted(images: Tensor, shape: Shape, data: str = "digits", whole: bool = True) -> Tensor:
    """Images (N, C, H, W), or grey ones (N, 1, H, W), as a network's inputs (N, *shape)."""
    return as_inputs(resized(images, image_shape(shape, data)[1:], whole), shape, data)


def as_inputs(images: Tensor, shape: Shape, data: str = "digits") -> Tensor:
    """Images of the right size as inputs (N, *shape). Grey images get equal channels, and the
    frames of a clip share one image in memory."""
    channels = image_shape(shape, data)[0]
    images = images.expand(-1, channels, -1, -1)
    if len(shape) == 4:
        return images.unsqueeze(2).expand(-1, *shape)
    return images.reshape(len(images), *shape)


def resized(images: Tensor, size: tuple[int, int], whole: bool = True) -> Tensor:
    """Images (N, C, H, W), floats or bytes, in another size (H, W): bilinearly, with antialiasing
    if they shrink. Unless `whole`, the middle is cropped to the shape of the new size first."""
    from torch.nn.functional import interpolate

    height, width = size
    if not whole:
        images = _cropped(images, size)
    old = images.shape[2:]
    if (height, width) == old:
        return images
    values = images if images.is_floating_point() else images.float()
    values = interpolate(
        values,
        (height, width),
        mode="bilinear",
        align_corners=False,
        antialias=height < old[0] or width < old[1],
    )
    return values if images.is_floating_point() else values.round().to(images.dtype)


def _cropped(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The largest middle part of images that has the shape of a size."""
    height, width = images.shape[2:]
    factor = min(height / size[0], width / size[1])
    rows, columns = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[:, :, top : top + rows, left : left + columns]


def in_grey(images: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) in grey, (N, 1, H, W), by the weights of ITU-R 601."""
    from archdsl.pytorch.vision import v2

    grey: Tensor = v2.functional.rgb_to_grayscale(images)
    return grey
