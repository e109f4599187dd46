"""Held postures and rest: stretches with little variation, at full rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.exposure import checked_series
from analysis.posture_runs import GUARD, run_bounds
from sensors.errors import MethodError

__all__ = ["Hold", "Rest", "holds", "rest"]

FloatArray = NDArray[np.float64]

_REST_BELOW_DEG = 20.0
_REST_BELOW_DEG_S = 5.0
_REST_MINIMUM_S = 3.0


@dataclass(frozen=True, slots=True)
class Hold:
    """A stretch whose values stay within a range.

    Attributes
    ----------
    start_s, duration_s : float
    mean : float
        Time-weighted mean of the values.
    """

    start_s: float
    duration_s: float
    mean: float


def holds(values: Any, times_s: Any, variation: float, max_gap_s: float) -> tuple[Hold, ...]:
    """Cut a series, from its start on, into stretches whose values differ by at most `variation`.

    Each stretch reaches as far as it can before the next begins.

    Parameters
    ----------
    values, times_s : array_like, shape (n,)
        NaN = missing; strictly increasing times.
    variation : float
        Largest minus smallest value of one stretch.
    max_gap_s : float
        A longer step is a gap and ends a stretch.

    Raises
    ------
    MethodError
        The codes of ``analysis.exposure``; ``bad_variation``.
    """
    series = checked_series(values, times_s, max_gap_s)
    if not 0 <= variation < np.inf:
        raise MethodError("variation must not be negative", value=variation, code="bad_variation")
    found: list[Hold] = []
    cuts = np.flatnonzero(series.breaks)
    for first, last in zip(cuts.tolist(), [*cuts[1:].tolist(), series.values.shape[0]], strict=True):
        begin = first
        while begin < last and series.weights_s[begin] > 0:
            end = _reach(series.values, begin, last, variation + GUARD)
            weights = series.weights_s[begin:end]
            duration = float(weights.sum())
            mean = float((series.values[begin:end] * weights).sum() / duration)
            found.append(Hold(float(series.times_s[begin]), duration, mean))
            begin = end
    return tuple(found)


def _reach(values: FloatArray, begin: int, last: int, variation: float) -> int:
    """Row past the longest stretch from `begin` that stays within `variation`."""
    width = 64
    while True:
        window = values[begin : min(begin + width, last)]
        spread = np.maximum.accumulate(window) - np.minimum.accumulate(window)
        if spread[-1] > variation:
            return begin + int(np.searchsorted(spread, variation, side="right"))
        if begin + width >= last:
            return last
        width *= 4


@dataclass(frozen=True, slots=True)
class Rest:
    """Rest of a body segment (a definition of this tool after practice in arm studies, not of a standard).

    Attributes
    ----------
    share : float
        Share of the valid time, 0–1.
    pauses_per_hour : float
        Stretches of rest an hour of valid time.
    """

    share: float
    pauses_per_hour: float


def rest(inclination_deg: Any, velocity_deg_s: Any, times_s: Any, max_gap_s: float = 1.0) -> Rest:
    """Time below 20° and below 5 °/s in stretches of at least 3 s.

    Parameters
    ----------
    inclination_deg, times_s : array_like, shape (n,)
        NaN = missing; strictly increasing times.
    velocity_deg_s : array_like, shape (n - 1,)
        As ``analysis.posture.angular_velocity_deg_s`` gives it; NaN across gaps.

    Returns
    -------
    Rest
        NaN when nothing is valid.
    """
    series = checked_series(inclination_deg, times_s, max_gap_s)
    velocity = np.append(np.asarray(velocity_deg_s, np.float64), np.nan)
    if velocity.shape != series.values.shape:
        raise MethodError(
            "velocity needs one value an interval",
            value=velocity.shape[0] - 1,
            rule=f"{series.values.shape[0] - 1} values",
            code="wrong_shape",
        )
    total = float(series.weights_s.sum())
    if total == 0.0:
        return Rest(float("nan"), float("nan"))
    # An interval across a gap has no velocity; the sample before it rests when it is low.
    calm = np.less(series.values + GUARD, _REST_BELOW_DEG) & ~(velocity >= _REST_BELOW_DEG_S)
    first, _ = run_bounds(calm, series.breaks)
    lengths = np.add.reduceat(series.weights_s, first)
    kept = calm[first] & (lengths + GUARD >= _REST_MINIMUM_S)
    return Rest(float(lengths[kept].sum() / total), float(np.count_nonzero(kept) / (total / 3600.0)))
