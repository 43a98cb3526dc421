"""Time and memory of large networks: 10,000 and 100,000 layers, repeated, written out, in blocks.

Apart from labels, no two of the lines that are written out are alike, so that each is read. For
them the time of the parser alone, from text to syntax, is shown too.

    python bench/scale.py [--rounds 3] [--layers 100000]

Each figure is a process of its own, from the text to every row; figures are medians. Exits with 1
if ten times the layers, repeated or written out, take more than twelve times as long, or 100,000
take too long: ten seconds if they are repeated; ten to parse and twenty in all if they are written
out. Residual blocks of four layers are shown for comparison.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from typing import NamedTuple

RATIO = 12
SECONDS = {"repeated": 10, "written out": 20, "parsed": 10}

RUN = """
import resource, sys, time
from archdsl.text.source import Source
from archdsl.network import Network
from archdsl.spec import parse
kind, number = sys.argv[1], int(sys.argv[2])
if kind == "repeated":
    lines = [f"[ conv3-16; relu ] x {number // 2}"]
elif kind == "written out":
    lines = [f"layer{i}: conv{2 * (i % 4) + 1}-{8 + i // 4}" for i in range(number)]
    assert len({line.partition(":")[2] for line in lines}) == number
else:
    lines = [f"unit{i}: residual [ conv3-{8 + i % 5}; relu ]" for i in range(number // 4)]
text = "input 64x64 RGB\\n" + "\\n".join(lines) + "\\n"
start = time.perf_counter()
(syntax,) = parse(Source("text", text))
parsed = time.perf_counter() - start
net = Network(syntax)
assert net.rows and net.params and net.macs and net.receptive_field
seconds = time.perf_counter() - start
assert len(net.graph.nodes) > 0.9 * number
print(seconds, parsed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


class Run(NamedTuple):
    seconds: float  # from text to rows
    parsed: float  # the part of it from text to syntax
    memory: float  # MiB at the peak


def run(kind: str, number: int) -> Run:
    command = [sys.executable, "-c", RUN, kind, str(number)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return Run(*map(float, done.stdout.split()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", type=int, default=100_000, help="of the larger networks")
    arguments = parser.parse_args()
    rounds, many = arguments.rounds, arguments.layers
    few = many // 10
    print(f"{'layers':14}{f'{few:,}':>18}{f'{many:,}':>20}{'time ratio':>13}")
    good = True
    for kind in ("repeated", "written out", "blocks"):
        # The two sizes in turn, so that a machine that slows down slows both down.
        pairs = [(run(kind, few), run(kind, many)) for _ in range(rounds)]
        small, large = (statistics.median(pair[i].seconds for pair in pairs) for i in (0, 1))
        memory = [max(pair[i].memory for pair in pairs) for i in (0, 1)]
        good &= kind == "blocks" or (large / small <= RATIO and large < SECONDS[kind])
        print(
            f"{kind:14}{small:8.2f} s {memory[0]:4.0f} MiB{large:10.2f} s {memory[1]:4.0f} MiB"
            f"{large / small:12.1f}x"
        )
        if kind == "written out":
            few_parsed, parsed = (
                statistics.median(pair[i].parsed for pair in pairs) for i in (0, 1)
            )
            good &= parsed / few_parsed <= RATIO and parsed < SECONDS["parsed"]
            print(f"  parsed      {few_parsed:8.2f} s{parsed:19.2f} s{parsed / few_parsed:21.1f}x")
    sys.exit(not good)


if __name__ == "__main__":
    main()
