"""Means of worker-days, with days nested in wearers, and how well such a mean is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.arguments import any_floats, float_array
from sensors.errors import MethodError

__all__ = ["NestedMean", "nested_mean"]


@dataclass(frozen=True, slots=True)
class NestedMean:
    """Mean over worker-days and how well it is known.

    Attributes
    ----------
    mean : float
        Plain mean over worker-days.
    variance : float
        Variance of that mean; NaN with fewer than two independent units.
    degrees_of_freedom : float
        Of `variance` (Satterthwaite); NaN with fewer than two units.
    between_sd, within_sd : float
        Standard deviations between wearers (0 when the estimate is negative) and between days of one
        wearer; NaN where the design cannot tell.
    days, wearers : int
        Worker-days, and distinct wearers (0 when nobody wears the sensor).
    """

    mean: float
    variance: float
    degrees_of_freedom: float
    between_sd: float
    within_sd: float
    days: int
    wearers: int

    def half_width(self, confidence: float = 0.90) -> float:
        """Half of the two-sided t interval at `confidence`; NaN with fewer than two units."""
        if not math.isfinite(self.variance):
            return math.nan
        quantile = float(special.stdtrit(self.degrees_of_freedom, 0.5 + confidence / 2.0))
        return quantile * math.sqrt(self.variance)


def nested_mean(values: ArrayLike, wearers: Sequence[str | None]) -> NestedMean:
    """Mean of worker-days, its variance from wearers first and days second.

    With two or more wearers the wearers are the independent units: the cluster-robust variance of the mean
    with its small-sample correction and Satterthwaite degrees of freedom. With equal days a wearer that is
    the exact t interval over wearer means (one-way random effects). With one wearer, or a sensor that nobody
    wears (``None``), the days are the units and the result speaks of that wearer or place.

    Parameters
    ----------
    values : array_like, shape (n,)
        One value a worker-day, on the scale on which days are about normal; NaN = not measured, left out.
    wearers : sequence of str or None, length n
        Who wore the sensor.

    Raises
    ------
    MethodError
        Codes ``bad_shape`` (not one value a wearer), ``no_days`` (nothing measured), ``infinite``.

    References
    ----------
    Bell, McCaffrey 2002, Survey Methodology 28:169 (CR2 and its degrees of freedom); variance components by
    the mean squares of the unbalanced one-way layout (Searle, Casella, McCulloch 1992, ch. 3).
    """
    days = any_floats(values, "values")
    if days.ndim != 1 or days.shape[0] != len(wearers):
        raise MethodError(
            "worker-days", value=days.shape, rule="one value and one wearer a worker-day", code="bad_shape"
        )
    if not np.isfinite(days).all():
        missing = np.isnan(float_array(days, "values"))
        wearers = [name for name, gone in zip(wearers, missing, strict=True) if not gone]
        days = days[~missing]
    if days.size == 0:
        raise MethodError("no worker-day was measured", rule="at least one value", code="no_days")
    known = len(set(wearers) - {None})
    if known < 2:
        return _days_alone(days, known)
    return _wearers_first(days, _design(wearers), known)


def _days_alone(days: NDArray[np.float64], wearers: int) -> NestedMean:
    n = int(days.size)
    if n < 2:
        return NestedMean(float(days[0]), np.nan, np.nan, np.nan, np.nan, n, wearers)
    variance = float(days.var(ddof=1))
    return NestedMean(float(days.sum()) / n, variance / n, n - 1.0, np.nan, variance**0.5, n, wearers)


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """Which unit each day belongs to, and what follows from that alone.

    Attributes
    ----------
    unit : int64 array, shape (n,)
        Unit of each day.
    size : float64 array, shape (k,)
        Days of each unit.
    weight : float64 array, shape (k,)
        Days of each unit, inflated by what the common mean takes away from its deviations (CR2).
    freedom : float
        Satterthwaite degrees of freedom of the variance.
    effective : float
        Days of a typical unit, as the unbalanced one-way layout weighs them.
    """

    unit: NDArray[np.int64]
    size: NDArray[np.float64]
    weight: NDArray[np.float64]
    freedom: float
    effective: float


def _design(names: Sequence[str | None]) -> _Design:
    # Days without a name are one more unit: nobody knows that they are different people.
    place: dict[str | None, int] = {}
    return _design_of(tuple([place.setdefault(name, len(place)) for name in names]))


@lru_cache(maxsize=512)
def _design_of(units: tuple[int, ...]) -> _Design:
    unit = np.array(units)
    size = np.bincount(unit).astype(np.float64)
    total, number = int(unit.size), int(size.size)
    scale = 1.0 / (total * np.sqrt(1.0 - size / total))
    spread = np.outer(scale, scale) * (np.diag(size) - np.outer(size, size) / total)
    freedom = float(np.trace(spread) ** 2 / np.sum(spread**2))
    effective = (total - float(np.sum(size**2)) / total) / (number - 1)
    return _Design(unit, size, scale * size, freedom, effective)


def _wearers_first(days: NDArray[np.float64], design: _Design, wearers: int) -> NestedMean:
    size = design.size
    total, units = int(days.size), int(size.size)
    repeats = total - units
    mean = float(days.sum()) / total
    means = np.bincount(design.unit, weights=days) / size if repeats else days
    apart = means - mean
    variance = float(((design.weight * apart) ** 2).sum())
    if not repeats:
        return NestedMean(mean, variance, design.freedom, np.nan, np.nan, total, wearers)
    between = float((size * apart**2).sum()) / (units - 1)
    within_days = float(((days - means[design.unit]) ** 2).sum()) / repeats
    between_sd = max((between - within_days) / design.effective, 0.0) ** 0.5
    return NestedMean(mean, variance, design.freedom, between_sd, within_days**0.5, total, wearers)
