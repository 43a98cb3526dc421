"""A data set of Hugging Face's package `datasets`, saved in a folder."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from archdsl.errors import ArchError
from archdsl.train.data.base import DataSet
from archdsl.train.data.images import Contents, Pictures, labels_of

HELD_OUT = ("validation", "valid", "val")


class Encoded:
    """The pictures in a column of a data set, with their bytes in its own files."""

    def __init__(self, rows: Any, column: str, place: str) -> None:
        self.rows = rows
        self.column = column
        self.place = place

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        return f"image {index} of {self.place}"

    def file(self, index: int) -> Path | BytesIO:
        data = self.rows[index][self.column]
        # A path could lead anywhere; `save_to_disk` puts pictures into the data set itself.
        return BytesIO((data or {}).get("bytes") or b"")


class HuggingFace(DataSet):
    """A folder that `save_to_disk` of the package `datasets` has written, with a column of images
    and one of class labels. Its scripts are never run, and nothing is downloaded."""

    names = ("hugging face",)
    path = "folder"
    extra = "huggingface"
    whole = False

    def read(self) -> Contents:
        import datasets

        path = self.place.path
        if not path.is_dir():
            raise ArchError(
                f"the folder {path} does not exist",
                help='`save_to_disk("folder")` of a data set writes one',
            )
        try:
            found = datasets.load_from_disk(str(path), keep_in_memory=False)
        except Exception as problem:
            raise ArchError(
                f"{path} is not a data set that can be read: {str(problem).splitlines()[0]}",
                help='`save_to_disk("folder")` of a data set writes one',
            ) from None
        splits = dict(found) if isinstance(found, datasets.DatasetDict) else {"train": found}
        if "train" not in splits:
            raise ArchError(
                f"{path} has the splits {', '.join(splits)}, but no `train`",
                help="save the data set with a split of that name",
            )
        image, label, classes = self._columns(splits["train"])
        held_out = next((name for name in HELD_OUT if name in splits), None)
        test = "test" if "test" in splits else held_out
        if test == held_out:
            held_out = None
        parts = [
            self._pictures(splits[name], name, image, label, len(classes)) if name else None
            for name in ("train", test, held_out)
        ]
        assert parts[0] is not None
        return Contents(classes, parts[0], *parts[1:])

    def _columns(self, rows: Any) -> tuple[str, str, tuple[str, ...]]:
        """The columns of images and labels, and the names of the classes."""
        import datasets

        features = rows.features.items()
        images = [name for name, kind in features if isinstance(kind, datasets.Image)]
        labels = [name for name, kind in features if isinstance(kind, datasets.ClassLabel)]
        if not images or not labels:
            missing = "images (`Image`)" if not images else "labels (`ClassLabel`)"
            raise ArchError(
                f"{self.place.path} has no column of {missing}",
                help="cast the column, `data.cast_column(name, datasets.ClassLabel(names=[…]))`, "
                "and save it again",
            )
        # CIFAR-100 has coarse and fine labels: the one with more classes.
        label = max(labels, key=lambda name: len(rows.features[name].names))
        return images[0], label, tuple(rows.features[label].names)

    def _pictures(self, rows: Any, split: str, image: str, label: str, classes: int) -> Pictures:
        import datasets
        import torch

        where = f"{self.place.path}, split {split}"
        try:
            rows = rows.cast_column(image, datasets.Image(decode=False))
            values = rows.with_format("numpy")[label][:]
        except Exception as problem:
            raise ArchError(f"cannot read {where}: {str(problem).splitlines()[0]}") from None
        if not len(values):
            raise ArchError(f"{where} has no images", help="save a data set that has some")
        labels = labels_of(values, classes, where)
        return Pictures(Encoded(rows, image, where), torch.arange(len(labels)), labels)
