"""The site file and its logs, ready to be asked: who was where, when, with which calibration."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sensors.calibration import MICROPHONE_DRIFT_LIMIT_DB, microphone_drift_db
from sensors.errors import Problem, UnknownNameError
from sensors.local_time import OPEN_END_NS, at_ns, from_ns, to_ns
from sensors.log_tables import Assignment, Exclusion, SiteLogs
from sensors.site_checks import worn_live_sensors
from sensors.site_model import Calibration, Mount, Placement, Sensor, Shift, Site, Weekday, Workstation

__all__ = ["Exclusion", "Posting", "ShiftWindow", "SiteBook"]

_WEEK = tuple(Weekday)
_AS_PLACED = Assignment(0, 0, "", None, None, None)


@dataclass(frozen=True, slots=True)
class Posting:
    """One sensor at one workstation on one wearer with one calibration, during ``[start_ns, end_ns)``."""

    start_ns: int
    end_ns: int
    sensor: str
    workstation: str
    mount: Mount
    wearer: str | None
    task: str | None
    calibration: str | None


@dataclass(frozen=True, slots=True)
class ShiftWindow:
    """One shift of one workstation; it belongs to the site date on which it starts."""

    workstation: str
    shift: str
    day: date
    start_ns: int
    end_ns: int
    breaks: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class SiteBook:
    """A validated site.

    Attributes
    ----------
    site : Site
        Tables of the site file, environment overrides applied.
    folder : Path
        Folder that relative paths of the site refer to.
    path : Path
        The site file.
    logs : SiteLogs
        Rows of the logs beside it.
    """

    site: Site
    folder: Path
    path: Path
    logs: SiteLogs

    @cached_property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.site.site.timezone)

    def sensor(self, identifier: str) -> Sensor:
        """Sensor with this id; ``UnknownNameError`` lists the known ones."""
        found: Sensor = self._find("sensors", "sensor", identifier)
        return found

    def workstation(self, identifier: str) -> Workstation:
        """Workstation with this id; ``UnknownNameError`` lists the known ones."""
        found: Workstation = self._find("workstations", "workstation", identifier)
        return found

    def calibration(self, identifier: str) -> Calibration | None:
        """Calibration with this id."""
        return self._by_id["calibrations"].get(identifier)

    def _find(self, table: str, what: str, identifier: str) -> Any:
        rows = self._by_id[table]
        if identifier in rows:
            return rows[identifier]
        known = ", ".join(rows)
        raise UnknownNameError(
            f"there is no such {what}",
            value=identifier,
            rule=f"one of {known}" if known else f"the site file has no {what} yet",
            remedy=f"choose one, or add [[{table}]] to {self.path.name}",
            code=f"unknown_{what}",
        )

    @cached_property
    def _by_id(self) -> dict[str, dict[str, Any]]:
        tables = ("sensors", "workstations", "calibrations", "shifts")
        return {table: {row.id: row for row in getattr(self.site, table)} for table in tables}

    def to_ns(self, moment: datetime) -> int:
        """UTC nanoseconds of `moment`; without an offset it is site time."""
        return to_ns(moment, self.zone)

    def local(self, moment_ns: int) -> datetime:
        """Site time of UTC nanoseconds."""
        return from_ns(moment_ns, self.zone)

    def assignments(self, sensor: str, start_ns: int, end_ns: int) -> tuple[Posting, ...]:
        """Who wore `sensor` where within ``[start_ns, end_ns)``.

        Placements, overridden by ``assignments.csv``; clipped to the window, in time order, not overlapping.
        A posting ends where the calibration in force changes. Those of wearers who objected are left out:
        to everything that asks here, their readings lie nowhere.
        """
        objecting = self.objecting
        return tuple(
            replace(row, start_ns=max(row.start_ns, start_ns), end_ns=min(row.end_ns, end_ns))
            for row in self._postings.get(sensor, ())
            if row.start_ns < end_ns and row.end_ns > start_ns and row.wearer not in objecting
        )

    @cached_property
    def objecting(self) -> frozenset[str]:
        """Pseudonyms of ``objections.csv``."""
        return frozenset(row.wearer for row in self.logs.objections)

    def worn_by(self, wearers: Collection[str]) -> tuple[Posting, ...]:
        """Every posting of these wearers, whether they objected or not: what erasing and refusing need."""
        return tuple(row for rows in self._postings.values() for row in rows if row.wearer in wearers)

    @cached_property
    def _postings(self) -> dict[str, tuple[Posting, ...]]:
        rows: dict[str, list[Assignment]] = {}
        for row in sorted(self.logs.assignments, key=lambda item: item.start_ns):
            rows.setdefault(row.sensor, []).append(row)
        postings: dict[str, list[Posting]] = {}
        for placement in sorted(self.site.placements, key=lambda item: self.to_ns(item.start)):
            overrides = rows.get(placement.sensor, [])
            postings.setdefault(placement.sensor, []).extend(self._placed(placement, overrides))
        return {sensor: tuple(items) for sensor, items in postings.items()}

    def _placed(self, placement: Placement, overrides: list[Assignment]) -> list[Posting]:
        start, end = self._span(placement)
        dated = [] if placement.calibration else self._dated_calibrations(placement.sensor)
        edges = {start, end, *(moment for moment, _ in dated if start < moment < end)}
        for row in overrides:
            edges.update(moment for moment in (row.start_ns, row.end_ns) if start < moment < end)
        cuts = sorted(edges)
        starts = [row.start_ns for row in overrides]
        postings = []
        for first, last in pairwise(cuts):
            place = bisect_right(starts, first) - 1
            override = overrides[place] if place >= 0 and overrides[place].end_ns > first else _AS_PLACED
            calibration = placement.calibration or self._latest_before(dated, first)
            postings.append(
                Posting(
                    first,
                    last,
                    placement.sensor,
                    override.workstation or placement.workstation,
                    placement.mount,
                    override.wearer or placement.wearer,
                    override.task,
                    calibration,
                )
            )
        return postings

    def _span(self, placement: Placement) -> tuple[int, int]:
        return (
            self.to_ns(placement.start),
            OPEN_END_NS if placement.end is None else self.to_ns(placement.end),
        )

    def _dated_calibrations(self, sensor: str) -> list[tuple[int, str]]:
        return sorted((self.to_ns(row.at), row.id) for row in self.site.calibrations if row.sensor == sensor)

    @staticmethod
    def _latest_before(dated: list[tuple[int, str]], moment_ns: int) -> str | None:
        earlier = [identifier for moment, identifier in dated if moment <= moment_ns]
        return earlier[-1] if earlier else None

    def calibration_at(self, sensor: str, moment_ns: int) -> Calibration | None:
        """Calibration in force: the placement's, else the latest dated one not after `moment_ns`."""
        for posting in self._postings.get(sensor, ()):
            if posting.start_ns <= moment_ns < posting.end_ns:
                return self.calibration(posting.calibration) if posting.calibration else None
        latest = self._latest_before(self._dated_calibrations(sensor), moment_ns)
        return self.calibration(latest) if latest else None

    def shift_windows(self, workstation: str, first: date, last: date) -> tuple[ShiftWindow, ...]:
        """Shifts of `workstation` that start on the site dates `first` to `last`, both included.

        In time order. Clock readings become UTC by the site's zone, so that a shift over a change of clocks
        is an hour shorter or longer; of two equal readings the earlier is meant.
        """
        shifts: list[Shift] = [self._by_id["shifts"][name] for name in self.workstation(workstation).shifts]
        windows = []
        for step in range((last - first).days + 1):
            day = first + timedelta(days=step)
            weekday = _WEEK[day.weekday()]
            windows += [self._window(workstation, shift, day) for shift in shifts if weekday in shift.days]
        return tuple(sorted(windows, key=lambda item: (item.start_ns, item.shift)))

    def _window(self, workstation: str, shift: Shift, day: date) -> ShiftWindow:
        def moment(clock: time) -> int:
            # A reading before the shift's start belongs to the next day.
            return at_ns(day + timedelta(days=int(clock < shift.start)), clock, self.zone)

        start = at_ns(day, shift.start, self.zone)
        end = at_ns(day + timedelta(days=int(shift.end <= shift.start)), shift.end, self.zone)
        breaks = tuple((moment(one), moment(other)) for one, other in shift.breaks)
        return ShiftWindow(workstation, shift.id, day, start, end, breaks)

    def exclusions(self, sensor: str, start_ns: int, end_ns: int) -> tuple[Exclusion, ...]:
        """What must not count of `sensor` within the window, clipped, in time order.

        Rows of ``exclusions.csv``, and series whose microphone drifted by more than 0.5 dB.
        """
        rows = [row for row in (*self.logs.exclusions, *self._drifted) if row.sensor == sensor]
        return tuple(
            Exclusion(
                max(row.start_ns, start_ns), min(row.end_ns, end_ns), sensor, row.reason, row.who, row.line
            )
            for row in sorted(rows, key=lambda item: (item.start_ns, item.end_ns))
            if row.start_ns < end_ns and row.end_ns > start_ns
        )

    @cached_property
    def _drifted(self) -> tuple[Exclusion, ...]:
        """Series to discard because of their microphone check (ISO 9612:2009, 12.2)."""
        found = []
        for row in self.site.calibrations:
            drift = microphone_drift_db(row)
            if drift is None or abs(drift) <= MICROPHONE_DRIFT_LIMIT_DB:
                continue
            for start, end in self._series_of(row):
                found.append(
                    Exclusion(
                        start, end, row.sensor, f"microphone drift {drift:+.1f} dB ({row.id})", "vigiposte"
                    )
                )
        return tuple(found)

    def _series_of(self, calibration: Calibration) -> list[tuple[int, int]]:
        """What lies between the check before and the check after, else the placements that rest on it.

        Sound checks beside it bound the series: what lies before or after them was measured well.
        """
        before = self.calibration(calibration.closes) if calibration.closes else None
        if before is not None:
            return [(self.to_ns(before.at), self.to_ns(calibration.at))]
        at = self.to_ns(calibration.at)
        sound = [self.to_ns(row.at) for row in self._sound_checks(calibration.sensor)]
        earlier = max((moment for moment in sound if moment < at), default=None)
        later = min((moment for moment in sound if moment > at), default=None)
        spans = [self._span(placement) for placement in self._placements_of(calibration)]
        bounded = [
            (
                start if earlier is None else max(start, earlier),
                end if later is None else min(end, later),
            )
            for start, end in spans
        ]
        return [(start, end) for start, end in bounded if start < end]

    def _sound_checks(self, sensor: str) -> list[Calibration]:
        return [
            row
            for row in self.site.calibrations
            if row.sensor == sensor
            and (drift := microphone_drift_db(row)) is not None
            and abs(drift) <= MICROPHONE_DRIFT_LIMIT_DB
        ]

    def _placements_of(self, calibration: Calibration) -> list[Placement]:
        """Placements that rest on a calibration: those that name it, else the one it ended or interrupted."""
        own = [row for row in self.site.placements if row.sensor == calibration.sensor]
        naming = [row for row in own if row.calibration == calibration.id]
        if naming:
            return naming
        at = self.to_ns(calibration.at)
        begun = [row for row in own if row.calibration is None and self.to_ns(row.start) <= at]
        return sorted(begun, key=lambda row: self.to_ns(row.start))[-1:]

    def pauses(self, sensor: str | None, start_ns: int, end_ns: int) -> tuple[tuple[int, int], ...]:
        """When nobody was to be measured: pauses of the site and of `sensor`, merged and clipped."""
        merged: list[tuple[int, int]] = []
        for row in sorted(self.logs.pauses, key=lambda item: item.start_ns):
            if row.sensor not in (None, sensor):
                continue
            first, last = max(row.start_ns, start_ns), min(row.end_ns, end_ns)
            if first >= last:
                continue
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return tuple(merged)

    def notices(self) -> tuple[Problem, ...]:
        """What `check` points out although the site can be used.

        Discarded series, and worn sensors without a campaign.
        Governance rules themselves are enforced where worn sensors start; this is the hook they share.
        """
        file = self.path.name
        found = [
            Problem(
                file,
                f"calibrations.{row.sensor}",
                row.reason,
                f"a series is discarded when the microphone check differs by more than "
                f"{MICROPHONE_DRIFT_LIMIT_DB:g} dB (ISO 9612:2009, 12.2)",
                "measure again; the readings are left out",
                "calibration_drift",
            )
            for row in self._drifted
        ]
        worn = worn_live_sensors(self.site)
        if worn and not self.site.campaigns:
            found.append(
                Problem(
                    file,
                    "campaigns",
                    ", ".join(worn[:8]),
                    "worn sensors need a purpose, a consultation and a date",
                    "add [[campaigns]] with purpose, cse_reference and cse_date",
                    "campaign_missing",
                )
            )
        return tuple(found)
