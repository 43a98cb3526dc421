"""Arrays in a file of NumPy."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from archdsl.errors import ArchError
from archdsl.figures import memory_size
from archdsl.train.data.base import DataSet
from archdsl.train.data.images import Contents, Pixels, checked, labels_of

if TYPE_CHECKING:
    from torch import Tensor

# Images and labels, for training and test, by the names that are in use.
NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),  # Keras
    ("train_images", "train_labels", "test_images", "test_labels"),  # MedMNIST
    ("X_train", "y_train", "X_test", "y_test"),
    ("x", "y", "", ""),
    ("X", "y", "", ""),
    ("images", "labels", "", ""),
)
CLASSES = ("classes", "class_names", "label_names")  # an array of their names, if it is there
LARGEST = 16 * 2**30  # bytes; a small file can unpack to any size


class Npz(DataSet):
    """Images and labels in an `.npz` file: `x_train`, `y_train`, `x_test`, `y_test`, or `x` and
    `y`. Images are (N, H, W), (N, H, W, C) or (N, C, H, W), bytes or floats in 0 … 1, labels whole
    numbers from 0. Pickled objects are not read."""

    names = ("npz", "arrays")
    path = "file"

    def read(self) -> Contents:
        import numpy as np

        path = self.place.path
        if not path.is_file():
            raise ArchError(f"the file {path} does not exist", help="name an .npz file of arrays")
        try:
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > LARGEST:
                raise ArchError(
                    f"{path} unpacks to {memory_size(size)}",
                    help=f"the limit is {memory_size(LARGEST)}: save smaller arrays, or bytes "
                    "instead of floats",
                )
            with np.load(path, allow_pickle=False) as arrays:
                return self._contents(arrays)
        except ArchError:
            raise
        except OSError as problem:
            raise ArchError(f"cannot read {path}: {problem.strerror or problem}") from None
        except Exception as problem:
            # A damaged file fails in as many ways as zip, zlib and NumPy have.
            message = f"{path} is damaged, or not a file of arrays: {problem}"
            raise ArchError(message, help="write it with `numpy.savez`") from None

    def _contents(self, arrays: Any) -> Contents:
        found = next((n for n in NAMES if all(key in arrays for key in n if key)), None)
        if found is None:
            listed = ", ".join(f"`{name}`" for name in arrays.files[:8]) or "nothing"
            raise ArchError(
                f"{self.place.path} has {listed}, but no images and labels",
                help="name the arrays `x_train`, `y_train`, `x_test`, `y_test`, or `x` and `y`",
            )
        x, y, test_x, test_y = found
        if not len(arrays[y]):
            raise ArchError(f"`{x}` in {self.place.path} has no images", help="save some")
        labels = self._labels(arrays, y)
        test_labels = self._labels(arrays, test_y) if test_y else labels
        names = next((arrays[key] for key in CLASSES if key in arrays), None)
        if names is None:
            classes = tuple(str(number) for number in range(int(labels.max(initial=0)) + 1))
        else:
            classes = tuple(str(name) for name in names.reshape(-1))
        if test_labels.max(initial=0) >= len(classes):
            raise ArchError(
                f"in {self.place.path} the label {test_labels.max()} is only in `{test_y}`"
                if names is None
                else f"in {self.place.path} the label {test_labels.max()} has no name",
                help="there must be training images, and a name if there are names, of each class",
            )
        train = self._pixels(arrays, x, labels, len(classes))
        test = self._pixels(arrays, test_x, test_labels, len(classes)) if test_x else None
        return Contents(classes, train, test)

    def _labels(self, arrays: Any, key: str) -> Any:
        labels = arrays[key]
        if labels.dtype.kind not in "iu" or labels.ndim not in (1, 2) or labels.size != len(labels):
            raise ArchError(
                f"`{key}` in {self.place.path} is {_form(labels)}",
                help="labels are whole numbers from 0, one for each image: `y.argmax(1)` makes "
                "them from one-hot rows",
            )
        return labels.reshape(-1)

    def _pixels(self, arrays: Any, key: str, labels: Any, classes: int) -> Pixels:
        import torch

        where = f"`{key}` in {self.place.path}"
        values = self._channels_first(arrays[key], where)
        if values.dtype.kind == "f":
            low, high = values.min(initial=0), values.max(initial=0)
            if not (low >= 0 and high <= 1):  # nan is neither
                raise ArchError(
                    f"{where} has values of {low:g} … {high:g}",
                    help="floats must be in 0 … 1: divide them, or save bytes (uint8)",
                )
            values = values.astype("float32")
        elif values.dtype.name != "uint8":
            raise ArchError(f"{where} is {_form(values)}", help="save bytes (uint8) or floats")
        images: Tensor = torch.from_numpy(values.copy(order="C"))
        return checked(images, labels_of(labels, classes, str(self.place.path)), where)

    def _channels_first(self, values: Any, where: str) -> Any:
        if values.ndim == 3:
            return values[:, None]
        if values.ndim == 4 and values.shape[3] in (1, 3):
            return values.transpose(0, 3, 1, 2)
        if values.ndim == 4 and values.shape[1] in (1, 3):
            return values
        raise ArchError(
            f"{where} is {_form(values)}",
            help="images are (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels",
        )


def _form(array: Any) -> str:
    return f"{array.dtype} of shape {tuple(array.shape)}"
