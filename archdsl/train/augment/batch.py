"""The augmentations of a recipe, one after the other on a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor

from archdsl.train.augment.affine import Affine, apply_all
from archdsl.train.augment.base import Augmentation, Mixer

# From images, targets (B, classes) and a generator to mixed ones.
Mix = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


def augmented(
    images: Tensor, augmentations: Sequence[Augmentation], generator: torch.Generator
) -> Tensor:
    """Images (B, C, H, W), or clips (B, C, T, H, W), changed by all augmentations in turn.

    Images of uint8 stay bytes if every augmentation takes them, which is fastest; otherwise, and if
    they are of floats in 0 … 1, the result is of floats in 0 … 1.
    """
    for affine, group in _grouped(augmentations):
        if affine:
            images = apply_all(affine, as_floats(images), generator)
            continue
        for one in group:
            images = images if one.on_bytes else as_floats(images)
            images = one.apply(images, generator)
    return images


def _grouped(
    augmentations: Sequence[Augmentation],
) -> Iterator[tuple[list[Affine], list[Augmentation]]]:
    """Runs of affine maps, and runs of others but for mixers."""
    changes = [one for one in augmentations if not isinstance(one, Mixer)]
    for is_affine, run in groupby(changes, lambda one: isinstance(one, Affine)):
        members = list(run)
        yield ([one for one in members if isinstance(one, Affine)] if is_affine else []), members


def mix_of(augmentations: Sequence[Augmentation]) -> Mix | None:
    """The mixer among the augmentations; of several, each batch takes one at random."""
    mixers = [one for one in augmentations if isinstance(one, Mixer)]
    if len(mixers) < 2:
        return mixers[0].mix if mixers else None

    def one_of(
        images: Tensor, targets: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        number = int(torch.randint(0, len(mixers), (), generator=generator))
        return mixers[number].mix(images, targets, generator)

    return one_of


def as_floats(images: Tensor) -> Tensor:
    """Images of uint8 in 0 … 1; others as they are."""
    return images if images.is_floating_point() else images.float().div_(255)
