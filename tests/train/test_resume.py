"""Runs that are stopped, killed, or out of disk space continue to the same weights, bit by bit."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from filelock import FileLock

import archdsl
from archdsl import ArchError, atomic_files
from archdsl.train import Epoch, NotFinite, Run, checkpoint, loop, recipe_of, resume, train
from archdsl.train.augment import Shift
from archdsl.train.data.images import Pixels
from archdsl.train.lock import NO_LOCKS, locked
from archdsl.train.losses import CrossEntropy
from archdsl.train.not_finite import first_fault, first_fault_of_weights
from archdsl.train.record import DEAD

# With batch norm, dropout, shifts, momentum and a schedule by steps, every kind of state matters.
SPEC = """network noisy
input 8x8x1
conv means conv-bn-relu
conv3-4
maxpool
dropout 0.3
FC-10
train on digits {
  optimizer sgd lr 0.05 momentum 0.9
  batch 256, epochs 3
  schedule one-cycle
  augment random shift 1
}
"""
NAMES = {"checkpoint.pt", "curves.png", "metrics.csv", "record.json", "spec.arch"}


class CallAt:
    """A progress that calls a function at a chosen moment: `begin`, `step 2` or `epoch 1`."""

    def __init__(self, moment: str, then: Callable[[], object]) -> None:
        self.moment = moment
        self.then = then
        self.run: Run

    def reached(self, moment: str) -> None:
        if moment == self.moment:
            self.then()

    def begin(self, run: Run) -> None:
        self.run = run
        self.reached("begin")

    def step(self, epoch: int, share: float, loss: float, accuracy: float) -> None:
        if share > 0.5:
            self.reached(f"step {epoch}")

    def epoch(self, epoch: Epoch) -> None:
        self.reached(f"epoch {epoch.epoch}")


class Stopped(Exception):
    pass


def stop() -> None:
    raise Stopped


def start(folder: Path, progress: CallAt | None = None, text: str = SPEC, **settings: str):
    net = archdsl.loads(text)
    return train(net, recipe_of(net, settings), 7, "cpu", folder, progress)


def stopped(folder: Path, moment: str, text: str = SPEC) -> Path:
    """The folder of a run that was stopped at a moment."""
    progress = CallAt(moment, stop)
    with pytest.raises(Stopped):
        start(folder, progress, text)
    return progress.run.folder


@pytest.fixture(autouse=True, scope="module")
def quick():
    """Report every step, and draw curves as text: they take most of the time of so short a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "REPORT_INTERVAL", -1.0)
        patch.setattr(loop, "curves", lambda title, epochs: f"{len(epochs)} epochs".encode())
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was not stopped."""
    return start(tmp_path_factory.mktemp("whole"))[0].folder


@pytest.fixture
def halted(tmp_path: Path) -> Path:
    """The folder of a run that was stopped after its first epoch."""
    return stopped(tmp_path, "epoch 1")


def saved(folder: Path) -> dict:
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def metrics(record: dict) -> list[dict]:
    return [{k: v for k, v in e.items() if k != "seconds"} for e in record["epochs"]]


def same(a: Path, b: Path) -> bool:
    """Whether two runs ended with the same weights, bit by bit, and the same metrics."""
    one, other = saved(a), saved(b)
    assert one["module"].keys() == other["module"].keys()
    equal = all(torch.equal(t, other["module"][name]) for name, t in one["module"].items())
    return equal and metrics(one["record"]) == metrics(other["record"])


def whole_and_tidy(folder: Path) -> None:
    """The folder has the files of a finished run, and they agree."""
    assert {p.name for p in folder.iterdir()} == NAMES
    record = json.loads((folder / "record.json").read_text())
    assert record == json.loads(json.dumps(saved(folder)["record"]))
    assert record["finished"] and len(record["epochs"]) == 3
    rows = (folder / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]
    assert (folder / "spec.arch").read_text() == SPEC
    assert (folder / "curves.png").read_text() == "3 epochs"


MOMENTS = ["begin", "step 1", "epoch 1", "step 2", "epoch 2", "step 3", "epoch 3"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_continues_from_every_moment(moment: str, whole: Path, tmp_path: Path):
    folder = stopped(tmp_path, moment)
    run, module = resume(folder)
    assert run.folder == folder and same(folder, whole)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, saved(whole)["module"][name])
    whole_and_tidy(folder)


def test_a_run_may_be_resumed_several_times(whole: Path, tmp_path: Path):
    folder = stopped(tmp_path, "step 1")
    for moment in ("epoch 1", "step 2", "epoch 2"):
        with pytest.raises(Stopped):
            resume(
                folder / "checkpoint.pt" if moment == "epoch 2" else folder,
                None,
                CallAt(moment, stop),
            )
    resume(folder)
    assert same(folder, whole)


@pytest.mark.parametrize(
    "recipe",
    [
        "adam lr 0.01; schedule cosine",
        "sgd lr 0.1; schedule halve every epoch",
        "alexnet lr 0.01; warm-up 1 epoch; accumulate 2; clip norm 1",
        "rmsprop lr 0.001, eps inside, momentum 0.9; average ema 0.9 warm start",
        "adamw lr 0.01; weight decay 0.1, not on norms and biases; average swa from epoch 2",
        "muon lr 0.01; average polyak; schedule halve on plateau patience 0 threshold 0.5",
        "adagrad lr 0.01; early stopping patience 1 threshold 10; amp bf16",
        "adadelta lr 1; amp fp16; dropout from 0 to 0.5 over 2 epochs; linear",
        "sgd lr 0.1; init he normal, bias 0; early stopping patience 2 on accuracy; clip value 1",
    ],
)
def test_other_optimizers_and_schedules(recipe: str, tmp_path: Path):
    text = SPEC.replace("sgd lr 0.05 momentum 0.9", recipe).replace("schedule one-cycle\n", "\n")
    folder = stopped(tmp_path / "stopped", "epoch 2", text)
    resume(folder)
    assert same(folder, start(tmp_path / "whole", None, text)[0].folder)


STATES = ("optimizer", "rates", "generator", "random")


@pytest.mark.parametrize("part", ["module", *STATES])
def test_every_state_matters(part: str, halted: Path, whole: Path, tmp_path: Path):
    """A resume that forgot one of the states would end differently."""
    net = archdsl.loads(SPEC)
    record = Run(halted, checkpoint.read_checkpoint(halted / "checkpoint.pt").record).record
    device, other = torch.device("cpu"), record.model_copy(update={"seed": 8})
    data = loop._splits(net, other, device, loop.reading.read(net, other.recipe))
    fresh = loop._Training(net, other, device, data).state()
    state = saved(halted)
    assert fresh.keys() < state.keys()
    state[part] = fresh[part]
    torch.save(state, halted / "checkpoint.pt")
    resume(halted)
    assert not same(halted, whole)


def test_parameters_input_and_name_are_kept(tmp_path: Path):
    """A run stores its network: one of several in a file, with -p and --input."""
    text = "network a\ninput 8x8x1\nFC-10\nnetwork b(k=2)\ninput 12x12 grey\nconv3-(k)\nFC-10\n"
    (tmp_path / "two.arch").write_text(text + SPEC[SPEC.index("train") :])
    net = archdsl.load(f"{tmp_path / 'two.arch'}:b", {"k": 3}, (9, 10))
    progress = CallAt("epoch 1", stop)
    with pytest.raises(Stopped):
        train(net, recipe_of(net, {"epochs": "2"}), 0, "cpu", tmp_path, progress)
    (tmp_path / "two.arch").unlink()
    run, module = resume(progress.run.folder)
    assert (run.record.parameters, run.record.input) == ({"k": 3}, [1, 9, 10])
    assert module.conv1.weight.shape == (3, 1, 3, 3)
    plain = archdsl.loads("input 64\nFC-10\n" + SPEC[SPEC.index("train") :], None, (100,), "x.arch")
    run, _ = train(plain, recipe_of(plain, {"epochs": "1"}), 0, "cpu", tmp_path)
    assert resume(run.folder)[0].record == run.record and run.record.network == "x"


def test_the_other_files_are_written_again(halted: Path, whole: Path):
    (halted / "record.json").write_text("{")
    (halted / "metrics.csv").unlink()
    (halted / "spec.arch").write_text("another")
    (halted / "curves.png").write_text("stale")
    progress = CallAt("begin", stop)
    with pytest.raises(Stopped):
        resume(halted, None, progress)
    assert (
        json.loads((halted / "record.json").read_text())["epochs"]
        == saved(halted)["record"]["epochs"]
    )
    assert len((halted / "metrics.csv").read_text().splitlines()) == 2
    assert (halted / "curves.png").read_text() == "1 epochs"
    resume(halted)
    whole_and_tidy(halted)
    assert same(halted, whole)


def test_leftovers_of_a_killed_process_are_removed(halted: Path):
    for name in (
        ".checkpoint.pt.x1",
        ".record.json.abc",
        ".curves.png.zz",
        ".spec.arch.q",
        ".lock",
    ):
        (halted / name).write_text("half")
    mine = halted / ".notes"
    mine.write_text("the user's own")
    resume(halted)
    assert {p.name for p in halted.iterdir()} == NAMES | {mine.name}


def test_a_finished_run_is_only_read(tmp_path: Path, whole: Path, archdsl_cli):
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    code, out, error = archdsl_cli("train", "--resume", str(folder))
    assert (code, error) == (0, "")
    assert out.splitlines()[1] == "the run is finished"
    accuracy = saved(whole)["record"]["epochs"][-1]["test_accuracy"]
    assert out.splitlines()[2].startswith(f"test accuracy {accuracy:.2%} after epoch 3, ")
    assert same(folder, whole)


def test_the_command_continues_a_run(halted: Path, whole: Path, archdsl_cli):
    code, out, error = archdsl_cli("train", "--resume", str(halted), "--device", "cpu")
    assert (code, error) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("noisy: 694 params, input 8×8×1, digits, 3 epochs of batches of 256")
    assert lines[1] == "continues after epoch 1"
    assert [line[:9] for line in lines[2:4]] == ["epoch 2/3", "epoch 3/3"]
    assert lines[4].endswith(f"in {halted}")
    assert same(halted, whole)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["lenet5"], "NETWORK"),
        (["--set", "epochs=4"], "--set"),
        (["--seed", "0"], "--seed"),
        (["--input", "9x9"], "--input"),
        (["-p", "k=3"], "-p"),
        (["--runs", "runs"], "--runs"),
    ],
)
def test_a_run_continues_as_it_began(arguments: list[str], named: str, tmp_path: Path, archdsl_cli):
    code, out, error = archdsl_cli("train", "--resume", str(tmp_path), *arguments)
    assert (code, out) == (2, "")
    assert error.startswith(
        f"error: `--resume` continues a run as it began and cannot be combined with {named}\n"
    )


# Damage.


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])


def flipped(path: Path) -> None:
    """Flip one bit of a weight."""
    data = bytearray(path.read_bytes())
    data[data.index(saved(path.parent)["module"]["fc1.weight"].numpy().tobytes()) + 5] ^= 1
    path.write_bytes(data)


def foreign(path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, path)


def of_another_network(path: Path) -> None:
    state = saved(path.parent)
    state["module"]["fc1.weight"] = torch.zeros(10, 3)
    torch.save(state, path)


def code(path: Path) -> None:
    torch.save({"spec": Stopped}, path)


@pytest.mark.parametrize(
    ("harm", "shown"),
    [
        (lambda path: cut(path, 0), "is damaged, or was not saved by torch"),
        (lambda path: cut(path, 0.1), "is damaged, or was not saved by torch"),
        (lambda path: cut(path, 0.5), "is damaged, or was not saved by torch"),
        (lambda path: cut(path, 0.999), "is damaged, or was not saved by torch"),
        (lambda path: path.write_text("hello"), "is damaged, or was not saved by torch"),
        (flipped, "is damaged, or was not saved by torch"),
        (foreign, "is not the checkpoint of a run"),
        (of_another_network, "does not fit the network and recipe in it"),
        (code, "contains more than tensors and plain values"),
        (lambda path: path.unlink(), "there is no file"),
    ],
)
def test_a_damaged_checkpoint(harm, shown: str, halted: Path, archdsl_cli):
    path = halted / "checkpoint.pt"
    harm(path)
    code, out, error = archdsl_cli("train", "--resume", str(halted))
    assert (code, out) == (2, "")
    assert error.startswith("error: ") and str(path) in error and shown in error
    assert "help: " in error or "damaged" in error


def test_a_damaged_record_or_spec_before_the_first_epoch(tmp_path: Path):
    folder = stopped(tmp_path, "step 1")
    record = (folder / "record.json").read_text()
    for text in ("{", "{}", record.replace("0.05", '"much"')):
        (folder / "record.json").write_text(text)
        with pytest.raises(ArchError, match=r"record\.json is damaged"):
            resume(folder)
    (folder / "record.json").write_text(record)
    (folder / "spec.arch").write_text("network noisy\ninput 8x8x1\nmaxpol")
    with pytest.raises(ArchError, match="unknown layer `maxpol`"):
        resume(folder)
    (folder / "spec.arch").unlink()
    with pytest.raises(ArchError, match=r"spec\.arch: No such file"):
        resume(folder)


def test_a_folder_without_a_run_is_refused(tmp_path: Path):
    with pytest.raises(ArchError, match="is not a run"):
        resume(tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ArchError, match="there is no run"):
        resume(tmp_path / "nothing")


# Two at once.


def test_one_process_at_a_time(halted: Path, archdsl_cli):
    with locked(halted):
        code, out, error = archdsl_cli("train", "--resume", str(halted))
    assert (code, out) == (2, "")
    assert error.startswith(f"error: another process is training the run {halted}\nhelp: ")
    progress = CallAt("begin", lambda: resume(halted))
    with pytest.raises(ArchError, match="another process"):
        resume(halted, None, progress)
    resume(halted)


@pytest.mark.parametrize("reason", NO_LOCKS)
def test_systems_without_locks(reason: int, halted: Path, whole: Path, monkeypatch):
    def refuse(lock: FileLock, timeout: float) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    resume(halted)
    assert same(halted, whole)
    assert {p.name for p in halted.iterdir()} == NAMES


def test_a_folder_that_cannot_be_locked(halted: Path, monkeypatch):
    (halted / ".lock").mkdir()
    with pytest.raises(ArchError, match=r"cannot write .*\.lock: Is a directory"):
        resume(halted)


# Signals.


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_training(number, expected, tmp_path, monkeypatch, archdsl_cli, whole):
    """The signal arrives while an epoch is being saved; the epoch is saved."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noisy.arch").write_text(SPEC)
    before = signal.getsignal(number)
    save = checkpoint.save

    def signal_and_save(state: checkpoint.Checkpoint) -> None:
        os.kill(os.getpid(), number)
        save(state)

    monkeypatch.setattr(checkpoint, "save", signal_and_save)
    code, out, error = archdsl_cli("train", "noisy.arch", "--seed", "7", "--device", "cpu")
    assert (code, error) == (expected, "")
    assert signal.getsignal(number) is before
    *_, stopped, command = out.splitlines()
    assert stopped == "stopped: epoch 1 of 3 is saved; to continue:"
    monkeypatch.setattr(checkpoint, "save", save)
    code, out, error = archdsl_cli(*command.split()[1:])
    assert (code, error) == (0, "")
    assert same(Path(command.split()[-1]), whole)


def test_a_signal_before_the_first_epoch(tmp_path: Path, monkeypatch, archdsl_cli):
    (tmp_path / "noisy.arch").write_text(SPEC)
    new_run = loop.new_run

    def signal_and_new_run(*arguments) -> Run:
        os.kill(os.getpid(), signal.SIGINT)
        return new_run(*arguments)

    monkeypatch.setattr(loop, "new_run", signal_and_new_run)
    code, out, _ = archdsl_cli("train", str(tmp_path / "noisy.arch"), "--runs", str(tmp_path))
    assert code == 130 and out.startswith("stopped: no epoch is saved yet; to continue:\n")
    assert resume(out.split()[-1])[0].record.finished


def test_ignored_signals_stay_ignored_and_a_second_one_is_final():
    from archdsl.cli.stop import Stop

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with Stop() as stop:
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
            with pytest.raises(KeyboardInterrupt):
                stop.check()
    finally:
        signal.signal(signal.SIGTERM, before)


# Numbers that are not finite.

DIVERGES = SPEC.replace("lr 0.05", "lr 1000").replace("conv means conv-bn-relu\n", "")


def test_a_loss_that_is_not_finite(tmp_path: Path, monkeypatch, archdsl_cli):
    """The same step and layer are found if the loss is read late, as on a GPU."""
    (tmp_path / "noisy.arch").write_text(DIVERGES)
    monkeypatch.setattr(loop, "REPORT_INTERVAL", 1e9)
    shown = []
    for synchronous in ({"cpu"}, set()):
        monkeypatch.setattr(loop, "SYNCHRONOUS", synchronous)
        code, out, error = archdsl_cli(
            "train", str(tmp_path / "noisy.arch"), "--runs", str(tmp_path), "--device", "cpu",
            "--set", "schedule=constant", "--set", "batch=64",
        )  # fmt: skip
        assert code == 1 and out.count("\n") == 1
        shown.append(error)
    assert re.fullmatch(
        r"error: the loss of epoch 1, step \d+ of 23 is (nan|inf); the first layer that is not "
        r"finite is `(conv1|fc1)`, in its (output|weight|bias)\n"
        r"help: train again with a lower rate, `--set lr=100`\n",
        shown[0],
    )
    assert shown[0] == shown[1]


@pytest.mark.parametrize("synchronous", [{"cpu"}, set()], ids=["read at every step", "read late"])
def test_the_last_good_epoch_stays(synchronous: set, tmp_path: Path, monkeypatch):
    """The weights become nan in epoch 2; epoch 1 is on disk, and the error names it."""
    monkeypatch.setattr(loop, "SYNCHRONOUS", synchronous)
    shifts = Shift.apply

    def broken(self, images, generator):
        moved = shifts(self, images, generator)
        return moved * math.inf if len(progress.run_epochs()) else moved

    class Recorded(CallAt):
        done = 0

        def epoch(self, epoch: Epoch) -> None:
            self.done = epoch.epoch

        def run_epochs(self) -> range:
            return range(self.done)

    progress = Recorded("never", stop)
    monkeypatch.setattr(Shift, "apply", broken)
    with pytest.raises(NotFinite) as caught:
        start(tmp_path, progress)
    shown = str(caught.value)
    assert "the loss of epoch 2, step 1 of 6 is nan" in shown
    assert "`conv1.conv`, in its output" in shown
    assert f"note: epoch 1 is saved in {progress.run.folder}" in shown
    monkeypatch.setattr(Shift, "apply", shifts)
    good = saved(progress.run.folder)
    assert all(t.isfinite().all() for t in good["module"].values())
    assert resume(progress.run.folder)[0].record.finished


def test_weights_that_the_last_step_breaks_are_never_saved(tmp_path: Path, monkeypatch):
    step = torch.optim.SGD.step
    steps = []

    def last_breaks(self, *arguments, **options):
        step(self, *arguments, **options)
        steps.append(1)
        if len(steps) == 12:
            self.param_groups[0]["params"][-1].data[3] = math.nan

    monkeypatch.setattr(torch.optim.SGD, "step", last_breaks)
    with pytest.raises(NotFinite) as caught:
        start(tmp_path)
    assert "the weights are not finite after epoch 2; " in str(caught.value)
    assert "the first layer that is not finite is `fc1`, in its bias" in str(caught.value)
    (folder,) = (tmp_path / "noisy").iterdir()
    assert saved(folder)["record"]["epochs"][-1]["epoch"] == 1


def test_a_test_loss_that_is_not_finite(tmp_path: Path, monkeypatch):
    read = loop.reading.read

    def huge(*arguments):
        data = read(*arguments)
        values, labels = data.epochs
        return data._replace(epochs=Pixels(values * math.inf, labels))

    monkeypatch.setattr(loop.reading, "read", huge)
    with pytest.raises(NotFinite, match=r"the test loss after epoch 1 is nan; .*`conv1\.conv`"):
        start(tmp_path)


def test_the_failed_batch_runs_again_unchanged(tmp_path: Path, monkeypatch):
    """The same units drop out; otherwise the layer might not fail again."""
    seen: list[torch.Tensor] = []

    def third_is_nan(self, logits, y):
        seen.append(logits)
        return logits.sum() * (math.nan if len(seen) == 3 else 1e-3)

    def run_again(module, x):
        seen.append(module(x))

    monkeypatch.setattr(CrossEntropy, "of", third_is_nan)
    monkeypatch.setattr(loop, "first_fault", run_again)
    with pytest.raises(NotFinite, match="the loss of epoch 1, step 3 of 6 is nan; every layer is"):
        start(tmp_path)
    assert len(seen) == 4 and torch.equal(seen[2], seen[3])


def test_losses_too_large_for_their_sum(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(loop, "tally", lambda loss, logits, y: torch.tensor([3e38, 0.0]))
    with pytest.raises(NotFinite, match="the mean loss of epoch 1 is not finite"):
        start(tmp_path)


def test_the_first_layer_that_is_not_finite():
    net = archdsl.loads("input 8x8x1\nconv means conv-bn-relu\nconv3-4 x2\nFC-10\n")
    x = torch.ones(4, 1, 8, 8)
    for key, shown in (
        (None, None),
        ("conv1.0.conv.weight", "`conv1.0.conv`, in its weight"),
        ("conv1.1.conv.bias", None),
        ("conv1.1.bn.running_var", "`conv1.1.bn`, in its running_var"),
        ("fc1.bias", "`fc1`, in its bias"),
    ):
        module = net.module().eval()
        if key in module.state_dict():
            module.state_dict()[key].view(-1)[-1] = math.inf
            assert first_fault_of_weights(module) == shown
        assert first_fault(module, x) == shown
    module = net.module().eval()
    module.conv1[1].conv.weight.data *= 1e38
    module.conv1[1].conv.weight.data.clamp_(-3e38, 3e38)
    assert first_fault(module, x * 1e5) == "`conv1.1.conv`, in its output"
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())


# Disks.


@contextmanager
def files_of_at_most(size: int):
    """Files cannot grow beyond a size: like a full disk, in the middle of a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_file_too_large_for_the_system(halted: Path, whole: Path, archdsl_cli):
    before = (halted / "checkpoint.pt").read_bytes()
    with files_of_at_most(4000):
        code, _, error = archdsl_cli("train", "--resume", str(halted))
    assert code == 2 and error.splitlines() == [
        f"error: cannot write {halted}/checkpoint.pt: File too large",
        f"note: epoch 1 is saved in {halted}",
        f"help: once this is fixed, continue with `archdsl train --resume {halted}`",
    ]
    assert (halted / "checkpoint.pt").read_bytes() == before
    assert {p.name for p in halted.iterdir()} == NAMES
    resume(halted)
    assert same(halted, whole)


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["mkstemp", "write", "fsync", "close", "replace"])
def test_a_full_disk(call: str, reason: int, tmp_path: Path, monkeypatch):
    """Whichever call fails, the old file stays and nothing is left next to it."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    problem = OSError(reason, os.strerror(reason))

    def refuse(*arguments, **options):
        raise problem

    fdopen = os.fdopen

    def full(handle: int, mode: str):
        file = fdopen(handle, mode)

        class Full:
            def __enter__(self):
                return self

            def __exit__(self, *exception):
                file.close()
                if call == "close":
                    raise problem

            def write(self, data):
                return refuse() if call == "write" else file.write(data)

            flush = file.flush
            fileno = file.fileno

        return Full()

    if call in ("write", "close"):
        monkeypatch.setattr(os, "fdopen", full)
    elif call == "mkstemp":
        monkeypatch.setattr(atomic_files.tempfile, call, refuse)
    else:
        monkeypatch.setattr(os, call, refuse)
    with pytest.raises(ArchError) as caught:
        atomic_files.write_whole(path, b"new")
    assert str(caught.value) == f"error: cannot write {path}: {os.strerror(reason)}"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"] and path.read_text() == "old"
    monkeypatch.undo()
    atomic_files.write_whole(path, b"new")
    assert path.read_text() == "new"


def test_a_folder_that_vanishes(tmp_path: Path):
    progress = CallAt("epoch 1", lambda: shutil.rmtree(progress.run.folder))
    with pytest.raises(ArchError, match=r"checkpoint\.pt: No such file or directory"):
        start(tmp_path, progress)


def test_something_in_the_way_of_a_file(halted: Path):
    (halted / "metrics.csv").unlink()
    (halted / "metrics.csv" / "full").mkdir(parents=True)
    with pytest.raises(ArchError, match=r"cannot write .*metrics\.csv: Is a directory"):
        resume(halted)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch):
    folder = tmp_path / "run"
    seen = []
    replace = os.replace

    def watched(old, new):
        seen.append(sorted(p.name for p in tmp_path.iterdir()))
        replace(old, new)

    monkeypatch.setattr(os, "replace", watched)
    atomic_files.make_whole(folder, {"a": b"1", "b": b"2"})
    assert seen == [[".run"], [".run"]]
    assert sorted(p.name for p in folder.iterdir()) == ["a", "b"]
    with pytest.raises(FileExistsError):
        atomic_files.make_whole(folder, {"a": b"3"})

    def refuse(old, new):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ArchError, match="No space left"):
        atomic_files.make_whole(tmp_path / "other", {"a": b"1"})
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_a_killed_process_was_making(tmp_path: Path):
    """An old one is removed; a recent one may belong to another process."""
    parent = tmp_path / "noisy"
    old, fresh = parent / ".2020-01-01_00-00-00", parent / ".2020-01-01_00-00-01"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
        (folder / "spec.arch").write_text("half")
    past = time.time() - DEAD - 60
    os.utime(old, (past, past))
    start(tmp_path, None, SPEC, epochs="1")
    assert not old.exists() and fresh.exists()


# Killed.

LONGER = SPEC.replace("batch 256, epochs 3", "batch 64, epochs 5")


def trained_by_a_process(folder: Path, text: str, number: int) -> tuple[int, list[str]]:
    """`archdsl train` in a process group of its own, sent a signal after its second epoch.

    Returns its exit code and the lines that it wrote after that.
    """
    (folder / "noisy.arch").write_text(text)
    command = [sys.executable, "-u", "-m", "archdsl.cli", "train", "noisy.arch"]
    with subprocess.Popen(
        [*command, "--seed", "7", "--device", "cpu"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background may ignore the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 2/"):
                break
        os.killpg(process.pid, number)
        rest = process.stdout.read()
    return process.returncode, rest.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_a_process(number: int, expected: int, tmp_path: Path):
    text = LONGER.replace("epochs 5", "epochs 200")
    code, (*epochs, shown, command) = trained_by_a_process(tmp_path, text, number)
    assert code == expected
    assert all(line.startswith("epoch ") for line in epochs)
    folder = tmp_path / command.removeprefix("archdsl train --resume ")
    done = saved(folder)["record"]["epochs"]
    assert shown == f"stopped: epoch {len(done)} of 200 is saved; to continue:"
    assert {p.name for p in folder.iterdir()} == NAMES - {"curves.png"}
    assert json.loads((folder / "record.json").read_text())["epochs"] == done


@pytest.mark.slow
def test_a_killed_process(tmp_path: Path):
    code, _ = trained_by_a_process(tmp_path, LONGER, signal.SIGKILL)
    assert code == -signal.SIGKILL
    (folder,) = (tmp_path / "runs" / "noisy").iterdir()
    resume(folder)
    assert same(folder, start(tmp_path / "whole", None, LONGER)[0].folder)


# Starting Python and torch would take most of the time: these runs are forked from a process that
# has imported everything, and draw the curves as text.
FORKED = """
import os, random, resource, signal
import sklearn.datasets, sklearn.model_selection, torch
import archdsl.train.loop
from archdsl.cli import main

torch.optim.SGD([torch.zeros(1)])  # imports more
archdsl.train.loop.curves = lambda title, epochs: f"{len(epochs)} epochs".encode()

def forked(number, prepare):
    pid = os.fork()
    if not pid:
        prepare()
        try:
            main(["train", "noisy.arch", "--seed=7", "--device=cpu", f"--runs=runs{number}"])
        except SystemExit as end:
            os._exit(end.code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL, -signal.SIGPROF), status
    return status
"""

# Each run kills itself before a later file operation than the previous run, until one finishes.
OPERATIONS = """
def dying(number):
    left = [number]
    def before(call):
        def counted(*arguments, **options):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return call(*arguments, **options)
        return counted
    for name in ("mkdir", "rename", "replace", "unlink"):
        setattr(os, name, before(getattr(os, name)))

number = 0
while forked(number, lambda: dying(number)):
    number += 1
"""

# Each run is killed by its own timer, at a random moment in a different tenth of the time that a
# whole run takes. The signal is not handled, so it is as final as SIGKILL. The timer counts CPU
# time, so that the moments do not depend on the load.
RANDOM = """
def used():
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime

forked("_whole", lambda: None)
whole = used()
chance = random.Random(0)
for number in range(10):
    moment = (number + chance.random()) / 10 * whole
    forked(number, lambda: signal.setitimer(signal.ITIMER_PROF, moment))
"""


def all_resumed(folder: Path, text: str, code: str) -> list[int]:
    """Resume all killed runs, which must end like one that was not killed, and return how many
    epochs each had saved."""
    (folder / "noisy.arch").write_text(text)
    whole, _ = start(folder / "whole", None, text)
    done = subprocess.run(
        [sys.executable, "-c", FORKED + code], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    epochs = []
    for run in folder.glob("runs*/noisy/[!.]*"):
        assert {"spec.arch", "record.json"} <= {p.name for p in run.iterdir()}
        begun = (run / "checkpoint.pt").exists()
        epochs.append(len(saved(run)["record"]["epochs"]) if begun else 0)
        resume(run)
        assert same(run, whole.folder)
        assert {p.name for p in run.iterdir()} == NAMES
    return epochs


@pytest.mark.slow
def test_killed_at_every_file_operation(tmp_path: Path):
    epochs = all_resumed(tmp_path, SPEC, OPERATIONS)
    assert set(epochs) == {0, 1, 2, 3} and len(epochs) > 15


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path):
    epochs = all_resumed(tmp_path, LONGER, RANDOM)
    assert len(set(epochs)) >= 3  # of 0 … 5


def test_a_run_keeps_its_number_of_threads(halted: Path, whole: Path):
    """Another number of threads adds in another order."""
    record = json.loads((halted / "record.json").read_text())
    before = torch.get_num_threads()
    assert record["threads"] == before
    used = []
    torch.set_num_threads(before + 1)
    try:
        resume(halted, progress=CallAt("step 2", lambda: used.append(torch.get_num_threads())))
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert set(used) == {before}
    assert same(halted, whole)


def test_a_run_continues_only_in_its_folder(halted: Path):
    shutil.copy(halted / "checkpoint.pt", halted / "later.pt")
    with pytest.raises(ArchError, match="is not a run"):
        resume(halted / "later.pt")
    resume(halted / "checkpoint.pt")


def test_a_finished_run_keeps_its_record(halted: Path):
    resume(halted)
    before = (halted / "record.json").read_text()
    resume(halted, device="cpu:0")
    assert (halted / "record.json").read_text() == before


def crafted(folder: Path, **changes: object) -> Path:
    """The run with other values in its checkpoint; `record_x` is in its record."""
    path = folder / "checkpoint.pt"
    state = saved(folder)
    for name, value in changes.items():
        place, _, inner = name.partition("_") if name.startswith("record_") else (name, "", "")
        (state[place] if inner else state)[inner or name] = value
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"module": None},
        {"module": []},
        {"module": {5: torch.zeros(1)}},
        {"optimizer": None},
        {"optimizer": {"state": 1}},
        {"rates": None},
        {"rates": {"step": -1, "best": 0, "bad": 0, "drops": 0}},
        {"best": {"conv1": 3}},
        {"generator": None},
        {"random": None},
        {"random": {}},
        {"record_input": []},
        {"record_input": [1, -8, 8]},
        {"record_threads": -1},
        {"record_best": 0},
        {"record_best": 99},
        {"record_threads": 1_000_000},
        {"record_seed": 10**30},
        {"record": None},
        {"spec": 5},
    ],
)
def test_crafted_checkpoints(changes: dict, halted: Path, archdsl_cli):
    path = crafted(halted, **changes)
    reads_state = {*changes} & {*STATES, "best"}
    for command in (["train", "--resume", str(halted)], ["eval", str(path)]):
        if command[0] == "eval" and reads_state:
            continue
        code, _, err = archdsl_cli(*command)
        assert code == 2, err
        assert err.startswith("error: ") and str(path) in err and "Traceback" not in err
