"""Changes of colour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, PrivateAttr

from archdsl.errors import ArchError
from archdsl.train.augment.base import Augmentation, Probability
from archdsl.train.settings import Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Strength = Annotated[float, Field(ge=0, le=10)]
Vector = tuple[float, ...]


class ColourJitter(Augmentation):
    """Random brightness, contrast, saturation and hue, in an order of its own for each image.

    Each factor is uniform in 1 ± its strength, but not below 0; the hue is turned by up to `hue` of
    the colour circle. One number, `colour jitter 0.4`, is the strength of the first three.
    """

    kind: ClassVar[str] = "colour jitter"
    forms = ("colour jitter <strength>", "color jitter <strength>", "colour jitter", "color jitter")

    strength: Strength = 0.0
    brightness: Strength | None = None
    contrast: Strength | None = None
    saturation: Strength | None = None
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        from archdsl.train.augment import colours, draws
        from archdsl.train.augment.masks import apply_chosen

        count = len(images)
        given = (self.brightness, self.contrast, self.saturation)
        strengths = [self.strength if one is None else one for one in given]
        factors = [
            draws.uniform(max(0.0, 1 - strength), 1 + strength, count, generator)
            for strength in strengths
        ]
        factors.append(draws.uniform(-self.hue, self.hue, count, generator))
        order = torch.rand(count, 4, generator=generator).argsort(1)
        changes = (colours.brightness, colours.contrast, colours.saturation, colours.hue)
        used = [n for n, strength in enumerate((*strengths, self.hue)) if strength]
        for step in range(4):
            for number in used:
                images = apply_chosen(
                    images, order[:, step] == number, changes[number], factors[number]
                )
        return images


class Grayscale(Augmentation):
    """Grey in all channels, with probability `p`."""

    kind: ClassVar[str] = "random grayscale"
    forms = (
        "random grayscale <p>",
        "random grayscale",
        "random greyscale <p>",
        "random greyscale",
        "grayscale <p>",
        "grayscale",
        "greyscale <p>",
        "greyscale",
    )

    p: Probability = 0.1

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        from archdsl.train.augment import colours, draws, geometry

        chosen = draws.chance(self.p, len(images), generator)
        return torch.where(geometry.per_image(chosen, images), colours.grey(images), images)


# Of ImageNet's pixels in 0 … 1, as printed in fb.resnet.torch; AlexNet's paper does not print them.
IMAGENET_VALUES = (0.2175, 0.0188, 0.0045)
IMAGENET_VECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


class PcaColour(Augmentation):
    """Multiples of the principal components of the pixels' colours added to all pixels of an image:
    each component times its eigenvalue times a number from N(0, strength) (Krizhevsky et al. 2012,
    §4.1).

    Eigenvalues and components are of the covariance of the training images' colours in 0 … 1, or
    with `imagenet` those that are in use for ImageNet.
    """

    kind: ClassVar[str] = "pca colour"
    forms = (
        "pca colour <strength>",
        "pca color <strength>",
        "pca colour",
        "pca color",
        "pca lighting <strength>",
        "pca lighting",
    )

    strength: Annotated[float, Field(ge=0, le=10), Words(("std",))] = 0.1
    imagenet: bool = False
    _values: Vector = PrivateAttr(IMAGENET_VALUES)
    _vectors: tuple[Vector, ...] = PrivateAttr(IMAGENET_VECTORS)

    def fit(self, chunks: Iterable[Tensor], channels: int) -> Augmentation:
        if self.imagenet:
            return self
        import torch

        from archdsl.train.augment.moments import moments

        values, vectors = torch.linalg.eigh(moments(chunks, channels).covariance)
        measured = self.model_copy()
        measured._values = tuple(values.tolist())
        measured._vectors = tuple(tuple(row) for row in vectors.tolist())
        return measured

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        values, vectors = torch.tensor(self._values), torch.tensor(self._vectors)
        if len(values) != images.shape[1]:
            raise ArchError(
                f"the principal components are of {len(values)} channels, the images have "
                f"{images.shape[1]}",
                help="leave out `pca colour` for images that are not RGB",
            )
        alphas = torch.randn(len(images), len(values), generator=generator) * self.strength
        change = (alphas * values) @ vectors.T
        shape = (*change.shape, *[1] * (images.dim() - 2))
        return (images + change.to(images).reshape(shape)).clamp(0, 1)
