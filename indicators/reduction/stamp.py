"""What the summary of a partition depends on: places, calibrations, its rows and those of its neighbours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from analysis.posture_fusion import fusion_method
from indicators.reduction.kinds import DATASET, analysis_version, day_bounds_ns
from indicators.reduction.minutes import MINUTE_NS, padding_ns
from ingest.store import RAW_PURGED, Partition, ReadingQuery
from sensors.quantities import QUANTITIES
from sensors.readings import ReadingBatch
from sensors.site_model import Calibration, Mount, Sensor

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["DECIDING", "RawStore", "Stretch", "margin_ns", "read_rows", "stamp_of", "stretches"]

DECIDING = ("version", "basis", "fingerprint", "before_edge", "after_edge")
"""Entries of a stamp that decide whether a summary is still true."""


class RawStore(Protocol):
    """The part of a store that is read to reduce one partition."""

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        """See ``ReadingStore.read_columns``."""

    def fingerprint(self, partition: Partition) -> str:
        """See ``ReadingStore.fingerprint``."""

    def summary_metadata(self, dataset: str, partition: Partition) -> Mapping[str, str] | None:
        """See ``SummaryStore.summary_metadata``."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole minutes during which a sensor sat at one place of the body with one calibration."""

    start_ns: int
    end_ns: int
    mount: Mount
    calibration: Calibration | None


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


def read_rows(store: RawStore, partition: Partition, start_ns: int, end_ns: int) -> ReadingBatch:
    """Raw rows of the partition's sensor within ``[start_ns, end_ns)``."""
    return store.read_columns(
        ReadingQuery(partition.site, partition.sensor, partition.kind, start_ns, end_ns)
    )


def margin_ns(sensor: Sensor) -> int:
    """Rows of the neighbouring days that a day's minutes depend on [ns]."""
    channels = [key for key, quantity in QUANTITIES.items() if quantity.kind is sensor.kind]
    return max(padding_ns(sensor, channel) for channel in channels)


def stamp_of(
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
    margin = margin_ns(sensor)
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
            stamp[f"{side}_edge"] = _edge(read_rows(store, partition, low, high)) or _purged_edge(
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
