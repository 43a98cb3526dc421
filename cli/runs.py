"""archdsl runs"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from archdsl.extras import require
from archdsl.output.table import Cell, Column, Table, text_table
from . import output

if TYPE_CHECKING:
    from archdsl.train.history import Trial


@click.command("runs")
@click.argument("folders", metavar="[FOLDER]...", nargs=-1)
@click.option(
    "--curves", metavar="FILE.png", help="Draw the test accuracies by epoch in one figure."
)
@output.formats("table", "json")
def command(folders: tuple[str, ...], curves: str | None, format_: str) -> None:
    """List runs, and compare them.

    FOLDER holds runs, of one network or of several; by default it is `runs`. Runs that differ only
    in their seeds are one line, with the mean of their test accuracies and half of its 95 %
    interval.
    """
    require("archdsl runs", "train")
    from archdsl.train import history

    trials = history.trials(history.find_runs(folders or ("runs",)))
    if curves is not None:
        history.draw(curves, trials)
    if format_ == "json":
        from archdsl.train.trial_records import as_records

        output.emit_json(as_records(trials).model_dump())
        return
    output.emit(text_table(table(trials), output.width(), output.colour()))
    if curves is not None:
        output.emit(curves)


def table(trials: Sequence[Trial]) -> Table:
    """One row for each trial."""
    columns = (
        Column("network"),
        Column("data"),
        Column("settings", shrinks=True),
        Column("runs", "right"),
        Column("epochs", "right"),
        Column("accuracy", "right"),
        Column("seconds", "right"),
        Column("folder", shrinks=True),
    )
    return Table(columns, tuple(map(_row, trials)))


def _row(trial: Trial) -> tuple[Cell, ...]:
    finished, count = len(trial.finished), len(trial.runs)
    epochs = max(len(run.record.epochs) for run in trial.runs)
    total = trial.record.recipe.epochs
    return (
        Cell(trial.record.network, "cyan"),
        Cell(str(trial.record.recipe.data)),
        Cell(trial.text),
        Cell(str(count) if finished == count else f"{finished} of {count}"),
        Cell(str(epochs) if finished else f"{epochs} of {total}"),
        Cell(accuracy(trial)),
        Cell(f"{trial.seconds:.1f}"),
        Cell(str(trial.runs[-1].folder)),
    )


def accuracy(trial: Trial) -> str:
    """The mean accuracy with half of its interval; that of the last epoch if no run is finished."""
    if math.isnan(trial.mean):
        epochs = trial.runs[-1].record.epochs
        return f"({epochs[-1].test_accuracy:.2%})" if epochs else ""
    if math.isnan(trial.half_width):
        return f"{trial.mean:.2%}"
    return f"{trial.mean:.2%} ± {trial.half_width:.2%}"
