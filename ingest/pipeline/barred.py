"""Readings that may not be stored: of wearers who objected, and of time that was paused by command."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ingest.pauses import COMMANDED
from sensors.errors import VigiposteError
from sensors.readings import ReadingBatch
from sensors.site_book import SiteBook
from sensors.site_file import load_site

__all__ = ["Barred"]

_LOG = logging.getLogger("vigiposte.ingest")
_WATCHED = ("objections.csv", "assignments.csv", "pauses.csv", "wearers.csv")
Windows = tuple[tuple[int, int], ...]


class Barred:
    """Drops rows within barred windows; they go nowhere, not even to quarantine.

    Objections, assignments and pauses are read again when their files change: whoever objects while the
    ingest runs need not wait for its restart.

    Parameters
    ----------
    book : SiteBook
        The site as it was when the ingest started.
    lasting : callable(sensor) -> windows
        Pauses that have not ended.
    """

    def __init__(self, book: SiteBook, lasting: Callable[[str], Windows]) -> None:
        self._path = book.path
        self._folder = book.folder
        self._lasting = lasting
        self._stamp = self._look()
        self._windows = _windows(book)

    def refresh(self) -> None:
        """Read the logs again if one changed; while they cannot be read, what was known holds."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        try:
            book = load_site(self._path)
        except (VigiposteError, OSError) as trouble:
            _LOG.warning("the site's logs changed and cannot be read: %s", trouble)
        else:
            self._windows = _windows(book)
        self._stamp = stamp

    def apply(self, batch: ReadingBatch) -> ReadingBatch:
        """`batch` without its barred rows."""
        windows = (
            *self._windows.get(batch.sensor, ()),
            *self._windows.get("", ()),
            *self._lasting(batch.sensor),
        )
        if not windows:
            return batch
        kept = np.ones(len(batch), np.bool_)
        for start, end in windows:
            kept &= (batch.times_ns < start) | (batch.times_ns >= end)
        if kept.all():
            return batch
        return replace(
            batch,
            times_ns=batch.times_ns[kept],
            channels={name: column[kept] for name, column in batch.channels.items()},
            flags=batch.flags[kept],
        )

    def _look(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_state(self._folder / name) for name in _WATCHED)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _windows(book: SiteBook) -> dict[str, Windows]:
    """Barred windows by sensor; those of the whole site under the empty name."""
    worn: Iterable[tuple[str, int, int]] = (
        (row.sensor, row.start_ns, row.end_ns) for row in book.worn_by(book.objecting)
    )
    paused = (
        (row.sensor or "", row.start_ns, row.end_ns) for row in book.logs.pauses if row.reason == COMMANDED
    )
    found: dict[str, Windows] = {}
    for sensor, start, end in (*worn, *paused):
        found[sensor] = (*found.get(sensor, ()), (start, end))
    return found
