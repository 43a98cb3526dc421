"""Affine maps: translation, scale, rotation, shear. Adjacent ones are done in one interpolation."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.train.augment.base import Augmentation, Range
from archdsl.train.settings import Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Affine(Augmentation):
    """An affine map about the centre, bilinear, with zeros from outside the image."""

    @abstractmethod
    def matrices(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Maps (count, 3, 3) from a position in the result to one in the image: (x, y, 1) in pixels
        from the centre, y downwards."""

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return apply_all([self], images, generator)


def apply_all(maps: Sequence[Affine], images: Tensor, generator: torch.Generator) -> Tensor:
    """Affine maps one after the other, with one interpolation, so that nothing is blurred or cut
    off in between."""
    import torch

    from archdsl.train.augment import geometry

    height, width = images.shape[-2:]
    whole = torch.eye(3).expand(len(images), 3, 3)
    for one in maps:
        whole = whole @ one.matrices(len(images), height, width, generator)
    return geometry.like(geometry.warped(geometry.maps_of(images), whole), images)


class Translation(Affine):
    """By up to a share of the height and of the width in each direction, fractions of pixels too;
    `translation 5` is a shift by whole pixels."""

    forms = ("translation by <share>", "translate <share>", "random translation <share>")

    share: Annotated[float, Field(ge=0, lt=1)]

    def matrices(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws, geometry

        x = draws.uniform(-self.share * width, self.share * width, count, generator)
        y = draws.uniform(-self.share * height, self.share * height, count, generator)
        return geometry.matrices(count, x=-x, y=-y)


class Scale(Affine):
    """Enlarged by a factor, or shrunk, in both directions alike."""

    forms = ("scale <factors>", "random scale <factors>", "zoom <factors>")

    factors: Annotated[Range, Words(("factor",))]

    def matrices(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws, geometry

        factor = draws.uniform(*self.factors, count, generator)
        return geometry.matrices(count, xx=1 / factor, yy=1 / factor)


class Rotation(Affine):
    """By up to an angle in both directions."""

    forms = ("rotation <degrees> [degrees]", "random rotation <degrees> [degrees]")

    degrees: Annotated[float, Field(ge=0, le=180), Words(("angle",))]

    def matrices(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws, geometry

        most = math.radians(self.degrees)
        angle = draws.uniform(-most, most, count, generator)  # counterclockwise
        cos, sin = angle.cos(), angle.sin()
        return geometry.matrices(count, xx=cos, xy=-sin, yx=sin, yy=cos)


class Shear(Affine):
    """Rows moved against each other, by up to an angle in both directions."""

    forms = ("shear <degrees> [degrees]", "random shear <degrees> [degrees]")

    degrees: Annotated[float, Field(ge=0, lt=90), Words(("angle",))]

    def matrices(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        from archdsl.train.augment import draws, geometry

        most = math.radians(self.degrees)
        return geometry.matrices(count, xy=draws.uniform(-most, most, count, generator).tan())
