"""Move a site's data between stores, a partition at a time, each checked before the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from ingest.days import day_bounds_ns
from ingest.store import Partition, ReadingQuery, Store
from sensors.errors import StoreRejectedError
from sensors.readings import FloatColumn, ReadingBatch

__all__ = ["SUMMARY_DATASETS", "CopyReport", "copy_site"]

SUMMARY_DATASETS = ("minutes",)


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy did.

    Attributes
    ----------
    partitions : int
        Sensor-days that the source holds.
    copied, unchanged : int
        Sensor-days written, and sensor-days that the target held already, to the last bit.
    rows : int
        Raw rows written.
    summaries : int
        Summary tables written.
    """

    partitions: int
    copied: int
    unchanged: int
    rows: int
    summaries: int


def copy_site(
    source: Store,
    target: Store,
    site: str,
    first: date | None = None,
    last: date | None = None,
    *,
    progress: Callable[[int, int, Partition], None] | None = None,
) -> CopyReport:
    """Copy raw rows and summaries of `site`; the source stays as it is.

    A partition whose fingerprint the target shows already is not sent again, so an interrupted copy goes on
    where it stopped. Each partition is read back from the target and compared with the source by value.

    Parameters
    ----------
    source, target : Store
        Where from and where to; the target may hold other rows of the site, which stay.
    site : str
        Site id.
    first, last : date, optional
        UTC days, both included; default all.
    progress : callable, optional
        Called after each partition with the number done, the number of all, and the partition.

    Raises
    ------
    StoreRejectedError
        The target refused rows, or does not give back what was written.
    """
    partitions = source.partitions(site, first, last)
    copied = rows = 0
    for number, partition in enumerate(partitions, 1):
        if source.fingerprint(partition) != target.fingerprint(partition):
            rows += _copy_partition(source, target, partition)
            copied += 1
        if progress is not None:
            progress(number, len(partitions), partition)
    return CopyReport(
        partitions=len(partitions),
        copied=copied,
        unchanged=len(partitions) - copied,
        rows=rows,
        summaries=_copy_summaries(source, target, site, first, last),
    )


def _copy_partition(source: Store, target: Store, partition: Partition) -> int:
    start, end = day_bounds_ns(partition.day)
    query = ReadingQuery(partition.site, partition.sensor, partition.kind, start, end)
    batch = source.read_columns(query)
    outcome = target.write([replace(batch, channels=_as_single(batch.channels))])
    if outcome.rejected:
        raise StoreRejectedError(
            f"{target.url} refuses rows of {partition.sensor} on {partition.day}",
            rows=[row.row.encode() for row in outcome.rejected],
            rule=outcome.rejected[0].reason,
        )
    wrong = _missing_or_different(batch, target.read_columns(query))
    if wrong:
        raise StoreRejectedError(
            f"{target.url} does not give back the rows of {partition.sensor} on {partition.day}",
            rows=[str(time).encode() for time in wrong],
            rule="every value of the source is in the target afterwards, unless a later one was there before",
        )
    return len(batch)


def _as_single(channels: Mapping[str, FloatColumn]) -> dict[str, FloatColumn]:
    """Columns as float32 where that loses nothing: what came so over the wire is kept so."""
    narrowed: dict[str, FloatColumn] = {}
    for name, column in channels.items():
        with np.errstate(over="ignore"):
            single = column.astype(np.float32)
        exact = np.array_equal(single.astype(np.float64), column, equal_nan=True)
        narrowed[name] = single if exact else column
    return narrowed


def _missing_or_different(expected: ReadingBatch, found: ReadingBatch) -> list[int]:
    """Times [ns] of source rows that the target lacks or has other values for."""
    places = np.searchsorted(found.times_ns, expected.times_ns)
    inside = places < len(found)
    places[~inside] = 0
    right = inside.copy()
    if len(found):
        right &= found.times_ns[places] == expected.times_ns
    for name, column in expected.channels.items():
        if name not in found.channels:
            right &= np.isnan(column)
        elif len(found):
            right &= np.isnan(column) | (found.channels[name][places] == column)
    return [int(time) for time in expected.times_ns[~right]]


def _copy_summaries(source: Store, target: Store, site: str, first: date | None, last: date | None) -> int:
    count = 0
    for dataset in SUMMARY_DATASETS:
        for partition in source.summary_partitions(dataset, site, first, last):
            metadata = source.summary_metadata(dataset, partition)
            if metadata is None or metadata == target.summary_metadata(dataset, partition):
                continue
            table = source.read_summary(dataset, partition)
            if table is not None:
                target.write_summary(dataset, partition, table, metadata)
                count += 1
    return count
