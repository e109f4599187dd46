"""One (sensor, UTC day): raw rows to minute summaries, and what of those that exist is still true."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from analysis.posture_fusion import fusion_method
from indicators.model import Span
from indicators.reduction.late import RowMarks, affected, row_marks, splice
from indicators.reduction.minutes import MINUTE_NS, padding_ns
from ingest.store import MINUTE_MARKS, RAW_PURGED, Partition, ReadingQuery
from sensors.errors import MethodError
from sensors.quantities import QUANTITIES, Kind
from sensors.readings import ReadingBatch
from sensors.site_model import Calibration, Mount, Sensor

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = [
    "DATASET",
    "Outcome",
    "PartitionOutcome",
    "PartitionStore",
    "RawStore",
    "Stretch",
    "Worked",
    "analysis_version",
    "day_bounds_ns",
    "keep",
    "reduce_partition",
    "reducer",
    "stretches",
    "summary_gap",
    "utc_days",
    "work_out",
]

DATASET = "minutes"
"""Name of the summary dataset that holds one row a minute."""

_DAY_NS = 86_400_000_000_000
_EPOCH = date(1970, 1, 1)
_DECIDING = ("version", "basis", "fingerprint", "before_edge", "after_edge")
_MOST_STRETCHES = 16  # beyond, the whole day costs less than its pieces


class RawStore(Protocol):
    """The part of a store that is read to reduce one partition."""

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        """See ``ReadingStore.read_columns``."""

    def fingerprint(self, partition: Partition) -> str:
        """See ``ReadingStore.fingerprint``."""

    def summary_metadata(self, dataset: str, partition: Partition) -> Mapping[str, str] | None:
        """See ``SummaryStore.summary_metadata``."""


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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole minutes during which a sensor sat at one place of the body with one calibration."""

    start_ns: int
    end_ns: int
    mount: Mount
    calibration: Calibration | None


def reducer(kind: Kind) -> ModuleType:
    """Module of `kind` with ``SCHEMA``, ``VERSION``, ``BLOCK_NS``, ``reduce_minutes`` and ``merge``."""
    if kind is Kind.NOISE:
        from indicators.reduction import noise

        return noise
    if kind is Kind.CLIMATE:
        from indicators.reduction import climate

        return climate
    from indicators.reduction import posture

    return posture


def analysis_version(kind: Kind) -> str:
    """Version of the analysis behind the summaries of `kind`: its name and a hash of their columns."""
    module = reducer(kind)
    columns = hashlib.sha256(str(module.SCHEMA).encode()).hexdigest()[:8]
    return f"{module.VERSION}+{columns}"


def day_bounds_ns(day: date) -> tuple[int, int]:
    """``[start, end)`` of a UTC day in nanoseconds."""
    start = (day - _EPOCH).days * _DAY_NS
    return start, start + _DAY_NS


def stretches(book: SiteBook, sensor: str, day: date) -> tuple[Stretch, ...]:
    """Stretches of a UTC day during which `sensor` was placed, joined over wearers, tasks and workstations.

    A minute in which mount or calibration change belongs to none.
    """
    joined: list[Stretch] = []
    for posting in book.assignments(sensor, *day_bounds_ns(day)):
        calibration = None if posting.calibration is None else book.calibration(posting.calibration)
        last = joined[-1] if joined else None
        if last is not None and (last.end_ns, last.mount, last.calibration) == (
            posting.start_ns,
            posting.mount,
            calibration,
        ):
            joined[-1] = Stretch(last.start_ns, posting.end_ns, last.mount, last.calibration)
        else:
            joined.append(Stretch(posting.start_ns, posting.end_ns, posting.mount, calibration))
    whole = (
        Stretch(
            -(-item.start_ns // MINUTE_NS) * MINUTE_NS,
            item.end_ns // MINUTE_NS * MINUTE_NS,
            item.mount,
            item.calibration,
        )
        for item in joined
    )
    return tuple(item for item in whole if item.start_ns < item.end_ns)


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
    stamp = _stamp(store, partition, sensor, places, known, fingerprint or store.fingerprint)
    if known is not None and all(known.get(key) == stamp[key] for key in _DECIDING):
        return Worked(PartitionOutcome(partition, Outcome.CURRENT, int(known.get("rows", 0))))
    day, margin = Span(*day_bounds_ns(partition.day)), _margin_ns(sensor)
    readings = _read(store, partition, day.start_ns - margin, day.end_ns + margin)
    marks = row_marks(readings, day.start_ns, day.end_ns)
    late = None if known is None else _late(known, stamp, marks, partition, margin)
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
        {**stamp, MINUTE_MARKS: marks.text()},
        late,
        None if known is None else {key: known.get(key, "") for key in _DECIDING},
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
        same = worked.base == {key: now.get(key, "") for key in _DECIDING}
        table = splice(kept, worked.table, worked.replaced) if same and kept is not None else None
    if table is None:
        return reduce_partition(book, store, partition, force=True)
    store.write_summary(DATASET, partition, table, {**worked.metadata, "rows": str(table.num_rows)})
    return replace(worked.outcome, rows=table.num_rows)


def _late(
    known: Mapping[str, str], stamp: Mapping[str, str], marks: RowMarks, partition: Partition, margin: int
) -> tuple[Span, ...] | None:
    """Stretches of the day that differ from the summary known, or ``None`` when all of it may."""
    if MINUTE_MARKS not in known or any(known.get(key) != stamp[key] for key in ("version", "basis")):
        return None
    minutes = RowMarks.parse(known[MINUTE_MARKS]).changed(marks)
    if minutes is None:
        return None
    day = Span(*day_bounds_ns(partition.day))
    changed = [Span(start, start + MINUTE_NS) for start in (day.start_ns + minutes * MINUTE_NS).tolist()]
    if known.get("before_edge") != stamp["before_edge"]:
        changed.append(Span(day.start_ns - margin, day.start_ns))
    if known.get("after_edge") != stamp["after_edge"]:
        changed.append(Span(day.end_ns, day.end_ns + margin))
    return affected(changed, margin, reducer(partition.kind).BLOCK_NS, day)


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
    stamp = _stamp(store, partition, book.sensor(partition.sensor), places, known, store.fingerprint)
    return None if all(known.get(key) == stamp[key] for key in _DECIDING) else "stale_summary"


def _computed(readings: ReadingBatch, sensor: Sensor, places: Sequence[Stretch]) -> pa.Table:
    """Minutes of `places`; `readings` reach beyond them by the padding, where rows exist."""
    module = reducer(sensor.kind)
    margin = _margin_ns(sensor)
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


def _read(store: RawStore, partition: Partition, start_ns: int, end_ns: int) -> ReadingBatch:
    return store.read_columns(
        ReadingQuery(partition.site, partition.sensor, partition.kind, start_ns, end_ns)
    )


def _margin_ns(sensor: Sensor) -> int:
    """Rows of the neighbouring days that a day's minutes depend on [ns]."""
    channels = [key for key, quantity in QUANTITIES.items() if quantity.kind is sensor.kind]
    return max(padding_ns(sensor, channel) for channel in channels)


def _stamp(
    store: RawStore,
    partition: Partition,
    sensor: Sensor,
    places: Sequence[Stretch],
    known: Mapping[str, str] | None,
    fingerprint: Callable[[Partition], str],
) -> dict[str, str]:
    """What the table of a partition depends on, as text."""
    stamp = {
        "version": analysis_version(partition.kind),
        "basis": _basis(sensor, places),
        "fingerprint": fingerprint(partition),
    }
    margin = _margin_ns(sensor)
    start, end = day_bounds_ns(partition.day)
    sides = {
        "before": (-1, start - margin, start),
        "after": (1, end, end + margin),
    }
    for side, (step, low, high) in sides.items():
        neighbour = Partition(
            partition.kind, partition.site, partition.sensor, partition.day + timedelta(days=step)
        )
        rows = fingerprint(neighbour)
        if known is not None and known.get(f"{side}_rows") == rows:
            # The neighbour as a whole is unchanged, and so are its rows within the padding.
            stamp[f"{side}_edge"] = known.get(f"{side}_edge", "")
        else:
            stamp[f"{side}_edge"] = _edge(_read(store, partition, low, high)) or _purged_edge(
                store, neighbour, known, side
            )
        stamp[f"{side}_rows"] = rows
    return stamp


def _purged_edge(store: RawStore, neighbour: Partition, known: Mapping[str, str] | None, side: str) -> str:
    """Edge as it was while the neighbour had rows: their purge does not make a summary untrue."""
    kept = (known or {}).get(f"{side}_edge", "")
    if not kept:
        return ""
    metadata = store.summary_metadata(DATASET, neighbour)
    return kept if metadata is not None and RAW_PURGED in metadata else ""


def _basis(sensor: Sensor, places: Sequence[Stretch]) -> str:
    """Hash of everything but the rows that a reduction takes from the site file."""
    content: dict[str, Any] = {
        "sensor": sensor.model_dump(mode="json", include={"period_s", "range_g", "globe_diameter_m", "kind"}),
        "places": [
            [
                place.start_ns,
                place.end_ns,
                place.mount.value,
                None if place.calibration is None else place.calibration.model_dump(mode="json"),
            ]
            for place in places
        ],
    }
    if sensor.fusion:
        content["fusion"] = fusion_method()
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _edge(rows: ReadingBatch) -> str:
    if not len(rows):
        return ""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(rows.times_ns.tobytes())
    digest.update(rows.flags.tobytes())
    for name in sorted(rows.channels):
        digest.update(name.encode())
        digest.update(rows.channels[name].tobytes())
    return digest.hexdigest()


def utc_days(start_ns: int, end_ns: int) -> tuple[date, ...]:
    """UTC days that ``[start_ns, end_ns)`` touches."""
    first, last = start_ns // _DAY_NS, (end_ns - 1) // _DAY_NS
    return tuple(_EPOCH + timedelta(days=day) for day in range(first, last + 1))
