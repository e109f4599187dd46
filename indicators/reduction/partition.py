"""One (sensor, UTC day): raw rows to minute summaries, and whether those that exist are still true."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from analysis.posture_fusion import fusion_method
from indicators.reduction.minutes import MINUTE_NS, padding_ns
from ingest.store import RAW_PURGED, Partition, ReadingQuery
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
    "Stretch",
    "analysis_version",
    "day_bounds_ns",
    "reduce_partition",
    "reducer",
    "stretches",
    "summary_gap",
    "utc_days",
]

DATASET = "minutes"
"""Name of the summary dataset that holds one row a minute."""

_DAY_NS = 86_400_000_000_000
_EPOCH = date(1970, 1, 1)
_DECIDING = ("version", "basis", "fingerprint", "before_edge", "after_edge")


class PartitionStore(Protocol):
    """The part of a store that the reduction of one partition needs."""

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        """See ``ReadingStore.read_columns``."""

    def fingerprint(self, partition: Partition) -> str:
        """See ``ReadingStore.fingerprint``."""

    def summary_metadata(self, dataset: str, partition: Partition) -> Mapping[str, str] | None:
        """See ``SummaryStore.summary_metadata``."""

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
    """Result of reducing one partition; `problem` says why it was refused."""

    partition: Partition
    outcome: Outcome
    rows: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole minutes during which a sensor sat at one place of the body with one calibration."""

    start_ns: int
    end_ns: int
    mount: Mount
    calibration: Calibration | None


def reducer(kind: Kind) -> ModuleType:
    """Module of `kind` with ``SCHEMA``, ``VERSION``, ``reduce_minutes`` and ``merge``."""
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
    """Bring the minute summaries of one partition up to date.

    Nothing is computed when analysis version, basis (placement, mount, calibration, sensor), the rows of the
    day and the rows of its neighbours within the padding are those the stored table was made from.

    Parameters
    ----------
    book : SiteBook
        Where the sensor sat and how it was calibrated.
    store : Store
        Raw rows and summaries.
    partition : Partition
        Sensor and UTC day.
    force : bool
        Compute in any case.
    fingerprint : callable, optional
        The store's own, remembered over a run: neighbouring days ask for the same ones.

    Returns
    -------
    PartitionOutcome
        ``refused`` when a published method does not apply to the data (its reason in ``problem``); summaries
        of an earlier state are then removed, so that nothing stale is reported.
    """
    places = stretches(book, partition.sensor, partition.day)
    if not places:
        store.delete_summary(DATASET, partition)
        return PartitionOutcome(partition, Outcome.UNPLACED)
    sensor = book.sensor(partition.sensor)
    known = store.summary_metadata(DATASET, partition)
    if known is not None and RAW_PURGED in known:
        # Rows that came after the purge are a part of the day only; the summary knows all of it.
        return PartitionOutcome(partition, Outcome.CURRENT, int(known.get("rows", 0)))
    if force:
        known = None
    stamp = _stamp(store, partition, sensor, places, known, fingerprint or store.fingerprint)
    if known is not None and all(known.get(key) == stamp[key] for key in _DECIDING):
        return PartitionOutcome(partition, Outcome.CURRENT, int(known.get("rows", 0)))
    try:
        table = _compute(store, partition, sensor, places)
    except MethodError as trouble:
        store.delete_summary(DATASET, partition)
        return PartitionOutcome(partition, Outcome.REFUSED, problem=str(trouble))
    store.write_summary(DATASET, partition, table, {**stamp, "rows": str(table.num_rows)})
    return PartitionOutcome(partition, Outcome.COMPUTED, table.num_rows)


def summary_gap(book: SiteBook, store: PartitionStore, partition: Partition) -> str | None:
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


def _compute(
    store: PartitionStore, partition: Partition, sensor: Sensor, places: Sequence[Stretch]
) -> pa.Table:
    module = reducer(partition.kind)
    start, end = day_bounds_ns(partition.day)
    margin = _margin_ns(sensor)
    readings = _read(store, partition, start - margin, end + margin)
    parts = [
        module.reduce_minutes(
            readings,
            sensor=sensor,
            mount=place.mount,
            calibration=place.calibration,
            start_ns=place.start_ns,
            end_ns=place.end_ns,
        )
        for place in places
    ]
    return pa.concat_tables(parts).combine_chunks() if len(parts) > 1 else parts[0]


def _read(store: PartitionStore, partition: Partition, start_ns: int, end_ns: int) -> ReadingBatch:
    return store.read_columns(
        ReadingQuery(partition.site, partition.sensor, partition.kind, start_ns, end_ns)
    )


def _margin_ns(sensor: Sensor) -> int:
    """Rows of the neighbouring days that a day's minutes depend on [ns]."""
    channels = [key for key, quantity in QUANTITIES.items() if quantity.kind is sensor.kind]
    return max(padding_ns(sensor, channel) for channel in channels)


def _stamp(
    store: PartitionStore,
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


def _purged_edge(
    store: PartitionStore, neighbour: Partition, known: Mapping[str, str] | None, side: str
) -> str:
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
