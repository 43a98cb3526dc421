"""CIFAR-10."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.train.data.torchvision_sets import Part, TorchvisionSet, whole

if TYPE_CHECKING:
    from torch import Tensor


class Cifar10(TorchvisionSet):
    """50,000 training and 10,000 test pictures in ten classes, 32×32, in colour.

    The files are pickles: torchvision reads them only if their checksums are the published ones.
    """

    names = ("cifar-10",)
    kind = "CIFAR10"

    @property
    def folder(self) -> str:  # type: ignore[override]
        return str(self._source.base_folder)

    @property
    def _source(self) -> Any:
        from archdsl.pytorch.vision import torchvision

        return getattr(torchvision.datasets, self.kind)

    def classes(self) -> tuple[str, ...]:
        words = "airplane automobile bird cat deer dog frog horse ship truck"
        return tuple(words.split())

    def parts(self, train: bool) -> list[Part]:
        source = self._source
        files = [(source.meta["filename"], source.meta["md5"])]
        files += source.train_list if train else source.test_list
        return [Part(f"{self.folder}/{name}", whole(md5)) for name, md5 in files]

    def open(self, root: str, train: bool, download: bool) -> Any:
        return self._source(root, train=train, download=download)

    def pixels(self, opened: Any) -> tuple[Tensor, Any]:
        import torch

        # Transposing again undoes what torchvision has transposed; nothing is copied.
        return torch.from_numpy(opened.data.transpose(0, 3, 1, 2)), opened.targets
