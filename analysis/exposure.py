"""Exposure over time of any sampled quantity: bands, percentiles, variation, holds, events and coverage.

Common conventions. A value covers the time up to the next one; a step longer than ``max_gap_s`` is a gap,
and the value before it, like the last one, covers the median step. NaN is missing time. Gaps and missing
values break every run, hold and event. ``k`` is reached at ``value >= k``, with a guard of 1e-9 for exact
thresholds. When no value is valid the answer is NaN, "not measured", never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arguments import any_floats, float_array, number
from analysis.posture_runs import GUARD, TIME_TOLERANCE_S, hysteresis_visits, majority, run_bounds
from sensors.errors import MethodError

__all__ = [
    "Series",
    "checked_series",
    "coverage",
    "events_per_minute",
    "exposure_variation",
    "longest_hold_s",
    "percentiles",
    "time_in_bands",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]

_MINIMUM_DWELL_S = 0.5  # a shorter visit above the threshold is noise, not a movement


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A checked series.

    Attributes
    ----------
    values, times_s : float64 array, shape (n,)
    weights_s : float64 array, shape (n,)
        Time each value covers; 0 where it is missing.
    breaks : bool array, shape (n,)
        True where a row does not continue the one before it.
    """

    values: FloatArray
    times_s: FloatArray
    weights_s: FloatArray
    breaks: BoolArray

    @property
    def measured(self) -> bool:
        """Whether any value is valid."""
        return bool(self.weights_s.any())


def _bad(
    what: str, code: str, value: object = None, rule: str | None = None, remedy: str | None = None
) -> MethodError:
    return MethodError(what, value=value, rule=rule, remedy=remedy, code=code)


def checked_series(values: Any, times_s: Any, max_gap_s: float) -> Series:
    """Check a series and weigh its values; the errors are those listed at `time_in_bands`."""
    samples = float_array(values, "values")
    times = float_array(times_s, "times_s")
    if samples.ndim != 1 or samples.shape != times.shape:
        raise _bad(
            "values and times_s differ",
            "wrong_shape",
            (samples.shape, times.shape),
            "two columns of one length",
        )
    if samples.size == 1:
        raise _bad("a single value has no duration", "too_few_samples", 1, "at least two values")
    if np.isnan(times).any():
        raise _bad("a time is missing", "missing_time", rule="every value has its time")
    longest = number(max_gap_s, "max_gap_s")
    if not longest > 0:
        raise _bad("max_gap_s must be positive", "bad_gap", longest)
    steps = np.diff(times)
    if steps.min() <= 0:
        raise _bad(
            "times must increase",
            "times_not_increasing",
            float(steps.min()),
            "strictly increasing",
            "sort the rows and drop duplicates (analysis.signal.time_base)",
        )
    gaps = steps > longest + TIME_TOLERANCE_S
    usual = min(float(np.median(steps)), longest)
    weights = np.append(np.where(gaps, usual, steps), usual)
    missing = np.isnan(samples)
    weights[missing] = 0.0
    breaks = np.append(True, gaps)
    breaks[1:] |= missing[1:] | missing[:-1]
    return Series(samples, times, weights, breaks)


def _edges(edges: Any, what: str) -> FloatArray:
    array = any_floats(edges, what)
    if array.ndim != 1 or array.size < 2 or np.isnan(array).any() or not (np.diff(array) > 0).all():
        raise _bad(
            f"{what} must be increasing", "bad_edges", np.asarray(edges).tolist(), "at least two edges"
        )
    return array


def _bands(values: FloatArray, edges: FloatArray, what: str) -> IndexArray:
    guarded = values + GUARD
    outside = (guarded < edges[0]) | (values > edges[-1] + GUARD)
    if outside.any():
        raise _bad(
            f"a {what} lies outside the edges",
            "value_outside_edges",
            float(values[outside][0]),
            f"{edges[0]:g} to {edges[-1]:g}",
            "widen the first or the last band",
        )
    index = np.searchsorted(edges, guarded, side="right") - 1
    return np.minimum(index, edges.size - 2)


def time_in_bands(values: Any, times_s: Any, edges: Any, max_gap_s: float) -> FloatArray:
    """Time spent in each half-open band ``[lo, hi)``, the last one closed.

    Parameters
    ----------
    values : array_like, shape (n,)
        NaN = missing.
    times_s : array_like, shape (n,)
        Strictly increasing [s].
    edges : array_like, shape (b + 1,)
        Increasing.
    max_gap_s : float
        A longer step is a gap and belongs to no band.

    Returns
    -------
    float64 array, shape (b,)
        Seconds; they sum to the valid time. NaN when nothing is valid.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``empty``, ``too_few_samples``, ``infinite``, ``missing_time``,
        ``times_not_increasing``, ``bad_gap``,
        ``bad_edges``, ``value_outside_edges``.
    """
    series = checked_series(values, times_s, max_gap_s)
    bounds = _edges(edges, "edges")
    if not series.measured:
        return np.full(bounds.size - 1, np.nan)
    valid = series.weights_s > 0
    index = _bands(series.values[valid], bounds, "value")
    return np.bincount(index, weights=series.weights_s[valid], minlength=bounds.size - 1).astype(np.float64)


def percentiles(values: Any, times_s: Any, percents: Any, max_gap_s: float) -> FloatArray:
    """Time-weighted percentiles, linear between order statistics.

    Order statistics sit at the middle of their weight, the lowest at 0 % and the highest at 100 %; with equal
    weights this is numpy's ``linear``.

    Parameters
    ----------
    values, times_s, max_gap_s
        As `time_in_bands`.
    percents : array_like
        0–100.

    Returns
    -------
    float64 array, shape of `percents`
        NaN when nothing is valid.

    Raises
    ------
    MethodError
        As `time_in_bands` without edges; ``bad_percent`` outside 0–100.
    """
    series = checked_series(values, times_s, max_gap_s)
    wanted = any_floats(percents, "percents")
    if wanted.size == 0 or np.isnan(wanted).any() or (wanted < 0).any() or (wanted > 100).any():
        raise _bad("percents must lie within 0–100", "bad_percent", np.asarray(percents).tolist())
    valid = series.weights_s > 0
    if not valid.any():
        return np.full(wanted.shape, np.nan)
    order = np.argsort(series.values[valid], kind="stable")
    ordered, weights = series.values[valid][order], series.weights_s[valid][order]
    middle = np.cumsum(weights) - weights / 2
    span = middle[-1] - middle[0]
    position = (middle - middle[0]) / span if span > 0 else np.zeros_like(middle)
    result: FloatArray = np.interp(wanted / 100, position, ordered)
    return result


def exposure_variation(
    values: Any, times_s: Any, level_edges: Any, duration_edges_s: Any, max_gap_s: float
) -> FloatArray:
    """Exposure variation analysis: share of time by level and by length of the unbroken run at that level.

    A run is a maximal stretch within one level class; its whole length counts in its duration class
    (Mathiassen and Winkel 1991). Classes are closed on the left.

    Parameters
    ----------
    values, times_s, max_gap_s
        As `time_in_bands`.
    level_edges : array_like, shape (l + 1,)
        Edges of the level classes.
    duration_edges_s : array_like, shape (d + 1,)
        Edges of the duration classes [s]; the last may be infinite.

    Returns
    -------
    float64 array, shape (l, d)
        % of the valid time, summing to 100; NaN when nothing is valid.

    Raises
    ------
    MethodError
        As `time_in_bands`; ``value_outside_edges`` also for a run outside the duration edges.
    """
    series = checked_series(values, times_s, max_gap_s)
    levels, durations = _edges(level_edges, "level_edges"), _edges(duration_edges_s, "duration_edges_s")
    shape = (levels.size - 1, durations.size - 1)
    if not series.measured:
        return np.full(shape, np.nan)
    valid = series.weights_s > 0
    index = np.full(series.values.shape, -1, np.intp)
    index[valid] = _bands(series.values[valid], levels, "value")
    first, _ = run_bounds(index, series.breaks)
    kept = index[first] >= 0
    lengths = np.add.reduceat(series.weights_s, first)[kept]
    cell = index[first][kept] * shape[1] + _bands(lengths, durations, "run length")
    totals = np.bincount(cell, weights=lengths, minlength=shape[0] * shape[1]).reshape(shape)
    return np.asarray(100.0 * totals / totals.sum(), np.float64)


def longest_hold_s(
    values: Any, times_s: Any, threshold: float, max_gap_s: float, smooth_s: float = 5
) -> float:
    """Longest uninterrupted stretch at or above a threshold, after a median filter at 1 Hz.

    Each second counts as above when the value is above for at least half of it; then the median of `smooth_s`
    seconds bridges interruptions of one or two seconds (Acti4, ``MaxIncTid``). With ``smooth_s=0`` the
    samples are taken as they are.

    Parameters
    ----------
    values, times_s, max_gap_s
        As `time_in_bands`.
    threshold : float
        In the unit of the values.
    smooth_s : float
        Width of the median filter [s], rounded to an odd number of seconds.

    Returns
    -------
    float
        Seconds; 0 when never above, NaN when nothing is valid.

    Raises
    ------
    MethodError
        As `time_in_bands` without edges; ``bad_threshold``, ``bad_smoothing``.
    """
    series = checked_series(values, times_s, max_gap_s)
    _require_number(threshold, "threshold", "bad_threshold")
    if not 0 <= number(smooth_s, "smooth_s") <= 3600:
        raise _bad("smooth_s must be 0–3600 s", "bad_smoothing", smooth_s)
    if not series.measured:
        return float("nan")
    above = np.greater_equal(series.values + GUARD, threshold)
    if smooth_s == 0:
        return _longest_run(above, series.breaks, series.weights_s)
    width = 2 * round((smooth_s - 1) / 2) + 1 if smooth_s > 1 else 1
    longest = 0.0
    cuts = np.flatnonzero(series.breaks)
    for first, last in zip(cuts, np.append(cuts[1:], above.shape[0]), strict=True):
        if series.weights_s[first] == 0:
            continue
        on, lengths = _seconds(above[first:last], series.times_s[first:last], series.weights_s[first:last])
        apart = np.zeros(on.shape[0], np.bool_)
        longest = max(longest, _longest_run(majority(on, width, apart), apart, lengths))
    return longest


def _seconds(above: BoolArray, times_s: FloatArray, weights_s: FloatArray) -> tuple[BoolArray, FloatArray]:
    """One row a second of a segment: above for at least half of it, and how much of it is covered."""
    edges = np.append(times_s - times_s[0], times_s[-1] + weights_s[-1] - times_s[0])
    grid = np.append(np.arange(0.0, edges[-1] - GUARD), edges[-1])
    covered = np.diff(grid)
    time_above = np.diff(np.interp(grid, edges, np.concatenate(([0.0], np.cumsum(above * weights_s)))))
    return np.asarray(time_above + GUARD >= covered / 2, np.bool_), covered


def _longest_run(on: BoolArray, breaks: BoolArray, lengths_s: FloatArray) -> float:
    if not on.any():
        return 0.0
    first, _ = run_bounds(on, breaks)
    return float(np.add.reduceat(lengths_s, first)[on[first]].max())


def events_per_minute(
    values: Any,
    times_s: Any,
    threshold: float,
    hysteresis: float,
    max_gap_s: float,
    min_dwell_s: float = _MINIMUM_DWELL_S,
) -> float:
    """Movements into a posture a valid minute.

    An event is an upward crossing of the threshold; the next one counts only after the value was below
    ``threshold − hysteresis``, and a visit shorter than `min_dwell_s` counts as none. A segment that begins
    above the threshold begins no event.

    Parameters
    ----------
    values, times_s, max_gap_s
        As `time_in_bands`.
    threshold, hysteresis : float
        In the unit of the values; `hysteresis` is not negative.
    min_dwell_s : float
        Shortest visit that counts [s].

    Returns
    -------
    float
        1/min; NaN when nothing is valid.

    Raises
    ------
    MethodError
        As `time_in_bands` without edges; ``bad_threshold``, ``bad_hysteresis``.
    """
    series = checked_series(values, times_s, max_gap_s)
    _require_number(threshold, "threshold", "bad_threshold")
    if not 0 <= number(hysteresis, "hysteresis") < np.inf:
        raise _bad("hysteresis must not be negative", "bad_hysteresis", hysteresis)
    if not series.measured:
        return float("nan")
    entries, exits, observed = hysteresis_visits(series.values, series.breaks, threshold, hysteresis)
    elapsed = np.concatenate(([0.0], np.cumsum(series.weights_s)))
    lasting = elapsed[exits] - elapsed[entries] + GUARD >= min_dwell_s
    return float(np.count_nonzero(lasting & observed) / (elapsed[-1] / 60.0))


def _require_number(value: float, what: str, code: str) -> None:
    if not np.isfinite(number(value, what)):
        raise _bad(f"{what} must be a finite number", code, value)


def coverage(times_s: Any, start_s: float, end_s: float, period_s: float) -> float:
    """Share of ``[start, end)`` that the union of ``[t, t + period)`` covers.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        Start of each row's period, in any order; doubled rows count once.
    start_s, end_s : float
        Expected time.
    period_s : float
        Time each row covers.

    Returns
    -------
    float
        0–1.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``infinite``, ``missing_time``, ``bad_window``, ``bad_period``.
    """
    times = float_array(times_s, "times_s", allow_empty=True)
    if times.ndim != 1:
        raise _bad("times_s must be one-dimensional", "wrong_shape", times.shape)
    if np.isnan(times).any():
        raise _bad("a time is missing", "missing_time", rule="every row has its time")
    window = number(start_s, "start_s"), number(end_s, "end_s")
    if not (np.isfinite(window).all() and window[0] < window[1]):
        raise _bad("the window must have a length", "bad_window", window, "start before end")
    if not 0 < number(period_s, "period_s") < np.inf:
        raise _bad("period_s must be positive", "bad_period", period_s)
    ordered = np.sort(times)
    first = np.clip(ordered, start_s, end_s)
    last = np.clip(ordered + period_s, start_s, end_s)
    if first.size == 0:
        return 0.0
    # Rows of one period cannot contain each other: each adds what lies past the end of the one before.
    first[1:] = np.maximum(first[1:], last[:-1])
    return float(min(np.maximum(last - first, 0.0).sum() / (end_s - start_s), 1.0))
