"""A lock between processes that ends with the process that holds it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["FileLock"]

_PAUSE_S = 0.02


class FileLock:
    """Exclusive lock on a file; the operating system releases it when the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Wait for the lock; the file is made when absent."""
        while True:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
                break
            except FileNotFoundError:
                self._path.parent.mkdir(parents=True, exist_ok=True)
        while not _try_lock(descriptor):
            time.sleep(_PAUSE_S)
        self._descriptor = descriptor

    def try_acquire_existing(self) -> bool:
        """Take the lock if its file exists (or has gone with its owner) and nobody holds it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            # Either its owner died before it made the lock, or it is about to: leave young folders alone.
            return _older_than(self._path.parent, 60.0)
        except PermissionError:
            return False
        if _try_lock(descriptor):
            self._descriptor = descriptor
            return True
        os.close(descriptor)
        return False

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within a ``with`` block."""
        self.acquire()
        try:
            yield
        finally:
            self.release()


def _older_than(path: Path, age_s: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime > age_s
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
