"""What a recipe does to images on their way into a network: augmentation and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from archdsl.train.augment.base import Augmentation, Mixer
from archdsl.train.augment.batch import augmented
from archdsl.train.data.pipeline import CHUNK, Split
from archdsl.train.normalisation import Interval
from archdsl.train.normaliser import Normaliser
from archdsl.train.recipe import Recipe

SAMPLE = 2048  # images of a stream that are measured


class Augmentations(NamedTuple):
    """The augmentations of a recipe as one."""

    members: Sequence[Augmentation]
    on_bytes: bool = True  # images that stay bytes are fastest

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return augmented(images, self.members, generator)


class Mixers:
    """The mixers of a recipe, of which each batch takes one."""

    def __init__(self, members: Sequence[Mixer]) -> None:
        self.members = members

    def __call__(
        self, images: Tensor, targets: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        number = 0
        if len(self.members) > 1:
            number = int(torch.randint(0, len(self.members), (), generator=generator))
        return self.members[number].mix(images, targets, generator)


class Normalised(nn.Module):
    """A module that takes images in 0 … 1, in the shape of its inputs, and normalises them first.

    Vectors and signals are images of a shape (C, H, W), row by row.
    """

    def __init__(
        self, module: nn.Module, normaliser: Normaliser, shape: tuple[int, int, int]
    ) -> None:
        super().__init__()
        self._network = module  # no layer has such a name
        self.normaliser = normaliser
        self.shape = shape

    def forward(self, x: Tensor) -> Any:
        if x.ndim >= 4:
            return self._network(self.normaliser.apply(x))
        maps = self.normaliser.apply(x.reshape(len(x), *self.shape))
        return self._network(maps.reshape(x.shape))


def prepare(split: Split, recipe: Recipe, classes: int) -> Normaliser | None:
    """Let a split augment its images as a recipe says, with what the augmentations measure of them.
    Returns the normalisation, or None if images stay in 0 … 1."""
    plain = recipe.normalise == Interval()
    if plain and not recipe.augment:
        return None
    images = _sample(split)
    mixers = [one for one in recipe.augment if isinstance(one, Mixer)]
    others = [one.fit(images) for one in recipe.augment if not isinstance(one, Mixer)]
    split.use(
        split.form._replace(
            augment=(Augmentations(others),) if others else (),
            mix=Mixers(mixers) if mixers else None,
            classes=classes,
        )
    )
    return None if plain else recipe.normalise.fit(images).to(split.form.device)


def _sample(split: Split) -> Tensor:
    """Images (N, C, H, W) of a split to measure: those in memory, or some of a stream."""
    values = getattr(split, "values", None)
    if values is None:
        count = min(SAMPLE, split.images)
        chosen = torch.linspace(0, split.images - 1, count, dtype=torch.float64).round().long()
        values = torch.cat([images for images, _ in split.fetched(chosen.split(CHUNK))])
    return values.expand(-1, split.form.channels, -1, -1)
