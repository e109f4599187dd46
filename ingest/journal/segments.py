"""Segment files of the journal: names, creation, durable directory entries."""

from __future__ import annotations

import errno
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PREAMBLE", "Segment", "create_segment", "list_segments", "sync_data", "sync_folder", "write_all"]

PREAMBLE = b"vigiposte journal 1\n"
"""First bytes of each segment: the format and its version."""

_NAME = re.compile(r"^(\d{20})-([0-9a-f]{8})\.journal$")


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One file of records; ordered by ``first``, a sequence not above that of its first record."""

    first: int
    salt: int
    path: Path

    def size(self) -> int:
        """Bytes of the file; 0 once it is gone."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0


def list_segments(folder: Path) -> list[Segment]:
    """Segments of a journal folder, oldest first."""
    found = []
    if folder.is_dir():
        for path in folder.iterdir():
            match = _NAME.match(path.name)
            if match:
                found.append(Segment(int(match[1]), int(match[2], 16), path))
    return sorted(found)


def create_segment(folder: Path, first: int) -> tuple[Segment, int]:
    """Durably create an empty segment; it and its open file descriptor."""
    salt = secrets.randbits(32)
    segment = Segment(first, salt, folder / f"{first:020d}-{salt:08x}.journal")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(segment.path, flags, 0o640)
    try:
        write_all(descriptor, PREAMBLE)
        os.fsync(descriptor)
        sync_folder(folder)
    except OSError:
        os.close(descriptor)
        segment.path.unlink(missing_ok=True)
        raise
    return segment, descriptor


def write_all(descriptor: int, content: bytes) -> None:
    """Write `content` wholly; a disk that takes nothing more raises ``ENOSPC``."""
    view = memoryview(content)
    while view:
        written = os.write(descriptor, view)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = view[written:]


def sync_data(descriptor: int) -> None:
    """Flush a file's content, and its length where that changed."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed entries of `folder` durable, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
