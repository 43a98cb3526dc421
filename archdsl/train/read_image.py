"""A picture file as a tensor."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from archdsl.errors import ArchError
from archdsl.figures import times

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
    try:
        with warnings.catch_warnings():
            # Pillow only warns of oddities and of many pixels, which are refused here.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                if max(image.size) > MOST_SIDE:
                    raise ArchError(
                        f"{path} is {times(image.size)} pixels",
                        help=f"the limit is {MOST_SIDE:,} on a side: crop or shrink it",
                    )
                if image.width * image.height > MOST_PIXELS:
                    raise Image.DecompressionBombError
                return _values(ImageOps.exif_transpose(image), channels)
    except ArchError:
        raise
    except UnidentifiedImageError:
        raise ArchError(
            f"{path} is not a picture that can be read",
            help=f"save it as one of {', '.join(FORMATS)}",
        ) from None
    except Image.DecompressionBombError:
        raise ArchError(
            f"{path} has too many pixels", help=f"the limit is {MOST_PIXELS:,}"
        ) from None
    except Exception as problem:
        # A damaged file fails in as many ways as there are formats.
        reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise ArchError(f"cannot read {path}: {reason}") from None


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
