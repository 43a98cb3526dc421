"""The accuracy of a trained network on images that it was not trained on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from archdsl.output.records import ClassAccuracy, Evaluation
from archdsl.train.checkpoint import trained
from archdsl.train.data import pipeline, reading
from archdsl.train.data.name import named_by_option
from archdsl.train.device import reproducible
from archdsl.train.not_finite import NotFinite, describe, first_fault


class Measured(NamedTuple):
    """Mean loss without smoothing, accuracy, and whether each image is classified correctly, (N,).

    `fault` is the first layer that is not finite, or None if the loss is.
    """

    loss: float
    accuracy: float
    right: Tensor
    fault: str | None


def evaluate(
    run: str | Path,
    device: str | None = None,
    on: str | None = None,
    data_dir: str | Path | None = None,
    download: bool = False,
) -> Evaluation:
    """Measure a run's folder or checkpoint on the test images of its recipe, or of the data that
    `on` names.

    On the device that it was trained on these are the numbers of its last epoch, unless training
    images were held out to measure the epochs by. `data_dir` is where torchvision's data sets are,
    by default where they were for the training. Raises ArchError if the run or the data is missing
    or damaged.
    """
    saved, network, module, where = trained(run, device)
    recipe = saved.record.recipe
    record = saved.record.data
    if on is not None:
        recipe = recipe.model_copy(update={"data": named_by_option(on)})
        record = record.model_copy(update={"images": 0})
    data = reading.read_again(network, recipe, record, data_dir, download)
    form = pipeline.form_of(network, recipe.data, recipe.batch, where)
    with reproducible(0, where):
        test = pipeline.split_of(data.test, form, record.stream)
        result = measure(module, test)
        test.close()
    if not math.isfinite(result.loss):
        raise NotFinite(f"the test loss of {saved.path} is {result.loss}; {describe(result.fault)}")
    classes = []
    for label, name in enumerate(data.classes):
        right = result.right[test.labels == label]
        if not len(right):
            continue
        share = float(right.float().mean())
        classes.append(ClassAccuracy(name=name, images=len(right), accuracy=share))
    return Evaluation(
        network=network.name,
        checkpoint=str(saved.path),
        epoch=len(saved.record.epochs),
        data=str(recipe.data),
        split=recipe.split,
        images=test.images,
        loss=result.loss,
        accuracy=result.accuracy,
        classes=classes,
    )


@torch.no_grad()
def measure(module: nn.Module, split: pipeline.Split) -> Measured:
    """Run the images of a split through a module in eval mode."""
    module.eval()
    total = torch.zeros(2, device=split.form.device)
    right = []
    for x, y in split.epoch():
        logits = module(x)
        total += tally(cross_entropy(logits, y), logits, y)
        right.append(logits.argmax(1) == y)
    loss, accuracy = (total / split.images).tolist()
    fault = None
    if not math.isfinite(loss):
        fault = next(filter(None, (first_fault(module, x) for x, _ in split.epoch())), None)
    return Measured(loss, accuracy, torch.cat(right), fault)


def tally(loss: Tensor, logits: Tensor, y: Tensor) -> Tensor:
    """Summed loss and number of correct answers of a batch, (2,)."""
    right = (logits.argmax(1) == y).sum()
    return torch.stack((loss.detach() * len(y), right.to(loss.dtype)))
