"""The command line: names of networks, exit codes, streams."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import archdsl
from archdsl import spec_files

TWO = (
    'network a "first"\ninput 8x8x1\nconv3-4\nFC-2\nnetwork b(k=3)\ninput 8x8x1\nconv3-(k)\nFC-2\n'
)


needs_bash = pytest.mark.skipif(sys.platform == "win32", reason="needs bash and /dev/full")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.arch").write_text(TWO)
    (tmp_path / "wrong.arch").write_text("input 8x8x1\nconv3-4 => params 41\nFC-2\n")
    return tmp_path


def process(*arguments: str, input: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "archdsl.cli", *arguments],
        input=input.encode(),
        capture_output=True,
        env={**os.environ, **environment},
    )


def test_a_network_of_the_zoo_from_any_folder(folder, archdsl_cli):
    assert archdsl_cli("summary", "vgg16")[0] == 0


def test_a_file_by_path_or_ending(folder, archdsl_cli):
    (folder / "vgg16").write_text("not the zoo's")
    (folder / "one.arch").write_text("input 8x8x1\nFC-2\n")
    assert "one\n" in archdsl_cli("summary", "one.arch")[1]
    assert "one\n" in archdsl_cli("summary", "./one.arch")[1]
    assert "VGG-16" in archdsl_cli("summary", "vgg16")[1]


def test_one_of_several_networks_in_a_file(folder, archdsl_cli):
    assert archdsl_cli("summary", "two.arch:b")[1].startswith("b\n")
    code, out, error = archdsl_cli("summary", "two.arch")
    assert (code, out) == (2, "")
    assert error == ("error: two.arch holds 2 networks: a, b\nhelp: pick one: `two.arch:a`\n")
    assert "it holds a, b" in archdsl_cli("summary", "two.arch:zz")[2]
    assert "2 networks" in archdsl_cli("verify", "two.arch")[1]


def test_parameters_on_the_command_line(folder, archdsl_cli):
    assert "8×8×3" in archdsl_cli("summary", "two.arch:b")[1]
    assert "8×8×5" in archdsl_cli("summary", "two.arch:b", "-p", "k=5")[1]


def test_standard_input(folder, monkeypatch, archdsl_cli):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TWO.encode())))
    assert archdsl_cli("summary", "--", "-:b")[1].startswith("b\n")


def test_exit_codes(folder, archdsl_cli):
    assert archdsl_cli("verify", "vgg16")[0] == 0
    assert archdsl_cli("summary", "wrong.arch")[0] == 0  # only verify judges
    code, out, _ = archdsl_cli("verify", "wrong.arch")
    assert code == 1 and "✗ fails" in out
    code, out, _ = archdsl_cli("verify", "wrong.arch", "--format", "json")
    assert code == 1 and '"verdict": "fails"' in out
    assert archdsl_cli("verify", "nothing.arch")[0] == 2
    assert archdsl_cli("summary")[0] == 2
    assert archdsl_cli("summary", "vgg16", "--colour")[0] == 2
    assert archdsl_cli("--help")[0] == 0
    assert archdsl_cli()[0] == 2


def test_windows_line_ends_and_a_byte_order_mark(folder, archdsl_cli):
    (folder / "dos.arch").write_bytes(b"\xef\xbb\xbfinput 8x8x1\r\nconv3-4\r\nFC-2\r\n")
    assert archdsl_cli("summary", "dos.arch")[0] == 0


@needs_bash
def test_no_colours_in_a_pipe_and_no_traceback_when_the_reader_exits():
    done = process("summary", "vgg16")
    assert done.returncode == 0 and b"\x1b[" not in done.stdout
    shell = f"{sys.executable} -m archdsl.cli summary vgg16 --layers | head -1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True)
    assert done.stderr == b""


def test_terminals_that_cannot_show_every_character():
    done = process("summary", "vgg16", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0 and done.stderr == b""
    assert "224×224×64".encode("latin-1") in done.stdout
    assert b"? 138M" in done.stdout
    for encoding in ("ascii", "cp437"):
        assert process("summary", "vgg16", PYTHONIOENCODING=encoding).returncode == 0


def test_installed_as_a_command_and_from_any_folder(folder):
    done = subprocess.run(
        [Path(sys.executable).with_name("archdsl"), "zoo"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.count("\n") == len(spec_files.names()) + 1


def test_python_interface():
    net = archdsl.load("vgg16")
    assert (net.params, net.macs, net.flops) == (138357544, 15470264320, 30940528640)
    assert repr(net) == "<network vgg16: 138,357,544 params, 15,470,264,320 macs>"
    assert str(net) == net.summary()
    assert net.rows[0].receptive_field == (5, 5)
    assert archdsl.load(spec_files.names()["vgg16"]).params == net.params
    with pytest.raises(archdsl.ArchError, match="holds 2 networks"):
        archdsl.loads(TWO)


NO_INPUT = "error: standard input is closed\nhelp: name a file, or pipe a spec in\n"
NO_SPACE = "error: cannot write the output: No space left on device\n"


@needs_bash
@pytest.mark.parametrize(
    ("tail", "code", "error"),
    [
        ("summary vgg16 >&-", 0, ""),
        ("summary nothing 2>&-", 2, ""),
        ("summary - <&-", 2, NO_INPUT),
        ("summary vgg16 >/dev/full", 2, NO_SPACE),
        ("verify >/dev/full", 2, NO_SPACE),
        ("summary $(printf 'a%.0s' {1..300}) 2>&1 | head -c 14 >&2", 2, "error: the zoo"),
    ],
)  # fmt: skip
def test_closed_and_full_streams(tail: str, code: int, error: str):
    command = f"set -o pipefail; {sys.executable} -m archdsl.cli {tail}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (code, error.strip())


def test_a_bad_network_does_not_hide_verdicts(folder, archdsl_cli):
    code, out, error = archdsl_cli("verify", "nothing", "two.arch", "wrong.arch")
    assert code == 2
    assert "wrong: 1 claim: 1 fails" in out and "3 networks" in out
    assert error.startswith("error: the zoo has no network `nothing`")


def test_a_file_name_cannot_move_the_cursor(folder, archdsl_cli):
    name = "a\x1b[31m.arch"
    (folder / name).write_text("conv3-4")
    assert "\x1b" not in archdsl_cli("summary", name)[2]


@pytest.mark.parametrize("sizes", [(), 32, (32.0, 32.0), "32x32", (1, 2, 3, 4), (0, 4)])
def test_python_input_is_checked(sizes):
    with pytest.raises(archdsl.ArchError):
        archdsl.load("lenet5", input=sizes)


@pytest.mark.parametrize("value", ["2", None, float("nan"), 2.5])
def test_python_parameters_are_checked(value):
    with pytest.raises(archdsl.ArchError):
        archdsl.loads("network n(k=4)\ninput 8x8x1\nconv3-(k)", parameters={"k": value})


def test_a_byte_order_mark_and_a_reserved_class_name():
    text = "\ufeffnetwork OrderedDict\ninput 8x8x1\nconv3-4 relu\nFC-2"
    space: dict = {}
    exec(archdsl.loads(text).source(), space)
    assert space["NetOrderedDict"]().conv1
