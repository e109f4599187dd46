"""Means of worker-days, with days nested in wearers, and how well such a mean is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.arguments import float_array
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
        if not np.isfinite(self.variance):
            return float("nan")
        quantile = special.stdtrit(self.degrees_of_freedom, 0.5 + confidence / 2.0)
        return float(quantile * np.sqrt(self.variance))


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
    days = float_array(values, "values", allow_empty=True)
    if days.ndim != 1 or days.shape[0] != len(wearers):
        raise MethodError(
            "worker-days", value=days.shape, rule="one value and one wearer a worker-day", code="bad_shape"
        )
    kept = ~np.isnan(days)
    days = days[kept]
    if days.size == 0:
        raise MethodError("no worker-day was measured", rule="at least one value", code="no_days")
    names = [name for name, keep in zip(wearers, kept, strict=True) if keep]
    known = sorted({name for name in names if name is not None})
    if len(known) < 2:
        return _days_alone(days, len(known))
    return _wearers_first(days, _design(tuple(names)), len(known))


def _days_alone(days: NDArray[np.float64], wearers: int) -> NestedMean:
    n = int(days.size)
    if n < 2:
        return NestedMean(float(days[0]), np.nan, np.nan, np.nan, np.nan, n, wearers)
    variance = float(days.var(ddof=1))
    return NestedMean(float(days.mean()), variance / n, n - 1.0, np.nan, variance**0.5, n, wearers)


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """Which unit each day belongs to, and what follows from that alone.

    Attributes
    ----------
    unit : int64 array, shape (n,)
        Unit of each day.
    size : float64 array, shape (k,)
        Days of each unit.
    scale : float64 array, shape (k,)
        Inflates a unit's sum of deviations by what the common mean takes away from it (CR2).
    freedom : float
        Satterthwaite degrees of freedom of the variance.
    effective : float
        Days of a typical unit, as the unbalanced one-way layout weighs them.
    """

    unit: NDArray[np.int64]
    size: NDArray[np.float64]
    scale: NDArray[np.float64]
    freedom: float
    effective: float


@lru_cache(maxsize=512)
def _design(names: tuple[str | None, ...]) -> _Design:
    # Days without a name are one more unit: nobody knows that they are different people.
    place = {name: index for index, name in enumerate(dict.fromkeys(names))}
    unit = np.array([place[name] for name in names])
    size = np.bincount(unit).astype(np.float64)
    total, units = int(unit.size), int(size.size)
    scale = 1.0 / (total * np.sqrt(1.0 - size / total))
    spread = np.outer(scale, scale) * (np.diag(size) - np.outer(size, size) / total)
    freedom = float(np.trace(spread) ** 2 / np.sum(spread**2))
    effective = (total - float(np.sum(size**2)) / total) / (units - 1)
    return _Design(unit, size, scale, freedom, effective)


def _wearers_first(days: NDArray[np.float64], design: _Design, wearers: int) -> NestedMean:
    size = design.size
    total, units = int(days.size), int(size.size)
    means = np.bincount(design.unit, weights=days) / size
    mean = float(days.mean())
    variance = float(np.sum((design.scale * size * (means - mean)) ** 2))
    repeats = total - units
    if not repeats:
        return NestedMean(mean, variance, design.freedom, np.nan, np.nan, total, wearers)
    between = float(np.sum(size * (means - mean) ** 2)) / (units - 1)
    within_days = float(np.sum((days - means[design.unit]) ** 2)) / repeats
    between_sd = max((between - within_days) / design.effective, 0.0) ** 0.5
    return NestedMean(mean, variance, design.freedom, between_sd, within_days**0.5, total, wearers)
