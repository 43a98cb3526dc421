"""Images a second of the in-memory pipeline, against the best DataLoader of single images.

    python bench/data.py [--rounds 7] [--images 50000] [--batch 512]

Both crop (padding 4), flip and normalise synthetic images of CIFAR-10's size, and with `+ erasing`
erase boxes. The peer is what is fastest of what torchvision's users write: images of uint8 in
memory, transforms.v2 on each, two worker processes that are kept alive. Ours runs in one thread, as
the other cores of a busy machine would only be waited for. The two take turns; the
ratio of each turn's images a second, and its median, are printed. Exits with 1 when a median is
below 10.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from archdsl.pytorch.vision import v2
from archdsl.train.augment import Augmentation, HorizontalFlip, PaddedCrop, RandomErasing
from archdsl.train.data.images import Pixels
from archdsl.train.data.pipeline import Form, InMemory
from archdsl.train.normalisation import Given

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
WORKERS = 2
GOAL = 10.0


class Single(Dataset[tuple[Tensor, int]]):
    """Images one by one, each transformed alone."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Any) -> None:
        self.images = images
        self.labels = labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


def loader(images: Tensor, labels: Tensor, batch: int, erasing: bool) -> Any:
    steps = [v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip()]
    steps += [v2.RandomErasing(p=0.5)] if erasing else []
    steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    data = Single(images, labels, v2.Compose(steps))
    workers = {"num_workers": WORKERS, "persistent_workers": True}
    return DataLoader(data, batch, shuffle=True, **workers)


def in_memory(
    images: Tensor, labels: Tensor, batch: int, erasing: bool, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """An epoch of the pipeline."""
    augment: list[Augmentation] = [PaddedCrop(padding=4), HorizontalFlip()]
    augment += [RandomErasing(p=0.5)] if erasing else []
    normalise = Given(mean=MEAN, std=STD).fit([], 3)
    form = Form((3, 32, 32), "images", batch, images.device, augment=augment, normalise=normalise)
    return InMemory(form, Pixels(images, labels)).epoch(generator)


def rate(batches: Any) -> float:
    """Images a second of one epoch."""
    start = time.perf_counter()
    count = sum(len(labels) for _, labels in batches)
    return float(count / (time.perf_counter() - start))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--images", type=int, default=50_000)
    options.add_argument("--batch", type=int, default=512)
    given = options.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    shape = (given.images, 3, 32, 32)
    images = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 10, (given.images,), generator=generator)
    missed = False
    for erasing in (False, True):
        name = "crop + flip" + " + erasing" * erasing
        peer = loader(images, labels, given.batch, erasing)
        rate(peer)  # starts the workers
        ratios = []
        print(f"{name:22}  in memory   DataLoader   ratio")
        for turn in range(given.rounds):
            ours = rate(in_memory(images, labels, given.batch, erasing, generator))
            theirs = rate(peer)
            ratios.append(ours / theirs)
            print(f"{turn:22} {ours:10,.0f}   {theirs:10,.0f}   {ratios[-1]:5.1f}", flush=True)
        median = statistics.median(ratios)
        missed |= median < GOAL
        print(f"{name}: median ratio {median:.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
