"""Angles from the minute summaries of posture sensors: extremes for a screen, seconds at each degree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.decimate import Decimated, min_max

__all__ = ["MINUTE_COLUMNS", "angle_seconds", "minute_angles", "thinned_minutes"]

Numbers = NDArray[np.float64]
MINUTE_COLUMNS = ("minute", "period_ns", "inclination_bins", "inclination_samples")
_LONGEST_STEP_NS = 3 * 60 * 1_000_000_000
_DEGREES = 180


def minute_angles(table: Any) -> tuple[NDArray[np.int64], Numbers, Numbers, Numbers]:
    """Lowest, highest and mean angle of each minute from its 1° histogram."""
    times = table.column("minute").cast("int64").to_numpy()
    bins = table.column("inclination_bins").combine_chunks()
    offsets = bins.offsets.to_numpy()
    angles = bins.values.to_numpy().astype(np.float64)
    held = table.column("inclination_samples").combine_chunks().values.to_numpy().astype(np.float64)
    filled = np.diff(offsets) > 0
    starts = offsets[:-1][filled]
    if starts.size == 0:
        return times[filled], np.zeros(0), np.zeros(0), np.zeros(0)
    low = np.minimum.reduceat(angles, starts)
    high = np.maximum.reduceat(angles, starts) + 1.0
    mean = np.add.reduceat((angles + 0.5) * held, starts) / np.add.reduceat(held, starts)
    return times[filled], low, high, mean


def angle_seconds(table: Any, inside: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> Numbers:
    """Seconds at each degree from 0 to 180 over the minutes that `inside` keeps, by their times [ns]."""
    times = table.column("minute").cast("int64").to_numpy()
    bins = table.column("inclination_bins").combine_chunks()
    samples = table.column("inclination_samples").combine_chunks().values.to_numpy().astype(np.float64)
    entries = np.diff(bins.offsets.to_numpy())
    held_s = samples * np.repeat(table.column("period_ns").to_numpy() * 1e-9, entries)
    kept = np.repeat(inside(times), entries)
    degrees = np.minimum(bins.values.to_numpy().astype(np.int64), _DEGREES - 1)
    seconds = np.bincount(degrees[kept], weights=held_s[kept], minlength=_DEGREES)
    return seconds.astype(np.float64)


def thinned_minutes(
    times: NDArray[np.int64],
    low: Numbers,
    high: Numbers,
    mean: Numbers,
    start_ns: int,
    end_ns: int,
    buckets: int,
) -> Decimated:
    """Minutes for a screen of `buckets` pixels; three missing minutes make a gap."""
    shown = {
        name: min_max(
            times,
            values,
            start_ns=start_ns,
            end_ns=end_ns,
            buckets=buckets,
            max_gap_ns=_LONGEST_STEP_NS,
        )
        for name, values in (("low", low), ("high", high), ("mean", mean))
    }
    base = shown["mean"]
    return replace(base, low=shown["low"].low, high=shown["high"].high)
