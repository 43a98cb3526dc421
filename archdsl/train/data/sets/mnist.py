"""MNIST, and the base of the data sets in its format, idx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.train.data.torchvision_sets import Part, TorchvisionSet

if TYPE_CHECKING:
    from torch import Tensor


class IdxSet(TorchvisionSet):
    """Grey images and their labels, each in a file of torchvision's folder `kind`/raw."""

    kind = ""  # torchvision's class

    @property
    def folder(self) -> str:  # type: ignore[override]
        return f"{self.kind}/raw"

    def parts(self, train: bool) -> list[Part]:
        prefix = self.prefix(train)
        return [
            Part(f"{self.folder}/{prefix}-images-idx3-ubyte", _images),
            Part(f"{self.folder}/{prefix}-labels-idx1-ubyte", _labels),
        ]

    def prefix(self, train: bool) -> str:
        return "train" if train else "t10k"

    def open(self, root: str, train: bool, download: bool) -> Any:
        from archdsl.pytorch.vision import torchvision

        return getattr(torchvision.datasets, self.kind)(root, train=train, download=download)

    def pixels(self, opened: Any) -> tuple[Tensor, Any]:
        return opened.data.unsqueeze(1), opened.targets


def _images(path: str) -> None:
    from archdsl.pytorch.vision import torchvision

    torchvision.datasets.mnist.read_image_file(path)


def _labels(path: str) -> None:
    from archdsl.pytorch.vision import torchvision

    torchvision.datasets.mnist.read_label_file(path)


class Mnist(IdxSet):
    """60,000 training and 10,000 test images of handwritten digits, 28×28, grey."""

    names = ("mnist",)
    kind = "MNIST"

    def classes(self) -> tuple[str, ...]:
        return tuple("0123456789")
