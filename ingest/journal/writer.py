"""Appending to the journal: group commit, recovery of a torn end, and patience with a full disk."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from ingest.journal.cursor import Position
from ingest.journal.records import Arrival, pack_records, scan
from ingest.journal.segments import (
    PREAMBLE,
    Segment,
    create_segment,
    list_segments,
    sync_data,
    sync_folder,
    write_all,
)
from sensors.errors import LocalResourceError

__all__ = ["JournalBlockedError", "JournalWriter"]

_LOG = logging.getLogger("vigiposte.journal")
SEGMENT_BYTES = 64 * 1024 * 1024
_RECOVERY_BYTES = 4 * 1024 * 1024


class JournalBlockedError(LocalResourceError):
    """Nothing was appended; the messages must not be acknowledged and can be offered again later."""

    def __init__(self, error: OSError, folder: Path) -> None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        super().__init__(
            "the journal cannot be written: " + (error.strerror or str(error)),
            value=str(folder),
            rule="no message is acknowledged before it is on disk",
            remedy="free disk space; the broker keeps the messages and the ingest carries on by itself"
            if full
            else "check the disk; the broker keeps the messages and the ingest carries on by itself",
            code="journal_full" if full else "journal_failed",
        )


class JournalWriter:
    """The one writer of a journal folder (hold a `FolderLock`).

    Opening it truncates what a crash left behind the last intact record of the newest segment: that was never
    acknowledged.

    Parameters
    ----------
    folder : Path
        Journal folder.
    after : int
        No sequence at or below this one is given out (the cursor's, so that an emptied journal continues).
    segment_bytes : int
        Size at which a new segment is begun [bytes].
    """

    def __init__(self, folder: Path, *, after: int = 0, segment_bytes: int = SEGMENT_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.truncated_bytes = 0
        self._segment_bytes = segment_bytes
        self._descriptor = -1
        self._segment: Segment | None = None
        self._offset = 0
        self._sequence = after
        self._lock = threading.Lock()
        self._written = 0
        self._ends: dict[int, int] = {}
        self.grown = threading.Condition(self._lock)
        self._recover()

    @property
    def sequence(self) -> int:
        """Last sequence given out."""
        return self._sequence

    def _recover(self) -> None:
        segments = list_segments(self.folder)
        if not segments:
            return
        last = segments[-1]
        size = last.size()
        end = self._intact_end(last, size)
        self._sequence = max(self._sequence, last.first)
        if end == size:
            return
        self.truncated_bytes = size - end
        if end <= len(PREAMBLE):
            last.path.unlink()
        else:
            with last.path.open("rb+") as handle:
                handle.truncate(end)
                os.fsync(handle.fileno())
        sync_folder(self.folder)
        _LOG.info(
            "journal: removed %d bytes of an unfinished write at the end of %s; they were never acknowledged",
            self.truncated_bytes,
            last.path.name,
        )

    def _intact_end(self, segment: Segment, size: int) -> int:
        """Where the last intact record of `segment` ends; its sequences are taken note of."""
        end = start = min(len(PREAMBLE), size)
        wanted = _RECOVERY_BYTES
        with segment.path.open("rb") as handle:
            while start < size:
                handle.seek(start)
                content = handle.read(wanted)
                found = scan(content, 0, segment.salt, complete=start + len(content) >= size)
                if found.messages:
                    self._sequence = max(self._sequence, *(message.sequence for message in found.messages))
                    trailing = found.damaged[-1] if found.damaged else (0, -1)
                    end = start + (trailing[0] if trailing[1] == found.end else found.end)
                if found.end == 0:
                    wanted *= 2
                start += found.end
        return end

    def append(self, arrivals: Sequence[Arrival]) -> int:
        """Make `arrivals` durable together; the last sequence given to them.

        Raises
        ------
        JournalBlockedError
            The disk refuses; the journal is as it was before the call.
        """
        with self._lock:
            try:
                if self._segment is None or self._offset >= self._segment_bytes:
                    self._begin_segment()
                assert self._segment is not None
                content, sequence = pack_records(arrivals, self._sequence, self._segment.salt)
                write_all(self._descriptor, content)
                sync_data(self._descriptor)
            except OSError as error:
                self._give_up_segment()
                raise JournalBlockedError(error, self.folder) from error
            self._offset += len(content)
            self._ends[self._segment.first] = self._offset
            self._sequence = self._written = sequence
            self.grown.notify_all()
            return sequence

    def _begin_segment(self) -> None:
        self._close_segment()
        self._segment, self._descriptor = create_segment(self.folder, self._sequence + 1)
        self._offset = len(PREAMBLE)
        self._ends[self._segment.first] = self._offset

    def _give_up_segment(self) -> None:
        """Cut what was half written and start afresh next time: after a failed flush no page can be trusted.

        The closed segment can be deleted as soon as it is consumed, which may be what frees the disk.
        """
        if self._segment is None:
            return
        segment = self._segment
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._offset)
        empty = self._offset <= len(PREAMBLE)
        self._close_segment()
        if empty:
            with contextlib.suppress(OSError):
                segment.path.unlink()
                self._ends.pop(segment.first, None)

    def _close_segment(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._segment = None

    def rotate(self, min_bytes: int = 0) -> None:
        """Close the newest segment when it holds at least `min_bytes`, so that its reader may delete it."""
        with self._lock:
            if self._segment is not None and self._offset >= max(min_bytes, len(PREAMBLE) + 1):
                self._close_segment()

    def readable_end(self, segment: Segment) -> tuple[int, bool]:
        """Where durable records end in `segment`, and whether no more will be added to it."""
        # Not under the lock, which is held during a flush: an end only grows, and is set after the flush.
        current = self._segment
        closed = current is None or current.first != segment.first
        end = self._ends.get(segment.first)
        return (segment.size() if end is None else end), closed

    def forget(self, segment: Segment) -> None:
        """Drop what is remembered of a deleted segment."""
        with self._lock:
            self._ends.pop(segment.first, None)

    def wait(self, beyond: Position, timeout_s: float) -> bool:
        """Wait until something was appended after `beyond`; whether it was."""
        with self.grown:
            return self.grown.wait_for(lambda: self._written > beyond.sequence, timeout_s)

    def close(self) -> None:
        """Close the newest segment; everything appended is durable already."""
        with self._lock:
            self._close_segment()
