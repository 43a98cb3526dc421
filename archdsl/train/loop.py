"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LRScheduler,
    OneCycleLR,
    StepLR,
)

from archdsl import __version__
from archdsl.atomic_files import write_whole
from archdsl.errors import ArchError, Note
from archdsl.figures import memory_size
from archdsl.network import Network
from archdsl.pytorch.weights import CHECKPOINT
from archdsl.train import checkpoint, datasets
from archdsl.train.checkpoint import Checkpoint
from archdsl.train.curves import curves
from archdsl.train.device import device_of, random_state, reproducible, set_random_state
from archdsl.train.evaluation import measure, tally
from archdsl.train.lock import locked
from archdsl.train.not_finite import NotFinite, first_fault, first_fault_of_weights, told
from archdsl.train.recipe import Recipe
from archdsl.train.record import Epoch, Run, RunRecord, new_run, read_record

TELL_EVERY = 0.1  # seconds
CHEAP = {"cpu"}  # kinds of devices whose loss is read at every step: a GPU would be waited for


class Progress(Protocol):
    """Hears of a run when it begins or goes on, some times a second, and of every epoch saved.

    `share` is how much of the epoch is done, 0 … 1; loss and accuracy are means over it so far.
    What it raises stops the training; the run can be resumed.
    """

    def begin(self, run: Run) -> None: ...

    def step(self, epoch: int, share: float, loss: float, accuracy: float) -> None: ...

    def epoch(self, epoch: Epoch) -> None: ...


def train(
    network: Network,
    recipe: Recipe,
    seed: int = 0,
    device: str | None = None,
    runs: str | Path = "runs",
    progress: Progress | None = None,
) -> tuple[Run, nn.Module]:
    """Train a network by a recipe; the run and the trained module.

    The same seed gives the same numbers on the same machine. A GPU is used where there is one,
    unless `device` says otherwise. Raises ArchError where network and data do not fit, or the
    run's folder cannot be written, and NotFinite where the loss is nan or infinite.
    """
    where = device_of(device)
    record = RunRecord(
        network=network.name,
        parameters=dict(network.parameters),
        input=list(network.input),
        params=network.params,
        recipe=recipe,
        seed=seed,
        device=str(where),
        archdsl=__version__,
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        finished=False,
        epochs=[],
    )
    with _prepared(network, record, where) as training:
        spec = network.spec
        run = new_run(Path(runs), record, spec)
        with locked(run.folder):
            return _go_on(run, spec, training, progress)


def resume(
    run: str | Path, device: str | None = None, progress: Progress | None = None
) -> tuple[Run, nn.Module]:
    """Go on with a run that was stopped, wherever that was; the run and the trained module.

    `run` is its folder or its checkpoint. On the device that it was on it ends with the weights
    that it would have had, equal to the bit. A finished run is read, and trained no further. Raises
    ArchError for a run that is damaged or in use, and as `train` does.
    """
    folder = Path(run)
    if folder.is_file() and folder.name != CHECKPOINT:
        raise ArchError(
            f"{folder} is no run: a run goes on in its folder, from its {CHECKPOINT}",
            help=f"name the folder, `archdsl train --resume {quote(str(folder.parent))}`",
        )
    folder = folder.parent if folder.is_file() else folder
    if not folder.is_dir():
        raise ArchError(f"there is no run {folder}", help="runs are kept in `runs/NETWORK/TIME`")
    if not (folder / CHECKPOINT).exists():
        read_record(folder)  # a folder that is no run gets no lock
    with locked(folder):
        saved = _saved(folder)
        where = device_of(device or saved.record.device)
        now = {"device": str(where), "archdsl": __version__, "torch": str(torch.__version__)}
        if not saved.record.finished:
            saved = saved._replace(record=saved.record.model_copy(update=now))
        network = saved.network()
        found = Run(folder, saved.record)
        found.tidy()
        with _prepared(network, saved.record, where) as training:
            if saved.state:
                training.restore(saved)
            # The checkpoint is the truth, whatever was written beside it last.
            write_whole(folder / "spec.arch", saved.spec.encode())
            found.write()
            if found.record.epochs:
                _draw(found, network)
            return _go_on(found, saved.spec, training, progress)


def _saved(folder: Path) -> Checkpoint:
    """The checkpoint of a run, or its spec and record where no epoch was saved."""
    path = folder / CHECKPOINT
    if path.exists():
        return checkpoint.read(path)
    record = read_record(folder)
    if record.epochs:
        raise ArchError(
            f"there is no file {path}, and {folder / 'record.json'} knows of "
            f"{len(record.epochs)} epochs",
            help="put the checkpoint back, or train anew",
        )
    path = folder / "spec.arch"
    try:
        spec = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise ArchError(f"cannot read {path}: {reason}") from None
    return Checkpoint(path, spec, record, {})


@contextmanager
def _prepared(network: Network, record: RunRecord, device: torch.device) -> Iterator[_Training]:
    """The training before its first step; inside, torch is seeded and deterministic."""
    datasets.check(network, record.recipe)
    with reproducible(record.seed, device, record.threads), _memory(network):
        yield _Training(network, record, device)


def _go_on(
    run: Run, spec: str, training: _Training, progress: Progress | None
) -> tuple[Run, nn.Module]:
    """Train the epochs that a run lacks, and save each."""
    recipe = run.record.recipe
    try:
        if progress is not None:
            progress.begin(run)
        for number in range(len(run.record.epochs) + 1, recipe.epochs + 1):
            try:
                epochs = [*run.record.epochs, training.next(number, progress)]
            except _SeenLate:
                raise _looked_for(training, run, number) from None
            done = {"epochs": epochs, "finished": number == recipe.epochs}
            record = run.record.model_copy(update=done)
            checkpoint.save(Checkpoint(run.checkpoint, spec, record, training.state()))
            run = Run(run.folder, record)
            run.write()
            if progress is not None:
                progress.epoch(epochs[-1])
        _draw(run, training.network)
    except ArchError as error:
        number = len(run.record.epochs)
        if number:
            error.notes += (Note(f"epoch {number} is saved in {run.folder}"),)
        if error.help is None:
            command = f"archdsl train --resume {quote(str(run.folder))}"
            error.help = f"once that is mended, `{command}` goes on"
        raise
    return run, training.module


def _draw(run: Run, network: Network) -> None:
    write_whole(run.folder / "curves.png", curves(network.title, run.record.epochs))


def _looked_for(training: _Training, run: Run, number: int) -> NotFinite:
    """The error of a loss that was seen late: the epoch runs again, read at every step."""
    again = _Training(training.network, training.record, training.device)
    again.watched = True
    if run.record.epochs:
        again.restore(checkpoint.read(run.checkpoint))
    try:
        again.epoch(number, None)
    except NotFinite as error:
        return error
    except _SeenLate:
        pass  # the losses are too large for their sum
    return NotFinite(f"the mean loss of epoch {number} is not finite")


@contextmanager
def _memory(network: Network) -> Iterator[None]:
    """Say what was too large where memory runs out."""
    try:
        yield
    except (RuntimeError, MemoryError) as problem:
        reason = str(problem)
        if not isinstance(problem, MemoryError) and "memory" not in reason:
            raise
        needs = memory_size(4 * network.memory.parameters + network.memory.backward)
        raise ArchError(
            f"not enough memory to train {network.name}, which needs {needs} and more for each "
            "image of a batch",
            help="use a smaller batch, `--set batch=8`, or a smaller network",
        ) from None


class _SeenLate(Exception):
    """The loss is not finite since some step that is past."""


class _Training:
    """A module on its way, an epoch at a time, from the beginning or from a checkpoint."""

    def __init__(self, network: Network, record: RunRecord, device: torch.device) -> None:
        self.network = network
        self.record = record
        self.recipe = record.recipe
        self.device = device
        self.watched = device.type in CHEAP
        data = datasets.digits(network.input, self.recipe.split)
        _, *self.size = datasets.image_shape(network.input, self.recipe.data)
        torch.manual_seed(record.seed)
        self.module = network.module(device=device)
        self.data = datasets.Data(*(t.to(device) for t in data))
        self.generator = torch.Generator().manual_seed(record.seed)
        self.optimizer = _optimizer(self.recipe, self.module)
        self.steps = len(datasets.batches(torch.arange(len(data.train_images)), self.recipe.batch))
        self.schedule, self.each_step = _schedule(self.recipe, self.optimizer, self.steps)

    def next(self, number: int, progress: Progress | None) -> Epoch:
        """Train an epoch, numbered from 1, and measure the module. Raises NotFinite."""
        lr = self.optimizer.param_groups[0]["lr"]
        start = time.perf_counter()
        loss, accuracy = self.epoch(number, progress)
        seconds = time.perf_counter() - start
        if fault := first_fault_of_weights(self.module):
            raise self.not_finite(f"the weights are not finite after epoch {number}", fault)
        images, labels = self.data.test_images, self.data.test_labels
        test = measure(self.module, images, labels, self.recipe.batch)
        if not math.isfinite(test.loss):
            raise self.not_finite(f"the test loss after epoch {number} is {test.loss}", test.fault)
        return Epoch(
            epoch=number,
            lr=lr,
            train_loss=loss,
            train_accuracy=accuracy,
            test_loss=test.loss,
            test_accuracy=test.accuracy,
            seconds=seconds,
        )

    def epoch(self, number: int, progress: Progress | None) -> tuple[float, float]:
        """One pass over the training images in a new order; mean loss and accuracy."""
        self.module.train()
        images, labels = self.data.train_images, self.data.train_labels
        order = torch.randperm(len(images), generator=self.generator).to(images.device)
        total = torch.zeros(2, device=images.device)
        seen = 0
        told = time.perf_counter()
        for step, chosen in enumerate(datasets.batches(order, self.recipe.batch), 1):
            x, y = images[chosen], labels[chosen]
            if self.recipe.shift:
                x = datasets.shifted(x, self.recipe.shift, self.generator, self.size)
            random = random_state(self.device) if self.watched else None
            logits, loss = self.loss(x, y)
            if random is not None and not math.isfinite(value := loss.item()):
                set_random_state(random, self.device)  # the same units drop out again
                where = f"the loss of epoch {number}, step {step} of {self.steps} is {value}"
                raise self.not_finite(where, first_fault(self.module, x))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            if self.each_step:
                self.schedule.step()
            total += tally(loss, logits, y)
            seen += len(y)
            # Reading the loss waits for the device: not at every step.
            if progress is not None and time.perf_counter() - told > TELL_EVERY:
                told = time.perf_counter()
                mean = _read(total, seen)
                progress.step(number, seen / len(images), mean[0], mean[1])
        if not self.each_step:
            self.schedule.step()
        return _read(total, seen)

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of a batch, and its loss: the weighted ones of side heads are added."""
        smoothing = self.recipe.label_smoothing
        given = self.module(x)
        logits, *beside = given if self.network.sides else (given,)
        loss = cross_entropy(logits, y, label_smoothing=smoothing)
        for side, extra in zip(self.network.sides, beside, strict=True):
            loss = loss + side.weight * cross_entropy(extra, y, label_smoothing=smoothing)
        return logits, loss

    def not_finite(self, message: str, fault: str | None) -> NotFinite:
        return NotFinite(
            f"{message}; {told(fault)}",
            help=f"train anew with a lower rate, `--set lr={self.recipe.lr / 10:g}`",
        )

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generator": self.generator.get_state(),
            "random": random_state(self.device),
        }

    def restore(self, saved: Checkpoint) -> None:
        """Go on from a checkpoint. Raises ArchError where it is of another training."""
        state = saved.state
        try:
            self.module.load_state_dict(state["module"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
            self.generator.set_state(state["generator"])
            set_random_state(state["random"], self.device)
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise ArchError(f"{saved.path} does not fit the network and recipe in it") from None


def _read(total: Tensor, seen: int) -> tuple[float, float]:
    """Mean loss and accuracy so far. Raises _SeenLate where the loss is not finite."""
    loss, accuracy = (total / seen).tolist()
    if not math.isfinite(loss):
        raise _SeenLate
    return loss, accuracy


def _optimizer(recipe: Recipe, module: nn.Module) -> Optimizer:
    if recipe.optimizer == "adam":
        return torch.optim.Adam(module.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        module.parameters(),
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
    )


def _schedule(recipe: Recipe, optimizer: Optimizer, steps: int) -> tuple[LRScheduler, bool]:
    """The schedule, and whether it moves at every step (else at every epoch)."""
    total = steps * recipe.epochs
    match recipe.schedule:
        case "one-cycle":
            # The recipe's momentum holds: torch would cycle it too.
            cycle = OneCycleLR(optimizer, max_lr=recipe.lr, total_steps=total, cycle_momentum=False)
            return cycle, True
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=total), True
        case "step":
            return StepLR(optimizer, step_size=recipe.every, gamma=recipe.factor), False
        case _:
            return LambdaLR(optimizer, _constant), False


def _constant(epoch: int) -> float:
    return 1.0
