"""Summaries without running a network, against torchinfo, and the time to start.

    python bench/static.py [--rounds 5]

archdsl is built as a wheel and installed, byte-compiled, into a new environment that also sees the
packages of this one. Everything is timed in turn, A B C A B C …, in one run; figures are medians.
The peers are torchinfo's summary of the same network written by hand, and of torchvision's; the
peer of the start is a Python that only imports click. Exits with 1 if a ratio misses its goal.
Needs torchinfo: `pip install -e ".[bench]"`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).with_name("peers.py")
NETWORKS = ("vgg16", "resnet50", "resnet152")
GOALS = {"hand": 10, "torchvision": 15}  # times faster, whole processes
GOAL_WITHIN = 10  # within a process, against an already built module
MEMORY = 60  # MiB of a whole process
GOAL_START = 3.5  # times the CPU time of `import click`
STARTS = 30


def installed(folder: Path) -> Path:
    """The bin/ of an environment where archdsl is installed as users install it."""
    quiet = ["-q", "--disable-pip-version-check", "--no-deps"]
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", *quiet, "-w", str(folder), str(ROOT)], check=True)
    venv.create(folder / "venv", with_pip=False)
    bin = folder / "venv" / "bin"
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    into = ["--python", str(bin / "python"), "install", *quiet, "--no-index", str(wheel)]
    subprocess.run([*pip, *into], check=True)
    # The other packages are those of this environment.
    (site / "others.pth").write_text(next(p for p in sys.path if p.endswith("site-packages")))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(site)], check=True)
    return bin


class Cost(NamedTuple):
    """What a process takes: seconds of wall time and of CPU time, and MiB at the peak."""

    wall: float
    cpu: float
    memory: float


def process(command: list[str], folder: Path) -> Cost:
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turn(commands: dict[str, list[str]], bin: Path, rounds: int) -> dict[str, list[Cost]]:
    """Run every command in turn, some rounds; the first round only warms the page cache."""
    runs: dict[str, list[Cost]] = {kind: [] for kind in commands}
    for index in range(rounds + 1):
        for kind, command in commands.items():
            cost = process(command, bin)
            if index:
                runs[kind].append(cost)
    return runs


def start(bin: Path, rounds: int) -> bool:
    """CPU time: on a busy machine it changes less than wall time."""
    commands = {
        "click": [str(bin / "python"), "-c", "import click"],
        "summary": [str(bin / "archdsl"), "summary", "vgg16"],
        "import": [str(bin / "python"), "-c", "import archdsl"],
    }
    runs = in_turn(commands, bin, max(rounds, STARTS))
    cpu = {kind: 1000 * statistics.median(r.cpu for r in costs) for kind, costs in runs.items()}
    ratio = cpu["summary"] / cpu["click"]
    print(
        f"CPU time: import click {cpu['click']:.0f} ms, import archdsl {cpu['import']:.0f} ms, "
        f"summary vgg16 {cpu['summary']:.0f} ms, {ratio:.2f}x that of click\n"
    )
    return ratio <= GOAL_START


def whole_processes(bin: Path, rounds: int) -> bool:
    print(
        f"{'whole process':14}{'ours':>9}{'by hand':>9}{'ratio':>7}{'torchvision':>13}{'ratio':>7}"
    )
    good = True
    for name in NETWORKS:
        commands = {
            "ours": [str(bin / "archdsl"), "summary", name],
            "hand": [str(bin / "python"), str(PEERS), "hand", name],
            "torchvision": [str(bin / "python"), str(PEERS), "torchvision", name],
        }
        runs = in_turn(commands, bin, rounds)
        seconds = {kind: statistics.median(r.wall for r in costs) for kind, costs in runs.items()}
        memory = max(run.memory for run in runs["ours"])
        ratios = {kind: seconds[kind] / seconds["ours"] for kind in GOALS}
        good &= memory < MEMORY and all(ratios[kind] >= GOALS[kind] for kind in GOALS)
        print(
            f"{name:14}{1000 * seconds['ours']:6.0f} ms{seconds['hand']:7.2f} s"
            f"{ratios['hand']:6.1f}x{seconds['torchvision']:11.2f} s{ratios['torchvision']:6.1f}x"
            f"   ours {memory:.0f} MiB"
        )
    return good


WITHIN = """
import statistics, sys, time
sys.path.insert(0, {bench!r})
import torch
from torchinfo import summary
from peers import BY_HAND
import archdsl
from archdsl import spec_files

shape = (1, 3, 224, 224)
for name in {networks!r}:
    path = spec_files.names()[name]
    text = spec_files.read_source(path).text
    net = BY_HAND[name]().eval()
    with torch.device("meta"):
        meta = BY_HAND[name]().eval()
    jobs = dict(
        ours=lambda: archdsl.loads(text).rows,
        cpu=lambda: summary(net, shape, verbose=0, device="cpu"),
        meta=lambda: summary(meta, shape, verbose=0, device="meta"),
    )
    times = {{job: [] for job in jobs}}
    for index in range({rounds} + 1):
        for job, run in jobs.items():
            start = time.perf_counter()
            for _ in range(10 if job == "ours" else 1):
                run()
            seconds = (time.perf_counter() - start) / (10 if job == "ours" else 1)
            if index:
                times[job].append(seconds)
    print(name, *(statistics.median(times[job]) for job in jobs))
"""


def within_a_process(bin: Path, rounds: int) -> bool:
    code = WITHIN.format(bench=str(PEERS.parent), networks=NETWORKS, rounds=rounds)
    command = [str(bin / "python"), "-c", code]
    done = subprocess.run(command, cwd=bin, stdout=subprocess.PIPE, text=True, check=True)
    print(f"\n{'text to rows':14}{'ours':>9}{'built':>9}{'ratio':>7}{'meta':>13}{'ratio':>7}")
    good = True
    for line in done.stdout.splitlines():
        name, *figures = line.split()
        ours, cpu, meta = (1000 * float(figure) for figure in figures)
        good &= cpu / ours >= GOAL_WITHIN and meta > ours
        print(
            f"{name:14}{ours:6.2f} ms{cpu:6.1f} ms{cpu / ours:6.1f}x"
            f"{meta:10.1f} ms{meta / ours:6.1f}x"
        )
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    checks: list[Callable[[Path, int], bool]] = [start, whole_processes, within_a_process]
    with tempfile.TemporaryDirectory() as folder:
        bin = installed(Path(folder))
        results = [check(bin, rounds) for check in checks]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
