"""The accuracy of a trained network on images that it was not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archdsl.errors import ArchError
from archdsl.layers import Shape
from archdsl.output.records import ClassAccuracy, EvaluatedRun, Evaluation
from archdsl.train import datasets, metrics
from archdsl.train.checkpoint import Trained, trained
from archdsl.train.device import reproducible
from archdsl.train.losses import CrossEntropy, Loss
from archdsl.train.not_finite import NotFinite, describe, first_fault
from archdsl.train.recipe import read_view
from archdsl.train.views import CenterView, View


class Measured(NamedTuple):
    """Mean loss without smoothing, accuracy, and the logits of each image, (N, classes).

    `fault` is the first layer that is not finite, or None if the loss is.
    """

    loss: float
    accuracy: float
    logits: Tensor
    fault: str | None


class Answers(NamedTuple):
    """What one run gives for the test images: probabilities (N, classes) and the mean loss."""

    trained: Trained
    probabilities: Tensor
    labels: Tensor
    loss: float

    @property
    def record(self) -> EvaluatedRun:
        return EvaluatedRun(
            network=self.trained.network.name,
            checkpoint=str(self.trained.checkpoint.path),
            epoch=self.trained.checkpoint.record.kept.epoch,
            accuracy=_share(metrics.in_top(self.probabilities, self.labels, 1)),
            top5=_share(metrics.in_top(self.probabilities, self.labels, 5)),
        )


def evaluate(
    run: str | Path | Sequence[str | Path], device: str | None = None, views: str | None = None
) -> Evaluation:
    """Measure a run's folder or checkpoint on the test images of its recipe, or several runs, also
    of different networks, as one: their probabilities are averaged.

    `views` is what a network sees of each image, `10-crop`, by default as its recipe has it. On the
    device that a run was trained on the numbers are those of the epoch whose weights it kept,
    unless the recipe names a view. Raises ArchError if a run is missing or damaged, or if the runs
    were not trained on the same data.
    """
    view = None if views is None else read_view(views)
    paths = [run] if isinstance(run, (str, Path)) else list(run)
    answers = [_answers(trained(path, device), view) for path in paths]
    first, recipe = answers[0], answers[0].trained.checkpoint.record.recipe
    for other in answers[1:]:
        _check_alike(first.trained, other.trained)
    probabilities, labels, loss = first.probabilities, first.labels, first.loss
    if len(answers) > 1:
        probabilities = torch.stack([one.probabilities for one in answers]).mean(0)
        loss = _mean_loss(probabilities, labels)
    right = probabilities.argmax(1) == labels
    runs = [one.record for one in answers]
    mean = metrics.mean_interval([one.accuracy for one in runs]) if len(runs) > 1 else None
    names = list(dict.fromkeys(one.network for one in runs))
    return Evaluation(
        network=" + ".join(names),
        checkpoint=", ".join(one.checkpoint for one in runs),
        epoch=runs[0].epoch,
        data=recipe.data,
        split=recipe.split,
        images=len(labels),
        loss=loss,
        accuracy=_share(right),
        classes=[
            ClassAccuracy(name=name, images=int((labels == n).sum()), accuracy=_share(own))
            for n, name in enumerate(datasets.CLASSES[recipe.data])
            if len(own := right[labels == n])
        ],
        view=(view or recipe.view).title,
        top5=_share(metrics.in_top(probabilities, labels, 5)),
        interval=list(metrics.wilson(int(right.sum()), len(labels))),
        calibration=metrics.calibration_error(probabilities, labels),
        confusion=metrics.confusion(probabilities, labels).tolist(),
        reported=list(dict.fromkeys(r for one in answers for r in one.trained.network.reported)),
        runs=runs,
        mean=mean and mean[0],
        mean_interval=mean and [mean[1], mean[2]],
    )


def _answers(run: Trained, view: View | None) -> Answers:
    """The probabilities that a run gives for the test images of its recipe. Raises ArchError."""
    saved, network, module, where = run
    recipe = saved.record.recipe
    data = datasets.digits(network.input, recipe.split)
    images, labels = data.test_images.to(where), data.test_labels.to(where)
    view = view or recipe.view
    with reproducible(0, where):
        if view == CenterView():  # the images as they are
            result = measure(module, images, labels, recipe.batch, recipe.loss.plain)
            if not math.isfinite(result.loss):
                fault = describe(result.fault)
                raise NotFinite(f"the test loss of {saved.path} is {result.loss}; {fault}")
            return Answers(run, result.logits.double().softmax(1).cpu(), labels.cpu(), result.loss)
        channels, *size = datasets.image_shape(network.input, recipe.data)
        maps = images.reshape(len(images), -1, *size)[:, :channels]  # of clips one frame
        probabilities = viewed(
            view,
            module,
            maps.split(recipe.batch),
            (size[0], size[1]),
            lambda crop: _inputs(crop, network.input),
        ).cpu()
    if not probabilities.isfinite().all():
        raise NotFinite(f"{saved.path} does not compute finite probabilities")
    return Answers(run, probabilities, labels.cpu(), _mean_loss(probabilities, labels.cpu()))


@torch.no_grad()
def viewed(
    view: View,
    module: nn.Module,
    batches: Iterable[Tensor],
    size: tuple[int, int],
    as_inputs: Callable[[Tensor], Tensor],
) -> Tensor:
    """The probabilities (N, classes) of batches of images (B, C, H, W) under a view."""
    module.eval()
    return torch.cat([view.probabilities(module, some, size, as_inputs) for some in batches])


def _inputs(images: Tensor, shape: Shape) -> Tensor:
    """Images (B, C, h, w) as inputs; those of a network for images may be larger than its own."""
    if len(shape) == 3:
        return images
    if len(shape) == 4:
        return images.unsqueeze(2).expand(-1, -1, shape[1], -1, -1)
    return images.reshape(len(images), *shape)


def _check_alike(first: Trained, other: Trained) -> None:
    """Raise ArchError unless two runs are evaluated on the same images."""
    ours, theirs = first.checkpoint.record.recipe, other.checkpoint.record.recipe
    if (ours.data, ours.split) != (theirs.data, theirs.split):
        raise ArchError(
            f"{first.checkpoint.path} was trained on {ours.data}, split {ours.split}, "
            f"{other.checkpoint.path} on {theirs.data}, split {theirs.split}",
            help="evaluate runs of the same data and split",
        )


def _mean_loss(probabilities: Tensor, labels: Tensor) -> float:
    """The mean cross-entropy in nats."""
    own = probabilities.gather(1, labels[:, None])[:, 0].double()
    return float(-own.clamp(min=1e-300).log().mean())


def _share(right: Tensor) -> float:
    return float(right.float().mean())


_CROSS_ENTROPY = CrossEntropy()


@torch.no_grad()
def measure(
    module: nn.Module, images: Tensor, labels: Tensor, batch: int, loss: Loss = _CROSS_ENTROPY
) -> Measured:
    """Run images (N, …) with labels (N,) through a module in eval mode."""
    module.eval()
    total = torch.zeros(2, device=images.device)
    kept = []
    batches = images.split(batch)
    for x, y in zip(batches, labels.split(batch), strict=True):
        logits = module(x)
        total += tally(loss.of(logits, y), logits, y)
        kept.append(logits)
    mean, accuracy = (total / len(labels)).tolist()
    fault = None
    if not math.isfinite(mean):
        fault = next(filter(None, (first_fault(module, x) for x in batches)), None)
    return Measured(mean, accuracy, torch.cat(kept), fault)


def tally(loss: Tensor, logits: Tensor, y: Tensor) -> Tensor:
    """Summed loss and number of correct answers of a batch, (2,).

    Of shares of the classes (B, classes) the largest is correct.
    """
    right = (logits.argmax(1) == (y if y.ndim == 1 else y.argmax(1))).sum()
    return torch.stack((loss.detach() * len(y), right.to(loss.dtype)))
