"""The base of all data sets, and their registry."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from archdsl.train.data.images import Contents

TEST_SHARE = 0.2  # of the images of a data set that has no test images of its own


class Place(NamedTuple):
    """Where a data set is read.

    `root`: the folder of `--data-dir`. `path`: the folder or file that the recipe names, if its
    data set is one. `download`: whether a missing data set may be downloaded to `root`.
    """

    root: Path
    path: Path
    download: bool = False


class DataSet:
    """A data set that a recipe can name.

    A class is registered by its `names`, its spellings; case, hyphens and spaces do not matter in
    them. `extra` is the extra of archdsl that it needs, `path` what a name is followed by, if
    anything. `whole`: its pictures are resized as a whole; otherwise their shorter side is resized
    and the middle is cropped, as is usual for photographs.
    """

    names: ClassVar[tuple[str, ...]]
    extra: ClassVar[str] = ""
    path: ClassVar[str] = ""  # "folder" or "file"
    whole: ClassVar[bool] = True

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place

    def __init_subclass__(cls) -> None:
        if "names" in vars(cls):
            DATA_SETS.update({key_of(name): (name, cls) for name in cls.names})

    def classes(self) -> tuple[str, ...]:
        """The names of the classes, if they are known before the data is read."""
        return ()

    @abstractmethod
    def read(self) -> Contents:
        """Reads the images. Raises ArchError, naming the file, if one is missing or damaged."""


DATA_SETS: dict[str, tuple[str, type[DataSet]]] = {}  # name and class, by key_of(name)


def key_of(name: str) -> str:
    """What all spellings of a name have in common: `CIFAR-10` and `cifar 10` are `cifar10`."""
    return re.sub(r"[\s_-]+", "", name.lower())


def default_folder() -> str:
    """The folder of torchvision's data sets, unless `--data-dir` names another."""
    return os.environ.get("ARCHDSL_DATA") or "data"
