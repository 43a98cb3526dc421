"""`archdsl check`: all errors of many files; claims are not judged."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from archdsl import spec_files
from archdsl.expand.blocks import LIBRARY
from archdsl.output.records import Check

SYNTAX = "input 8x8x1\nconv3-4 (\nrelu ]\nFC-2\n"
WORDS = """network a(k=3)
input 8x8x1
convv3-4
FC-2 foo
params count foo
train on digits { batch 3, lrr 4 }

network b = a(k=4)

network c(q)
input 8x8x1
conv3-(q)
"""
SHAPES = """block big { conv 9x9 3 pad 0 }

network one "first"
input 8x8x1
big
FC-2

network two
input 6x6x1
big
FC-2

network three
input 20x20x1
big
conv 99x99 3 pad 0
big
"""
WRONG = "input 8x8x1\nconv3-4 => params 41\nFC-2\nexpect params 3\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad").mkdir()
    for name, text in {"syntax": SYNTAX, "words": WORDS, "shapes": SHAPES}.items():
        (tmp_path / "bad" / f"{name}.arch").write_text(text)
    (tmp_path / "wrong.arch").write_text(WRONG)
    return tmp_path


def messages(archdsl_cli, *targets: str) -> list[tuple[str | None, int | None, str, list[str]]]:
    code, out, error = archdsl_cli("check", *targets, "--format", "json")
    checked = Check.model_validate(json.loads(out))
    assert (code, error) == (2 if checked.diagnostics else 0, "")
    return [(d.file, d.line, d.message, d.networks) for d in checked.diagnostics]


def test_all_shipped_specs_are_fine(archdsl_cli):
    count = len(spec_files.names())
    code, out, error = archdsl_cli("check", spec_files.folder(), LIBRARY)
    assert (code, error) == (0, "")
    assert out.endswith("networks: fine\n") and f"{count} networks" in out
    assert archdsl_cli("check", "lenet5") == (0, "1 file, 1 network: fine\n", "")


def test_claims_are_not_judged(folder: Path, archdsl_cli):
    assert archdsl_cli("check", "wrong.arch") == (0, "1 file, 1 network: fine\n", "")
    assert archdsl_cli("verify", "wrong.arch")[0] == 1


def test_every_error_of_many_files(folder: Path, archdsl_cli):
    assert messages(archdsl_cli, "bad", "missing.arch") == [
        ("bad/shapes.arch", 1, "a 9x9 convolution does not fit on its 8x8 input", ["one"]),
        ("bad/shapes.arch", 1, "a 9x9 convolution does not fit on its 6x6 input", ["two"]),
        ("bad/shapes.arch", 16, "a 99x99 convolution does not fit on its 12x12 input", ["three"]),
        ("bad/syntax.arch", 2, "this `(` is never closed", []),
        ("bad/syntax.arch", 3, "unexpected `]`", []),
        ("bad/words.arch", 3, "unknown layer `convv3`", ["a", "b"]),
        ("bad/words.arch", 4, "unknown word `foo`", ["a", "b"]),
        ("bad/words.arch", 5, "`foo` is not a way to count parameters", ["a", "b"]),
        ("bad/words.arch", 6, "a recipe has no setting `lrr`", ["a", "b"]),
        (None, None, "there is no file missing.arch", []),
    ]


def test_output_of_the_command(folder: Path, archdsl_cli):
    code, out, error = archdsl_cli("check", "bad")
    assert (code, out) == (2, "")
    assert error.count("error: ") == 9
    assert error.endswith("9 errors\n")
    assert " --> bad/words.arch:3:1\n" in error and "help: did you mean `conv`?" in error


def test_check_shows_all_errors_and_other_commands_count_the_rest(folder: Path, archdsl_cli):
    bad = [*(f"convv{i}-4" for i in range(40)), *(f"relu ] {i}" for i in range(40))]
    (folder / "words.arch").write_text("\n".join(["input 8x8x1", *bad[:40]]))
    (folder / "signs.arch").write_text("\n".join(["input 8x8x1", *bad[40:]]))
    assert len(messages(archdsl_cli, "words.arch")) == 40
    assert len(messages(archdsl_cli, "signs.arch")) == 40
    assert archdsl_cli("check", "words.arch")[2].endswith("\n40 errors\n")
    for name in ("words", "signs"):
        error = archdsl_cli("summary", f"{name}.arch")[2]
        assert error.count("error: ") == 20
        assert error.endswith("\n20 of 40 errors: `archdsl check` shows all\n")


def test_an_error_of_a_used_file_is_reported_once(folder: Path, archdsl_cli):
    (folder / "blocks.arch").write_text("block unit { convv3-4 }\n")
    for name in ("one", "two"):
        text = f'network {name}\nuse "blocks.arch"\ninput 8x8x1\nunit\nFC-2\n'
        (folder / f"{name}.arch").write_text(text)
    found = [("blocks.arch", 1, "unknown layer `convv3`", ["one", "two"])]
    assert messages(archdsl_cli, "one.arch", "two.arch") == found
    assert messages(archdsl_cli, "blocks.arch") == [(*found[0][:3], [])]


def test_positions_in_json(folder: Path, archdsl_cli):
    (folder / "one.arch").write_text("input 8x8x1\n  résumé: conv 9x9 3 pad 0 → relu\n")
    out = archdsl_cli("check", "one.arch", "--format", "json")[1]
    (found,) = Check.model_validate(json.loads(out)).diagnostics
    assert (found.file, found.line, found.column) == ("one.arch", 2, 11)
    assert (found.end_line, found.end_column) == (2, 27)
    assert found.help and found.help.startswith("use a smaller window")
    (note,) = found.notes
    assert (note.message, note.line, note.column) == ("its input is 8x8x1, from here", 1, 1)


def test_standard_input_and_one_of_several(folder: Path, archdsl_cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRONG.encode())))
    assert archdsl_cli("check", "-") == (0, "1 file, 1 network: fine\n", "")
    assert [one[1] for one in messages(archdsl_cli, "bad/shapes.arch:two")] == [1]
    assert archdsl_cli("check")[0] == 2
