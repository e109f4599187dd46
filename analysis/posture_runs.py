"""Runs: maximal stretches of one state within a gap-free segment, and visits with hysteresis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GUARD", "TIME_TOLERANCE_S", "hysteresis_visits", "majority", "run_bounds"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]

GUARD = 1e-9  # added before a value is compared, so that exact thresholds are reached
TIME_TOLERANCE_S = 1e-6  # seconds since 1970 are exact to about 0.2 µs in a double


def run_bounds(labels: NDArray[Any], breaks: BoolArray) -> tuple[IndexArray, IndexArray]:
    """First and past-the-end row of every maximal run of equal labels.

    Parameters
    ----------
    labels : array, shape (n,)
    breaks : bool array, shape (n,)
        True where a row does not continue the one before it.
    """
    fresh = breaks.copy()
    fresh[0] = True
    fresh[1:] |= labels[1:] != labels[:-1]
    first = np.flatnonzero(fresh)
    return first, np.append(first[1:], labels.shape[0])


def majority(on: BoolArray, width: int, breaks: BoolArray) -> BoolArray:
    """Median filter of a yes/no series: the majority of the centred window of odd `width`.

    Near a break the window shrinks evenly on both sides, so the result beside a gap uses no value across it.

    Parameters
    ----------
    on, breaks : bool array, shape (n,)
        The series, and where a row does not continue the one before it.
    width : int
        Odd number of rows.
    """
    if width <= 1 or on.shape[0] == 0:
        return on.copy()
    reach = width // 2
    ones = on.astype(np.int16)
    total = ones.copy()
    for shift in range(1, min(reach, on.shape[0] - 1) + 1):
        total[shift:] += ones[:-shift]
        total[:-shift] += ones[shift:]
    result = 2 * total > width
    _shrink(result, ones, reach, breaks)
    return result


def _shrink(result: BoolArray, ones: NDArray[np.int16], reach: int, breaks: BoolArray) -> None:
    """Put right what lies so near a break, or an end, that its window would cross it."""
    first = np.flatnonzero(breaks)
    if not breaks[0]:
        first = np.append(0, first)
    last = np.append(first[1:], ones.shape[0])
    offsets = np.arange(reach)
    near = np.unique([(first[:, None] + offsets), (last[:, None] - 1 - offsets)])
    near = near[(near >= 0) & (near < ones.shape[0])]
    run = np.searchsorted(first, near, side="right") - 1
    room = np.minimum(np.minimum(near - first[run], last[run] - 1 - near), reach)
    sums = np.concatenate(([0], np.cumsum(ones)))
    result[near] = 2 * (sums[near + room + 1] - sums[near - room]) > 2 * room + 1


def hysteresis_visits(
    values: FloatArray, breaks: BoolArray, threshold: float, hysteresis: float
) -> tuple[IndexArray, IndexArray, BoolArray]:
    """Visits above a threshold that end only below ``threshold − hysteresis``.

    Returns
    -------
    entries : intp array
        Row at which each visit begins.
    exits : intp array
        Row past its end.
    observed : bool array
        Whether the value was seen below before; else the visit was under way when the segment began.
    """
    guarded = values + GUARD
    level = np.greater_equal(guarded, threshold - hysteresis).astype(np.int8)
    level += np.greater_equal(guarded, threshold)
    level[np.isnan(values)] = 1
    first, _ = run_bounds(level, breaks)
    kind = level[first]
    fresh = breaks[first].copy()
    fresh[0] = True
    segment = np.cumsum(fresh)
    decided = np.flatnonzero(kind != 1)
    if decided.size == 0:
        nothing = np.zeros(0, np.intp)
        return nothing, nothing, np.zeros(0, np.bool_)
    before = np.append(-1, decided[:-1])
    alone = segment[decided] != segment[before]
    alone[0] = True
    starts = (kind[decided] == 2) & (alone | (kind[before] == 0))
    entry_at = np.flatnonzero(starts)
    # A visit lasts to the next low run of its segment, else to the end of the segment.
    low = np.flatnonzero(kind == 0)
    low_rows = np.append(first[low], values.shape[0])
    segment_ends = np.append(first[np.flatnonzero(fresh)[1:]], values.shape[0])
    exits = np.minimum(
        low_rows[np.searchsorted(low, decided[entry_at])], segment_ends[segment[decided[entry_at]] - 1]
    )
    return first[decided[entry_at]], exits, ~alone[entry_at]
