"""Thinning a long series for a screen without hiding an extreme or bridging a gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import MethodError

__all__ = ["Decimated", "find_gaps", "min_max"]

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Decimated:
    """A series as a screen draws it.

    Attributes
    ----------
    times_ns : int64 array, shape (n,)
        Start of each bucket, or of each reading when there were few.
    low, high, middle : float64 array, shape (n,)
        Smallest, largest and mean value; NaN where nothing was measured.
    counts : int64 array, shape (n,)
        Finite readings behind each point.
    gaps_ns : int64 array, shape (m, 2)
        Stretches ``[from, to)`` without a finite reading for longer than the allowed gap.
    """

    times_ns: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    middle: NDArray[np.float64]
    counts: NDArray[np.int64]
    gaps_ns: NDArray[np.int64]


def find_gaps(times_ns: NDArray[np.int64], start_ns: int, end_ns: int, max_gap_ns: int) -> NDArray[np.int64]:
    """Stretches of ``[start_ns, end_ns)`` without a reading for longer than `max_gap_ns`.

    A reading covers ``[t, t + max_gap_ns)`` at most; what lies beyond it up to the next reading is the gap.

    Returns
    -------
    int64 array, shape (m, 2)
    """
    inside = times_ns[(times_ns >= start_ns) & (times_ns < end_ns)]
    if inside.size == 0:
        return np.array([[start_ns, end_ns]], np.int64) if end_ns > start_ns else np.zeros((0, 2), np.int64)
    first = np.concatenate(([start_ns], inside))
    second = np.concatenate((inside, [end_ns]))
    wide = second - first > max_gap_ns
    # The stretch before the first reading has no reading of its own to cover its beginning.
    starts = np.where(np.arange(first.size) == 0, first, first + max_gap_ns)
    return np.stack((starts[wide], second[wide]), axis=1).astype(np.int64)


def min_max(
    times_ns: NDArray[np.int64],
    values: Numbers,
    *,
    start_ns: int,
    end_ns: int,
    buckets: int,
    max_gap_ns: int,
    energy: bool = False,
) -> Decimated:
    """Thin a series to at most `buckets` points with minimum, maximum and mean.

    Parameters
    ----------
    times_ns : int64 array, shape (n,)
        Ascending.
    values : float array, shape (n,)
        NaN = not measured.
    start_ns, end_ns : int
        Window ``[start_ns, end_ns)``; the last, partial bucket is kept.
    buckets : int
        Largest number of points, at least 1.
    max_gap_ns : int
        Longer stretches without a finite value are gaps: `Decimated.gaps_ns` names them all, and every gap
        that is wider than a bucket has a NaN point, so that no line is drawn across it.
    energy : bool
        Mean of levels by energy (dB) instead of arithmetic.

    Returns
    -------
    Decimated
        Buckets without a finite value are emitted as NaN.

    Raises
    ------
    MethodError
        The window is empty (``empty_window``), the shapes differ (``shape``) or `buckets` is below 1
        (``buckets``).
    """
    if end_ns <= start_ns:
        raise MethodError(
            "the window is empty", value=(start_ns, end_ns), rule="start < end", code="empty_window"
        )
    if times_ns.shape != values.shape:
        raise MethodError(
            "times and values differ in length", value=(times_ns.shape, values.shape), code="shape"
        )
    if buckets < 1:
        raise MethodError("at least one bucket is needed", value=buckets, rule="buckets ≥ 1", code="buckets")
    finite = np.isfinite(values) & (times_ns >= start_ns) & (times_ns < end_ns)
    times, numbers = times_ns[finite], values[finite].astype(np.float64)
    gaps = find_gaps(times, start_ns, end_ns, max_gap_ns)
    if times.size + gaps.shape[0] <= buckets:
        return _as_is(times, numbers, gaps)
    return _bucketed(times, numbers, gaps, start_ns, end_ns, buckets, energy=energy)


def _as_is(times: NDArray[np.int64], numbers: NDArray[np.float64], gaps: NDArray[np.int64]) -> Decimated:
    moments = np.concatenate((times, gaps[:, 0]))
    order = np.argsort(moments, kind="stable")
    shown = np.concatenate((numbers, np.full(gaps.shape[0], np.nan)))[order]
    counts = np.concatenate((np.ones(times.size, np.int64), np.zeros(gaps.shape[0], np.int64)))[order]
    return Decimated(moments[order], shown, shown.copy(), shown.copy(), counts, gaps)


def _bucketed(
    times: NDArray[np.int64],
    numbers: NDArray[np.float64],
    gaps: NDArray[np.int64],
    start_ns: int,
    end_ns: int,
    buckets: int,
    *,
    energy: bool,
) -> Decimated:
    width = -(-(end_ns - start_ns) // buckets)
    starts = np.arange(start_ns, end_ns, width, dtype=np.int64)
    offsets = np.searchsorted(times, np.append(starts, end_ns))
    counts = np.diff(offsets).astype(np.int64)
    filled = counts > 0
    first = offsets[:-1][filled]
    low, high, middle = (np.full(starts.size, np.nan) for _ in range(3))
    if first.size:
        low[filled] = np.minimum.reduceat(numbers, first)
        high[filled] = np.maximum.reduceat(numbers, first)
        summed = np.add.reduceat(10.0 ** (numbers / 10.0) if energy else numbers, first) / counts[filled]
        middle[filled] = 10.0 * np.log10(summed) if energy else summed
    return Decimated(starts, low, high, middle, counts, gaps)
