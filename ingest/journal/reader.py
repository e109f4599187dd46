"""Reading the journal for the stores: in order, at one's own pace, deleting what is done with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.journal.cursor import Cursor, Position
from ingest.journal.records import Damage, Message, scan
from ingest.journal.segments import PREAMBLE, Segment, list_segments, sync_folder
from ingest.journal.writer import JournalWriter

__all__ = ["Backlog", "Chunk", "JournalReader", "backlog_of"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Messages read together, the position after them, and damaged parts that were skipped."""

    messages: list[Message]
    end: Position
    damage: tuple[Damage, ...] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is journaled and not yet in the store: bytes, and the sequence after which it begins."""

    bytes: int
    after_sequence: int


class JournalReader:
    """The one consumer of a journal.

    `read` moves forward in memory; `commit` makes the progress durable and deletes segments wholly consumed.
    A new reader starts at the last commit, so that what was read and not committed is read again.
    """

    def __init__(self, writer: JournalWriter, cursor: Cursor) -> None:
        self._writer = writer
        self._cursor = cursor
        self.position = cursor.position

    @property
    def committed(self) -> Position:
        """Where a new reader would start."""
        return self._cursor.position

    def unread_bytes(self) -> int:
        """Durable bytes after the position."""
        return self._bytes_after(self.position)

    def uncommitted_bytes(self) -> int:
        """Durable bytes after the last commit."""
        return self._bytes_after(self._cursor.position)

    def _bytes_after(self, position: Position) -> int:
        waiting = 0
        for segment in list_segments(self._writer.folder):
            if segment.first >= position.segment:
                end, _closed = self._writer.readable_end(segment)
                start = position.offset if segment.first == position.segment else len(PREAMBLE)
                waiting += max(0, end - start)
        return waiting

    def read(self, max_bytes: int) -> Chunk | None:
        """Up to about `max_bytes` of durable records after the position; ``None`` when there are none."""
        for segment in list_segments(self._writer.folder):
            if segment.first < self.position.segment:
                continue
            start = self.position.offset if segment.first == self.position.segment else len(PREAMBLE)
            end, _closed = self._writer.readable_end(segment)
            if start < end:
                return self._read_segment(segment, start, end, max_bytes)
        return None

    def _read_segment(self, segment: Segment, start: int, end: int, max_bytes: int) -> Chunk:
        wanted = max(1, min(max_bytes, end - start))
        while True:
            with segment.path.open("rb") as handle:
                handle.seek(start)
                content = handle.read(wanted)
            complete = start + len(content) >= end or len(content) < wanted
            found = scan(content, 0, segment.salt, complete=complete)
            if found.end > 0 or complete:
                break
            wanted = min(2 * wanted, end - start)
        damage = tuple(
            Damage(segment.path.name, start + first, content[first:last]) for first, last in found.damaged
        )
        sequence = found.messages[-1].sequence if found.messages else self.position.sequence
        stop = start + found.end
        if complete and found.end >= len(content):
            stop = end
        self.position = Position(segment.first, stop, max(sequence, self.position.sequence))
        return Chunk(found.messages, self.position, damage)

    def commit(self, position: Position) -> None:
        """Durably consume everything before `position`, then delete segments that hold nothing more.

        Raises
        ------
        OSError
            The position could not be made durable; what was consumed will be offered again.
        """
        if position != self._cursor.position:
            self._cursor.move(position)
        removed = False
        for segment in list_segments(self._writer.folder):
            if segment.first > position.segment:
                break
            end, closed = self._writer.readable_end(segment)
            if closed and (segment.first < position.segment or position.offset >= end):
                segment.path.unlink(missing_ok=True)
                self._writer.forget(segment)
                removed = True
        if removed:
            sync_folder(self._writer.folder)

    def rewind(self) -> None:
        """Go back to the last commit."""
        self.position = self._cursor.position


def backlog_of(folder: Path) -> Backlog:
    """Backlog of a journal folder, as any process can see it.

    Parameters
    ----------
    folder : Path
        Journal folder, in use or not.
    """
    position = Cursor.peek(folder)
    waiting = 0
    for segment in list_segments(folder):
        if segment.first < position.segment:
            continue
        consumed = position.offset if segment.first == position.segment else len(PREAMBLE)
        waiting += max(0, segment.size() - consumed)
    return Backlog(waiting, position.sequence)
