"""Minute summaries of a site's worker-days, read once a partition and merged once a worker-day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from indicators.model import WorkerDay
from indicators.reduction.partition import DATASET, analysis_version, reducer, utc_days
from indicators.worker_days.cache import DayCache
from ingest.store import Partition
from sensors.errors import ConfigurationError

if TYPE_CHECKING:
    from ingest.store import Store

__all__ = ["MergedDay", "merge_days"]


@dataclass(frozen=True, slots=True, eq=False)
class MergedDay:
    """One worker-day with what its sensor saw: a ``NoiseDay``, ``ClimateDay`` or ``PostureDay``.

    Attributes
    ----------
    minutes : int
        Minute rows of the sensor within the shift, whether inside the spans or not.
    """

    day: WorkerDay
    content: Any
    minutes: int


def merge_days(
    store: Store, days: Sequence[WorkerDay], keep_empty: Callable[[WorkerDay], bool] = lambda _: False
) -> list[MergedDay]:
    """Merge minute summaries into worker-days.

    Parameters
    ----------
    store : Store
        Holds the summaries.
    days : sequence of WorkerDay
        In any order; the answer keeps it.
    keep_empty : callable(WorkerDay) -> bool
        Whether a worker-day without a single minute of data is kept, as planned and missing; by default not.

    Raises
    ------
    ConfigurationError
        Code ``summary_version``: a stored table has other columns than this version of the analysis.
    """
    states = _states(store, days)
    cache = DayCache(store, states)
    # Days of one sensor follow each other, so that two tables at a time are enough.
    order = sorted(range(len(days)), key=lambda index: (days[index].sensor, days[index].start_ns))
    merged: list[MergedDay | None] = [None] * len(days)
    tables: dict[Partition, pa.Table] = {}
    for index in order:
        day = days[index]
        wanted = [partition for partition in _partitions(day) if partition in states]
        if not wanted and not keep_empty(day):
            continue
        known = cache.get(day)
        if known is None:
            tables = {one: tables[one] if one in tables else _read(store, one) for one in wanted}
            module = reducer(day.kind)
            rows = _joined([tables[partition] for partition in wanted], module.SCHEMA)
            known = module.merge(rows, day), _minutes_within(rows, day)
            if wanted:
                cache.put(day, *known)
        content, inside = known
        if inside or keep_empty(day):
            merged[index] = MergedDay(day, content, inside)
    cache.save()
    return [item for item in merged if item is not None]


def _states(store: Store, days: Iterable[WorkerDay]) -> dict[Partition, str]:
    found: dict[Partition, str] = {}
    by_site: dict[str, list[WorkerDay]] = {}
    for day in days:
        by_site.setdefault(day.site, []).append(day)
    for site, own in by_site.items():
        touched = [moment for day in own for moment in utc_days(day.start_ns, day.end_ns)]
        found.update(store.summary_states(DATASET, site, min(touched), max(touched)))
    return found


def _partitions(day: WorkerDay) -> list[Partition]:
    return [
        Partition(day.kind, day.site, day.sensor, moment) for moment in utc_days(day.start_ns, day.end_ns)
    ]


def _read(store: Store, partition: Partition) -> pa.Table:
    module = reducer(partition.kind)
    table = store.read_summary(DATASET, partition)
    if table is None:
        return module.SCHEMA.empty_table()
    if table.column_names != module.SCHEMA.names:
        raise ConfigurationError(
            f"summaries of {partition.sensor} on {partition.day} were made by another version",
            rule=f"the columns of analysis version {analysis_version(partition.kind)}",
            remedy="run `vigiposte reduce`, or report this period with the version that made them",
            code="summary_version",
        )
    return table


def _joined(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    if not tables:
        return schema.empty_table()
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).combine_chunks()


def _minutes_within(rows: pa.Table, day: WorkerDay) -> int:
    if not rows.num_rows:
        return 0
    starts = rows.column("minute").to_numpy().astype("datetime64[ns]").astype("int64")
    return int(((starts >= day.start_ns) & (starts < day.end_ns)).sum())
