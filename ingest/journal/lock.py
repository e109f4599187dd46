"""One process per journal folder: two writers would interleave their records."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from sensors.errors import LocalResourceError

__all__ = ["FolderLock"]


def _take(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """A lock that the operating system releases with the process, however it ends.

    Raises
    ------
    LocalResourceError
        Code ``journal_in_use``: another process holds it; ``journal_read_only``: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o640)
        except OSError as error:
            raise LocalResourceError(
                f"the journal folder cannot be used: {error.strerror}",
                value=str(folder),
                rule="the ingest writes each message there before it acknowledges it",
                remedy="choose a folder that can be written with --journal",
                code="journal_read_only",
            ) from error
        try:
            _take(self._descriptor)
        except OSError as error:
            os.close(self._descriptor)
            raise LocalResourceError(
                "the journal folder is in use by another ingest",
                value=str(folder),
                rule="one ingest process a journal folder",
                remedy="stop the other one, or give this one a folder of its own with --journal",
                code="journal_in_use",
            ) from error

    def release(self) -> None:
        """Give the folder free; the file stays, for its removal could race with a newcomer."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
