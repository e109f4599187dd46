"""The factor *work time*: nights, alternation and repetitive work of a post's holder, from planned schedules.

Nothing is measured here: the values are what the site file plans, so their interval is a point; what the site
file does not say is not measured.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from indicators.building import Evidence, indicator_of
from indicators.c2p.thresholds import crossing_notes, repetitive_hours, threshold
from indicators.c2p.work_time import NightPattern, WorkTime, work_time_of_group
from indicators.limits import Limit, Role
from indicators.model import Factor, Indicator, Interval, Note
from indicators.verdicts import assess_limit
from sensors.site_model import Site, Workstation

__all__ = ["assess_work_time"]

_METHOD = "planned shifts and rosters of the site file"
_DECLARED = "declared in the site file"


def assess_work_time(
    site: Site, workstation: Workstation, limits: tuple[Limit, ...], on: date
) -> tuple[Indicator, ...]:
    """Indicators ``night_work``, ``alternating_nights`` and ``repetitive_c2p_hours`` of one workstation.

    Parameters
    ----------
    site : Site
        Shifts, rosters and groups.
    workstation : Workstation
        Whose holders are looked at; of several groups the one with most nights speaks.
    limits : tuple of Limit
        Rows in force in the site's profiles; without one of this factor nothing is assessed.
    on : date
        Day the thresholds are looked up.
    """
    if not any(row.factor == Factor.WORK_TIME.value and row.role is Role.PROJECTION for row in limits):
        return ()
    groups = [group for group in site.groups if workstation.id in group.workstations]
    found = [work_time_of_group(group, site) for group in groups]
    return (
        _nights(found, NightPattern.NIGHT_WORK, "night_work", on),
        _nights(found, NightPattern.ALTERNATING_SHIFTS, "alternating_nights", on),
        _repetitive(workstation, on),
    )


def _nights(found: list[WorkTime], pattern: NightPattern, identifier: str, on: date) -> Indicator:
    known = [item for item in found if item.nights_per_year is not None]
    if not known:
        code = found[0].gap.value if found and found[0].gap is not None else "no_group"
        return _indicator(
            identifier, None, "nights/year", threshold(_FACTOR[pattern], on), _METHOD, Note(code), on.year
        )
    nights = max((item.nights_per_year or 0.0) if item.pattern is pattern else 0.0 for item in known)
    return _indicator(
        identifier, nights, "nights/year", threshold(_FACTOR[pattern], on), _METHOD, None, on.year
    )


_FACTOR = {NightPattern.NIGHT_WORK: "night_work", NightPattern.ALTERNATING_SHIFTS: "alternating_shifts"}


def _repetitive(workstation: Workstation, on: date) -> Indicator:
    hours = repetitive_hours(
        workstation.hours_per_year, workstation.cycle_s, workstation.technical_actions_per_minute, on
    )
    reason = None if hours is not None else Note("actions_not_declared")
    found = _indicator(
        "repetitive_c2p_hours", hours, "h/year", threshold("repetitive_work", on), _DECLARED, reason, on.year
    )
    return found if hours is not None else replace(found, next_best=Note("declare_actions"))


def _indicator(
    identifier: str, value: float | None, unit: str, row: Limit, method: str, reason: Note | None, year: int
) -> Indicator:
    interval = None if value is None else Interval(value, value)
    return indicator_of(
        identifier,
        value,
        unit,
        interval,
        Evidence(
            factor=Factor.WORK_TIME,
            shift="",
            coverage=0.0 if value is None else 1.0,
            n_days=0,
            n_wearers=0,
            worn=False,
        ),
        method=method,
        quality=()
        if value is None
        else (Note("planned_not_measured"), *crossing_notes(value, interval, [row], year)),
        limits=(assess_limit(value, interval, row, measured=value is not None, reason=reason),),
        next_best=None if value is not None else Note("describe_schedule"),
    )
