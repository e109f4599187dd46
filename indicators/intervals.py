"""Intervals over worker-days, each on the scale on which days of one workstation are about normal.

The estimate is always the mean over worker-days (of energy for levels); the scale only shapes the interval,
so that a share stays between 0 and 100 % and a level's interval widens upward as its energy does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.statistics import LEAST_TEST_DAYS, NestedMean, nested_mean, tolerance_test
from indicators.model import Interval, Note
from sensors.errors import MethodError

__all__ = [
    "CONFIDENCE",
    "ONE_SIDED_95",
    "Estimate",
    "Scale",
    "instrument_interval",
    "missing_share_interval",
    "tolerance_notes",
    "usual",
]

CONFIDENCE = 0.90
ONE_SIDED_95 = 1.6448536269514722
_DB = 10.0 / math.log(10.0)
_FLOOR = 20.0


class Scale(StrEnum):
    """How worker-day values are spread, hence where the interval is symmetric."""

    IDENTITY = "identity"
    ENERGY_DB = "energy_db"
    PERCENT = "percent"
    SHARE = "share"
    NON_NEGATIVE = "non_negative"


# Values of these scales have an upper end.
_SHARE_FULL = {Scale.PERCENT: 100.0, Scale.SHARE: 1.0}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Usual value of a workstation's worker-days.

    Attributes
    ----------
    value : float
        Mean over worker-days, in their unit (energy mean for levels).
    interval : Interval or None
        Two-sided 90 %; ``None`` with one worker-day.
    n_days, n_wearers : int
        Worker-days and distinct wearers; no wearer for a fixed sensor.
    nested : NestedMean
        Mean and variance on the working scale (dB for levels, the unit itself otherwise).
    notes : tuple of Note
        ``one_worker_day``, ``one_wearer`` (the interval speaks of that wearer), ``no_variation``.
    """

    value: float
    interval: Interval | None
    n_days: int
    n_wearers: int
    nested: NestedMean
    notes: tuple[Note, ...] = ()


def usual(
    values: ArrayLike,
    wearers: Sequence[str | None],
    *,
    scale: Scale = Scale.IDENTITY,
    systematic_u: float = 0.0,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Usual value over worker-days with its interval, days nested in wearers.

    Parameters
    ----------
    values : array_like, shape (n,)
        One value a worker-day; NaN = not measured, left out.
    wearers : sequence of str or None, length n
        Who wore the sensor; ``None`` for a fixed one.
    scale : Scale
        `ENERGY_DB` for levels [dB], `PERCENT` for shares 0–100, `SHARE` for 0–1, `NON_NEGATIVE` for hours,
        minutes and counts, `IDENTITY` otherwise.
    systematic_u : float
        Standard uncertainty common to all days (instrument, calibration), in the unit of the values; added
        in quadrature at the one-sided 95 % factor.
    confidence : float
        Two-sided.

    Raises
    ------
    MethodError
        Codes ``no_days``, ``bad_shape``, ``out_of_range`` (a share outside its range, a negative duration).
    """
    column = np.atleast_1d(np.asarray(values, dtype=np.float64))
    _check_range(column, scale)
    nested = nested_mean(column, wearers)
    value = _energy_mean(column) if scale is Scale.ENERGY_DB else nested.mean
    interval = _interval(column, wearers, value, nested, scale, systematic_u, confidence)
    return Estimate(value, interval, nested.days, nested.wearers, nested, tuple(_notes(nested, wearers)))


def _energy_mean(levels_db: NDArray[np.float64]) -> float:
    days = levels_db[~np.isnan(levels_db)]
    # Relative to the loudest day, so that very high and very low levels stay within the float range.
    top = float(days.max())
    return top + 10.0 * math.log10(float(np.mean(10.0 ** ((days - top) / 10.0))))


def _interval(
    column: NDArray[np.float64],
    wearers: Sequence[str | None],
    value: float,
    nested: NestedMean,
    scale: Scale,
    systematic_u: float,
    confidence: float,
) -> Interval | None:
    if not math.isfinite(nested.variance):
        return None
    reach = ONE_SIDED_95 * systematic_u
    if scale is Scale.ENERGY_DB:
        half = math.hypot(_half_width(nested, 0.5 / _DB, confidence), reach)
        return Interval(value - half, value + half)
    if scale is Scale.IDENTITY:
        half = math.hypot(nested.half_width(confidence), reach)
        return Interval(value - half, value + half)
    full = _SHARE_FULL.get(scale, math.inf)
    if value <= 0.0 or value >= full or (nested.variance == 0.0 and reach == 0.0):
        half = math.hypot(nested.half_width(confidence), reach)
        return Interval(max(value - half, 0.0), min(value + half, full))
    # One day near 0 or 100 % must not rule on a scale without ends: it counts as 1/20 of the mean, no less.
    low, high = value / _FLOOR, full if math.isinf(full) else full - (full - value) / _FLOOR
    days = np.minimum(np.maximum(column, low), high)
    if math.isinf(full):
        centre, slope = math.log(value), 1.0 / value
        inner, curvature = nested_mean(np.log(days), wearers), 0.5
    else:
        share = value / full
        centre, slope = math.log(share / (1.0 - share)), 1.0 / (full * share * (1.0 - share))
        inner, curvature = nested_mean(np.log(days / (full - days)), wearers), 0.5 - share
    half = math.hypot(_half_width(inner, curvature, confidence), reach * slope)
    if math.isinf(full):
        return Interval(math.exp(centre - half), math.exp(min(centre + half, 700.0)))
    return Interval(full * _expit(centre - half), full * _expit(centre + half))


def _half_width(nested: NestedMean, curvature: float, confidence: float) -> float:
    """Half width on the working scale of a mean taken on the natural one.

    The mean of exponentiated normal days is moved by `curvature` times their variance, so the uncertainty of
    that variance adds to the mean's own (the modified Cox interval of a lognormal mean).
    """
    half = nested.half_width(confidence)
    if nested.variance == 0.0:
        return half
    of_days = nested.variance * nested.days
    extra = (curvature * of_days) ** 2 * 2.0 / nested.degrees_of_freedom
    return half * math.sqrt(1.0 + extra / nested.variance)


def _expit(logit: float) -> float:
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-min(logit, 700.0)))
    small = math.exp(max(logit, -700.0))
    return small / (1.0 + small)


def _check_range(column: NDArray[np.float64], scale: Scale) -> None:
    if scale in (Scale.IDENTITY, Scale.ENERGY_DB):
        return
    full = _SHARE_FULL.get(scale, math.inf)
    # Sums of float partials may pass the ends by a rounding error.
    slack = 1e-9 * full if math.isfinite(full) else 0.0
    wrong = (column < -slack) | (column > full + slack)
    if wrong.any():
        raise MethodError(
            "a worker-day value is outside its scale",
            value=float(column[wrong][0]),
            rule=f"0 to {full:g} on the scale {scale.value}",
            code="out_of_range",
        )


def _notes(nested: NestedMean, wearers: Sequence[str | None]) -> list[Note]:
    worn = any(name is not None for name in wearers)
    if nested.days == 1:
        return [Note("one_worker_day")]
    found = [Note("one_wearer", {"days": nested.days})] if worn and nested.wearers == 1 else []
    if nested.variance == 0.0:
        found.append(Note("no_variation", {"days": nested.days}))
    return found


def tolerance_notes(values: Sequence[float], unit: str, *, scale: Scale) -> tuple[Note, ...]:
    """What single worker-days stay below, beside the mean that the verdicts rest on; empty with few days.

    Parameters
    ----------
    values : sequence of float
        One value a worker-day, not missing.
    unit : str
    scale : Scale
        `ENERGY_DB` and `IDENTITY` as they are, `PERCENT` and `SHARE` as logits.

    References
    ----------
    EN 689:2018, 5.5.3 and annex F: upper tolerance limit of 95 % of exposures with 70 % confidence, from six
    days on. Written for inhaled agents, hence reported and never a verdict.
    """
    if len(values) < LEAST_TEST_DAYS:
        return ()
    days = np.asarray(values, dtype=np.float64)
    full = _SHARE_FULL.get(scale)
    if full is not None:
        # As for the interval: a day at an end counts as 1/20 of the mean's distance from it.
        mean = float(days.mean())
        if not 0.0 < mean < full:
            return ()
        days = np.clip(days, mean / _FLOOR, full - (full - mean) / _FLOOR)
        days = np.log(days / (full - days))
    found = tolerance_test(days, math.inf)
    value = found.upper_limit if full is None else full * _expit(found.upper_limit)
    return (Note("upper_tolerance_limit", {"value": round(value, 1), "unit": unit, "n": found.n}),)


def instrument_interval(value: float, standard_u: float) -> Interval:
    """Interval of the ``week`` scope from the instrument alone: value ± 1.645·u, in the unit of the value."""
    reach = ONE_SIDED_95 * standard_u
    return Interval(value - reach, value + reach)


def missing_share_interval(percent: float, coverage: float) -> Interval:
    """Bounds of a share when missing time could all have been outside, or all inside, the posture [%].

    Parameters
    ----------
    percent : float
        Share of the observed time, 0–100.
    coverage : float
        Observed share of the expected time, 0–1.
    """
    seen = percent * min(max(coverage, 0.0), 1.0)
    return Interval(seen, min(seen + 100.0 * (1.0 - min(max(coverage, 0.0), 1.0)), 100.0))
