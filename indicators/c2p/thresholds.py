"""Annual exposure of one holder of a post against the thresholds of the French prevention account (C2P).

The texts judge the usual conditions of a post over the year (instruction of 13 March 2015): measured days ×
planned days is the intended method. Results are for discussion and never a declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from analysis.projection import YearTotal, crossing_date, event_total, reaching_total, year_total
from indicators.limits import Limit, limit
from indicators.model import Interval, Note
from sensors.errors import MethodError, UnknownNameError, UsageError

__all__ = [
    "FACTORS",
    "HourCountRule",
    "ProjectedHours",
    "crossing_day",
    "crossing_notes",
    "exposed_noise_hours",
    "projected_hours",
    "projected_noise_hours",
    "projected_temperature_hours",
    "projected_times",
    "reaches",
    "repetitive_hours",
    "threshold",
]

FACTORS: Mapping[str, str] = {
    "temperature": "fr.climate.c2p_temperature",
    "noise": "fr.noise.c2p_level",
    "noise_peak": "fr.noise.c2p_peaks",
    "night_work": "fr.work_time.night_work",
    "alternating_shifts": "fr.work_time.alternating_shifts",
    "repetitive_work": "fr.work_time.repetitive_work",
    "posture": "fr.posture.painful_postures",
}


class HourCountRule(StrEnum):
    """How hours "at LEX,8h ≥ 81 dB(A)" are counted; the text does not say, so the rule is printed."""

    HOURS_OF_DAYS_AT_LEVEL = "hours_of_days_at_level"
    ALL_HOURS_WHEN_MEAN_AT_LEVEL = "all_hours_when_mean_at_level"


@dataclass(frozen=True, slots=True)
class ProjectedHours:
    """Exposed hours (or times) a year of one holder, with a two-sided 90 % interval.

    Attributes
    ----------
    hours : float
        Projection to the planned year.
    interval : Interval or None
        ``None`` when a single day was measured.
    n_days : int
        Measured days.
    """

    hours: float
    interval: Interval | None
    n_days: int


def threshold(factor: str, on_date: date | str) -> Limit:
    """Threshold of a C2P (or former) factor in force on a date.

    Parameters
    ----------
    factor : str
        Key of `FACTORS`.
    on_date : date or str
        Day the exposure is judged, ISO text accepted.

    Raises
    ------
    UnknownNameError
        Unknown factor, or no threshold in force on that day.
    UsageError
        ``bad_date``: no ISO date.
    """
    if factor not in FACTORS:
        raise UnknownNameError(
            "factor of the C2P", value=factor, rule=f"one of {', '.join(FACTORS)}", code="unknown_factor"
        )
    day = _date(on_date)
    return limit(FACTORS[factor], day)


def _date(on_date: date | str) -> date:
    try:
        return date.fromisoformat(on_date) if isinstance(on_date, str) else on_date
    except ValueError as trouble:
        raise UsageError("no date", value=on_date, rule="ISO text, 2026-11-16", code="bad_date") from trouble


def crossing_day(per_year: float, row: Limit, year: int) -> date | None:
    """Day of `year` on which an even exposure reaches the threshold; ``None`` when it does not in the year.

    Parameters
    ----------
    per_year : float
        Projected exposure of the year, in the threshold's unit; spread evenly over its days.
    """
    first = date(year, 1, 1)
    days = [first + timedelta(days=step) for step in range((date(year + 1, 1, 1) - first).days)]
    return crossing_date(per_year / len(days), row.value, days)


def crossing_notes(
    value: float | None, interval: Interval | None, rows: Sequence[Limit], year: int
) -> tuple[Note, ...]:
    """When the thresholds of a year would be crossed, with the earliest and latest day of the interval."""
    found = []
    for row in rows:
        day = None if value is None else crossing_day(value, row, year)
        if day is None:
            continue
        earliest = None if interval is None else crossing_day(interval.high, row, year)
        latest = None if interval is None else crossing_day(interval.low, row, year)
        params = {"on_day": day.isoformat(), "from_day": (earliest or day).isoformat()}
        if latest is None:
            found.append(Note("threshold_crossed_maybe", params))
        elif latest == earliest:
            found.append(Note("threshold_crossed_on", {"on_day": params["on_day"]}))
        else:
            found.append(Note("threshold_crossed", {**params, "to_day": latest.isoformat()}))
    return tuple(found)


def reaches(value: float, row: Limit) -> bool:
    """Whether `value` reaches the threshold; the texts say "at least", so the boundary counts."""
    return value >= row.value


def _result(total: YearTotal) -> ProjectedHours:
    interval = None if np.isnan(total.low) else Interval(total.low, total.high)
    return ProjectedHours(total.value, interval, total.measured_days)


def projected_hours(
    exposed_hours_by_day: ArrayLike, worked_days_per_year: float, *, shift_hours: float = 24.0
) -> ProjectedHours:
    """Project exposed hours of measured days to the year.

    Parameters
    ----------
    exposed_hours_by_day : array_like, shape (n,)
        Hours (or times) of each measured worker-day; NaN = not measured.
    worked_days_per_year : float
        Days one holder works in the year.
    shift_hours : float
        Most hours a day can hold.

    Raises
    ------
    MethodError
        As `analysis.projection.year_total`.
    """
    return _result(year_total(exposed_hours_by_day, worked_days_per_year, daily_maximum=shift_hours))


def projected_temperature_hours(
    exposed_hours_by_day: Sequence[float],
    month_of_day: Sequence[int],
    worked_days_per_year: float,
    *,
    shift_hours: float,
) -> ProjectedHours:
    """Project hours ≤ 5 °C or ≥ 30 °C to the calendar months that were measured, and to no other.

    Parameters
    ----------
    exposed_hours_by_day : sequence of float
        Exposed hours of each measured day.
    month_of_day : sequence of int
        Calendar month (1–12) of each of these days.
    worked_days_per_year : float
        Planned days, spread evenly over the twelve months.
    shift_hours : float
        Planned hours of a day: what an unmeasured day could add at most.

    Returns
    -------
    ProjectedHours
        ``hours`` counts the measured months only; for each other month the interval runs from nothing to
        all planned hours, since a winter says nothing about a summer.
    """
    if len(month_of_day) != len(exposed_hours_by_day):
        raise MethodError(
            "months and days differ in number",
            value=len(month_of_day),
            rule=f"{len(exposed_hours_by_day)}",
            code="bad_shape",
        )
    months = sorted(set(month_of_day))
    days_a_month = worked_days_per_year / 12.0
    most_a_month = days_a_month * shift_hours
    parts = [
        year_total(
            [v for v, m in zip(exposed_hours_by_day, month_of_day, strict=True) if m == month],
            days_a_month,
            daily_maximum=shift_hours,
        )
        for month in months
    ]
    hours = sum(part.value for part in parts)
    # Months are measured independently: their uncertainties add as squares. One day says nothing of a month.
    spread = [part for part in parts if not np.isnan(part.low)]
    blind = len(parts) - len(spread) + 12 - len(months)
    known = sum(part.value for part in spread)
    low = known - float(np.sqrt(sum((part.value - part.low) ** 2 for part in spread)))
    high = (
        known + float(np.sqrt(sum((part.high - part.value) ** 2 for part in spread))) + blind * most_a_month
    )
    interval = Interval(max(0.0, low), min(high, worked_days_per_year * shift_hours))
    return ProjectedHours(hours, interval, len(exposed_hours_by_day))


def exposed_noise_hours(
    lex_8h_by_day_db: ArrayLike,
    worked_hours_by_day: ArrayLike,
    criterion_db: float,
    rule: HourCountRule = HourCountRule.HOURS_OF_DAYS_AT_LEVEL,
) -> tuple[float, ...]:
    """Exposed hours of each day under the chosen counting rule; NaN levels stay NaN.

    Minutes above the criterion are never counted: that would be another indicator.
    """
    levels = np.asarray(lex_8h_by_day_db, dtype=np.float64)
    hours = np.broadcast_to(np.asarray(worked_hours_by_day, dtype=np.float64), levels.shape)
    if rule is HourCountRule.ALL_HOURS_WHEN_MEAN_AT_LEVEL:
        measured = levels[~np.isnan(levels)]
        mean = 10.0 * np.log10(np.mean(10.0 ** (measured / 10.0))) if measured.size else np.nan
        counted = np.where(mean >= criterion_db, hours, 0.0)
    else:
        counted = np.where(levels >= criterion_db, hours, 0.0)
    return tuple(float(value) for value in np.where(np.isnan(levels), np.nan, counted))


def projected_noise_hours(
    lex_8h_by_day_db: ArrayLike,
    worked_hours_by_day: ArrayLike,
    criterion_db: float,
    worked_days_per_year: float,
    rule: HourCountRule = HourCountRule.HOURS_OF_DAYS_AT_LEVEL,
) -> ProjectedHours:
    """Hours a year on days that reach the criterion, with the interval of the share of such days.

    Under the other counting rule the hours of all days count, or none, and the interval is theirs.
    """
    if rule is HourCountRule.HOURS_OF_DAYS_AT_LEVEL:
        hours = float(np.mean(np.asarray(worked_hours_by_day, dtype=np.float64)))
        return _result(reaching_total(lex_8h_by_day_db, criterion_db, hours, worked_days_per_year))
    counted = exposed_noise_hours(lex_8h_by_day_db, worked_hours_by_day, criterion_db, rule)
    return projected_hours(counted, worked_days_per_year)


def projected_times(times_by_day: ArrayLike, worked_days_per_year: float) -> ProjectedHours:
    """Events a year (peaks) from their count on measured days."""
    return _result(event_total(times_by_day, worked_days_per_year))


def repetitive_hours(
    hours_per_year: float | None,
    cycle_s: float | None,
    actions_per_minute: float | None,
    on_date: date,
) -> float | None:
    """Hours a year of repetitive upper-limb work of a post as the site file declares it (D4163-2 2° c).

    Returns ``None`` where the declaration does not suffice. No sensor here counts technical actions.
    """
    if hours_per_year is None or actions_per_minute is None:
        return None
    short = limit("fr.work_time.short_cycle_criterion", on_date)
    if cycle_s is not None and cycle_s <= short.value:
        needed = limit("fr.work_time.short_cycle_actions_criterion", on_date).value
        repetitive = actions_per_minute * cycle_s / 60.0 >= needed
    else:
        repetitive = actions_per_minute >= limit("fr.work_time.long_cycle_actions_criterion", on_date).value
    return hours_per_year if repetitive else 0.0
