"""One (sensor, UTC day): raw rows to minute summaries, and what of those that exist is still true."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from indicators.model import Span
from indicators.reduction.kinds import DATASET, day_bounds_ns, reducer
from indicators.reduction.late import RowMarks, affected, row_marks, splice
from indicators.reduction.minutes import MINUTE_NS
from indicators.reduction.stamp import (
    DECIDING,
    RawStore,
    Stretch,
    margin_ns,
    read_rows,
    stamp_of,
    stretches,
)
from ingest.store import MINUTE_MARKS, RAW_PURGED, Partition
from sensors.errors import MethodError
from sensors.readings import ReadingBatch
from sensors.site_model import Sensor

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = [
    "Outcome",
    "PartitionOutcome",
    "PartitionStore",
    "Worked",
    "keep",
    "reduce_partition",
    "summary_gap",
    "work_out",
]

_MOST_STRETCHES = 16  # beyond, the whole day costs less than its pieces


class PartitionStore(RawStore, Protocol):
    """The part of a store that the reduction of one partition needs."""

    def read_summary(
        self, dataset: str, partition: Partition, columns: Sequence[str] | None = None
    ) -> pa.Table | None:
        """See ``SummaryStore.read_summary``."""

    def write_summary(
        self, dataset: str, partition: Partition, table: pa.Table, metadata: Mapping[str, str]
    ) -> None:
        """See ``SummaryStore.write_summary``."""

    def delete_summary(self, dataset: str, partition: Partition) -> bool:
        """See ``SummaryStore.delete_summary``."""


class Outcome(StrEnum):
    """What became of one partition."""

    COMPUTED = "computed"
    CURRENT = "current"
    UNPLACED = "unplaced"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PartitionOutcome:
    """Result of reducing one partition.

    Attributes
    ----------
    rows : int
        Minutes that its summary holds now.
    fresh_rows : int
        Those of them that were computed.
    problem : str
        Why it was refused.
    """

    partition: Partition
    outcome: Outcome
    rows: int = 0
    fresh_rows: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Worked:
    """What reducing a partition came to, before anything is written.

    Attributes
    ----------
    outcome : PartitionOutcome
    table, metadata : pyarrow.Table and mapping, or None
        The summary to be written, or its fresh minutes.
    replaced : tuple of Span, or None
        The table holds the minutes of these stretches only, the others are kept; ``None``: it is whole.
    base : mapping
        What the summary that keeps its other minutes was made from.
    removed : bool
        Whether the summary that exists must go.
    """

    outcome: PartitionOutcome
    table: pa.Table | None = None
    metadata: Mapping[str, str] | None = None
    replaced: tuple[Span, ...] | None = None
    base: Mapping[str, str] | None = None
    removed: bool = False


def reduce_partition(
    book: SiteBook,
    store: PartitionStore,
    partition: Partition,
    *,
    force: bool = False,
    fingerprint: Callable[[Partition], str] | None = None,
) -> PartitionOutcome:
    """Bring the minute summaries of one partition up to date: `work_out`, then `keep`."""
    return keep(book, store, work_out(book, store, partition, force=force, fingerprint=fingerprint))


def work_out(
    book: SiteBook,
    store: RawStore,
    partition: Partition,
    *,
    force: bool = False,
    fingerprint: Callable[[Partition], str] | None = None,
) -> Worked:
    """Reduce what of one partition has to be reduced; nothing is written.

    Nothing is computed when analysis version, basis (placement, mount, calibration, sensor), the rows of the
    day and the rows of its neighbours within the padding are those the stored table was made from. When only
    rows differ, only the minutes that they can change are computed.

    Parameters
    ----------
    book : SiteBook
        Where the sensor sat and how it was calibrated.
    store : Store
        Raw rows, and what is known of the summary.
    partition : Partition
        Sensor and UTC day.
    force : bool
        Compute all of it in any case.
    fingerprint : callable, optional
        The store's own, remembered over a run: neighbouring days ask for the same ones.

    Returns
    -------
    Worked
        ``refused`` when a published method does not apply to the data (its reason in ``problem``); summaries
        of an earlier state are then removed, so that nothing stale is reported.
    """
    places = stretches(book, partition.sensor, partition.day)
    if not places:
        return Worked(PartitionOutcome(partition, Outcome.UNPLACED), removed=True)
    sensor = book.sensor(partition.sensor)
    known = store.summary_metadata(DATASET, partition)
    if known is not None and RAW_PURGED in known:
        # Rows that came after the purge are a part of the day only; the summary knows all of it.
        return Worked(PartitionOutcome(partition, Outcome.CURRENT, int(known.get("rows", 0))))
    if force:
        known = None
    stamp = stamp_of(store, partition, sensor, places, known, fingerprint or store.fingerprint)
    if known is not None and _same(known, stamp, *DECIDING):
        return Worked(PartitionOutcome(partition, Outcome.CURRENT, int(known.get("rows", 0))))
    readings, marks, late = _changed(store, partition, sensor, known, stamp)
    todo = places if late is None else tuple(_within(places, late))
    if len(todo) > _MOST_STRETCHES:
        todo, late = places, None
    try:
        table = _computed(readings, sensor, todo)
    except MethodError as trouble:
        outcome = PartitionOutcome(partition, Outcome.REFUSED, problem=str(trouble))
        return Worked(outcome, removed=True)
    return Worked(
        PartitionOutcome(partition, Outcome.COMPUTED, table.num_rows, table.num_rows),
        table,
        {**stamp, MINUTE_MARKS: marks},
        late,
        None if known is None else {key: known.get(key, "") for key in DECIDING},
    )


def keep(book: SiteBook, store: PartitionStore, worked: Worked) -> PartitionOutcome:
    """Write what `work_out` came to.

    Where another process has replaced the summary whose other minutes were to be kept, the day is computed
    whole.
    """
    partition = worked.outcome.partition
    if worked.removed:
        store.delete_summary(DATASET, partition)
    if worked.table is None or worked.metadata is None:
        return worked.outcome
    table: pa.Table | None = worked.table
    if worked.replaced is not None:
        kept = store.read_summary(DATASET, partition)
        now = store.summary_metadata(DATASET, partition) or {}
        same = worked.base == {key: now.get(key, "") for key in DECIDING}
        table = splice(kept, worked.table, worked.replaced) if same and kept is not None else None
    if table is None:
        return reduce_partition(book, store, partition, force=True)
    store.write_summary(DATASET, partition, table, {**worked.metadata, "rows": str(table.num_rows)})
    return replace(worked.outcome, rows=table.num_rows)


def _changed(
    store: RawStore,
    partition: Partition,
    sensor: Sensor,
    known: Mapping[str, str] | None,
    stamp: Mapping[str, str],
) -> tuple[ReadingBatch, str, tuple[Span, ...] | None]:
    """Rows to compute from, marks of the day's minutes, and the stretches that differ from the summary known.

    ``None`` instead of stretches when all of the day may differ.
    """
    day, margin = Span(*day_bounds_ns(partition.day)), margin_ns(sensor)
    block_ns = reducer(partition.kind).BLOCK_NS
    comparable = known is not None and MINUTE_MARKS in known and _same(known, stamp, "version", "basis")
    edges = _edges(known or {}, stamp, day, margin) if comparable else []
    if known is not None and comparable and _same(known, stamp, "fingerprint"):
        # The day's own rows are those of the summary: what lies far from its edges need not be read.
        late = affected(edges, margin, block_ns, day)
        readings = read_rows(store, partition, late[0].start_ns - margin, late[-1].end_ns + margin)
        if RowMarks.parse(known[MINUTE_MARKS]).channels == tuple(sorted(readings.channels)):
            return readings, known[MINUTE_MARKS], late
    readings = read_rows(store, partition, day.start_ns - margin, day.end_ns + margin)
    marks = row_marks(readings, day.start_ns, day.end_ns)
    minutes = RowMarks.parse(known[MINUTE_MARKS]).changed(marks) if known is not None and comparable else None
    if minutes is None:
        return readings, marks.text(), None
    own = [Span(start, start + MINUTE_NS) for start in (day.start_ns + minutes * MINUTE_NS).tolist()]
    return readings, marks.text(), affected([*own, *edges], margin, block_ns, day)


def _same(known: Mapping[str, str], stamp: Mapping[str, str], *keys: str) -> bool:
    return all(known.get(key) == stamp[key] for key in keys)


def _edges(known: Mapping[str, str], stamp: Mapping[str, str], day: Span, margin: int) -> list[Span]:
    """Stretches beside the day in which rows differ."""
    sides = {
        "before_edge": Span(day.start_ns - margin, day.start_ns),
        "after_edge": Span(day.end_ns, day.end_ns + margin),
    }
    return [span for side, span in sides.items() if not _same(known, stamp, side)]


def _within(places: Sequence[Stretch], spans: Sequence[Span]) -> Iterator[Stretch]:
    """Parts of `places` inside `spans`; both are in time order."""
    for place in places:
        for span in spans:
            low, high = max(place.start_ns, span.start_ns), min(place.end_ns, span.end_ns)
            if low < high:
                yield replace(place, start_ns=low, end_ns=high)


def summary_gap(book: SiteBook, store: RawStore, partition: Partition) -> str | None:
    """Why the summary of a partition does not stand for its raw rows, or ``None`` when it does.

    ``unknown_sensor``, ``unplaced`` (nobody has said where the sensor was), ``no_summary`` (not reduced yet,
    or no method applies) or ``stale_summary``. The purge of raw rows asks for it.
    """
    if (partition.sensor, partition.kind) not in {(row.id, row.kind) for row in book.site.sensors}:
        return "unknown_sensor"
    places = stretches(book, partition.sensor, partition.day)
    if not places:
        return "unplaced"
    known = store.summary_metadata(DATASET, partition)
    if known is None:
        return "no_summary"
    if RAW_PURGED in known:
        return None
    stamp = stamp_of(store, partition, book.sensor(partition.sensor), places, known, store.fingerprint)
    return None if _same(known, stamp, *DECIDING) else "stale_summary"


def _computed(readings: ReadingBatch, sensor: Sensor, places: Sequence[Stretch]) -> pa.Table:
    """Minutes of `places`; `readings` reach beyond them by the padding, where rows exist."""
    module = reducer(sensor.kind)
    margin = margin_ns(sensor)
    parts = []
    for place in places:
        bounds = (place.start_ns - margin, place.end_ns + margin)
        low, high = (int(at) for at in np.searchsorted(readings.times_ns, bounds))
        parts.append(
            module.reduce_minutes(
                readings.slice(low, high),
                sensor=sensor,
                mount=place.mount,
                calibration=place.calibration,
                start_ns=place.start_ns,
                end_ns=place.end_ns,
            )
        )
    if len(parts) == 1:
        return parts[0]
    return pa.concat_tables([module.SCHEMA.empty_table(), *parts]).combine_chunks()
