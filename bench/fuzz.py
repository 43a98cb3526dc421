"""Mutants of real specs: each ends as a network or in an ArchError, within a second.

    python bench/fuzz.py [--mutants 50000] [--seed 0] [--jobs 2]

The specs are those of the zoo, the tables and errors of the tests, and the examples of the manual.
Each mutant is parsed and expanded, and its rows, verdicts and summary are computed; some are also
diffed, and printed as a table and as source. If one raises anything but an ArchError, takes more
than a second of CPU time, or needs more than a GiB, exits with 1 and prints the shortest such text
that it finds.
"""

from __future__ import annotations

import argparse
import heapq
import multiprocessing
import random
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.output import diff, verification
from archdsl.output.paper_table import render
from archdsl.spec import parse
from archdsl.text.source import Source

ROOT = Path(__file__).parent.parent
SECONDS = 1.0  # of CPU time, for each mutant
MEMORY = 1024  # MiB, for each process
SHARE = 20  # one mutant in so many is also diffed, printed as a table and as source
SHORTEN = 20.0  # seconds to shorten a text that fails

TOKEN = re.compile(r"\w+|[^\w\s]|\s+")
NUMBERS = (
    "0", "-1", "1", "2", "3", "0.5", "1.5", "1e9", "1e999", "1e-999", "999999999", "2147483648",
    "9223372036854775808", "9" * 40, "1,000,000", "50%", "3x3", "0x0", "1x999999999", "x2", "x 0",
    "x999999999", "٣", "²", "1_000", "0777", "0xff", "inf", "nan", "1e400%",
)  # fmt: skip
PIECES = (
    "[", "]", "{", "}", "(", ")", "[[", "))", "{}", "[]", "()", "|", "\t", "\n", ";", "\n\n", "->",
    "=>", "=", ":", "#", '"', "\\", "\\\\", "&", "$", "%", "~~", "<br>", "**", "×", "–", "→", "≈",
    " if ", " and ", " not ", " in ", " means ", " x 2", "identity", "shortcut", "body", "add { ",
    "concat ", "multiply ", "side ", "output ", "expect ", "conv", "conv3-64", "maxpool", "fc",
    "(BN)", "with bn\n", "network n\n", "network a = b(c=1)\n", "input 8x8x1\n",
    "block b { relu }\n", "\\begin{tabular}{c}", "\\end{tabular}", "\\newcommand{\\a}[1]{#1#1}",
    "\\a{\\a{x}}",
    "\\def\\b{\\b}\\b", "\\multirow{2}{*}{", "\\begin{bmatrix}", "\\end{bmatrix}", "nn.Conv2d(",
    "nn.Sequential(", "\x00", "\x1b[31m", "\x1d", "\ufeff", "\u2028", "\u202e", "\u0301", "ﬁ", "İ",
    "\U0001f600", "é", "ſ", "\r", "\v",
)  # fmt: skip


class Slow(NamedTuple):
    seconds: float  # of CPU time
    seed: int
    text: str


class Failure(NamedTuple):
    what: str
    seed: int
    text: str


class Batch(NamedTuple):
    """The outcome of a batch of mutants."""

    mutants: int
    good: int
    slowest: list[Slow]
    failures: list[Failure]
    memory: float  # MiB at the peak


class Specs(NamedTuple):
    """The texts to mutate: valid networks, and texts with errors, whose mutants reveal less."""

    networks: list[str]
    errors: list[str]

    def one(self, chance: random.Random) -> str:
        return chance.choice(self.errors if chance.random() < 0.2 else self.networks)


def texts() -> Specs:
    folders = (
        "specs",
        "archdsl/library",
        "tests/data/tables",
        "tests/data/pasted",
        "tests/data/latex",
    )
    paths = [p for folder in folders for p in sorted((ROOT / folder).iterdir())]
    found = [path.read_text("utf-8") for path in paths if path.suffix in (".arch", ".txt", ".tex")]
    for page in sorted((ROOT / "docs").glob("*.md")):
        blocks = re.findall(r"^```arch[^\n]*\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
        found += [text if "input " in text else f"input 64x64 RGB\n{text}" for text in blocks]
    errors = sorted((ROOT / "tests/data/errors").glob("*.arch"))
    return Specs(found, [path.read_text("utf-8") for path in errors])


def mutant(chance: random.Random, specs: Specs) -> str:
    """A spec with a few changes."""
    text = specs.one(chance)
    for _ in range(chance.choice((1, 1, 1, 1, 2, 2, 3, 8))):
        text = chance.choice(CHANGES)(text, chance, specs)
    return text


def _characters(text: str, chance: random.Random, specs: Specs) -> str:
    """Remove, double, reverse or replace a stretch."""
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.choice((0, 1, 1, 1, 2, 5, 40)))
    piece = text[start:end]
    other = chance.choice(
        ("", piece * 2, piece * 50, piece[::-1], piece.swapcase(), chance.choice(PIECES))
    )
    return text[:start] + other + text[end:]


def _tokens(text: str, chance: random.Random, specs: Specs) -> str:
    """Remove or double a token, swap it with another, or replace it by one from another spec."""
    tokens = TOKEN.findall(text)
    if not tokens:
        return chance.choice(PIECES)
    i, j = chance.randrange(len(tokens)), chance.randrange(len(tokens))
    match chance.randrange(5):
        case 0:
            del tokens[i]
        case 1:
            tokens.insert(j, tokens[i])
        case 2:
            tokens[i], tokens[j] = tokens[j], tokens[i]
        case 3:
            tokens[i] = chance.choice(TOKEN.findall(specs.one(chance)) or [""])
        case _:
            tokens[i] = chance.choice(PIECES)
    return "".join(tokens)


def _lines(text: str, chance: random.Random, specs: Specs) -> str:
    """Remove, double or swap lines, or insert lines of another spec."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return specs.one(chance)
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            del lines[i]
        case 1:
            lines.insert(j, lines[i])
        case 2:
            lines[i], lines[j] = lines[j], lines[i]
        case 3:
            others = specs.one(chance).splitlines(keepends=True) or [""]
            start = chance.randrange(len(others))
            lines[i:i] = others[start : start + chance.randint(1, 10)]
        case 4:
            lines[i:i] = [lines[i]] * chance.choice((1, 10, 100))
        case _:
            del lines[min(i, j) : max(i, j)]
    return "".join(lines)


def _numbers(text: str, chance: random.Random, specs: Specs) -> str:
    """Make a number huge, zero, negative, a fraction, or something else."""
    found = list(re.finditer(r"\d+(?:\.\d+)?", text))
    if not found:
        return text
    one = chance.choice(found)
    number = chance.choice((*NUMBERS, one[0] * 10, str(int(float(one[0])) + 1)))
    return text[: one.start()] + number + text[one.end() :]


def _brackets(text: str, chance: random.Random, specs: Specs) -> str:
    """Remove or change a bracket, or put brackets around a stretch, once or many times."""
    found = [m.start() for m in re.finditer(r"[][{}()]", text)]
    if found and chance.random() < 0.6:
        at = chance.choice(found)
        return text[:at] + chance.choice(("", "[", "]", "{", "}", "(", ")")) + text[at + 1 :]
    start = chance.randrange(len(text) + 1)
    end = chance.randrange(start, len(text) + 1)
    sign, times = chance.choice(("[]", "{}", "()")), chance.choice((1, 3, 49, 60))
    return text[:start] + sign[0] * times + text[start:end] + sign[1] * times + text[end:]


CHANGES: tuple[Callable[[str, random.Random, Specs], str], ...] = (
    _characters,
    _characters,
    _tokens,
    _tokens,
    _lines,
    _numbers,
    _numbers,
    _brackets,
)


def answers(text: str, more: bool) -> Iterator[bool]:
    """Run everything that commands do with a text: first what all need, then one verb after the
    other.

    Yields after each step whether the text is a network.
    """
    nets = []
    try:
        for one in parse(Source("mutant", text)):
            if not one.lacking:
                net = Network(one)
                assert net.rows and net.summary() and verification.verification([net])
                nets.append(net)
    except ArchError as error:
        assert str(error)
    yield bool(nets)
    for i, net in enumerate(nets if more else ()):
        for verb in (
            net.to_dict,
            net.source,
            net.draw().dot,
            lambda net=net: render.markdown([net]),
            lambda net=net: render.latex([net]),
            lambda net=net, other=nets[i - 1]: diff.text(other.diff(net)),
        ):
            try:
                verb()
            except ArchError as error:
                assert str(error)
            yield True


def outcome(text: str, more: bool) -> tuple[str | None, float, bool]:
    """What goes wrong with a text, how long its slowest step takes, and whether it is a network."""
    good, slowest = False, 0.0
    start = time.process_time()
    try:
        for found in answers(text, more):
            good = found
            now = time.process_time()
            slowest, start = max(slowest, now - start), now
    except Exception:
        return traceback.format_exc(limit=-3).strip(), time.process_time() - start, False
    what = f"took {slowest:.1f} s" if slowest > SECONDS else None
    return what, slowest, good


def shortened(text: str, more: bool) -> str:
    """A shorter text that fails too: lines, then stretches, are removed as long as it does."""
    end = time.monotonic() + SHORTEN
    for unit in (r"[^\n]*\n?", r"\w+|\W"):
        pieces = [piece for piece in re.findall(unit, text) if piece]
        step = max(1, len(pieces) // 2)
        while step:
            at = 0
            while at < len(pieces) and time.monotonic() < end:
                fewer = pieces[:at] + pieces[at + step :]
                if outcome("".join(fewer), more)[0] is not None:
                    pieces = fewer
                else:
                    at += step
            step //= 2
        text = "".join(pieces)
    return text


def batch(seeds: range) -> Batch:
    specs = texts()
    slowest: list[Slow] = []
    failures = []
    good = 0
    for seed in seeds:
        chance = random.Random(seed)
        text = mutant(chance, specs)
        more = chance.randrange(SHARE) == 0
        what, seconds, fine = outcome(text, more)
        good += fine
        heapq.heappush(slowest, Slow(seconds, seed, text))
        if len(slowest) > 5:
            heapq.heappop(slowest)
        if what is not None:
            failures.append(Failure(what, seed, text))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Batch(len(seeds), good, slowest, failures, memory)


def batches(first: int, number: int, jobs: int) -> Iterator[Batch]:
    size = 250
    stretches = [
        range(i, min(i + size, first + number)) for i in range(first, first + number, size)
    ]
    with multiprocessing.Pool(jobs, maxtasksperchild=20) as pool:
        yield from pool.imap_unordered(batch, stretches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first mutant; the rest follow")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    start = time.monotonic()
    done = good = 0
    memory = 0.0
    slowest: list[Slow] = []
    failures: list[Failure] = []
    for one in batches(arguments.seed, arguments.mutants, arguments.jobs):
        done += one.mutants
        good += one.good
        memory = max(memory, one.memory)
        slowest = heapq.nlargest(5, slowest + one.slowest)
        failures += one.failures
        print(
            f"{done:,} mutants, {len(failures)} fail, slowest {slowest[0].seconds:.2f} s",
            end="\r",
            file=sys.stderr,
        )
    print(
        f"{done:,} mutants in {time.monotonic() - start:.0f} s: {good:,} have a network, "
        f"{done - good:,} end in an error; {len(failures)} fail; at most {memory:.0f} MiB"
    )
    print("slowest: " + ", ".join(f"{s.seconds:.2f} s (seed {s.seed})" for s in slowest))
    seen: set[str] = set()
    for failure in failures:
        # One line of the program is shown once.
        kind = failure.what.split("\n")[-1] if "\n" in failure.what else "slow"
        if kind in seen or len(seen) == 10:
            continue
        seen.add(kind)
        chance = random.Random(failure.seed)
        mutant(chance, texts())
        text = shortened(failure.text, chance.randrange(SHARE) == 0)
        print(f"\nseed {failure.seed}: {failure.what}\n{text[:2000]!r}")
    sys.exit(bool(failures) or memory > MEMORY)


if __name__ == "__main__":
    main()
