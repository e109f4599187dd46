"""Erasing the readings of some wearers from everywhere: store, quarantine, journal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.journal import FolderLock
from ingest.journal_retention import forget_consumed
from ingest.quarantine import erase_lines
from ingest.retention import journals_of
from ingest.store import ReadingQuery, Store
from sensors.errors import LocalResourceError
from sensors.site_book import Posting, SiteBook

__all__ = ["Erasure", "erase_readings"]

# A device may deliver what it kept for so long.
_LATEST_ARRIVAL_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased; in ``journals_in_use`` an ingest does the rest within a day."""

    rows: int
    quarantine_lines: int
    journals_in_use: tuple[Path, ...]


def erase_readings(
    book: SiteBook, store: Store, wearers: Collection[str], journals: Collection[Path] | None = None
) -> Erasure:
    """Remove raw rows that these wearers' sensors gave while they wore them, and refused messages of theirs.

    What waits in the journal is not touched: it is the ingest that reads it, and it drops the readings of
    wearers who objected.
    """
    postings = book.worn_by(wearers)
    rows = sum(_erase_rows(book, store, posting) for posting in postings)

    def theirs(line: Mapping[str, Any]) -> bool:
        return any(
            line.get("sensor") == row.sensor
            and row.start_ns <= int(line.get("sequence", 0)) < row.end_ns + _LATEST_ARRIVAL_NS
            for row in postings
        )

    lines, in_use = 0, []
    for folder in journals_of(book) if journals is None else journals:
        try:
            lock = FolderLock(folder)
        except LocalResourceError as trouble:
            if trouble.code != "journal_in_use":
                raise
            in_use.append(folder)
            lines += erase_lines(folder / "quarantine", theirs, before=datetime.now(UTC).date())
            continue
        try:
            lines += erase_lines(folder / "quarantine", theirs)
        finally:
            lock.release()
        forget_consumed(folder)
    return Erasure(rows, lines, tuple(in_use))


def _erase_rows(book: SiteBook, store: Store, posting: Posting) -> int:
    sensor = book.sensor(posting.sensor)
    query = ReadingQuery(book.site.site.id, sensor.id, sensor.kind, posting.start_ns, posting.end_ns)
    return store.delete_rows(query)
