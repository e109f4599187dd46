"""What ``status`` knows: every sensor of the site, every ingest, the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.status import IngestHealth, SensorHealth, journal_folders, read_health
from ingest.store import Store
from sensors.errors import VigiposteError
from sensors.site_book import SiteBook
from sensors.site_model import Origin, Sensor

__all__ = ["Overview", "SensorLine", "survey", "to_document"]

_SILENT_S = 15 * 60.0
_LOW_BATTERY_PERCENT = 15.0


@dataclass(frozen=True, slots=True)
class SensorLine:
    """One sensor: its state in a word, and what the ingest processes know of it together."""

    sensor: Sensor
    state: str
    health: SensorHealth
    calibrated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one moment."""

    site: str
    at_ns: int
    ingests: tuple[IngestHealth, ...]
    sensors: tuple[SensorLine, ...]
    unknown: Mapping[str, int]
    store_url: str
    store_problem: str | None


def survey(
    book: SiteBook, open_store: Callable[[], Store], journals: Sequence[Path] | None = None
) -> Overview:
    """Look at health files, journals and the store.

    Parameters
    ----------
    book : SiteBook
        The site.
    open_store : callable
        Opens the store; its errors are shown, not raised.
    journals : sequence of Path, optional
        Journal folders; default all of the site.
    """
    now_ns = time.time_ns()
    ingests = tuple(read_health(folder) for folder in (journals or journal_folders(book)))
    store_url, problem, newest = _look_at_store(book, open_store)
    lines = []
    for sensor in book.site.sensors:
        health = _together([one.sensors[sensor.id] for one in ingests if sensor.id in one.sensors])
        if not health.newest_ns:
            health.newest_ns = newest.get(sensor.id, 0)
        calibration = book.calibration_at(sensor.id, now_ns)
        lines.append(
            SensorLine(
                sensor,
                _state(sensor, health, now_ns),
                health,
                None if calibration is None else book.local(book.to_ns(calibration.at)),
            )
        )
    unknown: Counter[str] = Counter()
    for one in ingests:
        unknown.update(one.unknown)
    return Overview(book.site.site.id, now_ns, ingests, tuple(lines), dict(unknown), store_url, problem)


def _look_at_store(
    book: SiteBook, open_store: Callable[[], Store]
) -> tuple[str, str | None, Mapping[str, int]]:
    url = book.site.store.url
    try:
        store = open_store()
        try:
            url = store.url
            store.check()
            return url, None, store.last_seen(book.site.site.id)
        finally:
            store.close()
    except VigiposteError as error:
        return url, str(error), {}


def _together(states: Sequence[SensorHealth]) -> SensorHealth:
    """One state out of those of several processes: counts added, the rest from the one that saw it last."""
    if not states:
        return SensorHealth()
    latest = max(states, key=lambda one: one.last_seen_ns)
    merged = SensorHealth.from_dict(latest.to_dict())
    for one in states:
        if one is not latest:
            for name in ("messages", "rows", "late", "skewed", "stuck", "clipped"):
                setattr(merged, name, getattr(merged, name) + getattr(one, name))
            merged.rate_per_s += one.rate_per_s
            merged.rejected += one.rejected
            merged.newest_ns = max(merged.newest_ns, one.newest_ns)
    return merged


def _state(sensor: Sensor, health: SensorHealth, now_ns: int) -> str:
    if not health.last_seen_ns:
        return "refused" if health.rejected else "never seen"
    live = sensor.origin is Origin.LIVE
    silent_s = max(_SILENT_S, 5 * (sensor.period_s or 0.0))
    if health.online is False:
        return "offline"
    if live and now_ns - health.last_seen_ns > silent_s * 1e9:
        return "silent"
    if health.skew_s is not None:
        return "clock wrong"
    if health.battery is not None and health.battery < _LOW_BATTERY_PERCENT:
        return "battery low"
    return "ok"


def _iso(moment_ns: int) -> str | None:
    return datetime.fromtimestamp(moment_ns / 1e9, UTC).isoformat(timespec="seconds") if moment_ns else None


def to_document(seen: Overview) -> dict[str, Any]:
    """Return the JSON document ``vigiposte.status/1``, without its schema."""
    return {
        "site": seen.site,
        "at": _iso(seen.at_ns),
        "store": {
            "url": seen.store_url,
            "reachable": seen.store_problem is None,
            "problem": seen.store_problem,
        },
        "ingests": [
            {
                "journal": str(one.journal),
                "running": one.running,
                "updated": _iso(one.updated_ns),
                "broker": one.broker,
                "store_trouble": one.store_trouble,
                "journal_blocked": one.journal_blocked,
                "backlog_bytes": one.backlog_bytes,
                "backlog_age_s": round(one.backlog_age_s, 1),
                "counters": dict(one.counters),
            }
            for one in seen.ingests
        ],
        "sensors": [
            {
                "id": line.sensor.id,
                "kind": line.sensor.kind.value,
                "state": line.state,
                "last_seen": _iso(line.health.last_seen_ns),
                "newest": _iso(line.health.newest_ns),
                "messages": line.health.messages,
                "rows": line.health.rows,
                "rate_per_s": line.health.rate_per_s,
                "rejected": dict(line.health.rejected),
                "late": line.health.late,
                "skewed": line.health.skewed,
                "skew_s": line.health.skew_s,
                "stuck": line.health.stuck,
                "clipped": line.health.clipped,
                "battery": line.health.battery,
                "online": line.health.online,
                "calibrated_at": line.calibrated_at.isoformat() if line.calibrated_at else None,
            }
            for line in seen.sensors
        ],
        "unknown": dict(seen.unknown),
    }
