"""What days and wearers allow to say: means of nested worker-days, tolerance factors, planning, comparison.

The unit is the worker-day. Days of one wearer resemble each other more than days of two; every interval here
keeps that apart and none is drawn from seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from analysis.arguments import float_array, number, positive, together, within
from analysis.nested import NestedMean, nested_mean
from sensors.errors import MethodError

__all__ = [
    "LEAST_TEST_DAYS",
    "Difference",
    "NestedMean",
    "Settling",
    "ToleranceTest",
    "difference_in_differences",
    "expected_regression",
    "half_width",
    "nested_mean",
    "to_settle",
    "tolerance_test",
    "upper_tolerance_factor",
]

_MOST_WORKERS = 1000

LEAST_TEST_DAYS = 6
"""Worker-days from which on `tolerance_test` tells whether a limit is met."""


def upper_tolerance_factor(
    n: ArrayLike, coverage: float = 0.95, confidence: float = 0.70
) -> NDArray[np.float64]:
    """One-sided tolerance factor: mean + U·sd bounds `coverage` of a normal population with `confidence`.

    Parameters
    ----------
    n : array_like of int
        Number of measurements, 2 or more; any shape.
    coverage, confidence : float
        Share of the population and confidence, both strictly between 0 and 1.

    Returns
    -------
    float64 array, shape of `n`

    References
    ----------
    EN 689:2018 annex F (95 % at 70 % confidence: U_T(6) = 2.187), by the noncentral t distribution.
    """
    sizes = within(n, "n", 2, 1e6, code="too_few")
    _probability(coverage, "coverage")
    _probability(confidence, "confidence")
    shift = stats.norm.ppf(coverage) * np.sqrt(sizes)
    return np.asarray(stats.nct.ppf(confidence, sizes - 1, shift) / np.sqrt(sizes), dtype=np.float64)


def half_width(
    between_sd: ArrayLike,
    within_sd: ArrayLike,
    workers: ArrayLike,
    days_each: ArrayLike,
    confidence: float = 0.95,
) -> NDArray[np.float64]:
    """Half width a plan would give: ``z·√(sb²/k + sw²/(k·n))``, k workers with n days each.

    Parameters
    ----------
    between_sd, within_sd : array_like
        Standard deviations between workers and between days of one worker, in one unit.
    workers, days_each : array_like
        k and n, 1 or more; broadcast like numpy.
    confidence : float
        Two-sided.

    Returns
    -------
    float64 array
        In the unit of the standard deviations.
    """
    _probability(confidence, "confidence")
    between = positive(between_sd, "between_sd", zero=True)
    inside = positive(within_sd, "within_sd", zero=True)
    count = within(workers, "workers", 1, 1e6, code="too_few")
    repeats = within(days_each, "days_each", 1, 1e6, code="too_few")
    between, inside, count, repeats = together(between, inside, count, repeats)
    quantile = stats.norm.ppf(0.5 + confidence / 2.0)
    variance = between**2 / count + inside**2 / (count * repeats)
    return np.asarray(quantile * np.sqrt(variance), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Difference:
    """After minus before, less what the control did meanwhile.

    Attributes
    ----------
    estimate : float
        In the unit of the values.
    low, high : float
        Two-sided interval (Welch–Satterthwaite); NaN when a side has fewer than two values.
    degrees_of_freedom : float
    days : tuple of int
        Values used on each side: before, after, and the control's where given.
    """

    estimate: float
    low: float
    high: float
    degrees_of_freedom: float
    days: tuple[int, ...]

    @property
    def interval(self) -> tuple[float, float]:
        """Both bounds."""
        return self.low, self.high


def difference_in_differences(
    before: ArrayLike,
    after: ArrayLike,
    control_before: ArrayLike | None = None,
    control_after: ArrayLike | None = None,
    *,
    confidence: float = 0.90,
    before_wearers: Sequence[str | None] | None = None,
    after_wearers: Sequence[str | None] | None = None,
    control_before_wearers: Sequence[str | None] | None = None,
    control_after_wearers: Sequence[str | None] | None = None,
) -> Difference:
    """Change at a workstation, and beyond what a control workstation did over the same dates.

    Parameters
    ----------
    before, after : array_like, shape (n,)
        Worker-day values on the scale on which days are about normal; NaN = not measured.
    control_before, control_after : array_like, optional
        The control's; both or neither.
    confidence : float
        Of the two-sided interval.
    before_wearers, after_wearers, control_before_wearers, control_after_wearers : sequence, optional
        Wearer of each value; without them every value counts as independent.

    Raises
    ------
    MethodError
        Codes ``control_incomplete`` (one side of the control only), ``no_days``, ``bad_shape``.
    """
    _probability(confidence, "confidence")
    if (control_before is None) != (control_after is None):
        raise MethodError(
            "the control has one side only",
            rule="control_before and control_after together, or neither",
            code="control_incomplete",
        )
    sides = [(before, before_wearers, -1.0), (after, after_wearers, 1.0)]
    if control_before is not None and control_after is not None:
        sides += [(control_before, control_before_wearers, 1.0), (control_after, control_after_wearers, -1.0)]
    means = []
    for values, wearers, _ in sides:
        column = np.atleast_1d(float_array(values, "values", allow_empty=True))
        means.append(nested_mean(column, wearers if wearers is not None else [None] * column.size))
    estimate = float(sum(sign * side.mean for side, (_, _, sign) in zip(means, sides, strict=True)))
    variances = np.array([side.variance for side in means])
    freedoms = np.array([side.degrees_of_freedom for side in means])
    days = tuple(side.days for side in means)
    if not np.isfinite(variances).all():
        return Difference(estimate, np.nan, np.nan, np.nan, days)
    variance = float(variances.sum())
    if variance == 0.0:
        return Difference(estimate, estimate, estimate, float(freedoms.min()), days)
    freedom = variance**2 / float(np.sum(variances**2 / freedoms))
    reach = float(special.stdtrit(freedom, 0.5 + confidence / 2.0)) * variance**0.5
    return Difference(estimate, estimate - reach, estimate + reach, freedom, days)


@dataclass(frozen=True, slots=True)
class ToleranceTest:
    """Whether at most 5 % of exposures exceed a limit, shown with 70 % confidence.

    Attributes
    ----------
    compliant : bool or None
        ``None`` with too few values for the test (fewer than 6): lack of data, not a failure.
    upper_limit : float
        Upper tolerance limit, mean + U_T·sd, on the scale of the values; NaN with fewer than two.
    margin : float
        U_R = (limit − mean)/sd; infinite when the values do not vary.
    factor : float
        U_T it must reach.
    n : int
    """

    compliant: bool | None
    upper_limit: float
    margin: float
    factor: float
    n: int


def tolerance_test(
    values: ArrayLike, limit: float, *, coverage: float = 0.95, confidence: float = 0.70
) -> ToleranceTest:
    """EN 689-type test of compliance on a normal scale (dB as they are, shares as logits).

    Parameters
    ----------
    values : array_like, shape (n,)
        Worker-days of one exposure group; NaN = not measured.
    limit : float
        On the same scale; larger is worse.
    coverage, confidence : float
        Share of exposures that must not exceed the limit, and the confidence to show it with.

    References
    ----------
    EN 689:2018 clause 5.5.3 and annex F: six measurements or more. Written for inhaled agents; here the
    logarithm gives way to the scale on which the quantity is about normal.
    """
    days = float_array(values, "values", allow_empty=True)
    days = days[~np.isnan(days)]
    n = int(days.size)
    if n == 0:
        raise MethodError("no worker-day was measured", rule="at least one value", code="no_days")
    if n < 2:
        return ToleranceTest(None, np.nan, np.nan, np.nan, n)
    factor = _one_factor(n, coverage, confidence)
    mean, deviation = float(days.mean()), float(days.std(ddof=1))
    margin = (limit - mean) / deviation if deviation else float(np.copysign(np.inf, limit - mean))
    compliant = bool(margin >= factor) if n >= LEAST_TEST_DAYS else None
    return ToleranceTest(compliant, mean + factor * deviation, margin, factor, n)


@lru_cache(maxsize=256)
def _one_factor(n: int, coverage: float, confidence: float) -> float:
    """The quantile takes half a millisecond, and a site asks for the same few again and again."""
    return float(upper_tolerance_factor(n, coverage, confidence))


@dataclass(frozen=True, slots=True)
class Settling:
    """The smallest further effort after which the interval would leave the limit out, if the mean stays.

    Attributes
    ----------
    extra_wearers, extra_days : int or None
        Further wearers with one day each, or further days in all when the same wearers go on; ``None``
        when that alone cannot settle it.
    distance : float
        From mean to limit.
    """

    extra_wearers: int | None
    extra_days: int | None
    distance: float


def to_settle(known: NestedMean, limit: float, *, confidence: float = 0.90) -> Settling:
    """How many more wearers, or days of the same wearers, would settle which side of `limit` the mean is.

    Assumes that the mean and the variance components found so far are the true ones; the t quantile grows
    tighter with the number of units. ``None`` on both when the mean lies on the limit or nothing is known of
    the variance.
    """
    _probability(confidence, "confidence")
    distance = abs(limit - known.mean)
    if not np.isfinite(known.variance) or distance == 0.0:
        return Settling(None, None, distance)
    if known.half_width(confidence) < distance:
        return Settling(0, 0, distance)
    nested = known.wearers >= 2
    per_unit = known.variance * (known.wearers if nested else known.days)
    units = known.wearers if nested else known.days
    extra_units = _units_needed(per_unit, units, distance, confidence)
    if not nested:
        return Settling(None, extra_units, distance)
    extra_days = None
    if np.isfinite(known.within_sd):
        floor = known.between_sd**2 / known.wearers
        quantile = float(special.stdtrit(known.wearers - 1, 0.5 + confidence / 2.0))
        room = (distance / quantile) ** 2 - floor
        if room > 0:
            needed = int(np.ceil(known.within_sd**2 / room))
            extra_days = max(needed - known.days, 1)
    return Settling(extra_units, extra_days, distance)


def _units_needed(per_unit: float, units: int, distance: float, confidence: float) -> int | None:
    counts = np.arange(units + 1, units + _MOST_WORKERS)
    reach = _quantiles(units, confidence) * np.sqrt(per_unit / counts)
    enough = np.flatnonzero(reach < distance)
    return int(counts[enough[0]]) - units if enough.size else None


@lru_cache(maxsize=64)
def _quantiles(units: int, confidence: float) -> NDArray[np.float64]:
    """Of the t interval with one more unit, two more and so on: a site asks for the same few many times."""
    freedoms = np.arange(units, units + _MOST_WORKERS - 1)
    return np.asarray(special.stdtrit(freedoms, 0.5 + confidence / 2.0))


def expected_regression(observed: float, population_mean: float, between_sd: float, error_sd: float) -> float:
    """Change to expect without any action when a case was picked because it looked extreme.

    Parameters
    ----------
    observed : float
        The value that led to the choice.
    population_mean : float
        Mean of the workstations (or weeks) it was picked from.
    between_sd, error_sd : float
        Real spread among them, and standard error of one observed value, in the same unit.

    Returns
    -------
    float
        ``−(observed − mean)·error²/(between² + error²)``: by how much the next value would fall back by
        itself.
    """
    spread = float(positive(between_sd, "between_sd", zero=True))
    error = float(positive(error_sd, "error_sd", zero=True))
    total = spread**2 + error**2
    return 0.0 if total == 0.0 else -(observed - population_mean) * error**2 / total


def _probability(value: float, name: str) -> None:
    if not 0.0 < number(value, name) < 1.0:
        raise MethodError(f"{name} is no probability", value=value, rule="0 < p < 1", code="out_of_range")
