"""Campaigns drawn from variance components and judged as real ones are.

The intervals are those of ``indicators.intervals`` (posture), ISO 9612 (noise), the WBGT assessment and the
peak convention, written for many drawn campaigns at once. Draws are fixed, so that a plan never changes by
itself, and shared by all questions of one design.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from indicators.intervals import CONFIDENCE, ONE_SIDED_95
from indicators.limits import Comparison
from indicators.noise.iso9612 import noise_rule, sampling_contribution_db

__all__ = [
    "CampaignDesign",
    "DayScale",
    "Scatter",
    "expected_value",
    "instrument_reach",
    "settled_share",
    "to_natural",
    "to_working",
]

Floats = NDArray[np.floating[Any]]

_CAMPAIGNS = 1000
_SEED = 20261116
_FLOOR = 20.0


class DayScale(StrEnum):
    """Scale on which worker-days are about normal, and with it the method of the interval."""

    ENERGY_DB = "energy_db"
    PEAK = "peak"
    PERCENT = "percent"
    NON_NEGATIVE = "non_negative"
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class CampaignDesign:
    """`workers` wearers with `days_each` worker-days; ``workers = 1`` is also a sensor that nobody wears."""

    workers: int
    days_each: int

    @property
    def worker_days(self) -> int:
        """Worker-days in all."""
        return self.workers * self.days_each


@dataclass(frozen=True, slots=True)
class Scatter:
    """What is common to all campaigns of one question.

    Attributes
    ----------
    between_sd, within_sd : float
        Between wearers and between days of one wearer, on the working scale.
    below, above : float
        What instrument and method add on each side, as a one-sided 95 % reach on the working scale: an angle
        that is off by a degree moves a share by about the same part of itself, large or small.
    least_days : int
        Worker-days below which the method gives no interval.
    """

    scale: DayScale
    between_sd: float
    within_sd: float
    below: float = 0.0
    above: float = 0.0
    least_days: int = 2


def to_working(values: Floats, scale: DayScale) -> Floats:
    """Worker-day values on the scale on which they are about normal."""
    if scale is DayScale.PERCENT:
        share = np.clip(values, 0.05, 99.95)
        return np.asarray(np.log(share / (100.0 - share)), dtype=np.float64)
    if scale is DayScale.NON_NEGATIVE:
        return np.asarray(np.log(np.maximum(values, 0.05)), dtype=np.float64)
    return np.asarray(values, dtype=np.float64)


def to_natural(values: Floats, scale: DayScale) -> Floats:
    """The reverse of `to_working`."""
    if scale is DayScale.PERCENT:
        return np.asarray(100.0 * special.expit(values), dtype=np.float64)
    if scale is DayScale.NON_NEGATIVE:
        return np.asarray(np.exp(values), dtype=np.float64)
    return np.asarray(values, dtype=np.float64)


@lru_cache(maxsize=8192)
def expected_value(centre: float, scatter: Scatter) -> float:
    """Mean over worker-days (of energy for levels) when they centre on `centre`, in the indicator's unit."""
    spread = math.hypot(scatter.between_sd, scatter.within_sd)
    days = centre + spread * special.ndtri((np.arange(400) + 0.5) / 400.0)
    if scatter.scale is DayScale.ENERGY_DB:
        return float(10.0 * np.log10(np.mean(10.0 ** (days / 10.0))))
    return float(to_natural(days, scatter.scale).mean())


def settled_share(
    centre: float, scatter: Scatter, design: CampaignDesign, limits: tuple[tuple[float, Comparison], ...]
) -> tuple[float, ...]:
    """Share of campaigns of this design whose verdict on each limit is above or below [0–1].

    Parameters
    ----------
    centre : float
        Where worker-days centre, on the working scale.
    scatter : Scatter
    design : CampaignDesign
    limits : tuple of (value, Comparison)
        What one indicator is held against.
    """
    if design.worker_days < max(scatter.least_days, 2):
        return (0.0,) * len(limits)
    low, high, observed = _intervals(centre, scatter, design)
    shares = []
    for value, comparison in limits:
        wrong = _beyond(low, value, comparison), _beyond(high, value, comparison)
        settled = wrong[0] == wrong[1]
        if observed is not None:
            settled |= _beyond(observed, value, comparison)
        shares.append(float(np.mean(settled & np.isfinite(low))))
    return tuple(shares)


def _beyond(values: Floats, value: float, comparison: Comparison) -> NDArray[np.bool_]:
    match comparison:
        case Comparison.AT_LEAST:
            return values >= value
        case Comparison.MORE_THAN:
            return values > value
        case Comparison.AT_MOST:
            return values <= value
        case Comparison.LESS_THAN:
            return values < value


@cache
def _draws(workers: int, days_each: int) -> tuple[Floats, Floats]:
    # Campaigns lie along the last axis: sums over few wearers and days then run at full speed. Seven digits
    # are plenty for counting campaigns, at half the time.
    rng = np.random.default_rng((_SEED, workers, days_each))
    return (
        rng.standard_normal((workers, 1, _CAMPAIGNS), dtype=np.float32),
        rng.standard_normal((workers, days_each, _CAMPAIGNS), dtype=np.float32),
    )


def _intervals(
    centre: float, scatter: Scatter, design: CampaignDesign
) -> tuple[Floats, Floats, Floats | None]:
    wearers, days = _draws(design.workers, design.days_each)
    drawn = scatter.within_sd * days
    drawn += centre + scatter.between_sd * wearers
    match scatter.scale:
        case DayScale.ENERGY_DB:
            return (*_levels(drawn, scatter), None)
        case DayScale.PEAK:
            return _peaks(drawn, scatter)
        case DayScale.IDENTITY:
            half = _half_width(drawn, np.zeros(_CAMPAIGNS))
            value = _mean(drawn)
            return value - np.hypot(half, scatter.below), value + np.hypot(half, scatter.above), None
        case DayScale.PERCENT | DayScale.NON_NEGATIVE:
            return (*_bounded(drawn, scatter), None)


def _mean(values: Floats) -> Floats:
    return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0))


def _levels(drawn: Floats, scatter: Scatter) -> tuple[Floats, Floats]:
    """ISO 9612 full days or job: energy mean ± U from Table C.4 and the instrument."""
    levels = drawn.reshape(-1, _CAMPAIGNS)
    value = 10.0 * np.log10(np.mean(10.0 ** (levels / 10.0), axis=0))
    deviations, contributions = _table_c4(levels.shape[0])
    # Beyond the table the method gives no uncertainty, hence no interval.
    sampling = np.interp(np.std(levels, axis=0, ddof=1), deviations, contributions, right=np.nan)
    reach = np.hypot(noise_rule("coverage_factor") * sampling, scatter.above)
    return value - reach, value + reach


@cache
def _table_c4(samples: int) -> tuple[Floats, Floats]:
    """Contribution of sampling at the columns of Table C.4, between which it is linear."""
    deviations = np.arange(0.0, 6.5, 0.5)
    return deviations, np.array([sampling_contribution_db(samples, float(u1)) for u1 in deviations])


def _peaks(drawn: Floats, scatter: Scatter) -> tuple[Floats, Floats, Floats]:
    """The tool's convention for peaks: highest less the instrument, to where a further day's peak stays."""
    daily = drawn.reshape(-1, _CAMPAIGNS)
    count = daily.shape[0]
    highest = daily.max(axis=0)
    spread = np.std(daily, axis=0, ddof=1) * math.sqrt(1.0 + 1.0 / count)
    further = daily.mean(axis=0) + float(special.stdtrit(count - 1, 0.95)) * spread
    return highest - scatter.below, np.maximum(further, highest) + scatter.above, highest


def _bounded(drawn: Floats, scatter: Scatter) -> tuple[Floats, Floats]:
    """Shares and durations: mean on the natural scale, interval on the scale without ends."""
    if scatter.scale is DayScale.NON_NEGATIVE:
        value = _mean(np.exp(drawn))
        working = np.maximum(drawn, np.log(value / _FLOOR))
        centre = np.log(value)
        half = np.hypot(_half_width(working, np.full(_CAMPAIGNS, 0.5, dtype=np.float32)), scatter.above)
        return np.exp(centre - half), np.exp(np.minimum(centre + half, 700.0))
    share = _mean(special.expit(drawn))
    centre = special.logit(share)
    working = np.clip(drawn, special.logit(share / _FLOOR), -special.logit((1.0 - share) / _FLOOR))
    half = np.hypot(_half_width(working, 0.5 - share), scatter.above)
    return 100.0 * special.expit(centre - half), 100.0 * special.expit(centre + half)


def _half_width(working: Floats, curvature: Floats) -> Floats:
    """Half of the t interval of the mean with its modified Cox widening, wearers first."""
    workers, days_each, _ = working.shape
    units = working.mean(axis=1) if workers > 1 else working[0]
    count = units.shape[0]
    variance = units.var(axis=0, ddof=1) / count
    half = float(special.stdtrit(count - 1, 0.5 + CONFIDENCE / 2.0)) * np.sqrt(variance)
    extra = (curvature * variance * workers * days_each) ** 2 * 2.0 / (count - 1)
    widened = half * np.sqrt(1.0 + extra / np.where(variance > 0.0, variance, 1.0))
    return np.asarray(np.where(variance > 0.0, widened, half))


def instrument_reach(*standard_u: float) -> float:
    """One-sided 95 % reach of standard uncertainties that no further day makes smaller."""
    return ONE_SIDED_95 * math.hypot(*standard_u)
