"""From some measured days to a whole year: the total over planned days, with its interval.

The year is a finite population of worked days of which some were measured; the days are the units, never
the seconds inside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from analysis.arguments import any_floats, number
from sensors.errors import MethodError

__all__ = [
    "YearTotal",
    "crossing_date",
    "event_total",
    "prorated",
    "reaching_total",
    "year_total",
]


_FARTHEST = 35.0


@dataclass(frozen=True, slots=True)
class YearTotal:
    """Projected total over a year and its two-sided interval, in the unit of the daily values.

    Attributes
    ----------
    value, low, high : float
        Projection and interval; ``low`` and ``high`` are NaN when one day alone was measured.
    measured_days : int
        Days the projection rests on.
    """

    value: float
    low: float
    high: float
    measured_days: int


def _days(values: ArrayLike) -> NDArray[np.float64]:
    days = any_floats(values, "daily values")
    if days.ndim != 1:
        raise MethodError(
            "daily values", value=days.shape, rule="one value a day, shape (n,)", code="bad_shape"
        )
    days = days[~np.isnan(days)]
    if days.size == 0:
        raise MethodError("no day was measured", rule="at least one daily value", code="no_days")
    if not np.isfinite(days).all() or (days < 0).any():
        raise MethodError("a daily value is negative or infinite", rule="finite, ≥ 0", code="out_of_range")
    return days


def year_total(
    daily_values: ArrayLike,
    worked_days_per_year: float,
    *,
    daily_maximum: float = 24.0,
    confidence: float = 0.90,
) -> YearTotal:
    """Project daily values to the days worked in a year.

    Parameters
    ----------
    daily_values : array_like, shape (n,)
        Exposed hours (or times) of each measured day; NaN = not measured.
    worked_days_per_year : float
        Days one holder of the post works in the year.
    daily_maximum : float
        Largest value a day can have, e.g. the shift's hours; bounds the projection.
    confidence : float
        Two-sided confidence of the interval.

    Returns
    -------
    YearTotal
        ``N·x̄`` with Student interval and finite-population correction. When all measured days are equal their
        spread says nothing: the interval then allows for the largest share of deviating days that would still
        leave all n days equal with probability ``(1 − confidence) / 2``.

    Raises
    ------
    MethodError
        ``no_days``, ``bad_shape``, ``out_of_range``.

    References
    ----------
    Cochran, *Sampling Techniques*, 3rd ed. (1977), eq. 2.24 (total of a finite population).
    """
    days = _days(daily_values)
    if not 0 < number(worked_days_per_year, "days worked in the year") <= 366:
        raise MethodError(
            "days worked in the year",
            value=worked_days_per_year,
            rule="above 0, at most 366",
            code="out_of_range",
        )
    count, population = days.size, max(float(worked_days_per_year), float(days.size))
    mean = float(days.mean())
    top = max(daily_maximum, float(days.max()))
    value = worked_days_per_year * mean
    if count == 1:
        return YearTotal(value, float("nan"), float("nan"), 1)
    tail = (1.0 - confidence) / 2.0
    spread = float(days.std(ddof=1))
    unseen = max(0.0, 1.0 - count / population)
    if spread <= 1e-9 * max(1.0, mean):
        deviating = (1.0 - tail ** (1.0 / count)) * unseen
        low, high = mean * (1.0 - deviating), mean + deviating * (top - mean)
    else:
        half = float(stats.t.ppf(1.0 - tail, count - 1)) * spread * np.sqrt(unseen / count)
        low, high = mean - half, mean + half
    return YearTotal(
        value,
        worked_days_per_year * float(np.clip(low, 0.0, top)),
        worked_days_per_year * float(np.clip(high, 0.0, top)),
        count,
    )


def prorated(old: float, new: float, change: date, first: date, last: date) -> float:
    """Threshold of a year in which it changed, weighted by calendar months before and from the change.

    The 2023 night thresholds: 120 for eight months and 100 for four give 113.3, printed as 113 by the
    administration, which rounds down.
    """
    months = [date(first.year, month, 1) for month in range(first.month, last.month + 1)]
    before = sum(1 for month in months if month < change)
    return float(np.floor((old * before + new * (len(months) - before)) / len(months)))


def crossing_date(daily_mean: float, threshold: float, work_days: list[date]) -> date | None:
    """First planned work day on which the running total reaches `threshold`, or ``None`` within the plan."""
    if daily_mean <= 0:
        return None
    needed = int(np.ceil(threshold / daily_mean - 1e-9))
    return work_days[needed - 1] if 1 <= needed <= len(work_days) else None


def reaching_total(
    daily_levels: ArrayLike,
    level: float,
    amount_a_day: float,
    worked_days_per_year: float,
    *,
    confidence: float = 0.90,
) -> YearTotal:
    """Project to the year what counts on days that reach a level, e.g. hours on days at LEX,8h ≥ 81 dB(A).

    Parameters
    ----------
    daily_levels : array_like, shape (n,)
        Level of each measured day, on a scale on which days are about normal; NaN = not measured.
    level : float
        Level that counts, itself included.
    amount_a_day : float
        What each such day adds, e.g. its working hours.
    worked_days_per_year : float
        Planned days.
    confidence : float
        Two-sided.

    Returns
    -------
    YearTotal
        The value counts the measured days; the interval is that of the share of days beyond the level of a
        normal distribution with unknown mean and spread, so that days far from the level settle more than
        their number alone would.

    References
    ----------
    Hahn, Meeker, *Statistical Intervals* (1991), section 4.4: confidence limits of an exceedance probability
    through the noncentral t distribution.
    """
    levels = np.asarray(daily_levels, dtype=np.float64)
    levels = levels[~np.isnan(levels)]
    if levels.ndim != 1 or levels.size == 0:
        raise MethodError("no day was measured", rule="at least one daily level", code="no_days")
    count = int(levels.size)
    year = amount_a_day * worked_days_per_year
    share = float(np.mean(levels >= level))
    spread = float(levels.std(ddof=1)) if count > 1 else 0.0
    if count < 3 or spread == 0.0:
        counted = np.where(levels >= level, amount_a_day, 0.0)
        return year_total(counted, worked_days_per_year, daily_maximum=amount_a_day, confidence=confidence)
    tail = (1.0 - confidence) / 2.0
    root = float(np.sqrt(count))
    seen = (level - float(levels.mean())) / spread * root
    low, high = (
        float(stats.norm.sf(_noncentrality(seen, count - 1, probability) / root))
        for probability in (tail, 1.0 - tail)
    )
    return YearTotal(year * share, year * min(low, share), year * max(high, share), count)


def _noncentrality(statistic: float, freedom: int, probability: float) -> float:
    """Noncentrality at which a t statistic of this size has the given cumulative probability."""

    def distance(noncentrality: float) -> float:
        return float(stats.nct.cdf(statistic, freedom, noncentrality)) - probability

    # The probability falls with the noncentrality. The search starts at the statistic itself, where the
    # distribution is computed stably, and ends where the level is reached always or never for any use of it.
    start = float(np.clip(statistic, -_FARTHEST, _FARTHEST))
    low = high = start
    while low > -_FARTHEST and not distance(low) > 0.0:
        low -= 1.0
    while high < _FARTHEST and not distance(high) < 0.0:
        high += 1.0
    if not distance(low) > 0.0 or not distance(high) < 0.0:
        return start
    return float(optimize.brentq(distance, low, high, xtol=1e-9))


def event_total(
    daily_counts: ArrayLike, worked_days_per_year: float, *, confidence: float = 0.90
) -> YearTotal:
    """Project counted events to the year; no event in n days does not prove a year without.

    The interval is the wider of the exact Poisson one and Student's over days, so that neither few events nor
    days of very different counts are taken for certainty.

    References
    ----------
    Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936) 437.
    """
    counts = _days(daily_counts)
    days = int(counts.size)
    total = float(counts.sum())
    factor = worked_days_per_year / days
    tail = (1.0 - confidence) / 2.0
    low = float(stats.chi2.ppf(tail, 2.0 * total)) / 2.0 if total > 0 else 0.0
    high = float(stats.chi2.ppf(1.0 - tail, 2.0 * total + 2.0)) / 2.0
    if days > 1 and float(counts.std(ddof=1)) > 0:
        by_days = year_total(counts, worked_days_per_year, daily_maximum=float("inf"), confidence=confidence)
        return YearTotal(
            factor * total, min(factor * low, by_days.low), max(factor * high, by_days.high), days
        )
    return YearTotal(factor * total, factor * low, factor * high, days)
