"""What a journal still holds of messages that are in the store already, and letting go of it."""

from __future__ import annotations

from pathlib import Path

from ingest.journal import Cursor, FolderLock, JournalReader, JournalWriter
from ingest.journal.segments import Segment, list_segments
from sensors.errors import LocalResourceError

__all__ = ["consumed_bytes", "forget_consumed"]


def consumed_bytes(folder: Path) -> int:
    """Bytes of the journal's segments that hold nothing but stored messages."""
    return sum(segment.size() for segment in _consumed(folder))


def _consumed(folder: Path) -> list[Segment]:
    position = Cursor.peek(folder)
    return [
        segment
        for segment in list_segments(folder)
        if segment.first < position.segment
        or (segment.first == position.segment and position.offset >= segment.size())
    ]


def forget_consumed(folder: Path) -> int | None:
    """Remove those segments; bytes removed, ``None`` when an ingest holds the journal (it tidies daily)."""
    try:
        lock = FolderLock(folder)
    except LocalResourceError as trouble:
        if trouble.code == "journal_in_use":
            return None
        raise
    try:
        before = consumed_bytes(folder)
        cursor = Cursor(folder)
        writer = JournalWriter(folder, after=cursor.position.sequence)
        try:
            JournalReader(writer, cursor).commit(cursor.position)
        finally:
            writer.close()
            cursor.close()
        return before - consumed_bytes(folder)
    finally:
        lock.release()
