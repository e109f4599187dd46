"""Night work and alternating shifts of a post's holder, from planned shifts and rosters; no sensor needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from indicators.limits import limit
from sensors.site_model import ExposureGroup, Roster, Shift, Site

__all__ = [
    "NightPattern",
    "WorkTime",
    "WorkTimeGap",
    "is_night_shift",
    "night_window_hours",
    "work_time_of_group",
]

_NIGHT_START = time(0, 0)
_NIGHT_END = time(5, 0)


class NightPattern(StrEnum):
    """Which text the nights fall under; one excludes the other (D4163-3)."""

    NONE = "none"
    NIGHT_WORK = "night_work"
    ALTERNATING_SHIFTS = "alternating_shifts"


class WorkTimeGap(StrEnum):
    """Why nothing can be said."""

    NO_ROSTER = "no_roster"
    UNKNOWN_SHIFT = "unknown_shift"


@dataclass(frozen=True, slots=True)
class WorkTime:
    """Nights of one holder in a year, under the one text they fall under.

    Attributes
    ----------
    pattern : NightPattern
        Night work, alternating shifts, or none.
    nights_per_year : float or None
        Nights with at least one hour in the window; ``None`` when the schedule is not known (``gap``).
    """

    group: str
    workers: int
    pattern: NightPattern
    nights_per_year: float | None
    gap: WorkTimeGap | None = None


def night_window_hours(shift: Shift) -> float:
    """Hours of `shift` between midnight and 5 a.m. [h], breaks left in."""
    day = date(2001, 1, 1)
    start = datetime.combine(day, shift.start)
    end = datetime.combine(day, shift.end)
    if end <= start:
        end += timedelta(days=1)
    total = timedelta()
    for offset in (0, 1):
        window_start = datetime.combine(day + timedelta(days=offset), _NIGHT_START)
        window_end = datetime.combine(day + timedelta(days=offset), _NIGHT_END)
        total += max(timedelta(), min(end, window_end) - max(start, window_start))
    return total.total_seconds() / 3600.0


def is_night_shift(shift: Shift, minimum_h: float | None = None) -> bool:
    """Whether the shift has at least the hour between midnight and 5 a.m. that D4163-2 2° asks for."""
    needed = limit("fr.work_time.night_hour").value if minimum_h is None else minimum_h
    return night_window_hours(shift) >= needed


def work_time_of_group(group: ExposureGroup, site: Site) -> WorkTime:
    """Nights of one holder in `group`: from the roster's own count, else from its cycle of shifts.

    A cycle that mixes night shifts and others is alternating; nights made under it are no night work, and
    the reverse, so that one night never counts twice.
    """
    rosters: Mapping[str, Roster] = {row.id: row for row in site.rosters}
    shifts: Mapping[str, Shift] = {row.id: row for row in site.shifts}
    roster = rosters.get(group.roster or "")
    if roster is None:
        return WorkTime(group.id, group.workers, NightPattern.NONE, None, WorkTimeGap.NO_ROSTER)
    known = [shifts[name] for name in roster.cycle if name in shifts]
    if len(known) != len(roster.cycle):
        return WorkTime(group.id, group.workers, NightPattern.NONE, None, WorkTimeGap.UNKNOWN_SHIFT)
    at_night = [is_night_shift(shift) for shift in known]
    if not any(at_night):
        return WorkTime(group.id, group.workers, NightPattern.NONE, 0.0)
    pattern = NightPattern.NIGHT_WORK if all(at_night) else NightPattern.ALTERNATING_SHIFTS
    if roster.nights is not None:
        return WorkTime(group.id, group.workers, pattern, float(roster.nights))
    return WorkTime(group.id, group.workers, pattern, _nights_of_cycle(known, at_night, roster.days_per_year))


def _nights_of_cycle(shifts: Sequence[Shift], at_night: Sequence[bool], days_per_year: int) -> float:
    days_in_cycle = sum(len(shift.days) for shift in shifts)
    nights_in_cycle = sum(len(shift.days) for shift, night in zip(shifts, at_night, strict=True) if night)
    return days_per_year * nights_in_cycle / days_in_cycle if days_in_cycle else 0.0
