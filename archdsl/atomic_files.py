"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from archdsl.errors import ArchError


def write_whole(path: Path, data: bytes | memoryview, mode: int | None = None) -> None:
    """Write a file beside its place and rename it: a reader never sees half of it.

    `mode` are its permissions, by default those of a new file. Raises ArchError with the system's
    reason; what was there before is there still.
    """
    name = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask() if mode is None else mode)
        os.replace(name, path)
    except OSError as problem:
        raise ArchError(f"cannot write {path}: {problem.strerror or problem}") from None
    finally:
        if name is not None:
            with suppress(OSError):
                os.unlink(name)
    _keep_names(path.parent)


def replace_whole(path: str, data: bytes) -> None:
    """`write_whole` in the place of a file that is there: its permissions stay, and a link to it.

    Raises ArchError, also for a file that may not be written.
    """
    target = Path(os.path.realpath(path))
    try:
        with target.open("r+b") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as problem:
        raise ArchError(f"cannot write {path}: {problem.strerror or problem}") from None
    write_whole(target, data, mode)


def make_whole(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with its files beside its place and rename it.

    The place is empty, and the folder around it exists. Raises FileExistsError where something is
    in the place, or another process is making the same folder; else OSError or ArchError.
    """
    hidden = folder.parent / f".{folder.name}"
    if os.path.lexists(folder):
        raise FileExistsError(folder)
    hidden.mkdir()
    try:
        for name, data in files.items():
            write_whole(hidden / name, data)
        hidden.rename(folder)
    except BaseException:
        with suppress(OSError):
            for name in files:
                (hidden / name).unlink(missing_ok=True)
            hidden.rmdir()
        raise
    _keep_names(folder.parent)


def remove_halves(path: Path) -> None:
    """Remove what a killed process left of writing a file. Nobody may be writing it now."""
    for half in path.parent.glob(f".{path.name}.*"):
        with suppress(OSError):
            half.unlink()


def _keep_names(folder: Path) -> None:
    """A power cut loses no name that a rename gave."""
    # Some systems open no folders, or cannot flush them: then the file itself is all there is.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
