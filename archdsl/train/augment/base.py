"""The family of augmentations: random changes of training images, a batch at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from archdsl.train.settings import Setting, Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Augmentation(Setting):
    """A random change of training images, different for each image of a batch.

    Random numbers come from a generator on the CPU, so that they are the same on every device.
    """

    on_bytes: ClassVar[bool] = False  # whether it also changes images of uint8, 0 … 255

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Changed copies of images (B, C, H, W) in 0 … 1, or of clips (B, C, T, H, W), of which
        all frames change alike."""
        return images

    def check(self, height: int, width: int) -> None:
        """Raises ArchError if it makes no sense on images of a size."""

    def size_after(self, height: int, width: int) -> tuple[int, int]:
        """The height and width of what images of a size become."""
        return height, width

    def load(self, height: int, width: int) -> tuple[int, int]:
        """The size that images are best read in, for results of a size."""
        return height, width

    def fit(self, chunks: Iterable[Tensor], channels: int) -> Augmentation:
        """This augmentation with what it measures of the training images (N, C, H, W), which are
        uint8 or in 0 … 1, some at a time."""
        return self


def load_size(augmentations: Sequence[Augmentation], size: tuple[int, int]) -> tuple[int, int]:
    """The size (H, W) that images are best read in, for augmented ones of a size."""
    sizes = [size, *(one.load(*size) for one in augmentations)]
    return max(height for height, _ in sizes), max(width for _, width in sizes)


class Mixer(Augmentation):
    """An augmentation that mixes the images of a batch, and their targets alike."""

    @abstractmethod
    def mix(
        self, images: Tensor, targets: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mixed images (B, C, H, W) in 0 … 1, and mixed shares of their classes, (B, classes)."""


def _pair(value: Any) -> Any:
    """One number as a range of that number alone: `ratio 1`."""
    if isinstance(value, (list, tuple)):
        return tuple(value) * 2 if len(value) == 1 else tuple(value)
    return (value, value)


Probability = Annotated[float, Field(ge=0, le=1), Words(("probability",))]
Positive = Annotated[float, Field(gt=0, le=1000)]
Share = Annotated[float, Field(ge=0, le=1)]
Pair = BeforeValidator(_pair)


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"a range begins with its smaller end, not {value[0]:g} to {value[1]:g}")
    return value


# Ranges of positive numbers and of shares: `scale 0.01 to 0.3`, `ratio (0.75, 1.33)`, `ratio 1`.
Range = Annotated[tuple[Positive, Positive], Pair, AfterValidator(_ordered)]
ShareRange = Annotated[tuple[Share, Share], Pair, AfterValidator(_ordered)]
