"""`archdsl fmt` on the command line: files, exit codes, and what is written."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

import pytest

GOOD = "input 8x8x1\nconv3-4  => 8x8x4\n"
UGLY = "input   8x8x1\nconv3-4=>8x8x4"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets" / "deep").mkdir(parents=True)
    (tmp_path / "nets" / "good.arch").write_text(GOOD)
    (tmp_path / "nets" / "ugly.arch").write_text(UGLY)
    (tmp_path / "nets" / "deep" / "ugly.arch").write_text(UGLY)
    (tmp_path / "nets" / "note.txt").write_text(UGLY)
    return tmp_path


def read_stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_files_and_folders(folder: Path, archdsl_cli):
    before = (folder / "nets" / "good.arch").stat()
    code, out, error = archdsl_cli("fmt", "nets", "nets/good.arch")
    assert (code, error) == (0, "")
    assert out == "nets/ugly.arch\nnets/deep/ugly.arch\n3 files, 2 changed\n"
    assert (folder / "nets" / "ugly.arch").read_text() == GOOD
    assert (folder / "nets" / "note.txt").read_text() == UGLY
    after = (folder / "nets" / "good.arch").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)  # not written
    assert archdsl_cli("fmt", "nets") == (0, "3 files, none changed\n", "")
    assert archdsl_cli("fmt", "nets/note.txt") == (0, "nets/note.txt\n1 file, 1 changed\n", "")


def test_check_writes_nothing(folder: Path, archdsl_cli):
    code, out, _ = archdsl_cli("fmt", "--check", "nets")
    assert (code, out) == (1, "nets/ugly.arch\nnets/deep/ugly.arch\n3 files, 2 would change\n")
    assert (folder / "nets" / "ugly.arch").read_text() == UGLY
    assert archdsl_cli("fmt", "--check", "nets/good.arch")[0] == 0


def test_diff_option_shows_changes(folder: Path, archdsl_cli):
    code, out, _ = archdsl_cli("fmt", "--diff", "nets/ugly.arch", "nets/good.arch")
    assert code == 1
    assert out == (
        "--- nets/ugly.arch\n+++ nets/ugly.arch\n@@ -1,2 +1,3 @@\n-input   8x8x1\n-conv3-4=>8x8x4\n"
        "+input 8x8x1\n+conv3-4  => 8x8x4\n+\n2 files, 1 would change\n"
    )
    assert (folder / "nets" / "ugly.arch").read_text() == UGLY
    assert archdsl_cli("fmt", "--diff", "nets/good.arch") == (0, "1 file, none would change\n", "")


def test_standard_input(folder: Path, archdsl_cli, monkeypatch):
    read_stdin(monkeypatch, UGLY)
    assert archdsl_cli("fmt", "-") == (0, GOOD, "")
    read_stdin(monkeypatch, UGLY)
    assert archdsl_cli("fmt", "--check", "-") == (1, "-\n1 file, 1 would change\n", "")
    read_stdin(monkeypatch, "conv3-4 (")
    code, out, error = archdsl_cli("fmt", "-")
    assert (code, out) == (2, "") and "never closed" in error


def test_a_bad_file_is_not_changed_and_does_not_stop_others(folder: Path, archdsl_cli):
    (folder / "nets" / "bad.arch").write_text("conv3-4  (\n")
    (folder / "nets" / "binary.arch").write_bytes(b"\0")
    (folder / "empty").mkdir()
    code, out, error = archdsl_cli("fmt", "nets", "missing.arch", "empty")
    assert (code, out) == (2, "nets/ugly.arch\nnets/deep/ugly.arch\n")
    assert (folder / "nets" / "bad.arch").read_text() == "conv3-4  (\n"
    for message in (
        "is never closed",
        "is not text",
        "no file missing.arch",
        "empty holds no spec",
    ):
        assert message in error
    assert error.endswith("4 errors\n")


def test_permissions_and_links_are_kept(folder: Path, archdsl_cli):
    target = folder / "nets" / "ugly.arch"
    target.chmod(0o640)
    link = folder / "link.arch"
    link.symlink_to(target)
    assert archdsl_cli("fmt", "link.arch")[0] == 0
    assert link.is_symlink()
    assert target.read_text() == GOOD
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(folder / "nets")) == ["deep", "good.arch", "note.txt", "ugly.arch"]


def test_a_read_only_file(folder: Path, archdsl_cli, monkeypatch: pytest.MonkeyPatch):
    target = folder / "nets" / "ugly.arch"
    open_ = Path.open

    def refused(path: Path, mode: str = "r", *more, **named):  # the superuser can write everything
        if "+" in mode:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open_(path, mode, *more, **named)

    monkeypatch.setattr(Path, "open", refused)
    code, _, error = archdsl_cli("fmt", "nets/ugly.arch")
    assert (code, error) == (2, "error: cannot write nets/ugly.arch: Permission denied\n")
    assert target.read_text() == UGLY
    assert sorted(os.listdir(folder / "nets")) == ["deep", "good.arch", "note.txt", "ugly.arch"]


def test_windows_line_ends_and_byte_order_marks(folder: Path, archdsl_cli):
    target = folder / "dos.arch"
    target.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert archdsl_cli("fmt", "--check", "dos.arch")[0] == 1
    assert archdsl_cli("fmt", "dos.arch")[0] == 0
    assert target.read_bytes() == GOOD.encode()


def test_shipped_specs_are_formatted(archdsl_cli):
    from archdsl import spec_files
    from archdsl.expand.blocks import LIBRARY

    code, out, _ = archdsl_cli("fmt", "--check", spec_files.folder(), LIBRARY)
    assert (code, out.count("\n")) == (0, 1)


def test_usage_errors(archdsl_cli):
    assert archdsl_cli("fmt")[0] == 2
    assert "there is no file vgg16" in archdsl_cli("fmt", "vgg16")[2]
