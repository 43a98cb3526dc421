"""The images of a data set, as they are before they become a network's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from archdsl.errors import ArchError
from archdsl.train.data.base import TEST_SHARE

if TYPE_CHECKING:
    from torch import Tensor


class Pixels(NamedTuple):
    """Images in memory, (N, C, H, W) with 1 or 3 channels, as bytes or as floats in 0 … 1, and
    their labels, (N,)."""

    values: Tensor
    labels: Tensor

    def taken(self, indices: Tensor) -> Pixels:
        return Pixels(self.values[indices], self.labels[indices])


class PictureFiles(Protocol):
    """Encoded pictures: a name to show, and what Pillow opens."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def file(self, index: int) -> Path | BytesIO: ...


class Pictures(NamedTuple):
    """Encoded images, decoded when they are needed: those of `files` that `indices` picks, with
    their labels, both (N,)."""

    files: PictureFiles
    indices: Tensor
    labels: Tensor

    def taken(self, indices: Tensor) -> Pictures:
        return Pictures(self.files, self.indices[indices], self.labels[indices])


Images = Pixels | Pictures


class Contents(NamedTuple):
    """What a data set holds. `test` is None if it has no test images of its own, `held_out` holds
    the images of a third split, to measure epochs by, if it has one."""

    classes: tuple[str, ...]
    train: Images
    test: Images | None
    held_out: Images | None = None


class Data(NamedTuple):
    """The images to train on, those to measure each epoch by, and those to evaluate on; the last
    two are the same unless some training images were held out."""

    classes: tuple[str, ...]
    train: Images
    epochs: Images
    test: Images


def split(contents: Contents, name: str, share: float | None, seed: int) -> Data:
    """Hold out a share of the training images of each class, if the share is given or there are no
    test images. Raises ArchError if there are too few."""
    classes, train, test, held_out = contents
    if share is None and test is not None:
        return Data(classes, train, held_out or test, test)
    kept, other = stratified(train.labels, share or TEST_SHARE, seed, classes, name)
    held_out = train.taken(other)
    return Data(classes, train.taken(kept), held_out, test or held_out)


def stratified(
    labels: Tensor, share: float, seed: int, classes: Sequence[str], name: str
) -> tuple[Tensor, Tensor]:
    """The indices of a random split that leaves each class its share. Raises ArchError."""
    import numpy as np
    import torch
    from sklearn.model_selection import train_test_split

    counts = torch.bincount(labels, minlength=len(classes))
    few = int(counts.argmin())
    if counts[few] < 2:
        raise ArchError(
            f"{name} has {int(counts[few])} images of the class {classes[few]}, too few to hold "
            "some out",
            help="add images, or give the data set test images of its own",
        )
    try:
        train, test = train_test_split(
            np.arange(len(labels)), test_size=share, stratify=labels.numpy(), random_state=seed
        )
    except ValueError:
        raise ArchError(
            f"{name} has {len(labels)} images of {len(classes)} classes: a share of {share:g} "
            "does not hold out one of each and leave one of each",
            help="choose another share, `--val-split 0.5`, or add images",
        ) from None
    return torch.from_numpy(train), torch.from_numpy(test)


def labels_of(values: Any, classes: int, file: str) -> Tensor:
    """Labels as a tensor (N,). Raises ArchError, naming the file, if one is out of range."""
    import numpy as np
    import torch

    labels = torch.as_tensor(np.asarray(values)).long().reshape(-1)
    wrong = ((labels < 0) | (labels >= classes)).nonzero()
    if len(wrong):
        first = int(wrong[0])
        raise ArchError(
            f"{file} gives image {first} the label {int(labels[first])}, but there are {classes} "
            f"classes, 0 … {classes - 1}",
            help="the file is damaged, or is not of this data set",
        )
    return labels


def checked(values: Tensor, labels: Tensor, file: str) -> Pixels:
    """Images with their labels. Raises ArchError if there are none, or not as many of both."""
    if not len(values):
        raise ArchError(f"{file} has no images", help="train on a file that has some")
    if len(values) != len(labels):
        raise ArchError(
            f"{file} has {len(values)} images, but {len(labels)} labels",
            help="one of its files is damaged: get it again",
        )
    return Pixels(values, labels)
