"""Recorded postures: a stretch of the store, or a file."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indicators.calibration.checks import Stretch
from ingest.store import ReadingQuery
from sensors.errors import NotEnoughDataError, UsageError
from sensors.quantities import Kind

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import SiteBook

__all__ = ["read_file", "read_store"]

_ACC = ("acc_x", "acc_y", "acc_z")


def read_store(book: SiteBook, store: Store, sensor: str, where: str) -> Stretch:
    """Accelerations of ``FROM..TO`` (site time unless an offset is given).

    Raises
    ------
    UsageError
        ``period_format``: not two moments, or neither a file.
    NotEnoughDataError
        ``no_readings``: nothing is stored there.
    """
    first, separator, last = where.partition("..")
    try:
        start, end = (book.to_ns(datetime.fromisoformat(text)) for text in (first, last))
    except ValueError:
        start = end = 0
    if not separator or end <= start:
        raise UsageError(
            "neither a file nor a stretch of time",
            value=where,
            rule="FROM..TO, two moments, or a CSV file",
            remedy="--upright 2026-11-16T05:10:00..2026-11-16T05:10:12",
            code="period_format",
        )
    batch = store.read_columns(
        ReadingQuery(book.site.site.id, sensor, Kind.POSTURE, start, end, channels=_ACC)
    )
    if not len(batch) or not set(_ACC) <= batch.channels.keys():
        raise NotEnoughDataError(
            "nothing is stored in this stretch",
            value=where,
            rule=f"readings of {sensor}",
            remedy="check the times (site time), or `vigiposte status`",
            code="no_readings",
        )
    return Stretch(batch.times_ns, np.column_stack([batch.channels[name] for name in _ACC]))


def read_file(path: Path, book: SiteBook) -> Stretch:
    """CSV with the columns ``t`` (ISO 8601 or epoch seconds), ``acc_x``, ``acc_y``, ``acc_z`` [g].

    Raises
    ------
    UsageError
        ``file_format``: columns or cells that cannot be read.
    """
    text = path.read_text(encoding="utf-8-sig")
    delimiter = ";" if text.partition("\n")[0].count(";") else ","
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter)
    missing = [name for name in ("t", *_ACC) if name not in (reader.fieldnames or ())]
    times: list[int] = []
    rows: list[list[float]] = []
    try:
        if not missing:
            for row in reader:
                times.append(_moment_ns(row["t"], book))
                rows.append([float(row[name].replace(",", ".")) for name in _ACC])
    except (ValueError, AttributeError, TypeError):
        missing = [f"line {reader.line_num}"]
    if missing or not rows:
        raise UsageError(
            f"{path.name} is no recording of a posture",
            value=", ".join(missing) or "no row",
            rule="columns t, acc_x, acc_y, acc_z; time ISO 8601 or epoch seconds, accelerations in g",
            remedy="export it so, or give FROM..TO in the store",
            code="file_format",
        )
    return Stretch(np.array(times, dtype=np.int64), np.array(rows, dtype=np.float64))


def _moment_ns(text: str, book: SiteBook) -> int:
    try:
        return book.to_ns(datetime.fromtimestamp(float(text), UTC))
    except ValueError:
        return book.to_ns(datetime.fromisoformat(text))
