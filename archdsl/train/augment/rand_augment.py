"""RandAugment."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from archdsl.train.augment.base import Augmentation
from archdsl.train.settings import Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LEVELS = 31
OPERATIONS = (
    "identity",
    "shear x",
    "shear y",
    "translate x",
    "translate y",
    "rotate",
    "brightness",
    "colour",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
)


class RandAugment(Augmentation):
    """`count` operations for each image, each any of the paper's 14 at a magnitude of 0 … 30
    (Cubuk et al. 2019), with the ranges and signs of torchvision's RandAugment."""

    kind: ClassVar[str] = "randaugment"
    forms = (
        "randaugment <count> <magnitude>",
        "randaugment",
        "rand augment <count> <magnitude>",
        "rand augment",
    )

    count: Annotated[int, Field(ge=0, le=20), Words(("n",))] = 2
    magnitude: Annotated[int, Field(ge=0, lt=LEVELS), Words(("m",))] = 9

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        from archdsl.train.augment import draws
        from archdsl.train.augment.masks import apply_chosen

        for _ in range(self.count):
            chosen = torch.randint(0, len(OPERATIONS), (len(images),), generator=generator)
            sign = draws.signs(len(images), generator)
            for number, name in enumerate(OPERATIONS):
                if change := operation(name, self.magnitude / (LEVELS - 1), images.shape[-2:]):
                    images = apply_chosen(images, chosen == number, change, sign)
        return images


def operation(
    name: str, level: float, size: Sequence[int]
) -> Callable[[Tensor, Tensor], Tensor] | None:
    """An operation at a level of 0 … 1 on images and signs (B,), 1 or -1; None for the identity."""
    from archdsl.train.augment import colours, geometry

    factors = {
        "brightness": colours.brightness,
        "colour": colours.saturation,
        "contrast": colours.contrast,
        "sharpness": colours.sharpness,
    }
    if name in factors:
        return lambda images, sign: factors[name](images, 1 + 0.9 * level * sign)
    if name == "posterize":
        bits = 8 - round(4 * level)
        return lambda images, sign: colours.posterize(images, sign.new_full(sign.shape, bits))
    if name == "solarize":
        return lambda images, sign: colours.solarize(images, sign.new_full(sign.shape, 1 - level))
    if name in ("autocontrast", "equalize"):
        whole = colours.autocontrast if name == "autocontrast" else colours.equalize
        return lambda images, sign: whole(images)
    if name == "identity":
        return None
    entries = _entries(name, level, size[0], size[1])

    def warped(images: Tensor, sign: Tensor) -> Tensor:
        values = {entry: value(sign) for entry, value in entries.items()}
        matrices = geometry.matrices(len(images), **values)
        return geometry.like(geometry.warped(geometry.maps_of(images), matrices, "nearest"), images)

    return warped


def _entries(
    name: str, level: float, height: int, width: int
) -> dict[str, Callable[[Tensor], Tensor]]:
    """The entries of the matrix of an affine operation, from the sign."""
    shear, angle = 0.3 * level, math.radians(30 * level)
    # By whole pixels, as torchvision has it; sheared about the top left corner.
    across, down = int(150 / 331 * width * level), int(150 / 331 * height * level)
    turn = {
        "xx": lambda sign: (angle * sign).cos(),
        "xy": lambda sign: -(angle * sign).sin(),
        "yx": lambda sign: (angle * sign).sin(),
        "yy": lambda sign: (angle * sign).cos(),
    }
    return {
        "shear x": {"xy": lambda sign: shear * sign, "x": lambda sign: shear * height / 2 * sign},
        "shear y": {"yx": lambda sign: shear * sign, "y": lambda sign: shear * width / 2 * sign},
        "translate x": {"x": lambda sign: -across * sign},
        "translate y": {"y": lambda sign: -down * sign},
        "rotate": turn,
    }[name]
