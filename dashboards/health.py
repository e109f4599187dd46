"""State of the sensors, from the health file that ingest keeps and the calibrations of the site file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards import typography
from dashboards.wording import Wording
from sensors.quantities import Kind
from sensors.site_book import SiteBook

__all__ = ["SensorState", "read_health", "sensor_states"]

_SILENT_S = 3600.0
_SKEW_S = 2.0
_WEAK_BATTERY = 15.0
_CALIBRATION_DAYS = {Kind.NOISE: 730, Kind.CLIMATE: 365, Kind.POSTURE: 90}


@dataclass(frozen=True, slots=True)
class SensorState:
    """One sensor in words; `severity` 2 is out of order, 1 needs care, 0 is well."""

    sensor: str
    kind: str
    severity: int
    state: str
    last_seen: str
    rejected: str
    late: str
    skew: str
    battery: str
    calibration: str

    @property
    def row(self) -> tuple[str, ...]:
        """Columns of the report's table."""
        return (self.sensor, self.state, self.last_seen, self.rejected, self.battery, self.calibration)


def read_health(book: SiteBook) -> Mapping[str, Any]:
    """What ingest last wrote about each sensor, by sensor id; empty when it never ran."""
    path = book.folder / "journal" / "health.json"
    if not path.is_file():
        return {}
    found: Any = json.loads(path.read_text(encoding="utf-8"))
    sensors = found.get("sensors", {}) if isinstance(found, dict) else {}
    return sensors if isinstance(sensors, dict) else {}


def sensor_states(book: SiteBook, words: Wording, now_ns: int | None = None) -> tuple[SensorState, ...]:
    """Every sensor of the site, the unwell first; nothing when no health was recorded yet.

    Parameters
    ----------
    now_ns : int, optional
        Moment silence is judged at [ns]; by default the newest reading of any sensor, so that an archive does
        not look dead.
    """
    health = read_health(book)
    if not health:
        return ()
    newest = [int(row["last_seen_ns"]) for row in health.values() if row.get("last_seen_ns")]
    moment = now_ns or max(newest, default=0)
    states = [_state(book, sensor, health.get(sensor.id, {}), moment, words) for sensor in book.site.sensors]
    return tuple(sorted(states, key=lambda state: (-state.severity, state.sensor)))


def _state(
    book: SiteBook, sensor: Any, row: Mapping[str, Any], moment_ns: int, words: Wording
) -> SensorState:
    say = words.say
    seen = row.get("last_seen_ns")
    battery, skew = row.get("battery"), row.get("skew_s")
    rejected = row.get("rejected") or {}
    refused = sum(rejected.values()) if isinstance(rejected, dict) else int(rejected)
    calibration = book.calibration_at(sensor.id, moment_ns)
    age = (
        None if calibration is None else (book.local(moment_ns) - book.local(book.to_ns(calibration.at))).days
    )
    severity, code = 0, "online"
    if seen is None:
        severity, code = 2, "never_seen"
    elif (moment_ns - int(seen)) / 1e9 > _SILENT_S:
        severity, code = 2, "silent"
    elif skew is not None and abs(float(skew)) > _SKEW_S:
        severity, code = 1, "skewed"
    elif battery is not None and float(battery) < _WEAK_BATTERY:
        severity, code = 1, "battery_low"
    elif age is not None and age > _CALIBRATION_DAYS[sensor.kind]:
        severity, code = 1, "calibration_due"
    return SensorState(
        sensor=sensor.label or sensor.id,
        kind=words.factor(sensor.kind.value),
        severity=severity,
        state=say(f"sensor_states.{code}"),
        last_seen="–" if seen is None else _moment(book, int(seen), words),
        rejected=words.number(refused),
        late=words.number(int(row.get("late") or 0)),
        skew="–"
        if skew is None
        else f"{typography.number(float(skew), 1, language=words.language, sign=True)}\u00a0s",
        battery="–" if battery is None else words.percent(float(battery) / 100.0),
        calibration="–"
        if calibration is None
        else typography.long_date(calibration.at.date(), language=words.language),
    )


def _moment(book: SiteBook, ns: int, words: Wording) -> str:
    moment = book.local(ns)
    day = typography.long_date(moment.date(), language=words.language)
    return f"{day}, {typography.clock(moment, language=words.language)}"
