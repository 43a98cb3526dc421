"""EMNIST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archdsl.train.data.sets.mnist import IdxSet

if TYPE_CHECKING:
    from torch import Tensor


class Emnist(IdxSet):
    """Handwritten letters and digits, 28×28, grey, in six splits, each with classes of its own."""

    names = tuple(
        f"emnist {part}"
        for part in ("balanced", "letters", "digits", "mnist", "byclass", "bymerge")
    )
    kind = "EMNIST"

    @property
    def part(self) -> str:
        return self.name.split()[1]

    def classes(self) -> tuple[str, ...]:
        from archdsl.pytorch.vision import torchvision

        names = torchvision.datasets.EMNIST.classes_split_dict[self.part]
        return tuple(name for name in names if name != "N/A")

    def prefix(self, train: bool) -> str:
        return f"emnist-{self.part}-{'train' if train else 'test'}"

    def open(self, root: str, train: bool, download: bool) -> Any:
        from archdsl.pytorch.vision import torchvision

        return torchvision.datasets.EMNIST(root, self.part, train=train, download=download)

    def pixels(self, opened: Any) -> tuple[Tensor, Any]:
        # The files have columns where those of MNIST have rows, and count the letters from 1.
        first = 1 if self.part == "letters" else 0
        return opened.data.unsqueeze(1).mT.contiguous(), opened.targets - first
