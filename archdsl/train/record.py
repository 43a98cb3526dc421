"""What a run leaves behind: its folder, its metrics, its record."""

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

from pydantic import BaseModel, ConfigDict, ValidationError

from archdsl.atomic_files import make_whole, remove_halves, write_whole
from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.pytorch.weights import CHECKPOINT
from archdsl.spec import parse
from archdsl.text.source import Source
from archdsl.train.recipe import Recipe

FILES = ("spec.arch", "record.json", "metrics.csv", CHECKPOINT, "curves.png")
DEAD = 3600  # seconds: making a folder takes moments, one that is made so long is nobody's


class Epoch(BaseModel):
    """One row of metrics.csv; accuracies are shares, `seconds` count training alone."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


class RunRecord(BaseModel):
    """record.json: what was trained, how, on what, and what came out."""

    model_config = ConfigDict(frozen=True)

    network: str
    parameters: dict[str, float | int]
    input: list[int]
    params: int
    recipe: Recipe
    seed: int
    device: str
    archdsl: str
    torch: str
    threads: int = 0  # of the CPU: sums are added in another order by another number of them
    finished: bool
    epochs: list[Epoch]


def network_of(spec: str, record: RunRecord) -> Network:
    """The network that was trained: its text, with the parameters and the input of the run.

    Raises ArchError where the text gives no such network.
    """
    texts = parse(Source(f"{record.network}.arch", spec))
    text = next((t for t in texts if t.name == record.network), texts[0])
    shape = (*record.input[1:], record.input[0])
    problems = []
    # The text's own input, or one that `--input` named, without and with channels.
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
    raise ArchError(f"it holds no network {record.network} with the input of the run")


class Run:
    """A training run and its folder.

    It holds spec.arch, record.json, metrics.csv, checkpoint.pt and curves.png. The checkpoint is
    the truth, the others are made of what it holds. `accuracy` is the test accuracy after the last
    epoch, `seconds` the time of training alone.
    """

    def __init__(self, folder: Path, record: RunRecord) -> None:
        self.folder = folder
        self.record = record

    @property
    def accuracy(self) -> float:
        return self.record.epochs[-1].test_accuracy

    @property
    def seconds(self) -> float:
        return sum(e.seconds for e in self.record.epochs)

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT

    def write(self) -> None:
        """record.json and metrics.csv, each whole or not at all."""
        write_whole(self.folder / "record.json", _json(self.record))
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(Epoch.model_fields)
        for epoch in self.record.epochs:
            table.writerow(epoch.model_dump().values())
        write_whole(self.folder / "metrics.csv", text.getvalue().encode())

    def tidy(self) -> None:
        """Remove what a killed process left half written. No other process may be at the run."""
        for name in FILES:
            remove_halves(self.folder / name)


def read_record(folder: Path) -> RunRecord:
    """record.json of a run. Raises ArchError where it is missing or damaged."""
    path = folder / "record.json"
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ArchError(
            f"{folder} is no run: it holds neither {CHECKPOINT} nor record.json",
            help="runs are kept in `runs/NETWORK/TIME`",
        ) from None
    except OSError as problem:
        raise ArchError(f"cannot read {path}: {problem.strerror}") from None
    except ValidationError:
        raise ArchError(f"{path} is damaged, or no record of a run") from None


def new_run(runs: Path, record: RunRecord, spec: str) -> Run:
    """A run in runs/<network>/<time>, which appears with its spec and its record inside.

    Raises ArchError where it cannot be made.
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
        reason = "a file stands in the way"
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
    """Remove what a process left that was killed while it made a folder."""
    for hidden in parent.glob(".????-??-??_??-??-??*"):
        with suppress(OSError):
            if time.time() - hidden.stat().st_mtime > DEAD:
                shutil.rmtree(hidden)


def _json(record: RunRecord) -> bytes:
    return (record.model_dump_json(indent=1) + "\n").encode()
