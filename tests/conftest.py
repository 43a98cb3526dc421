"""Options and fixtures of all tests."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from paths import DATA

# Workers share the cores, so torch's threads would wait for each other. This is read when torch is
# imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if sys.platform == "win32":
    # They limit the memory of processes, fork, and send signals.
    collect_ignore = ["test_bombs.py", "train/test_resume.py"]


@pytest.fixture(autouse=True)
def memory_is_given_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """After large networks: glibc keeps freed memory, and a run of all tests would hold 15 GB."""
    yield
    if request.node.get_closest_marker("slow") and sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the golden texts")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file of tests/data/golden; `--update` writes it."""

    def compare(name: str, text: str) -> None:
        path = DATA / "golden" / name
        if request.config.getoption("--update"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8")

    return compare


@pytest.fixture
def archdsl_cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        from archdsl.cli import main

        capsys.readouterr()
        try:
            main(list(arguments), prog_name="archdsl", standalone_mode=True)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
