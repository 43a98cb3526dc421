"""scikit-learn's handwritten digits."""

from __future__ import annotations

from archdsl.train.data.base import DataSet
from archdsl.train.data.images import Contents, Pixels


class Digits(DataSet):
    """1,797 grey digits of 8×8 (Alpaydin & Kaynak), which scikit-learn carries."""

    names = ("digits",)

    def classes(self) -> tuple[str, ...]:
        return tuple("0123456789")

    def read(self) -> Contents:
        import torch
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = torch.from_numpy(bunch.images / 16.0).float().unsqueeze(1)
        return Contents(self.classes(), Pixels(images, torch.from_numpy(bunch.target).long()), None)
