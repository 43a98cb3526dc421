"""What a run leaves behind: its folder, its metrics, its record."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from archdsl.errors import ArchError
from archdsl.files import write_whole
from archdsl.train.recipe import Recipe


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
    finished: bool
    epochs: list[Epoch]


class Run:
    """A training run and its folder.

    It holds spec.arch, record.json, metrics.csv, checkpoint.pt and curves.png.
    `accuracy` is the test accuracy after the last epoch, `seconds` the time of training alone.
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
        return self.folder / "checkpoint.pt"

    def write(self) -> None:
        """record.json and metrics.csv, each whole or not at all."""
        write_whole(
            self.folder / "record.json", (self.record.model_dump_json(indent=1) + "\n").encode()
        )
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(Epoch.model_fields)
        for epoch in self.record.epochs:
            table.writerow(epoch.model_dump().values())
        write_whole(self.folder / "metrics.csv", text.getvalue().encode())


def new_folder(runs: Path, network: str) -> Path:
    """runs/<network>/<time>, made now and new. Raises ArchError where it cannot be made."""
    time = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    number = 1
    while True:
        folder = runs / network / (time if number == 1 else f"{time}_{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            if not folder.is_dir():
                raise ArchError(
                    f"cannot make the folder {folder}: a file stands in the way",
                    help="choose another folder with `--runs`",
                ) from None
            number += 1
        except OSError as problem:
            raise ArchError(
                f"cannot make the folder {folder}: {problem.strerror}",
                help="choose another folder with `--runs`",
            ) from None
