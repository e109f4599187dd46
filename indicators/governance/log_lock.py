"""One writer of a log at a time, across processes and threads; a writer that dies frees the log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sensors.errors import LocalResourceError

__all__ = ["locked"]

_WAIT_S = 10.0
_BETWEEN_TRIES_S = 0.01

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the log at `path`, whose folder is made when missing.

    Raises
    ------
    LocalResourceError
        ``log_locked``: another process held it for too long.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The file stays: removing it would let two writers hold locks of two files of that name.
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o666)
    try:
        deadline = time.monotonic() + _WAIT_S
        while True:
            try:
                _take(descriptor)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise LocalResourceError(
                        f"{path.name} is being written by another process",
                        rule=f"free within {_WAIT_S:g} s",
                        remedy="wait for the other vigiposte process",
                        code="log_locked",
                    ) from None
                time.sleep(_BETWEEN_TRIES_S)
        yield
    finally:
        # Closing frees the lock.
        os.close(descriptor)
