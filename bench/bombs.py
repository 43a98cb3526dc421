"""Texts that ask for more than a machine has: each ends within a second and 200 MB.

    python bench/bombs.py [NAME...]

The texts are those of tests/support/bombs.py. For each, the CPU time and the memory of an `archdsl
summary` process are measured, after those of `archdsl summary vgg16` for comparison. Exits with 1
if a text takes more than a second or 200 MB, or is not refused as it should be.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from bombs import BOMBS

SECONDS = 1.0
MEMORY = 200  # MB


class Run(NamedTuple):
    seconds: float  # of CPU time
    memory: float  # MB at the peak
    code: int
    error: str


def write(name: str, path: Path) -> None:
    text, _ = BOMBS[name]
    path.write_text(text(), "utf-8")


def run(target: str) -> Run:
    with tempfile.TemporaryFile() as error:
        command = [sys.executable, "-m", "archdsl.cli", "summary", target]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=error)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        error.seek(0)
        return Run(
            used.ru_utime + used.ru_stime,
            used.ru_maxrss * 1024 / 1e6,
            process.returncode,
            error.read().decode("utf-8"),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*")
    names = parser.parse_args().names or BOMBS
    good = True
    base = run("vgg16")
    print(f"{'vgg16':34}{base.seconds:6.2f} s{base.memory:6.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            _, message = BOMBS[name]
            path = Path(folder, "bomb.arch")
            # In a process of its own: the peak of a process counts what its parent held.
            writer = multiprocessing.get_context("spawn").Process(target=write, args=(name, path))
            writer.start()
            writer.join()
            found = run(str(path))
            refused = found.code == 2 and found.error.startswith("error: ")
            ends_well = found.code == 0 if message is None else refused and message in found.error
            fine = ends_well and found.seconds <= SECONDS and found.memory <= MEMORY
            good &= fine
            shown = found.error.split("\n")[0][:70]
            print(
                f"{name:34}{found.seconds:6.2f} s{found.memory:6.0f} MB"
                f"{'  ' if fine else ' ✗'} {shown}",
                flush=True,
            )
    sys.exit(not good)


if __name__ == "__main__":
    main()
