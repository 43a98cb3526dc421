"""The accuracy of a trained network on images that it was not trained on."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archdsl.errors import ArchError
from archdsl.output.records import ClassAccuracy, EvaluatedRun, Evaluation
from archdsl.train import metrics
from archdsl.train.checkpoint import Trained, trained
from archdsl.train.data import pipeline, reading
from archdsl.train.data.fit import as_inputs
from archdsl.train.data.images import Images, Pixels
from archdsl.train.data.name import named_by_option
from archdsl.train.device import reproducible
from archdsl.train.intervals import half_width, wilson
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
    classes: tuple[str, ...]
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


class _Options(NamedTuple):
    """What is evaluated on, and where it is."""

    view: View | None
    on: str | None
    folder: str | Path | None
    download: bool


def evaluate(
    run: str | Path | Sequence[str | Path],
    device: str | None = None,
    on: str | None = None,
    data_dir: str | Path | None = None,
    download: bool = False,
    views: str | None = None,
) -> Evaluation:
    """Measure a run's folder or checkpoint on the test images of its recipe, or of the data that
    `on` names; or several runs, also of different networks, as one: their probabilities are
    averaged.

    `views` is what a network sees of each image, `10-crop`, by default as its recipe has it. On the
    device that a run was trained on the numbers are those of the epoch whose weights it kept,
    unless training images were held out to measure the epochs by, or a view is named. `data_dir` is
    where torchvision's data sets are, by default where they were for the training. Raises ArchError
    if a run or the data is missing or damaged, or if the runs were not trained on the same data.
    """
    view = None if views is None else read_view(views)
    paths = [run] if isinstance(run, (str, Path)) else list(run)
    answers = [
        _answers(trained(path, device), _Options(view, on, data_dir, download)) for path in paths
    ]
    first, recipe = answers[0], answers[0].trained.checkpoint.record.recipe
    for other in answers[1:]:
        _check_alike(first, other, on)
    probabilities, labels, loss = first.probabilities, first.labels, first.loss
    if len(answers) > 1:
        probabilities = torch.stack([one.probabilities for one in answers]).mean(0)
        loss = _mean_loss(probabilities, labels)
    right = probabilities.argmax(1) == labels
    runs = [one.record for one in answers]
    mean = statistics.fmean(one.accuracy for one in runs)
    half = half_width([one.accuracy for one in runs])
    return Evaluation(
        network=" + ".join(dict.fromkeys(one.network for one in runs)),
        checkpoint=", ".join(one.checkpoint for one in runs),
        epoch=runs[0].epoch,
        data=str(recipe.data) if on is None else str(named_by_option(on)),
        split=recipe.split,
        images=len(labels),
        loss=loss,
        accuracy=_share(right),
        classes=[
            ClassAccuracy(name=name, images=len(own), accuracy=_share(own))
            for n, name in enumerate(first.classes)
            if len(own := right[labels == n])
        ],
        view=(view or recipe.view).title,
        top5=_share(metrics.in_top(probabilities, labels, 5)),
        interval=list(wilson(int(right.sum()), len(labels))),
        calibration=metrics.calibration_error(probabilities, labels),
        confusion=metrics.confusion(probabilities, labels).tolist(),
        reported=list(dict.fromkeys(r for one in answers for r in one.trained.network.reported)),
        runs=runs,
        mean=mean if len(runs) > 1 else None,
        mean_interval=[mean - half, mean + half] if len(runs) > 1 else None,
    )


def _answers(run: Trained, options: _Options) -> Answers:
    """The probabilities that a run gives for test images. Raises ArchError."""
    saved, network, module, where, normaliser = run
    recipe, record = saved.record.recipe, saved.record.data
    if options.on is not None:
        recipe = recipe.model_copy(update={"data": named_by_option(options.on)})
        record = record.model_copy(update={"images": 0})
    data = reading.read_again(network, recipe, record, options.folder, options.download)
    form = pipeline.form_of(network, recipe.data, recipe.batch, where)
    form = form._replace(normalise=normaliser)
    view = options.view or recipe.view
    plain = view == CenterView()  # the images as they are
    if not plain:
        form = form._replace(load=_load(view, data.test, form))
    with reproducible(0, where), closing(pipeline.split_of(data.test, form, record.stream)) as test:
        labels = test.labels.cpu()
        if plain:
            result = measure(module, test, recipe.loss.plain)
            if not math.isfinite(result.loss):
                fault = describe(result.fault)
                raise NotFinite(f"the test loss of {saved.path} is {result.loss}; {fault}")
            probabilities = result.logits.double().softmax(1).cpu()
            return Answers(run, data.classes, probabilities, labels, result.loss)
        probabilities = viewed(view, module, test).cpu()
    if not probabilities.isfinite().all():
        raise NotFinite(f"{saved.path} does not compute finite probabilities")
    loss = _mean_loss(probabilities, labels)
    return Answers(run, data.classes, probabilities, labels, loss)


def _load(view: View, images: Images, form: pipeline.Form) -> tuple[int, int]:
    """The size (H, W) that images have before they are seen: their own, or of pictures in files
    the largest that the view takes."""
    if isinstance(images, Pixels):
        return (images.values.shape[2], images.values.shape[3])
    height, width = form.size
    side = max(view.sides(form.size), default=min(height, width))
    return (side * height // min(height, width), side * width // min(height, width))


@torch.no_grad()
def viewed(view: View, module: nn.Module, split: pipeline.Split) -> Tensor:
    """The probabilities (N, classes) of the images of a split under a view."""
    module.eval()
    form = split.form

    def inputs(images: Tensor) -> Tensor:
        if len(form.shape) == 3:  # also of another size than the network's
            return images
        return as_inputs(images, form.shape, form.data)

    return torch.cat(
        [view.probabilities(module, images, form.size, inputs) for images in split.plain()]
    )


def _check_alike(first: Answers, other: Answers, on: str | None) -> None:
    """Raise ArchError unless two runs are evaluated on the same images."""
    paths = [one.trained.checkpoint.path for one in (first, other)]
    ours, theirs = (one.trained.checkpoint.record.recipe for one in (first, other))
    if on is None and (ours.data, ours.split) != (theirs.data, theirs.split):
        raise ArchError(
            f"{paths[0]} was trained on {ours.data}, split {ours.split}, {paths[1]} on "
            f"{theirs.data}, split {theirs.split}",
            help="evaluate runs of the same data and split",
        )
    if first.classes != other.classes or not torch.equal(first.labels, other.labels):
        raise ArchError(
            f"{paths[0]} and {paths[1]} have other classes or test images",
            help="evaluate runs of the same data",
        )


def _mean_loss(probabilities: Tensor, labels: Tensor) -> float:
    """The mean cross-entropy in nats."""
    own = probabilities.gather(1, labels[:, None])[:, 0].double()
    return float(-own.clamp(min=1e-300).log().mean())


def _share(right: Tensor) -> float:
    return float(right.float().mean())


_CROSS_ENTROPY = CrossEntropy()


@torch.no_grad()
def measure(module: nn.Module, split: pipeline.Split, loss: Loss = _CROSS_ENTROPY) -> Measured:
    """Run the images of a split through a module in eval mode."""
    module.eval()
    total = torch.zeros(2, device=split.form.device)
    kept = []
    for x, y in split.epoch():
        logits = module(x)
        total += tally(loss.of(logits, y), logits, y)
        kept.append(logits)
    mean, accuracy = (total / split.images).tolist()
    fault = None
    if not math.isfinite(mean):
        fault = next(filter(None, (first_fault(module, x) for x, _ in split.epoch())), None)
    return Measured(mean, accuracy, torch.cat(kept), fault)


def tally(loss: Tensor, logits: Tensor, y: Tensor) -> Tensor:
    """Summed loss and number of correct answers of a batch, (2,).

    Of shares of the classes (B, classes) the largest is correct.
    """
    right = (logits.argmax(1) == (y if y.ndim == 1 else y.argmax(1))).sum()
    return torch.stack((loss.detach() * len(y), right.to(loss.dtype)))
