"""Writes files and folders atomically: a reader sees all of one or nothing."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from archdsl.errors import ArchError


def write_whole(path: Path, data: bytes | memoryview, mode: int | None = None) -> None:
    """Write a temporary file in the same folder and rename it.

    `mode`: its permissions, by default those of a new file. Raises ArchError with the system's
    reason; an existing file then stays as it was.
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
    """Replace an existing file; its permissions stay, and links to it still lead to it.

    Raises ArchError, also if the file is not writable.
    """
    target = Path(os.path.realpath(path))
    try:
        with target.open("r+b") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as problem:
        raise ArchError(f"cannot write {path}: {problem.strerror or problem}") from None
    write_whole(target, data, mode)


def make_whole(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with its files under a temporary name and rename it.

    The folder around it must exist. Raises FileExistsError if `folder` exists or another process
    is making it, otherwise OSError or ArchError.
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
    """Remove the temporary files of a killed process. Nobody may be writing `path` now."""
    for half in path.parent.glob(f".{path.name}.*"):
        with suppress(OSError):
            half.unlink()


def _keep_names(folder: Path) -> None:
    """Flush a folder, so that a renamed file survives a power cut."""
    # Some systems cannot open folders, or cannot flush them.
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
