"""SVHN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.train.data.torchvision_sets import Part, TorchvisionSet, whole

if TYPE_CHECKING:
    from torch import Tensor


class Svhn(TorchvisionSet):
    """73,257 training and 26,032 test pictures of house numbers, 32×32, in colour: the format of
    cropped digits, a MATLAB file for each split."""

    names = ("svhn",)

    def classes(self) -> tuple[str, ...]:
        return tuple("0123456789")

    def parts(self, train: bool) -> list[Part]:
        from archdsl.pytorch.vision import torchvision

        _, name, md5 = torchvision.datasets.SVHN.split_list["train" if train else "test"]
        return [Part(name, whole(md5))]

    def open(self, root: str, train: bool, download: bool) -> Any:
        from archdsl.pytorch.vision import torchvision

        split = "train" if train else "test"
        return torchvision.datasets.SVHN(root, split=split, download=download)

    def pixels(self, opened: Any) -> tuple[Tensor, Any]:
        import torch

        return torch.from_numpy(opened.data).contiguous(), opened.labels
