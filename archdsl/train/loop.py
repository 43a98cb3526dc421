"""The training loop."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from archdsl import __version__
from archdsl.atomic_files import write_whole
from archdsl.errors import ArchError, Note
from archdsl.figures import memory_size
from archdsl.network import Network
from archdsl.pytorch.weights import CHECKPOINT
from archdsl.train import checkpoint
from archdsl.train.augment.base import load_size
from archdsl.train.augment.batch import mix_of
from archdsl.train.checkpoint import Checkpoint
from archdsl.train.curves import curves
from archdsl.train.data import pipeline, reading
from archdsl.train.data.base import default_folder
from archdsl.train.data.images import Data
from archdsl.train.device import device_of, random_state, reproducible, set_random_state
from archdsl.train.diagnosis import Diagnosis
from archdsl.train.diagnosis import read as read_diagnosis
from archdsl.train.evaluation import measure, tally
from archdsl.train.initialise import initialise
from archdsl.train.lock import locked
from archdsl.train.not_finite import NotFinite, describe, first_fault, first_fault_of_weights
from archdsl.train.recipe import Recipe
from archdsl.train.record import DataRecord, Epoch, Run, RunRecord, new_run, read_record
from archdsl.train.stepper import Stepper

REPORT_INTERVAL = 0.1  # seconds
# Devices whose loss is read at every step; reading it from a GPU means waiting.
SYNCHRONOUS = {"cpu"}


class Progress(Protocol):
    """Called when a run begins or continues, a few times a second, and after every saved epoch.

    `share` is the completed share of the epoch, 0 … 1; loss and accuracy are means over it so far.
    An exception raised here stops the training; the run can be resumed.
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
    data_dir: str | Path | None = None,
    download: bool = False,
    stream: bool | None = None,
    *,
    channels_last: bool = False,
    compile: bool = False,
    diagnose: bool = False,
) -> tuple[Run, nn.Module]:
    """Train a network by a recipe. Returns the run and the trained module.

    The same seed gives the same numbers on the same machine. `device` is by default a GPU if there
    is one. `data_dir` has torchvision's data sets, by default $ARCHDSL_DATA or `data`; `download`
    lets torchvision put a missing one there. `stream` decides whether pictures are decoded anew in
    each epoch, instead of once into memory. `channels_last` stores maps pixel by pixel and
    `compile` runs torch.compile, which both can be faster. `diagnose` writes the gradients and
    activations of the layers to the folder of the run, as archdsl.train.diagnosis describes. Raises
    ArchError if the network does not fit the data, the data cannot be read, or the folder of the
    run cannot be written, and NotFinite if the loss is nan or infinite.
    """
    if diagnose and compile:
        raise ArchError(
            "a compiled network cannot be diagnosed", help="leave out `compile`, or `diagnose`"
        )
    where = device_of(device)
    folder = os.path.abspath(Path(data_dir or default_folder()).expanduser())
    reading.check(network, recipe)
    data = reading.read(network, recipe, folder, download)
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
        channels_last=channels_last,
        compile=compile,
        diagnose=diagnose,
        data=DataRecord.of(data, folder, stream),
        finished=False,
        epochs=[],
    )
    with _prepared(network, record, where, data) as training:
        spec = network.spec
        run = new_run(Path(runs), training.record, spec)
        with locked(run.folder):
            return _continue(run, spec, training, progress)


def resume(
    run: str | Path,
    device: str | None = None,
    progress: Progress | None = None,
    data_dir: str | Path | None = None,
) -> tuple[Run, nn.Module]:
    """Continue a run, wherever it was stopped. Returns the run and the trained module.

    `run` is its folder or its checkpoint. On the same device it ends with the same weights, bit by
    bit, as if it had not been stopped. A finished run is only read. `data_dir` is where its data is
    now. Raises ArchError if the run is damaged or in use, or its data has changed, and the errors
    of `train`.
    """
    folder = Path(run)
    if folder.is_file() and folder.name != CHECKPOINT:
        raise ArchError(
            f"{folder} is not a run: a run continues in its folder, from its {CHECKPOINT}",
            help=f"name the folder, `archdsl train --resume {quote(str(folder.parent))}`",
        )
    folder = folder.parent if folder.is_file() else folder
    if not folder.is_dir():
        raise ArchError(f"there is no run {folder}", help="runs are kept in `runs/NETWORK/TIME`")
    if not (folder / CHECKPOINT).exists():
        read_record(folder)  # do not lock a folder that is not a run
    with locked(folder):
        saved = _saved(folder)
        where = device_of(device or saved.record.device)
        now = {"device": str(where), "archdsl": __version__, "torch": str(torch.__version__)}
        if not saved.record.finished:
            saved = saved._replace(record=saved.record.model_copy(update=now))
        network = saved.network()
        current = Run(folder, saved.record)
        current.tidy()
        data = reading.read_again(network, saved.record.recipe, saved.record.data, data_dir)
        fresh = not saved.state
        with _prepared(network, saved.record, where, data, fresh) as training:
            if saved.state:
                training.restore(saved)
            if training.diagnosis is not None:
                training.diagnosis.readings = read_diagnosis(folder, len(saved.record.epochs))
            # The other files are written again, from the checkpoint.
            write_whole(folder / "spec.arch", saved.spec.encode())
            current.write()
            if current.record.epochs:
                _draw(current, network)
            return _continue(current, saved.spec, training, progress)


def _saved(folder: Path) -> Checkpoint:
    """The checkpoint of a run, or its spec and record if no epoch was saved."""
    path = folder / CHECKPOINT
    if path.exists():
        return checkpoint.read_checkpoint(path)
    record = read_record(folder)
    if record.epochs:
        raise ArchError(
            f"there is no file {path}, but {folder / 'record.json'} lists "
            f"{len(record.epochs)} epochs",
            help="put the checkpoint back, or train again",
        )
    path = folder / "spec.arch"
    try:
        spec = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise ArchError(f"cannot read {path}: {reason}") from None
    return Checkpoint(path, spec, record, {})


@contextmanager
def _prepared(
    network: Network, record: RunRecord, device: torch.device, data: Data, fresh: bool = True
) -> Iterator[_Training]:
    """A training before its first step, or before its state is restored; in the context torch is
    seeded and deterministic."""
    with reproducible(record.seed, device, record.threads), _memory(network):
        splits = _splits(network, record, device, data)
        try:
            yield _Training(network, record, device, splits, fresh)
        finally:
            for split in splits:
                split.close()


class _Splits(NamedTuple):
    """What is trained on, and what each epoch is measured by."""

    train: pipeline.Split
    epochs: pipeline.Split


def _splits(network: Network, record: RunRecord, device: torch.device, data: Data) -> _Splits:
    recipe, stream = record.recipe, record.data.stream
    form = pipeline.form_of(network, recipe.data, recipe.batch, device)
    load = load_size(recipe.augment, form.size)
    train = pipeline.split_of(data.train, form._replace(load=load), stream)
    form = form._replace(normalise=recipe.normalise.fit(train.raw(), form.channels))
    augment = [one.fit(train.raw(), form.channels) for one in recipe.augment]
    mix, classes = mix_of(augment), len(data.classes)
    train.change(form._replace(load=load, augment=augment, mix=mix, classes=classes))
    return _Splits(train, pipeline.split_of(data.epochs, form, stream))


def _continue(
    run: Run, spec: str, training: _Training, progress: Progress | None
) -> tuple[Run, nn.Module]:
    """Train the missing epochs of a run, saving each."""
    recipe = run.record.recipe
    try:
        if progress is not None:
            progress.begin(run)
        while not run.record.finished:
            number = len(run.record.epochs) + 1
            try:
                epochs = [*run.record.epochs, training.next(number, progress)]
            except _FoundLate:
                raise _diagnosed(training, run, number) from None
            best, stops = training.choose(epochs)
            finished = stops or number == recipe.epochs
            if finished:
                training.finish()
            update = {"epochs": epochs, "finished": finished, "best": best}
            record = run.record.model_copy(update=update)
            checkpoint.save(Checkpoint(run.checkpoint, spec, record, training.state()))
            run = Run(run.folder, record)
            run.write()
            if training.diagnosis is not None:
                training.diagnosis.write(run.folder)
            if progress is not None:
                progress.epoch(epochs[-1])
        _draw(run, training.network)
    except ArchError as error:
        number = len(run.record.epochs)
        if number:
            error.notes += (Note(f"epoch {number} is saved in {run.folder}"),)
        if error.help is None:
            command = f"archdsl train --resume {quote(str(run.folder))}"
            error.help = f"once this is fixed, continue with `{command}`"
        raise
    return run, training.stepper.averaged


def _draw(run: Run, network: Network) -> None:
    write_whole(run.folder / "curves.png", curves(network.title, run.record.epochs))


def _diagnosed(training: _Training, run: Run, number: int) -> NotFinite:
    """The error of a loss found late: run the epoch again, reading the loss at every step."""
    fresh = not run.record.epochs
    again = _Training(training.network, training.record, training.device, training.data, fresh)
    again.reads_every_loss = True
    if run.record.epochs:
        again.restore(checkpoint.read_checkpoint(run.checkpoint))
    try:
        again.epoch(number, None)
    except NotFinite as error:
        return error
    except _FoundLate:
        pass  # each loss is finite, their sum is not
    return NotFinite(f"the mean loss of epoch {number} is not finite")


@contextmanager
def _memory(network: Network) -> Iterator[None]:
    """Explain what was too large if memory runs out."""
    try:
        yield
    except (RuntimeError, MemoryError) as problem:
        reason = str(problem)
        if not isinstance(problem, MemoryError) and "memory" not in reason:
            raise
        needs = memory_size(4 * network.memory.parameters + network.memory.backward)
        raise ArchError(
            f"not enough memory to train {network.name}, which needs {needs}, and more for each "
            "image of a batch",
            help="use a smaller batch, `--set batch=8`, or a smaller network",
        ) from None


class _FoundLate(Exception):
    """The loss became not finite at some earlier step."""


class _Training:
    """Trains a module one epoch at a time, from the beginning or from a checkpoint."""

    def __init__(
        self,
        network: Network,
        record: RunRecord,
        device: torch.device,
        data: _Splits,
        fresh: bool = True,
    ) -> None:
        self.network = network
        self.record = record
        self.recipe = recipe = record.recipe
        self.device = device
        self.reads_every_loss = device.type in SYNCHRONOUS
        self.data = data
        assert data.epochs.form.normalise is not None
        self.normaliser = data.epochs.form.normalise
        torch.manual_seed(record.seed)
        self.module = network.module(device=device)
        if fresh and recipe.init:
            notes = list(initialise(network, self.module, recipe.init))
            self.record = record.model_copy(update={"notes": notes})
        if record.channels_last:
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward = torch.compile(self.module) if record.compile else self.module
        self.generator = torch.Generator().manual_seed(record.seed)
        self.steps = data.train.steps
        self.stepper = Stepper(network, self.module, recipe, device, self.steps)
        self.best: dict[str, Tensor] | None = None  # the weights of the best epoch
        self.diagnosis = Diagnosis(self.module) if record.diagnose else None

    def next(self, number: int, progress: Progress | None) -> Epoch:
        """Train an epoch, counted from 1, and measure the module. Raises NotFinite."""
        lr = self.stepper.rates.now
        start = time.perf_counter()
        loss, accuracy = self.epoch(number, progress)
        seconds = time.perf_counter() - start
        if fault := first_fault_of_weights(self.module):
            raise self.not_finite(f"the weights are not finite after epoch {number}", fault)
        module = self.stepper.averaged
        if self.stepper.needs_statistics:
            update_bn((self.laid_out(x) for x, _ in self.data.train.epoch()), module)
        test = measure(module, self.data.epochs, self.recipe.loss.plain)
        if not math.isfinite(test.loss):
            raise self.not_finite(f"the test loss after epoch {number} is {test.loss}", test.fault)
        self.stepper.rates.measured(test.loss)
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
        self.stepper.begin(number)
        total = torch.zeros(2, device=self.device)
        seen = 0
        reported = time.perf_counter()
        for step, (x, y) in enumerate(self.data.train.epoch(self.generator), 1):
            x = self.laid_out(x)
            random = random_state(self.device) if self.reads_every_loss else None
            with self.observed(number, step):
                logits, loss = self.loss(x, y)
                if random is not None and not math.isfinite(value := loss.item()):
                    set_random_state(random, self.device)  # so that dropout drops the same units
                    where = f"the loss of epoch {number}, step {step} of {self.steps} is {value}"
                    with self.stepper.precision():
                        fault = first_fault(self.module, x)
                    raise self.not_finite(where, fault)
                self.stepper.take(loss, step, number)
            total += tally(loss, logits, y)
            seen += len(y)
            # Reading the loss waits for the device, so not at every step.
            if progress is not None and time.perf_counter() - reported > REPORT_INTERVAL:
                reported = time.perf_counter()
                mean = _read(total, seen)
                progress.step(number, seen / self.data.train.images, mean[0], mean[1])
        return _read(total, seen)

    def observed(self, epoch: int, step: int) -> AbstractContextManager[None]:
        """The context of one forward and backward pass: some are read for the diagnosis."""
        if self.diagnosis is None or not self.diagnosis.is_due(step, self.steps):
            return nullcontext()
        return self.diagnosis.reading(epoch, step, self.stepper.scale)

    def laid_out(self, x: Tensor) -> Tensor:
        """Inputs as the module's weights are stored."""
        if self.record.channels_last and x.ndim == 4:
            return x.contiguous(memory_format=torch.channels_last)
        return x

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of a batch, and its loss plus the weighted losses of the side heads."""
        with self.stepper.precision():
            outputs = self.forward(x)
        logits, *side_logits = outputs if self.network.sides else (outputs,)
        loss = self.recipe.loss.of(logits.float(), y)
        for side, extra in zip(self.network.sides, side_logits, strict=True):
            own = self.recipe.side_weight
            weight = side.weight if own is None else own
            loss = loss + weight * self.recipe.loss.of(extra.float(), y)
        return logits, loss

    def choose(self, epochs: list[Epoch]) -> tuple[int | None, bool]:
        """The epoch whose weights are kept, if not the last, and whether the training stops."""
        early = self.recipe.early_stopping
        if early is None:
            return None, False
        losses, accuracies = zip(*((e.test_loss, e.test_accuracy) for e in epochs), strict=True)
        best = early.best(losses, accuracies)
        if best == len(epochs):
            state = self.stepper.averaged.state_dict()
            self.best = {name: tensor.clone() for name, tensor in state.items()}
        return best or None, early.stops(losses, accuracies)

    def finish(self) -> None:
        """Put the weights of the best epoch into the module that is kept."""
        if self.best is not None:
            self.stepper.averaged.load_state_dict(self.best)

    def not_finite(self, message: str, fault: str | None) -> NotFinite:
        return NotFinite(
            f"{message}; {describe(fault)}",
            help=f"train again with a lower rate, `--set lr={self.recipe.lr / 10:g}`",
        )

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on; `module` is what is evaluated."""
        return {
            "module": self.stepper.averaged.state_dict(),
            "best": self.best,
            "normaliser": self.normaliser.state,
            **self.stepper.state(),
            "generator": self.generator.get_state(),
            "random": random_state(self.device),
        }

    def restore(self, saved: Checkpoint) -> None:
        """Continue from a checkpoint. Raises ArchError if it belongs to another training."""
        state = saved.state
        try:
            self.best = state["best"]
            if self.best is not None:
                self.module.load_state_dict(self.best)  # so that it fails here if it does not fit
            self.module.load_state_dict(state["module"])
            self.stepper.restore(state)
            self.generator.set_state(state["generator"])
            set_random_state(state["random"], self.device)
        except Exception:  # a crafted state fails in as many ways as torch has states
            raise ArchError(f"{saved.path} does not fit the network and recipe in it") from None


def _read(total: Tensor, seen: int) -> tuple[float, float]:
    """Mean loss and accuracy so far. Raises _FoundLate if the loss is not finite."""
    loss, accuracy = (total / seen).tolist()
    if not math.isfinite(loss):
        raise _FoundLate
    return loss, accuracy
