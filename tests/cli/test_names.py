"""File names and titles with any characters, of any length, and pictures of any size."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl.output import diagram
from archdsl.text.printable import printable

ESCAPES = ["\x1b]0;title\x07", "\x1b[2J", "\r", "\x9b31m", "a\nb", "\u202e"]


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize(
    "command",
    [
        ["fmt", "FILE"],
        ["fmt", "--check", "FILE"],
        ["fmt", "--diff", "FILE"],
        ["draw", "lenet5", "-o", "FILE.mmd"],
        ["draw", "lenet5", "-o", "FILE.xyz"],
        ["draw", "FILE", "-o", "none/FILE.mmd"],
        ["summary", "BAD"],
        ["summary", "none/FILE"],
        ["check", "BAD"],
        ["eval", "FILE"],
        ["predict", "none/FILE", "FILE"],
        ["diff", "BAD", "FILE"],
    ],
)
def test_names_of_files_move_no_cursor(
    escape: str, command: list[str], tmp_path: Path, monkeypatch, archdsl_cli
):
    monkeypatch.chdir(tmp_path)
    good, bad = f"x{escape}.arch", f"y{escape}.arch"
    Path(good).write_text("input  8x8x3\nconv3-4")
    Path(bad).write_text("input 8x8x3\nconf3-4")
    names = [word.replace("FILE", good).replace("BAD", bad) for word in command]
    _, out, err = archdsl_cli(*names)
    assert escape not in out + err
    assert all(c.isprintable() or c in "\n\t" for c in out + err)
    # The name is on one line.
    assert not any(line.startswith("b.arch") for line in (out + err).splitlines())


def test_printable_keeps_what_is_shown():
    assert printable("a\tb\nc é ×", keep="\n\t") == "a\tb\nc é ×"
    assert printable("a\tb\nc") == "a?b?c"


LONG = "x" * 20_000


@pytest.mark.parametrize(
    "text",
    [
        f'network n "{LONG}"\ninput 8x8x3\nconv3-4',
        f'paper "{LONG}"\ninput 8x8x3\nconv3-4',
        f"input 8x8x3\n{LONG}: conv3-4\nconv3-4",
        f"input 8x8x3\na: conv3-4\n{LONG}: conv3-4\noutput a, {LONG}",
    ],
)
def test_long_names_are_drawn(text: str):
    drawn = archdsl.loads(text).draw()
    assert max(map(len, drawn.dot().splitlines())) < 2_000
    assert max(map(len, drawn.mermaid().splitlines())) < 2_000
    assert drawn.render("svg").startswith(b"<?xml")


@pytest.mark.slow
def test_large_pictures_are_refused(tmp_path: Path):
    net = archdsl.loads("input 8x8x4\nconv3-4\n" + "add { identity; relu }\n" * 20_000)
    with pytest.raises(archdsl.ArchError, match=r"40,\d+ boxes and arrows; the limit is 4,000"):
        net.draw(tmp_path / "net.svg")
    net.draw(tmp_path / "net.dot")
    net.draw(tmp_path / "net.mmd")
    assert "image/svg+xml" not in net.draw()._repr_mimebundle_()
    folded = archdsl.loads("input 8x8x4\nconv3-4\n[ add { identity; relu } ] x 20000")
    folded.draw(tmp_path / "folded.svg")


def test_slow_pictures_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(diagram, "LONGEST_LAYOUT", 1)
    net = archdsl.loads("input 8x8x4\na: conv3-4\n" + "relu\nadd a\n" * 100)
    with pytest.raises(archdsl.ArchError, match="did not finish this picture in 1 seconds"):
        net.draw().render()
