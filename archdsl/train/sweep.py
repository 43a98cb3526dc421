"""Trainings of networks with several values of settings and several seeds.

`archdsl sweep lenet5 --set lr=0.1,0.01 --seeds 3` is six runs. A sweep that was stopped goes on:
runs that are finished are kept, one that was stopped is continued.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.train.data.name import DataName
from archdsl.train.history import find_runs
from archdsl.train.loop import Progress, resume, train
from archdsl.train.recipe import Recipe, recipe_of
from archdsl.train.record import Run

MOST_RUNS = 10_000


class Task(NamedTuple):
    """One run of a sweep."""

    network: Network
    recipe: Recipe
    seed: int


def tasks(
    networks: Sequence[Network],
    settings: Mapping[str, Sequence[str]],
    seeds: Sequence[int],
    data: DataName | None = None,
) -> list[Task]:
    """The runs of a sweep: every network with every combination of values, for the first seed, then
    for the next, so that a sweep that is stopped has compared them all.

    `data` is used instead of that of the recipes. Raises ArchError for a recipe that is wrong,
    before anything is trained.
    """
    count = len(networks) * len(seeds)
    for values in settings.values():
        count *= len(values)
    if count > MOST_RUNS:
        raise ArchError(
            f"a sweep of {count:,} runs", help=f"at most {MOST_RUNS:,}: use fewer values or seeds"
        )
    recipes = [
        (network, recipe_of(network, dict(zip(settings, values, strict=True))))
        for network in networks
        for values in product(*settings.values())
    ]
    if data is not None:
        update = {"data": data}
        recipes = [(network, recipe.model_copy(update=update)) for network, recipe in recipes]
    return [Task(network, recipe, seed) for seed in seeds for network, recipe in recipes]


def sweep(
    work: Sequence[Task],
    device: str | None = None,
    runs: str | Path = "runs",
    progress: Progress | None = None,
    data_dir: str | Path | None = None,
    download: bool = False,
) -> Iterator[Run]:
    """The runs of a sweep, each as soon as it is finished; those that a folder has are not trained
    again. The other arguments are those of `train`. Raises ArchError."""
    for task in work:
        run = _known(task, Path(runs))
        if run is None:
            run, _ = train(*task, device, runs, progress, data_dir, download)
        elif not run.record.finished:
            run, _ = resume(run.folder, device, progress, data_dir)
        yield run


def _known(task: Task, runs: Path) -> Run | None:
    """The run of a task that a folder has already, a finished one first."""
    folder = runs / task.network.name
    if not folder.is_dir():
        return None
    try:
        found = find_runs([folder])
    except ArchError:
        return None  # it holds no run, or a damaged one
    same = [run for run in found if _is_of(run, task)]
    return next((run for run in same if run.record.finished), same[0] if same else None)


def _is_of(run: Run, task: Task) -> bool:
    record, network = run.record, task.network
    if (record.seed, record.recipe) != (task.seed, task.recipe):
        return False
    if record.parameters != dict(network.parameters) or record.input != list(network.input):
        return False
    try:
        return (run.folder / "spec.arch").read_text("utf-8") == network.spec
    except (OSError, UnicodeDecodeError):
        return False
