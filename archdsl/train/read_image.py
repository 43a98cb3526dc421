"""A picture file as a tensor."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from archdsl.errors import ArchError
from archdsl.figures import times
from archdsl.pytorch.vision import v2

# Pillow knows more formats; for one of them (EPS) it would start another program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
MOST_PIXELS = 2**26  # 67 million; the header of a tiny file can claim any number
MOST_SIDE = 2**15  # pixels of one side: resizing a long line costs far more than a square


def read_image(path: Path, channels: int) -> Tensor:
    """A picture as (channels, H, W) in 0 … 1: grey for one channel, RGB for three.

    It is rotated by its EXIF orientation, and transparent pixels become black. Raises ArchError,
    naming the file, if it cannot be read.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ArchError(f"{path} is not a file", help="name a picture")
    return _read(path, str(path), lambda image: _values(image, channels))


def read_pixels(file: Path | BytesIO, name: str, channels: int, to_grey: bool) -> Tensor:
    """A picture as bytes, (channels, H, W), read as by `read_image`.

    Raises ArchError also for a picture in colour that is to have one channel, unless `to_grey`.
    """

    def pixels(image: Image.Image) -> Tensor:
        if channels == 1 and not to_grey and _has_colours(image):
            raise ArchError(
                f"{name} is in colour, but the input of the network has one channel",
                help="write an input with three, `input 32x32 RGB`, or add `in grey` to the data",
            )
        if image.mode not in ("L", "RGB") or image.has_transparency_data:
            return (_values(image, channels) * 255).round().to(torch.uint8)
        image = image.convert("L" if channels == 1 else "RGB")
        read: Tensor = v2.functional.pil_to_tensor(image)
        return read

    if isinstance(file, Path) and not file.is_file():
        raise ArchError(f"{name} is not a file", help="remove it")  # a pipe would wait for ever
    return _read(file, name, pixels)


def _has_colours(image: Image.Image) -> bool:
    if image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I"):
        return False
    red, green, blue = (np.asarray(one) for one in image.convert("RGB").split())
    return not (np.array_equal(red, green) and np.array_equal(green, blue))


def _read(file: Path | BytesIO, name: str, convert: Callable[[Image.Image], Tensor]) -> Tensor:
    """What `convert` makes of a picture. Raises ArchError, with its name."""
    try:
        with warnings.catch_warnings():
            # Pillow only warns of oddities and of many pixels, which are refused here.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=FORMATS) as image:
                if max(image.size) > MOST_SIDE:
                    raise ArchError(
                        f"{name} is {times(image.size)} pixels",
                        help=f"the limit is {MOST_SIDE:,} on a side: crop or shrink it",
                    )
                if image.width * image.height > MOST_PIXELS:
                    raise Image.DecompressionBombError
                return convert(ImageOps.exif_transpose(image))
    except ArchError:
        raise
    except UnidentifiedImageError:
        raise ArchError(
            f"{name} is not a picture that can be read",
            help=f"save it as one of {', '.join(FORMATS)}",
        ) from None
    except Image.DecompressionBombError:
        raise ArchError(
            f"{name} has too many pixels", help=f"the limit is {MOST_PIXELS:,}"
        ) from None
    except Exception as problem:
        # A damaged file fails in as many ways as there are formats.
        reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise ArchError(f"cannot read {name}: {reason}") from None


def _values(image: Image.Image, channels: int) -> Tensor:
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range; save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # 16 bits of grey
        values = np.asarray(image).astype(np.float32) / 65535
        if values.min() < 0 or values.max() > 1:
            raise ValueError("pixels of 32 bits have no known range; save it with 8 or 16 bits")
        return torch.from_numpy(values).expand(channels, -1, -1)
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image.convert("RGBA"))
    image = image.convert("L" if channels == 1 else "RGB")
    values = np.array(image, dtype=np.float32)
    values /= 255
    return torch.from_numpy(values.reshape(*values.shape[:2], channels)).permute(2, 0, 1)
