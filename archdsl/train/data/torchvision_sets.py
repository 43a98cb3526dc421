"""The base of the data sets that torchvision reads."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from archdsl.errors import ArchError
from archdsl.train.data.base import DataSet
from archdsl.train.data.images import Contents, Pixels, checked, labels_of

if TYPE_CHECKING:
    from torch import Tensor


class Part(NamedTuple):
    """A file of a data set, below the folder of all data sets.

    `check` raises an exception if its content is damaged.
    """

    path: str
    check: Callable[[str], object]


class TorchvisionSet(DataSet):
    """A data set in memory that torchvision reads, and downloads if it may."""

    folder = ""  # of the data set's own files, below the folder of all

    @abstractmethod
    def parts(self, train: bool) -> list[Part]:
        """The files of the training or test images."""

    @abstractmethod
    def open(self, root: str, train: bool, download: bool) -> Any:
        """torchvision's data set."""

    @abstractmethod
    def pixels(self, opened: Any) -> tuple[Tensor, Any]:
        """The images of torchvision's data set as bytes (N, C, H, W), and their labels."""

    def read(self) -> Contents:
        root = self.place.root
        if self.place.download and self._missing(root):
            self._download(root)
        if missing := self._missing(root):
            raise ArchError(
                f"{self.name} is not in {root}: {missing} does not exist",
                help="`--download` gets it, `--data-dir` names the folder that has it",
            )
        train, test = self._split(root, True), self._split(root, False)
        return Contents(self.classes(), train, test)

    def _missing(self, root: Path) -> Path | None:
        parts = [*self.parts(True), *self.parts(False)]
        return next((root / part.path for part in parts if not (root / part.path).exists()), None)

    def _split(self, root: Path, train: bool) -> Pixels:
        parts = self.parts(train)
        try:
            values, labels = self.pixels(self.open(str(root), train, download=False))
        # A damaged file fails in as many ways as torchvision has readers.
        except Exception as problem:
            raise self._damaged(root, parts, problem) from None
        file = str(root / parts[-1].path)
        return checked(values, labels_of(labels, len(self.classes()), file), file)

    def _damaged(self, root: Path, parts: list[Part], problem: Exception) -> ArchError:
        """The error that names the file which torchvision could not read."""
        path = root / self.folder
        for part in parts:
            try:
                part.check(str(root / part.path))
            except Exception as reason:
                path, problem = root / part.path, reason
                break
        if isinstance(problem, OSError):
            return ArchError(f"cannot read {path}: {problem.strerror or problem}")
        reason_ = str(problem).strip().splitlines()
        return ArchError(
            f"{path} is damaged" + (f": {reason_[0]}" if reason_ else ""),
            help="remove it, and let `--download` get it again",
        )

    def _download(self, root: Path) -> None:
        """Download all files, or none: they are put into place once torchvision has read them."""
        try:
            root.mkdir(parents=True, exist_ok=True)
            with _temporary(root) as half:
                # torchvision unpacks archives that are there already.
                for place in {root, root / self.folder}:
                    for archive in (*place.glob("*.gz"), *place.glob("*.zip")):
                        _link(archive, half / archive.relative_to(root))
                for train in (True, False):
                    self.open(str(half), train, download=True)
                for file in [path for path in half.rglob("*") if path.is_file()]:
                    target = root / file.relative_to(half)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(file, target)
        except Exception as problem:
            reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
            raise ArchError(
                f"cannot download {self.name} to {root}: {reason.strip()}",
                help="try again, or put its files there yourself",
            ) from None


def _link(source: Path, target: Path) -> None:
    """Make a file appear in a second place, without a copy where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


@contextmanager
def _temporary(root: Path) -> Iterator[Path]:
    half = tempfile.mkdtemp(prefix=".download.", dir=root)
    try:
        yield Path(half)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def whole(md5: str) -> Callable[[str], None]:
    """A check of a file by its checksum."""

    def check(path: str) -> None:
        from archdsl.pytorch.vision import torchvision

        with open(path, "rb"):
            pass  # raises if it may not be read
        if not torchvision.datasets.utils.check_integrity(path, md5):
            raise ValueError("its checksum is not that of the published file")

    return check
