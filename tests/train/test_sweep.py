"""Lists of runs, their means over seeds, and sweeps."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path

import pytest

import archdsl
from archdsl.errors import ArchError
from archdsl.output.records import Trials
from archdsl.train import recipe_of, train
from archdsl.train.history import find_runs, trials
from archdsl.train.intervals import half_width
from archdsl.train.record import Epoch, Run, RunRecord
from archdsl.train.sweep import sweep, tasks

SPEC = """network one "One layer"
input 8x8x1
FC-10
train on digits { optimizer adam lr 0.01; batch 512, epochs 2 }

network two "Two layers"
input 8x8x1
FC-16, relu
FC-10
train on digits { optimizer sgd lr 0.1 momentum 0.9; batch 512, epochs 2 }
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "nets.arch"
    path.write_text(SPEC)
    return path


def run_of(folder: str, seed: int, accuracy: float | None, **settings: str) -> Run:
    """A finished run with one epoch, or one that has just begun."""
    network = archdsl.loads(SPEC.partition("\n\n")[0])
    recipe = recipe_of(network, settings)
    epochs = []
    if accuracy is not None:
        figures = dict.fromkeys(("train_loss", "train_accuracy", "test_loss"), 0.5)
        epochs = [Epoch(epoch=1, lr=0.1, test_accuracy=accuracy, seconds=2, **figures)]
    record = RunRecord(
        network="one", parameters={}, input=[1, 8, 8], params=650, recipe=recipe, seed=seed,
        device="cpu", archdsl="1", torch="2", finished=accuracy is not None, epochs=epochs,
    )  # fmt: skip
    return Run(Path(folder), record)


def test_a_trial_is_the_runs_that_differ_in_their_seeds():
    runs = [
        run_of("a", 2, 0.9), run_of("b", 0, 0.8), run_of("c", 1, 0.7, lr="0.1"),
        run_of("d", 1, None), run_of("e", 0, 0.75, lr="0.1"),
    ]  # fmt: skip
    first, second = trials(runs)
    assert [run.record.seed for run in first.runs] == [0, 1, 2]
    assert (first.text, second.text) == ("lr=0.01", "lr=0.1")
    assert first.mean == pytest.approx(0.85) and len(first.finished) == 2
    assert first.seconds == 4
    (only,) = trials(runs[:2])
    assert only.text == ""


def test_only_settings_that_differ_are_shown():
    texts = [
        trial.text
        for trial in trials(
            [
                run_of("a", 0, 0.9),
                run_of("b", 0, 0.9, optimizer="sgd", momentum="0.9"),
                run_of("c", 0, 0.9, schedule="divide lr by 10 every 5 epochs"),
                run_of("d", 0, 0.9, augment="shift 2"),
            ]
        )
    ]
    assert texts[0] == "optimizer=adam, schedule=constant, augment=none"
    assert texts[1].startswith("optimizer=sgd, ") and "optimizer.momentum=0.9" in texts[1]
    assert "schedule=steps" in texts[2] and "schedule.every=5" in texts[2]
    assert "augment=random shift" in texts[3]


@pytest.mark.parametrize(
    "values, quantile",
    [((0.8, 0.9), 12.706), ((0.8, 0.9, 0.95), 4.303), (tuple(i / 10 for i in range(10)), 2.262)],
)
def test_the_interval_is_students(values: tuple[float, ...], quantile: float):
    """The quantiles are those of the printed tables of t for 1, 2 and 9 degrees of freedom."""
    expected = quantile * statistics.stdev(values) / math.sqrt(len(values))
    assert half_width(values) == pytest.approx(expected, rel=1e-3)


def test_one_run_has_no_interval():
    assert math.isnan(half_width((0.5,))) and math.isnan(half_width(()))


def test_combinations_come_seed_by_seed(spec: Path):
    networks = [archdsl.load(f"{spec}:{name}") for name in ("one", "two")]
    work = tasks(networks, {"lr": ["0.1", "0.2"], "epochs": ["1", "3"]}, range(2))
    found = [(t.seed, t.network.name, t.recipe.lr, t.recipe.epochs) for t in work]
    own = [(n, lr, e) for n in ("one", "two") for lr in (0.1, 0.2) for e in (1, 3)]
    assert found == [(seed, *one) for seed in (0, 1) for one in own]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"lr": ["0.1", "-1"]}, "`lr` must be above 0"),
        ({"speed": ["1"]}, "a recipe has no setting `speed`"),
        ({"lr": [f"0.{i + 1}" for i in range(200)]}, "a sweep of 20,000 runs"),
    ],
)
def test_wrong_settings_are_refused_before_training(spec: Path, settings: dict, message: str):
    with pytest.raises(ArchError, match=message):
        tasks([archdsl.load(f"{spec}:one")], settings, range(100))


@pytest.mark.slow
def test_a_sweep_goes_on_where_it_stopped(spec: Path, tmp_path: Path):
    network, runs = archdsl.load(f"{spec}:one"), tmp_path / "runs"
    work = tasks([network], {"lr": ["0.1", "0.01"]}, range(2))

    class Stopping:
        """Stops in the second epoch of the second run."""

        def begin(self, run: Run) -> None:
            self.run = run

        def step(self, *_: object) -> None: ...

        def epoch(self, epoch: Epoch) -> None:
            if len(find_runs([runs])) == 2 and epoch.epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(sweep(work, "cpu", runs, Stopping()))
    begun = [run.folder for run in find_runs([runs])]
    assert [run.record.finished for run in find_runs([runs])] == [True, False]
    found = list(sweep(work, "cpu", runs))
    assert {run.folder for run in found} >= set(begun) and len(find_runs([runs])) == 4
    # The run that was stopped ends as one that was not.
    whole, _ = train(network, work[1].recipe, work[1].seed, "cpu", tmp_path / "whole")
    assert [e.test_loss for e in found[1].record.epochs] == [
        e.test_loss for e in whole.record.epochs
    ]
    assert [run.folder for run in sweep(work, "cpu", runs)] == [run.folder for run in found]


def test_another_text_is_another_run(spec: Path, tmp_path: Path):
    """A network that was changed since has no run yet."""
    runs = tmp_path / "runs"
    for text in (SPEC, SPEC.replace("FC-10\ntrain", "relu\nFC-10\ntrain", 1)):
        spec.write_text(text)
        list(sweep(tasks([archdsl.load(f"{spec}:one")], {}, [0]), "cpu", runs))
    assert len(find_runs([runs])) == 2


@pytest.mark.slow
def test_the_commands(spec: Path, tmp_path: Path, archdsl_cli):
    runs, picture = str(tmp_path / "runs"), tmp_path / "curves.png"
    code, out, err = archdsl_cli(
        "sweep",
        str(spec),
        "--set",
        "lr=0.1, 0.01",
        "--seeds",
        "2",
        "--runs",
        runs,
        "--on",
        "digits",
    )
    assert (code, err) == (0, "")
    assert "8 of 8: test accuracy" in out and out.count("lr=0.1 ") == 2
    code, again, _ = archdsl_cli("runs", runs, "--curves", str(picture))
    assert code == 0 and out.rstrip().endswith(again.rstrip().rpartition("\n")[0])
    assert picture.read_bytes()[:4] == b"\x89PNG"
    code, out, _ = archdsl_cli("runs", f"{runs}/one", "--format", "json")
    record = Trials.model_validate(json.loads(out))
    assert [(t.network, t.settings, len(t.runs)) for t in record.trials] == [
        ("one", {"lr": "0.1"}, 2), ("one", {"lr": "0.01"}, 2),
    ]  # fmt: skip
    for trial in record.trials:
        accuracies = [run.accuracy for run in trial.runs]
        assert trial.accuracy == pytest.approx(statistics.fmean(accuracies))
        assert trial.half_width == pytest.approx(half_width(accuracies))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["runs", "nowhere"], "the folder nowhere does not exist"),
        (["runs", "."], "holds no run"),
        (["sweep", "lenet5", "--set", "lr"], "`--set lr` does not set anything"),
        (["sweep", "lenet5", "--set", "lr="], "`--set lr=` does not set anything"),
    ],
)
def test_what_is_refused(
    arguments: list[str], message: str, archdsl_cli, tmp_path: Path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _, err = archdsl_cli(*arguments)
    assert code == 2 and message in err
