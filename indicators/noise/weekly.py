"""Weekly noise exposure of one shift: the days it plans, the divisor 5 of the text."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np

from analysis.levels import energy_mean
from indicators.context import AssessmentContext
from indicators.noise.days import Basis, day_level_db, hours
from indicators.noise.measures import lex_8h, lex_weekly

__all__ = ["WeekLex", "daily_lex_db", "planned_days_a_week", "week_lex"]

_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class WeekLex:
    """LEX,40h of one week of a shift, and how many of its planned days were measured."""

    level_db: float
    planned_days: int
    measured_days: int
    coverage: float


def planned_days_a_week(context: AssessmentContext) -> int:
    """Days a week on which the shift is planned."""
    shift = context.book.site.find("shifts", context.shift)
    return len(shift.days) if shift is not None else 0


def daily_lex_db(basis: Basis) -> list[float]:
    """LEX,8h of each valid worker-day [dB(A)], over its own duration or the occupancy of a fixed place."""
    durations = [
        hours(day.day.expected_ns) if basis.worn or basis.te_h is None else basis.te_h for day in basis.valid
    ]
    return [float(value) for value in lex_8h([day_level_db(day) for day in basis.valid], durations)]


def week_lex(basis: Basis, context: AssessmentContext) -> WeekLex | None:
    """Weekly level of the period when it is one week.

    A planned day that was not measured takes the energy mean of those that were, and lowers the coverage;
    ``None`` outside a week or when too few planned days were measured.
    """
    period = context.period
    if (period.last - period.first).days + 1 != _WEEK_DAYS or not basis.valid:
        return None
    planned = {
        window.day
        for window in context.book.shift_windows(context.workstation.id, period.first, period.last)
        if window.shift == context.shift
    }
    by_day: dict[date, list[float]] = defaultdict(list)
    for day, value in zip(basis.valid, daily_lex_db(basis), strict=True):
        by_day[day.day.day].append(value)
    measured = sorted(set(by_day) & planned)
    coverage = len(measured) / len(planned) if planned else 0.0
    if not measured or coverage < context.minimum_coverage("lex_weekly"):
        return None
    daily = np.array([_of_date(by_day[day]) for day in measured])
    filled = np.append(daily, np.full(len(planned) - len(measured), float(energy_mean(daily))))
    return WeekLex(float(lex_weekly(filled)), len(planned), len(measured), coverage)


def _of_date(levels_db: list[float]) -> float:
    """Energy mean of the worker-days of one site date, most often a single one [dB(A)]."""
    return levels_db[0] if len(levels_db) == 1 else float(energy_mean(levels_db))
