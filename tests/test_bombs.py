"""Texts that ask for more than a machine has: each is refused, or read in little memory.

The limits here only guard against a hang; bench/bombs.py measures.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from bombs import BOMBS

SECONDS = 30
MEMORY = 1 << 30  # bytes of address space
QUICK = ("brackets", "labels", "repeats in repeats", "a large table", "values that square")


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def summary(*arguments: str, text: str | None = None, **options) -> tuple[int, str, str]:
    """Exit code and output of `archdsl summary`, with limited memory and time."""
    command = [sys.executable, "-m", "archdsl.cli", "summary", *arguments]
    done = subprocess.run(
        command,
        input=None if text is None else text.encode("utf-8"),
        capture_output=True,
        timeout=SECONDS,
        preexec_fn=limited,
        **options,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in BOMBS],
)
def test_bombs_are_refused_or_read_in_time(name: str):
    text, message = BOMBS[name]
    code, shown, error = summary("-", text=text())
    assert "Traceback" not in error
    assert len(shown) + len(error) < 2_000_000
    if message is None:
        assert (code, error) == (0, "")
    else:
        assert code == 2 and error.startswith("error: ")
        assert message in error


@pytest.mark.slow
def test_files_that_are_not_texts(tmp_path: Path):
    """A file larger than memory, an endless one, a pipe without a writer, a folder."""
    large, fifo = tmp_path / "large.arch", tmp_path / "fifo.arch"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(fifo)
    (tmp_path / "folder.arch").mkdir()
    (tmp_path / "zero.arch").symlink_to("/dev/zero")
    for name, message in (
        ("large.arch", "is larger than 16 MiB"),
        ("zero.arch", "is larger than 16 MiB"),
        ("fifo.arch", "is a pipe that nobody writes"),
        ("folder.arch", "is a folder"),
    ):
        code, _, error = summary(name, cwd=tmp_path)
        assert code == 2 and message in error and "Traceback" not in error, error
    done = subprocess.run(  # a pipe with a writer is like any file
        ["bash", "-c", f"{sys.executable} -m archdsl.cli summary <(printf 'input 8\\nrelu')"],
        capture_output=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0 and b"relu" in done.stdout, done.stderr
    with large.open("rb") as file, open("/dev/zero", "rb") as zero:
        for stream in (file, zero):
            done = subprocess.run(
                [sys.executable, "-m", "archdsl.cli", "summary", "-"],
                stdin=stream,
                capture_output=True,
                timeout=SECONDS,
                preexec_fn=limited,
            )
            assert done.returncode == 2 and b"larger than 16 MiB" in done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("large.arch", "larger than 16 MiB"),
        ("zero.arch", "leads out of the folder"),
        ("fifo.arch", "is not a file"),
        ("folder.arch", "is not a file"),
    ],
)
def test_used_files_that_are_not_texts(name: str, message: str, tmp_path: Path):
    with (tmp_path / "large.arch").open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(tmp_path / "fifo.arch")
    (tmp_path / "folder.arch").mkdir()
    (tmp_path / "zero.arch").symlink_to("/dev/zero")
    (tmp_path / "a.arch").write_text(f'use "{name}"\ninput 8x8x1\nrelu\n')
    code, _, error = summary("a.arch", cwd=tmp_path)
    assert code == 2 and message in error and "Traceback" not in error, error


@pytest.mark.parametrize(
    "arguments",
    [
        ("lenet5", "-p", "k=" + "9" * 100_000),
        ("lenet5", "-p", "k=1e999"),
        ("lenet5", "--input", "x".join(["9" * 9] * 2)),
        ("lenet5", "--input", "9" * 100_000),
        ("lenet5", "--input", "9999999x9999999"),
        ("a" * 100_000,),
        ("a/" * 2_000 + "b.arch",),
        ("\x1b[31mred.arch",),
    ],
)
def test_huge_arguments_are_refused(arguments: tuple[str, ...]):
    code, _, error = summary(*arguments)
    assert code == 2 and error.startswith("error: ") and len(error) < 5_000
    assert "\x1b" not in error


HOSTILE = "\\x1b[31m</td><script>alert(1)</script>{&|`*_$\\%#~^"


def hostile() -> str:
    """A spec whose texts contain markup of every output format."""
    return (
        f'network n "{HOSTILE}"\npaper "{HOSTILE}"\ninput 8x8x4\n'
        f'conv3-4 => params 1 erratum "{HOSTILE}"\nexpect params 152 erratum "{HOSTILE}"\n'
        f'reported top1 1 "{HOSTILE}"\n'
    )


def test_markup_in_texts_is_shown_as_it_is(tmp_path: Path):
    import json

    import archdsl
    from archdsl.output import summary
    from archdsl.output.paper_table import render

    net = archdsl.loads(hostile())
    assert "<script>" not in net._repr_html_()
    assert "<script>" not in summary.markdown(net).replace("\\<script\\>", "")
    assert "<script>" not in net.draw().dot() or '"' not in HOSTILE
    assert json.loads(json.dumps(net.to_dict()))["title"] == HOSTILE
    compile(net.source(), "source", "exec")
    for write in (render.markdown, render.latex):
        try:
            table = write([net])
        except archdsl.ArchError:
            continue
        assert all(ord(c) >= 32 or c in "\n\t" for c in table)
    assert all(c.isprintable() or c == "\n" for c in net.summary())


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x9b31m", "\x07", "\x08", "\u202e", "\u2066", "\r"])
def test_nothing_in_a_spec_moves_the_cursor(sign: str, archdsl_cli, tmp_path: Path):
    for text in (
        f'network n "a{sign}b"\ninput 8x8x4\nrelu',
        f"input 8x8x4\nrelu{sign}",
        f"input 8x8x4\n{sign}: relu",
        f"input 8x8x4 # {sign}\nfoo",
        f'input 8x8x4\nrelu\nexpect params 1 erratum "{sign}"',
        f'use "{sign}.arch"\ninput 8x8x4\nrelu',
    ):
        path = tmp_path / "spec.arch"
        path.write_text(text, "utf-8")
        code, shown, error = archdsl_cli("summary", str(path))
        assert code in (0, 2)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]", shown + error)
