"""Fashion-MNIST."""

from __future__ import annotations

from archdsl.train.data.sets.mnist import IdxSet


class FashionMnist(IdxSet):
    """60,000 training and 10,000 test images of clothes in ten classes, 28×28, grey."""

    names = ("fashion-mnist", "fmnist")
    kind = "FashionMNIST"

    def classes(self) -> tuple[str, ...]:
        from archdsl.pytorch.vision import torchvision

        return tuple(torchvision.datasets.FashionMNIST.classes)
