"""What a user reads when a spec is wrong: the whole text, and the exit code.

tests/data/errors/NAME.arch is a bad spec, followed by lines `#> …` with what
`archdsl summary NAME.arch` prints to standard error. `# pick NET` chooses one of several networks.
`pytest --update` rewrites those lines. Files that the spec uses are in tests/data/errors/NAME.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from paths import DATA

import archdsl
import archdsl.grammar

FOLDER = DATA / "errors"
GRAMMAR = Path(archdsl.grammar.__path__[0]) / "arch.lark"
CASES = sorted(path.name for path in FOLDER.glob("*.arch"))


def split(text: str) -> tuple[str, str]:
    """The spec, and the expected error."""
    lines = text.splitlines(keepends=True)
    spec = "".join(line for line in lines if not line.startswith("#>"))
    expected = "".join(line[2:].removeprefix(" ") for line in lines if line.startswith("#>"))
    return spec, expected


@pytest.mark.parametrize("name", CASES)
def test_error_text_of_a_bad_spec(name, archdsl_cli, tmp_path, monkeypatch, request):
    spec, expected = split((FOLDER / name).read_text("utf-8"))
    (tmp_path / name).write_text(spec, "utf-8")
    folder = FOLDER / name.removesuffix(".arch")
    if folder.is_dir():
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    picked = re.search(r"^# pick (\S+)", spec, re.MULTILINE)
    code, out, error = archdsl_cli("summary", f"{name}:{picked[1]}" if picked else name)
    if request.config.getoption("--update"):
        lines = "".join(f"#> {line}".rstrip() + "\n" for line in error.splitlines())
        (FOLDER / name).write_text(spec + lines, "utf-8")
        return
    trimmed = "".join(line.rstrip() + "\n" for line in error.splitlines())
    assert trimmed == expected
    assert (code, out) == (2, "")


@pytest.mark.parametrize("name", CASES)
def test_no_error_mentions_internals(name: str):
    """No terminal of the grammar, no Python type, no traceback reaches a user."""
    _, expected = split((FOLDER / name).read_text("utf-8"))
    assert expected.startswith("error: ")
    terminals = re.findall(r"^_?([A-Z]+)(?:\.\d+)?:", GRAMMAR.read_text("utf-8"), re.MULTILINE)
    assert "WORD" in terminals
    shown = set(re.findall(r"\w+", expected)) - {"NAME"}  # `network NAME` is what a user writes
    assert not shown & {*terminals, "Traceback", "NoneType", "tuple", "dict", "None", "Token"}
    assert "help: " in expected or "note: " in expected


def run(archdsl_cli, *arguments: str) -> str:
    code, out, error = archdsl_cli(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in error
    return error


def test_missing_file(archdsl_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vgg16.arch").touch()
    assert run(archdsl_cli, "summary", "vg16.arch") == (
        "error: there is no file vg16.arch\nhelp: did you mean `vgg16.arch`?\n"
    )
    assert run(archdsl_cli, "summary", "nowhere/net.arch") == (
        "error: there is no file nowhere/net.arch\nhelp: `archdsl zoo` lists what ships\n"
    )


def test_missing_network(archdsl_cli):
    assert run(archdsl_cli, "summary", "vgg61") == (
        "error: the zoo has no network `vgg61`\nhelp: did you mean `vgg16`?\n"
    )


def test_binary_file(archdsl_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "picture.arch").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    assert run(archdsl_cli, "summary", "picture.arch") == (
        "error: picture.arch is not text: it holds a zero byte\nhelp: a spec is UTF-8 text\n"
    )
    (tmp_path / "latin.arch").write_bytes(b"input 8x8x1\nconv3-4 # caf\xe9\n")
    assert run(archdsl_cli, "summary", "latin.arch") == (
        "error: this byte (0xe9) is not UTF-8\n --> latin.arch:2:14\n  |\n"
        "2 | conv3-4 # caf\ufffd\n  |              ^\nhelp: save the file as UTF-8 text\n"
    )


def test_folder_and_unreadable_file(archdsl_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").mkdir()
    assert run(archdsl_cli, "summary", "net.arch") == (
        "error: net.arch is a folder\nhelp: name a file in it\n"
    )


def test_a_file_that_is_too_large(archdsl_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "large.arch").open("wb") as file:
        file.truncate(2**31)  # sparse: two gigabytes that take no space
    assert "larger than 16 MiB" in run(archdsl_cli, "summary", "large.arch")


def test_usage_errors_suggest_a_fix(archdsl_cli):
    assert "there is no command `sumary`" in run(archdsl_cli, "sumary", "vgg16")
    assert "did you mean `summary`?" in run(archdsl_cli, "sumary", "vgg16")
    assert "write `--input 320x320`" in run(archdsl_cli, "summary", "vgg16", "--input", "big")
    assert "write `-p k=8`" in run(archdsl_cli, "summary", "vgg16", "-p", "k")
    assert "does not take `k`" in run(archdsl_cli, "summary", "vgg16", "-p", "k=8")
    assert "does not fit" in run(archdsl_cli, "summary", "alexnet", "--input", "8x8")


def test_brackets_within_brackets(archdsl_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep.arch").write_text("input 8x8x1\n" + "[" * 100_000)
    error = run(archdsl_cli, "summary", "deep.arch")
    assert error.startswith("error: brackets within each other more than 50 deep\n")
    assert max(map(len, error.splitlines())) < 140


def test_python_users_see_the_same_text():
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads("input 8x8x1\nconvv3-4")
    assert str(caught.value) == (
        "error: unknown layer `convv3`\n --> <text>:2:1\n  |\n2 | convv3-4\n  | ^^^^^^\n"
        "help: did you mean `conv`?"
    )
    assert caught.value.span.text == "convv3"


def test_names_of_torch_are_reserved():
    from torch import nn

    from archdsl.notation.reserved_names import OF_TORCH

    assert {n for n in dir(nn.Sequential()) if not n.startswith("_")} <= OF_TORCH
