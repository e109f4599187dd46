"""Minute summaries of a site's worker-days, read once a partition and merged once a worker-day."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from indicators.model import WorkerDay
from indicators.posture.kept import with_figures
from indicators.reduction.kinds import DATASET, analysis_version, reducer, utc_days
from indicators.worker_days.cache import DayCache
from ingest.store import Partition
from sensors.errors import ConfigurationError
from sensors.quantities import Kind

if TYPE_CHECKING:
    from ingest.store import Store

__all__ = ["MergedDay", "merge_days"]

_TOGETHER = 32
_AHEAD = 32


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
    # Days of one sensor follow each other, so that few tables at a time are enough.
    order = sorted(range(len(days)), key=lambda index: _order(days[index]))
    found: dict[int, tuple[Any, int]] = {}
    missing: dict[int, list[Partition]] = {}
    for index in order:
        wanted = [partition for partition in _partitions(days[index]) if partition in states]
        if not wanted and not keep_empty(days[index]):
            continue
        known = cache.get(days[index])
        if known is None:
            missing[index] = wanted
        else:
            found[index] = known
    with ThreadPoolExecutor(1) as writer:
        writing: list[Future[None]] = []
        for _, batches in groupby(_batches(_tables(store, missing), days), key=lambda batch: batch.kind):
            for batch in batches:
                contents = _merged(batch, days)
                for index, rows, content in zip(batch.indices, batch.tables, contents, strict=True):
                    found[index] = content, _minutes_within(rows, days[index])
                    if missing[index]:
                        cache.put(days[index], *found[index])
            writing += cache.save(writer)
        for one in writing:
            one.result()
    return [
        MergedDay(days[index], content, inside)
        for index, (content, inside) in sorted(found.items())
        if inside or keep_empty(days[index])
    ]


def _order(day: WorkerDay) -> tuple[bool, str, str, str, int]:
    # Posture first: its days are large, and are written while the others are merged.
    return day.kind is not Kind.POSTURE, day.kind.value, day.mount.value, day.sensor, day.start_ns


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Some worker-days of one kind, by their place among those asked for, and the rows of their sensors."""

    kind: Kind
    indices: tuple[int, ...]
    tables: tuple[pa.Table, ...]


def _batches(tables: Iterable[tuple[int, Sequence[pa.Table]]], days: Sequence[WorkerDay]) -> Iterator[_Batch]:
    """A few worker-days at a time: merged together they cost far less than one by one."""
    for kind, group in groupby(tables, key=lambda pair: days[pair[0]].kind):
        schema = reducer(kind).SCHEMA
        while batch := [(index, _joined(own, schema)) for index, own in islice(group, _TOGETHER)]:
            yield _Batch(kind, *zip(*batch, strict=True))


def _tables(store: Store, wanted: Mapping[int, Sequence[Partition]]) -> Iterator[tuple[int, list[pa.Table]]]:
    """Tables of each worker-day, read ahead of their merging: decoding them needs a processor of its own."""
    uses = Counter(partition for row in wanted.values() for partition in row)
    queue = deque(uses)
    held: dict[Partition, Future[pa.Table]] = {}
    with ThreadPoolExecutor(1) as pool:
        for index, partitions in wanted.items():
            while queue and (len(held) < _AHEAD or queue[0] in partitions):
                one = queue.popleft()
                held[one] = pool.submit(_read, store, one)
            yield index, [held[one].result() for one in partitions]
            for one in partitions:
                uses[one] -= 1
                if not uses[one]:
                    del held[one]


def _merged(batch: _Batch, days: Sequence[WorkerDay]) -> list[Any]:
    chosen = [days[index] for index in batch.indices]
    contents: list[Any] = reducer(batch.kind).merge_all(batch.tables, chosen)
    return with_figures(contents) if batch.kind is Kind.POSTURE else contents


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
    if table.schema.names != module.SCHEMA.names:
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
    starts = rows.column("minute").to_numpy().view("int64")
    return int(((starts >= day.start_ns) & (starts < day.end_ns)).sum())
