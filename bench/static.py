"""Summaries without running anything: whole processes, and within one, against torchinfo.

    python bench/static.py [--rounds 5]

archdsl is built as a wheel and installed, byte-compiled, into an environment of its own beside the
packages of this one. Everything is timed in turn, A B C A B C …, in one run; figures are medians.
The peers are torchinfo's summary of the same network written by hand, and of torchvision's.
Exits with 1 when a ratio is below its goal. Needs torchinfo: `pip install -e ".[bench]"`.
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

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).with_name("peers.py")
NETWORKS = ("vgg16", "resnet50", "resnet152")
GOALS = {"hand": 10, "torchvision": 15}  # times faster, whole processes
GOAL_WITHIN = 10  # within a process, against an already built module
MEMORY = 60  # MiB of a whole process


def installed(folder: Path) -> Path:
    """The bin/ of an environment with archdsl as its users have it."""
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


def process(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds of wall time and MiB at the peak of a process."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return seconds, usage.ru_maxrss / 1024


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
        runs: dict[str, list[tuple[float, float]]] = {kind: [] for kind in commands}
        for index in range(rounds + 1):
            for kind, command in commands.items():
                run = process(command, bin)
                if index:  # the first round warms the page cache
                    runs[kind].append(run)
        seconds = {kind: statistics.median(s for s, _ in found) for kind, found in runs.items()}
        memory = max(m for _, m in runs["ours"])
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
    path = zoo.names()[name]
    text = zoo.read(path).text
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
    checks: list[Callable[[Path, int], bool]] = [whole_processes, within_a_process]
    with tempfile.TemporaryDirectory() as folder:
        bin = installed(Path(folder))
        results = [check(bin, rounds) for check in checks]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
