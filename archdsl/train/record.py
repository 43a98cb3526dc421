"""The files of a run: its folder, its metrics, its record."""

from __future__ import annotations

import csv
import io
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from archdsl.atomic_files import make_whole, remove_halves, write_whole
from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.pytorch.weights import CHECKPOINT
from archdsl.spec import parse
from archdsl.text.source import Source
from archdsl.train.data.images import Data
from archdsl.train.recipe import Recipe

FILES = ("spec.arch", "record.json", "metrics.csv", CHECKPOINT, "curves.png")
MOST_THREADS = 1024
DEAD = 3600  # seconds after which a half-made folder is abandoned; making one takes moments


class Epoch(BaseModel):
    """One row of metrics.csv. Accuracies are in 0 … 1; `seconds` is the time of training alone."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


class DataRecord(BaseModel):
    """The data that a run was trained on: where it was read, its classes, and how many images there
    were to train on and to measure the epochs by. `stream`: whether pictures are
    decoded anew in each epoch, or None to decide by their size."""

    model_config = ConfigDict(frozen=True)

    folder: str = ""
    stream: bool | None = None
    classes: list[str] = []
    images: int = 0
    held_out: int = 0

    @classmethod
    def of(cls, data: Data, folder: str, stream: bool | None) -> DataRecord:
        return cls(
            folder=folder,
            stream=stream,
            classes=list(data.classes),
            images=len(data.train.labels),
            held_out=len(data.epochs.labels),
        )


class RunRecord(BaseModel):
    """record.json: what was trained, how, on which device, and the results.

    `best` is the epoch whose weights are kept, by default the last. `notes`: what the user should
    know about the beginning.
    """

    model_config = ConfigDict(frozen=True)

    network: str
    parameters: dict[str, float | int]
    input: Annotated[list[PositiveInt], Field(min_length=1, max_length=4)]
    params: int
    recipe: Recipe
    seed: Annotated[int, Field(ge=-(2**63), lt=2**64)]
    device: str
    archdsl: str
    torch: str
    # Of the CPU: their number decides the order in which sums are added. More exhaust a machine.
    threads: Annotated[int, Field(ge=0, le=MOST_THREADS)] = 0
    channels_last: bool = False
    compile: bool = False
    notes: list[str] = []
    data: DataRecord = DataRecord()
    finished: bool
    best: Annotated[int | None, Field(ge=1)] = None
    epochs: list[Epoch]

    @model_validator(mode="after")
    def _best_is_an_epoch(self) -> Self:
        if self.best is not None and self.best > len(self.epochs):
            raise ValueError(f"there is no epoch {self.best}")
        return self

    @property
    def kept(self) -> Epoch:
        """The epoch whose weights are kept."""
        return self.epochs[(self.best or len(self.epochs)) - 1]


def network_of(spec: str, record: RunRecord) -> Network:
    """The network that was trained: its text, with the parameters and the input of the run.

    Raises ArchError if the text does not define that network.
    """
    texts = parse(Source(f"{record.network}.arch", spec))
    text = next((t for t in texts if t.name == record.network), texts[0])
    shape = (*record.input[1:], record.input[0])
    problems = []
    # The input of the text, or that of `--input`, without and with channels.
    for sizes in (None, shape[:-1], shape):
        try:
            network = Network(text, record.parameters, sizes)
        except ArchError as problem:
            problems.append(problem)
            continue
        if network.name == record.network and list(network.input) == record.input:
            return network
    if problems:
        raise problems[0]
    raise ArchError(f"it does not define a network {record.network} with the input of the run")


class Run:
    """A training run and its folder.

    The folder holds spec.arch, record.json, metrics.csv, checkpoint.pt and curves.png, all of which
    are written from what the checkpoint holds. `accuracy` is the test accuracy of the weights that
    are kept, `seconds` the time of training alone.
    """

    def __init__(self, folder: Path, record: RunRecord) -> None:
        self.folder = folder
        self.record = record

    @property
    def accuracy(self) -> float:
        return self.record.kept.test_accuracy

    @property
    def seconds(self) -> float:
        return sum(e.seconds for e in self.record.epochs)

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT

    def write(self) -> None:
        """Write record.json and metrics.csv, each atomically."""
        write_whole(self.folder / "record.json", _json(self.record))
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(Epoch.model_fields)
        for epoch in self.record.epochs:
            table.writerow(epoch.model_dump().values())
        write_whole(self.folder / "metrics.csv", text.getvalue().encode())

    def tidy(self) -> None:
        """Remove the half-written files of a killed process. The caller holds the lock."""
        for name in FILES:
            remove_halves(self.folder / name)


def read_record(folder: Path) -> RunRecord:
    """Read the record.json of a run. Raises ArchError if it is missing or damaged."""
    path = folder / "record.json"
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ArchError(
            f"{folder} is not a run: it has neither {CHECKPOINT} nor record.json",
            help="runs are kept in `runs/NETWORK/TIME`",
        ) from None
    except OSError as problem:
        raise ArchError(f"cannot read {path}: {problem.strerror}") from None
    except ValidationError:
        raise ArchError(f"{path} is damaged, or not the record of a run") from None


def new_run(runs: Path, record: RunRecord, spec: str) -> Run:
    """A run in the new folder runs/<network>/<time>, with its spec and its record inside.

    Raises ArchError if the folder cannot be made.
    """
    parent = runs / record.network
    folder, reason = parent, ""
    files = {"spec.arch": spec.encode(), "record.json": _json(record)}
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_dead(parent)
        for folder in _names(parent):
            try:
                make_whole(folder, files)
            except FileExistsError:
                continue
            return Run(folder, record)
    except FileExistsError:
        reason = "a file is in the way"
    except OSError as problem:
        reason = problem.strerror or str(problem)
    raise ArchError(
        f"cannot make the folder {folder}: {reason}", help="choose another folder with `--runs`"
    )


def _names(parent: Path) -> Iterator[Path]:
    now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    yield parent / now
    for number in count(2):
        yield parent / f"{now}_{number}"


def _remove_dead(parent: Path) -> None:
    """Remove the folders that killed processes left half made."""
    for hidden in parent.glob(".????-??-??_??-??-??*"):
        with suppress(OSError):
            if time.time() - hidden.stat().st_mtime > DEAD:
                shutil.rmtree(hidden)


def _json(record: RunRecord) -> bytes:
    return (record.model_dump_json(indent=1) + "\n").encode()
