"""The training loop."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
from archdsl.errors import ArchError
from archdsl.files import write_whole
from archdsl.network import Network
from archdsl.report import memory_size
from archdsl.train import data as sets
from archdsl.train.curves import curves
from archdsl.train.recipe import Recipe
from archdsl.train.record import Epoch, Run, RunRecord, new_folder

TELL_EVERY = 0.1  # seconds


class Progress(Protocol):
    """Hears of training some times a second, and of every epoch.

    `share` is how much of the epoch is done, 0 … 1; loss and accuracy are means over it so far.
    """

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
    run's folder cannot be written.
    """
    sets.check(network, recipe)
    where = _device(device)
    with _reproducible(seed, where), _memory(network):
        data = sets.digits(network.input, recipe.split)
        module = network.module(device=where)
        folder = new_folder(Path(runs), network.name)
        write_whole(folder / "spec.arch", network.text.source.text.encode())
        epochs = _Training(network, recipe, module, data, where, seed).epochs(progress)
        done: list[Epoch] = []
        run = _run(folder, network, recipe, seed, where, done)
        for epoch, state in epochs:
            done.append(epoch)
            run = _run(folder, network, recipe, seed, where, done)
            run.write()
            _save(run.checkpoint, state)
            if progress is not None:
                progress.epoch(epoch)
    write_whole(folder / "curves.png", curves(network.title, done))
    return run, module


def _run(
    folder: Path,
    network: Network,
    recipe: Recipe,
    seed: int,
    device: torch.device,
    done: list[Epoch],
) -> Run:
    record = RunRecord(
        network=network.name,
        parameters=dict(network.parameters),
        input=list(network.input),
        params=network.params,
        recipe=recipe,
        seed=seed,
        device=str(device),
        archdsl=__version__,
        torch=torch.__version__,
        finished=len(done) == recipe.epochs,
        epochs=done,
    )
    return Run(folder, record)


def _save(path: Path, state: dict[str, Any]) -> None:
    file = io.BytesIO()
    torch.save(state, file)
    write_whole(path, file.getvalue())


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


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).sum().item()
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ArchError(
            f"there is no device `{name}` here", help="write `--device cpu`, or `cuda` with a GPU"
        ) from None
    return device


@contextmanager
def _reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Seeded and deterministic inside; the caller's random state is as before afterwards."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        try:
            torch.manual_seed(seed)
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.backends.cudnn.benchmark = False
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            torch.backends.cudnn.benchmark = benchmark


class _Training:
    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        module: nn.Module,
        data: sets.Data,
        device: torch.device,
        seed: int,
    ) -> None:
        self.recipe = recipe
        self.module = module
        self.data = sets.Data(*(t.to(device) for t in data))
        self.generator = torch.Generator().manual_seed(seed)
        self.optimizer = _optimizer(recipe, module)
        self.steps = len(sets.batches(torch.arange(len(data.train_images)), recipe.batch))
        self.schedule, self.each_step = _schedule(recipe, self.optimizer, self.steps)

    def epochs(self, progress: Progress | None) -> Iterator[tuple[Epoch, dict[str, Any]]]:
        """Train an epoch at a time; its metrics and everything needed to go on from there."""
        for number in range(1, self.recipe.epochs + 1):
            lr = self.optimizer.param_groups[0]["lr"]
            start = time.perf_counter()
            loss, accuracy = self.epoch(number, progress)
            seconds = time.perf_counter() - start
            test_loss, test_accuracy = self.test()
            metrics = Epoch(
                epoch=number,
                lr=lr,
                train_loss=loss,
                train_accuracy=accuracy,
                test_loss=test_loss,
                test_accuracy=test_accuracy,
                seconds=seconds,
            )
            yield metrics, self.state(number)

    def epoch(self, number: int, progress: Progress | None) -> tuple[float, float]:
        """One pass over the training images in a new order; mean loss and accuracy."""
        self.module.train()
        images, labels = self.data.train_images, self.data.train_labels
        order = torch.randperm(len(images), generator=self.generator).to(images.device)
        total = torch.zeros(2, device=images.device)
        seen = 0
        told = time.perf_counter()
        for chosen in sets.batches(order, self.recipe.batch):
            x, y = images[chosen], labels[chosen]
            if self.recipe.shift:
                x = self.shifted(x)
            logits = self.module(x)
            loss = cross_entropy(logits, y, label_smoothing=self.recipe.label_smoothing)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            if self.each_step:
                self.schedule.step()
            total += _tally(loss, logits, y)
            seen += len(y)
            # Reading the loss waits for the device: not at every step.
            if progress is not None and time.perf_counter() - told > TELL_EVERY:
                told = time.perf_counter()
                mean = (total / seen).tolist()
                progress.step(number, seen / len(images), mean[0], mean[1])
        if not self.each_step:
            self.schedule.step()
        mean_loss, accuracy = (total / seen).tolist()
        return mean_loss, accuracy

    def shifted(self, x: Tensor) -> Tensor:
        if x.dim() == 4:
            return sets.shifted(x, self.recipe.shift, self.generator)
        side = round(x.shape[1] ** 0.5)
        square = sets.shifted(x.view(-1, 1, side, side), self.recipe.shift, self.generator)
        return square.reshape(x.shape)

    @torch.no_grad()
    def test(self) -> tuple[float, float]:
        """Mean loss, without smoothing, and accuracy on the test images."""
        self.module.eval()
        images, labels = self.data.test_images, self.data.test_labels
        total = torch.zeros(2, device=images.device)
        for x, y in zip(
            images.split(self.recipe.batch), labels.split(self.recipe.batch), strict=True
        ):
            logits = self.module(x)
            total += _tally(cross_entropy(logits, y), logits, y)
        loss, accuracy = (total / len(labels)).tolist()
        return loss, accuracy

    def state(self, epoch: int) -> dict[str, Any]:
        return {
            "epoch": epoch,
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generator": self.generator.get_state(),
            "random": torch.get_rng_state(),
        }


def _tally(loss: Tensor, logits: Tensor, y: Tensor) -> Tensor:
    """Summed loss and number of right answers of a batch."""
    right = (logits.argmax(1) == y).sum()
    return torch.stack((loss.detach() * len(y), right.to(loss.dtype)))


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
