"""The runs in a folder, and what their seeds say together.

Runs of the same network with the same recipe that differ in their seeds are one trial. Its accuracy
is the mean over its finished runs, with the half width of the 95 % interval of that mean by
Student's t.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from archdsl.atomic_files import write_whole
from archdsl.errors import ArchError
from archdsl.train.intervals import half_width
from archdsl.train.recipe import Recipe
from archdsl.train.record import Run, RunRecord, read_record

SHOWN_VALUE = 40  # characters of a setting's value


class Trial(NamedTuple):
    """Runs that differ in their seeds alone, in their order. `settings` are those in which the
    trials of the network differ."""

    runs: tuple[Run, ...]
    settings: Mapping[str, Any]

    @property
    def record(self) -> RunRecord:
        """The record of the first run, for what they have in common."""
        return self.runs[0].record

    @property
    def finished(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.record.finished)

    @property
    def accuracies(self) -> tuple[float, ...]:
        """The test accuracies of the finished runs, 0 … 1."""
        return tuple(run.accuracy for run in self.finished)

    @property
    def mean(self) -> float:
        """The mean of the accuracies; nan if no run is finished."""
        return statistics.fmean(self.accuracies) if self.accuracies else math.nan

    @property
    def half_width(self) -> float:
        """Half of the interval in which the mean lies; nan for fewer than two finished runs."""
        return half_width(self.accuracies)

    @property
    def seconds(self) -> float:
        """The time of training alone, of all runs."""
        return sum(run.seconds for run in self.runs)

    @property
    def text(self) -> str:
        """The settings, as they are shown: `lr=0.1, optimizer.momentum=0.9`."""
        return ", ".join(f"{name}={_shown(value)}" for name, value in self.settings.items())


def find_runs(folders: Iterable[str | Path]) -> list[Run]:
    """The runs in folders and below them, the oldest first.

    A folder may be that of one run, of the runs of a network, or of all. Raises ArchError for one
    that is missing or holds no run, or for a damaged record.
    """
    found: dict[Path, Run] = {}
    for name in folders:
        folder = Path(name)
        if not folder.is_dir():
            raise ArchError(f"the folder {folder} does not exist", help="runs are kept in `runs`")
        paths = sorted(folder.glob("record.json")) or sorted(
            path for path in folder.glob("*/**/record.json") if _is_visible(path, folder)
        )
        if not paths:
            raise ArchError(f"{folder} holds no run", help="train one: `archdsl train lenet5`")
        for path in paths:
            found[path.parent] = Run(path.parent, read_record(path.parent))
    return sorted(found.values(), key=lambda run: (run.folder.name, str(run.folder)))


def _is_visible(path: Path, folder: Path) -> bool:
    """Whether no folder on the way is hidden: half-made runs are."""
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)


def trials(runs: Iterable[Run]) -> list[Trial]:
    """The trials of runs, in the order of their first runs."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(_key(run.record), []).append(run)
    found = []
    for group in groups.values():
        record = group[0].record
        others = [
            one[0].record for one in groups.values() if one[0].record.network == record.network
        ]
        ordered = tuple(sorted(group, key=lambda run: run.record.seed))
        found.append(Trial(ordered, _settings(record.recipe, [one.recipe for one in others])))
    return found


def _settings(recipe: Recipe, others: Sequence[Recipe]) -> dict[str, Any]:
    """The settings of a recipe that are not the same in all of several. Of `optimizer adam` only
    what is not adam's default."""
    own, changed = _flat(recipe.model_dump()), _flat(recipe.model_dump(exclude_defaults=True))
    differing = _differing([_flat(one.model_dump()) for one in others])
    shown = (path for path in differing if "." not in path or path in changed)
    return {path: own[path] for path in shown if path in own}


def _key(record: RunRecord) -> str:
    """All that two runs of a trial have in common."""
    alike = record.model_dump_json(include={"network", "parameters", "input", "params", "recipe"})
    return str(alike)


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The values of nested records by their paths: `optimizer.momentum`; the name of a setting has
    that of its family, `optimizer`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        here = path if name == "kind" else f"{path}.{name}" if path else name
        if isinstance(value, dict):
            flat |= _flat(value, here)
        else:
            flat[here] = value
    return flat


def _differing(recipes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paths whose values differ between recipes, in order."""
    paths = dict.fromkeys(path for recipe in recipes for path in recipe)
    return [path for path in paths if len({repr(recipe.get(path)) for recipe in recipes}) > 1]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        parts = [str(one.get("kind", one)) if isinstance(one, dict) else f"{one}" for one in value]
        value = " ".join(parts) or "none"
    text = str(value)
    return text if len(text) <= SHOWN_VALUE else text[: SHOWN_VALUE - 1] + "…"


def draw(path: str | Path, shown: Sequence[Trial]) -> None:
    """Write the curves of trials as a PNG file: the mean of their test accuracies by epoch, and
    from the lowest to the highest as a band."""
    from archdsl.train.curves import compared

    curves = []
    for trial in shown:
        runs = [[epoch.test_accuracy for epoch in run.record.epochs] for run in trial.runs]
        names = (trial.record.network, trial.text)
        curves.append((", ".join(filter(None, names)), [run for run in runs if run]))
    write_whole(Path(path), compared(curves))
