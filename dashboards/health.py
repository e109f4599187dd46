"""State of the sensors in words: what ingest knows of each, where it is posted, when it was calibrated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dashboards import typography
from dashboards.wording import Wording
from sensors.quantities import Kind
from sensors.site_book import SiteBook
from sensors.site_model import Origin

if TYPE_CHECKING:
    from ingest.overview import Overview, SensorLine
    from ingest.store import Store

__all__ = ["SensorState", "sensor_states", "survey_site"]

_OUT_OF_ORDER = frozenset({"refused", "never_seen", "offline", "silent"})
_CALIBRATION_DAYS = {Kind.NOISE: 730, Kind.CLIMATE: 365, Kind.POSTURE: 90}


@dataclass(frozen=True, slots=True)
class SensorState:
    """One sensor in words; `severity` 2 is out of order, 1 needs care, 0 is well."""

    id: str
    sensor: str
    kind: str
    place: str
    severity: int
    state: str
    last_seen: str
    rate: str
    rejected: str
    late: str
    skew: str
    battery: str
    calibration: str

    @property
    def row(self) -> tuple[str, ...]:
        """Columns of the report's table."""
        return (self.sensor, self.state, self.last_seen, self.rejected, self.battery, self.calibration)


def survey_site(book: SiteBook, open_store: Callable[[], Store]) -> Overview:
    """Look at what the ingest processes left, the journals and the store."""
    from ingest.overview import survey

    return survey(book, open_store)


def sensor_states(book: SiteBook, seen: Overview, words: Wording) -> tuple[SensorState, ...]:
    """Every sensor of the site, the unwell first."""
    states = [_state(book, line, seen.at_ns, words) for line in seen.sensors]
    return tuple(sorted(states, key=lambda state: (-state.severity, state.id)))


def _state(book: SiteBook, line: SensorLine, now_ns: int, words: Wording) -> SensorState:
    health, language = line.health, words.language
    code = line.state.replace(" ", "_")
    # Imported, replayed and simulated readings stand in the store while nothing sends any more.
    live = line.sensor.origin is Origin.LIVE
    asleep = not live and code in ("offline", "silent", "never_seen")
    if health.newest_ns and (asleep or code == "never_seen"):
        code = "stored"
    severity = 2 if code in _OUT_OF_ORDER else 0 if code in ("ok", "stored") else 1
    if severity == 0 and _due(line, book.local(now_ns)):
        severity, code = 1, "calibration_due"
    refused = sum(health.rejected.values())
    return SensorState(
        id=line.sensor.id,
        sensor=line.sensor.label or line.sensor.id,
        kind=words.factor(line.sensor.kind.value),
        place=_place(book, line.sensor.id, now_ns, words),
        severity=severity,
        state=words.say(f"sensor_states.{code}"),
        last_seen=_moment(book, health.last_seen_ns or health.newest_ns, words),
        # How fast a recording came in says nothing of the sensor.
        rate=words.number(round(health.rate_per_s, 1)) if health.rate_per_s and live else "–",
        rejected=words.number(refused),
        late=words.number(health.late),
        skew="–"
        if health.skew_s is None
        else words.quantity_of(typography.number(health.skew_s, 1, language=language, sign=True), "s"),
        battery="–" if health.battery is None else words.percent(health.battery / 100.0),
        calibration="–"
        if line.calibrated_at is None
        else typography.long_date(line.calibrated_at.date(), language=language),
    )


def _due(line: SensorLine, now: datetime) -> bool:
    if line.calibrated_at is None:
        return False
    return (now - line.calibrated_at).days > _CALIBRATION_DAYS[line.sensor.kind]


def _place(book: SiteBook, sensor: str, now_ns: int, words: Wording) -> str:
    # Where it is, or was last: a campaign that ended still says where its sensors stood.
    postings = book.assignments(sensor, 0, now_ns)
    if not postings:
        return "–"
    last = max(postings, key=lambda posting: posting.end_ns)
    return f"{book.workstation(last.workstation).label}, {words.say(f'mounts.{last.mount.value}')}"


def _moment(book: SiteBook, ns: int, words: Wording) -> str:
    if not ns:
        return "–"
    moment = book.local(ns)
    day = typography.long_date(moment.date(), language=words.language)
    return f"{day}, {typography.clock(moment, language=words.language)}"
