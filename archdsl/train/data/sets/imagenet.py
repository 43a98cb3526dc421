"""ImageNet."""

from __future__ import annotations

from pathlib import Path

from archdsl.errors import ArchError
from archdsl.train.data.images import Contents
from archdsl.train.data.sets.folder import Folder


class ImageNet(Folder):
    """The layout of ImageNet (ILSVRC 2012): folders `train` and `val` with a folder for each class,
    in `imagenet` of the data folder, or in it itself."""

    names = ("imagenet",)
    path = ""

    def root(self) -> Path:
        inner = self.place.root / "imagenet"
        return inner if inner.is_dir() else self.place.root

    def read(self) -> Contents:
        root = self.root()
        for split in ("train", "val"):
            if not (root / split).is_dir():
                raise ArchError(
                    f"imagenet is not in {self.place.root}: {root / split} does not exist",
                    help="it cannot be downloaded without an account: get ILSVRC 2012 from "
                    "image-net.org, unpack it into `train` and `val` with a folder for each class, "
                    "and name the folder with `--data-dir`",
                )
        return super().read()
