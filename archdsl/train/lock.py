"""One process at a time on a run."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from archdsl.errors import ArchError

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # the reasons of systems without locks


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder; the system frees it when the process ends, however it ends.

    Raises ArchError if another process holds it or the folder cannot be written. A file system
    without locks trains without one.
    """
    path = folder / ".lock"
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0.1)  # the process that holds it may be ending
    except Timeout:
        raise ArchError(
            f"another process is training the run {folder}",
            help="wait until it ends, or stop it with Ctrl-C",
        ) from None
    except OSError as problem:
        if problem.errno not in NO_LOCKS:
            raise ArchError(f"cannot write {path}: {problem.strerror}") from None
    try:
        yield
    finally:
        # Removed while it is held: nobody can find it unlocked. Windows removes no open file.
        with suppress(OSError):
            path.unlink()
        lock.release()
