"""The trials of a folder as records: what `archdsl runs --format json` prints."""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.output.records import RunFigures, Trials
from archdsl.output.records import Trial as TrialRecord
from archdsl.train.history import Trial
from archdsl.train.record import Run


def as_records(trials: Sequence[Trial]) -> Trials:
    return Trials(trials=[_record(trial) for trial in trials])


def _record(trial: Trial) -> TrialRecord:
    return TrialRecord(
        network=trial.record.network,
        params=trial.record.params,
        data=str(trial.record.recipe.data),
        settings={name: str(value) for name, value in trial.settings.items()},
        accuracy=_number(trial.mean),
        half_width=_number(trial.half_width),
        runs=[_figures(run) for run in trial.runs],
    )


def _figures(run: Run) -> RunFigures:
    epochs = run.record.epochs
    return RunFigures(
        folder=str(run.folder),
        seed=run.record.seed,
        epochs=len(epochs),
        finished=run.record.finished,
        accuracy=run.accuracy if epochs else None,
        seconds=run.seconds,
    )


def _number(value: float) -> float | None:
    """JSON has no nan."""
    return None if math.isnan(value) else value
