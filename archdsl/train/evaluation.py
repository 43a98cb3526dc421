"""The accuracy of a trained network on images that it was not trained on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archdsl.output.records import ClassAccuracy, Evaluation
from archdsl.train import datasets
from archdsl.train.checkpoint import trained
from archdsl.train.device import reproducible
from archdsl.train.losses import CrossEntropy, Loss
from archdsl.train.not_finite import NotFinite, describe, first_fault


class Measured(NamedTuple):
    """Mean loss without smoothing, accuracy, and whether each image is classified correctly, (N,).

    `fault` is the first layer that is not finite, or None if the loss is.
    """

    loss: float
    accuracy: float
    right: Tensor
    fault: str | None


def evaluate(run: str | Path, device: str | None = None) -> Evaluation:
    """Measure a run's folder or checkpoint on the test images of its recipe.

    On the device that it was trained on these are the numbers of the epoch whose weights it kept.
    Raises ArchError if the run is missing or damaged.
    """
    saved, network, module, where = trained(run, device)
    recipe = saved.record.recipe
    data = datasets.digits(network.input, recipe.split)
    images, labels = data.test_images.to(where), data.test_labels.to(where)
    with reproducible(0, where):
        result = measure(module, images, labels, recipe.batch, recipe.loss.plain)
    if not math.isfinite(result.loss):
        raise NotFinite(f"the test loss of {saved.path} is {result.loss}; {describe(result.fault)}")
    classes = []
    for label, name in enumerate(datasets.CLASSES[recipe.data]):
        right = result.right[labels == label]
        share = float(right.float().mean())
        classes.append(ClassAccuracy(name=name, images=len(right), accuracy=share))
    return Evaluation(
        network=network.name,
        checkpoint=str(saved.path),
        epoch=saved.record.kept.epoch,
        data=recipe.data,
        split=recipe.split,
        images=len(labels),
        loss=result.loss,
        accuracy=result.accuracy,
        classes=classes,
    )


_CROSS_ENTROPY = CrossEntropy()


@torch.no_grad()
def measure(
    module: nn.Module, images: Tensor, labels: Tensor, batch: int, loss: Loss = _CROSS_ENTROPY
) -> Measured:
    """Run images (N, …) with labels (N,) through a module in eval mode."""
    module.eval()
    total = torch.zeros(2, device=images.device)
    right = []
    batches = images.split(batch)
    for x, y in zip(batches, labels.split(batch), strict=True):
        logits = module(x)
        total += tally(loss.of(logits, y), logits, y)
        right.append(logits.argmax(1) == y)
    mean, accuracy = (total / len(labels)).tolist()
    fault = None
    if not math.isfinite(mean):
        fault = next(filter(None, (first_fault(module, x) for x in batches)), None)
    return Measured(mean, accuracy, torch.cat(right), fault)


def tally(loss: Tensor, logits: Tensor, y: Tensor) -> Tensor:
    """Summed loss and number of correct answers of a batch, (2,).

    Of shares of the classes (B, classes) the largest is correct.
    """
    right = (logits.argmax(1) == (y if y.ndim == 1 else y.argmax(1))).sum()
    return torch.stack((loss.detach() * len(y), right.to(loss.dtype)))
