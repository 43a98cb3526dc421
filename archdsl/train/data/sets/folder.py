"""A folder with a folder of pictures for each class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import ClassVar

from archdsl.errors import ArchError
from archdsl.train.data.base import DataSet
from archdsl.train.data.images import Contents, Pictures

TRAIN = "train"
HELD_OUT = ("val", "valid", "validation")
TEST = "test"
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


class Files:
    """Picture files, by their paths."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        return self.paths[index]

    def file(self, index: int) -> Path | BytesIO:
        return Path(self.paths[index])


class Folder(DataSet):
    """Class folders with pictures; in folders `train` and `val` or `test`, or all in one.

    The names of the folders are those of the classes, in the order of the alphabet. With `val` and
    `test`, the epochs are measured on the first, and `archdsl eval` on the second.
    """

    names: ClassVar[tuple[str, ...]] = ("folder", "image folder", "pictures")
    path = "folder"
    whole = False

    def read(self) -> Contents:
        root = self.root()
        if not root.is_dir():
            there_is = "a file, not a folder" if root.exists() else "not there"
            raise ArchError(
                f"the folder {root} is {there_is}",
                help="name a folder that has a folder of pictures for each class",
            )
        splits = _folders(root)
        held_out = next((name for name in HELD_OUT if name in splits), None)
        if TRAIN not in splits or set(splits) - {TRAIN, TEST, *HELD_OUT}:
            return _contents(root, None, None)
        test = TEST if TEST in splits else held_out
        if test == held_out:
            held_out = None
        return _contents(root / TRAIN, test and root / test, held_out and root / held_out)

    def root(self) -> Path:
        return self.place.path


def _contents(train: Path, test: str | Path | None, held_out: str | Path | None) -> Contents:
    classes = _classes(train)
    splits = [_pictures(Path(one), classes, train) if one else None for one in (test, held_out)]
    return Contents(tuple(classes), _pictures(train, classes, train), *splits)


def _classes(root: Path) -> list[str]:
    """The names of the class folders. Raises ArchError if two are alike, or there are none."""
    classes = _folders(root)
    if not classes:
        raise ArchError(
            f"{root} has no class folders",
            help="put the pictures of each class into a folder with the name of the class",
        )
    by_lower: dict[str, str] = {}
    for name in classes:
        other = by_lower.setdefault(name.lower(), name)
        if other != name:
            raise ArchError(
                f"{root} has class folders `{other}` and `{name}`",
                help="put their pictures into one, or give them different names",
            )
    return classes


def _folders(root: Path) -> list[str]:
    """The folders in a folder, without hidden ones. Raises ArchError if it cannot be read."""
    try:
        with os.scandir(root) as entries:
            return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except OSError as problem:
        raise ArchError(f"cannot read the folder {root}: {problem.strerror}") from None


def _pictures(root: Path, classes: Sequence[str], train: Path) -> Pictures:
    """The pictures of a split, at any depth of its class folders. Raises ArchError if a class has
    none in the training split, or one is not among the classes."""
    import torch

    from archdsl.pytorch.vision import torchvision

    if unknown := sorted({*_classes(root)} - {*classes}):
        raise ArchError(
            f"there is a class folder {root / unknown[0]}, but no {train / unknown[0]}",
            help=f"remove it, or put pictures of `{unknown[0]}` into {train} too",
        )
    index = {name: number for number, name in enumerate(classes)}
    for name in classes:
        folder = root / name
        for inner in _folders(folder) if folder.is_dir() else ():
            if folder.resolve().is_relative_to((folder / inner).resolve()):
                raise ArchError(
                    f"{folder / inner} is a link to a folder that it is in", help="remove it"
                )
    samples = torchvision.datasets.DatasetFolder.make_dataset(
        str(root), index, extensions=ENDINGS, allow_empty=True
    )
    samples = [(path, label) for path, label in samples if _is_shown(path)]
    labels = torch.tensor([label for _, label in samples], dtype=torch.int64)
    counts = torch.bincount(labels, minlength=len(classes))
    if root == train and not counts.all():
        empty = root / classes[int(counts.argmin())]
        raise ArchError(
            f"the class folder {empty} has no pictures",
            help=f"put some there ({', '.join(ENDINGS)}), or remove the folder",
        )
    if not samples:
        raise ArchError(f"the folder {root} has no pictures", help="put some into class folders")
    return Pictures(Files([path for path, _ in samples]), torch.arange(len(samples)), labels)


def _is_shown(path: str) -> bool:
    """Whether a file is not hidden, as the `._1.jpg` that some systems write next to `1.jpg`."""
    return not os.path.basename(path).startswith(".")
