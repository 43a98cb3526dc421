"""One process at a time on a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from archdsl.errors import ArchError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder. It dies with its process, however that ends.

    Raises ArchError where another process holds it, or the folder cannot be written. A system
    without locks trains without.
    """
    if fcntl is None:
        yield
        return
    path = folder / ".lock"
    handle = _hold(path)
    try:
        yield
    finally:
        # Removed while it is held: who waits for nothing finds no lock of a dead run.
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def _hold(path: Path) -> int:
    assert fcntl is not None
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as problem:
            raise ArchError(f"cannot write {path}: {problem.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise ArchError(
                f"another process is training the run {path.parent}",
                help="wait until it ends, or stop it with Ctrl-C",
            ) from None
        except OSError:
            return handle  # a file system without locks
        # The process that held it may have removed the file between our two calls.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)
