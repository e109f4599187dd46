"""Time base and filtering of body-worn accelerometer signals: order, gaps, even grid, zero-phase low-pass.

Real recordings come shuffled, doubled, with lost samples and with a rate that is not the nominal one. Nothing
here repairs silently: `TimeBase` counts what was put right. A signal is cut at every gap longer than
``max(1 s, 5 periods)``; inside a segment it is brought onto an even grid when its own times are not even, and
no value is ever made up across a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt, sosfilt_zi

from analysis.arguments import float_array
from sensors.errors import MethodError

__all__ = [
    "DEFAULT_LOWPASS_HZ",
    "DEFAULT_ORDER",
    "TimeBase",
    "UniformSignal",
    "low_pass",
    "seconds_to_ns",
    "segment_starts",
    "time_base",
    "uniform",
    "usable_cutoff_hz",
]

DEFAULT_LOWPASS_HZ = 5.0
DEFAULT_ORDER = 2
_SHORTEST_GAP_NS = 1_000_000_000
_GAP_PERIODS = 5
_JITTER = 0.02  # of one period; above it the segment is interpolated onto an even grid
_DECLARED = 0.05  # a declared period within 5 % of the measured one is taken for the true one
_BAND = 0.45  # highest cut-off that is still a low-pass, as a share of the sampling rate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TimeBase:
    """Ordered, unique times of one sensor and how they were obtained.

    Attributes
    ----------
    times_ns : int64 array, shape (n,)
        Strictly increasing.
    index : intp array, shape (n,)
        Row of the input behind each time.
    period_ns : int
        Sampling period: the median step, brought to a whole rate in Hz.
    starts : intp array, shape (segments + 1,)
        First row of every gap-free segment, then n.
    unordered, duplicates, gaps : int
        Steps that ran backwards, rows dropped because a later row has the same time, gaps found.
    """

    times_ns: IntArray
    index: NDArray[np.intp]
    period_ns: int
    starts: NDArray[np.intp]
    unordered: int
    duplicates: int
    gaps: int

    @property
    def rate_hz(self) -> float:
        """Sampling rate [Hz]."""
        return 1e9 / self.period_ns


@dataclass(frozen=True, slots=True, eq=False)
class UniformSignal:
    """Columns on a grid that is even within each segment.

    Attributes
    ----------
    times_ns : int64 array, shape (m,)
        Time of each sample; a sample covers ``[t, t + period_ns)``.
    columns : float64 array, shape (k, m)
        One row a channel.
    starts : intp array, shape (segments + 1,)
        First sample of each segment, then m.
    period_ns : int
        Step of the grid.
    resampled : int
        Segments that had to be interpolated.
    """

    times_ns: IntArray
    columns: FloatArray
    starts: NDArray[np.intp]
    period_ns: int
    resampled: int


def seconds_to_ns(times_s: Any) -> IntArray:
    """Times in seconds as whole nanoseconds.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        Seconds from any origin.

    Returns
    -------
    int64 array, shape (n,)

    Raises
    ------
    MethodError
        ``wrong_shape`` when not one-dimensional, ``missing_time`` when a time is NaN, ``infinite``.
    """
    times = float_array(times_s, "times_s", allow_empty=True)
    if times.ndim != 1:
        raise MethodError("times must be one-dimensional", value=times.shape, code="wrong_shape")
    if np.isnan(times).any():
        raise MethodError("a time is missing", rule="every row has its time", code="missing_time")
    return np.round(times * 1e9).astype(np.int64)


def _snapped_period_ns(steps_ns: IntArray, declared_period_s: float | None) -> int:
    """Period behind the median step, the same for every stretch of one recording."""
    # A few thousand steps say as much about the median as millions of them.
    median = float(np.median(steps_ns[:: max(1, steps_ns.shape[0] // 4096)]))
    if declared_period_s is not None and abs(median - declared_period_s * 1e9) <= _DECLARED * median:
        return round(declared_period_s * 1e9)
    rate_hz = 1e9 / median
    if rate_hz >= 5.0:
        return round(1e9 / round(rate_hz))
    return round(float(f"{median / 1e9:.3g}") * 1e9)


def segment_starts(times_ns: IntArray, period_ns: int, max_gap_s: float | None = None) -> NDArray[np.intp]:
    """First row of every gap-free segment, then the number of rows.

    Parameters
    ----------
    times_ns : int64 array, shape (n,)
        Increasing times.
    period_ns : int
        Sampling period [ns].
    max_gap_s : float, optional
        Longest step that is no gap; default ``max(1 s, 5 periods)``.
    """
    longest = max(_SHORTEST_GAP_NS, _GAP_PERIODS * period_ns) if max_gap_s is None else round(max_gap_s * 1e9)
    cuts = np.flatnonzero(np.diff(times_ns) > longest) + 1
    return np.concatenate(([0], cuts, [times_ns.shape[0]])).astype(np.intp)


def time_base(
    times_ns: IntArray, *, declared_period_s: float | None = None, max_gap_s: float | None = None
) -> TimeBase:
    """Sort times, drop duplicates, find the rate and cut at gaps.

    Parameters
    ----------
    times_ns : int64 array, shape (n,)
        In any order. Of rows with one time the last one given is kept.
    declared_period_s : float, optional
        Period the maker states; used when it agrees with the times within 5 %, never on faith.
    max_gap_s : float, optional
        Longest step that is no gap; default ``max(1 s, 5 periods)``.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``empty``, or ``too_few_samples`` when fewer than two distinct times are left: one
        sample has no duration.
    """
    times = np.asarray(times_ns)
    if times.ndim != 1 or times.dtype.kind != "i":
        raise MethodError(
            "times must be one column of whole nanoseconds",
            value=(times.shape, str(times.dtype)),
            code="wrong_shape",
        )
    if times.shape[0] == 0:
        raise MethodError("no samples", rule="at least two samples", code="empty")
    steps = np.diff(times)
    unordered = int(np.count_nonzero(steps < 0))
    duplicates = 0
    index = np.arange(times.shape[0], dtype=np.intp)
    if steps.size and int(steps.min()) <= 0:
        index = np.argsort(times, kind="stable")
        ordered = times[index]
        last = np.append(ordered[1:] != ordered[:-1], True)
        duplicates = int(ordered.shape[0] - np.count_nonzero(last))
        index, times = index[last], ordered[last]
        steps = np.diff(times)
    if times.shape[0] < 2:
        raise MethodError(
            "a single sample has no duration",
            value=times.shape[0],
            rule="two distinct times",
            code="too_few_samples",
        )
    period_ns = _snapped_period_ns(steps, declared_period_s)
    starts = segment_starts(times, period_ns, max_gap_s)
    return TimeBase(
        times.astype(np.int64, copy=False),
        index,
        period_ns,
        starts,
        unordered,
        duplicates,
        starts.shape[0] - 2,
    )


def _is_even(times_ns: IntArray, period_ns: int) -> bool:
    """Whether a segment can be taken as it is: small jitter and no drift against the grid."""
    if times_ns.shape[0] < 2:
        return True
    drift = int(times_ns[-1] - times_ns[0]) - (times_ns.shape[0] - 1) * period_ns
    if abs(drift) > period_ns // 2:
        return False
    steps = np.diff(times_ns)
    allowed = _JITTER * period_ns
    return bool(steps.max() - period_ns <= allowed and period_ns - steps.min() <= allowed)


def uniform(base: TimeBase, columns: FloatArray) -> UniformSignal:
    """Bring columns onto an even grid, segment by segment.

    Segments that are even already are taken unchanged. Others are interpolated linearly at whole multiples of
    the period since 1970, so that the grid does not depend on where a recording was cut.

    Parameters
    ----------
    base : TimeBase
        Times of the columns.
    columns : float64 array, shape (k, n)
        Rows already in the order of ``base.times_ns``, without NaN.
    """
    if columns.ndim != 2 or columns.shape[1] != base.times_ns.shape[0]:
        raise MethodError(
            "columns and times differ",
            value=columns.shape,
            rule=f"(k, {base.times_ns.shape[0]})",
            code="wrong_shape",
        )
    pairs = list(pairwise(base.starts.tolist()))
    uneven = [not _is_even(base.times_ns[first:last], base.period_ns) for first, last in pairs]
    if not any(uneven):
        return UniformSignal(base.times_ns, columns, base.starts, base.period_ns, 0)
    times: list[IntArray] = []
    values: list[FloatArray] = []
    for (first, last), bad in zip(pairs, uneven, strict=True):
        own_times, own_values = base.times_ns[first:last], columns[:, first:last]
        if bad:
            own_times, own_values = _interpolated(own_times, own_values, base.period_ns)
        times.append(own_times)
        values.append(own_values)
    lengths = [column.shape[0] for column in times if column.shape[0]]
    return UniformSignal(
        np.concatenate(times),
        np.ascontiguousarray(np.concatenate(values, axis=1)),
        np.concatenate(([0], np.cumsum(lengths))).astype(np.intp),
        base.period_ns,
        sum(uneven),
    )


def _interpolated(times_ns: IntArray, columns: FloatArray, period_ns: int) -> tuple[IntArray, FloatArray]:
    first = -(-int(times_ns[0]) // period_ns)
    last = int(times_ns[-1]) // period_ns
    grid = np.arange(first, last + 1, dtype=np.int64) * period_ns
    # Offsets stay small enough for float64 to hold them exactly.
    origin = int(times_ns[0])
    at = (grid - origin).astype(np.float64)
    known = (times_ns - origin).astype(np.float64)
    return grid, np.stack([np.interp(at, known, column) for column in columns])


def usable_cutoff_hz(rate_hz: float, cutoff_hz: float = DEFAULT_LOWPASS_HZ) -> float | None:
    """Cut-off that can be applied at this rate, or ``None`` when the rate is too low for a low-pass."""
    return cutoff_hz if cutoff_hz <= _BAND * rate_hz else None


@cache
def _design(rate_hz: float, cutoff_hz: float, order: int) -> tuple[FloatArray, FloatArray]:
    sections = np.asarray(butter(order, cutoff_hz, fs=rate_hz, output="sos"), np.float64)
    return sections, np.asarray(sosfilt_zi(sections), np.float64)


def low_pass(
    columns: FloatArray,
    rate_hz: float,
    cutoff_hz: float = DEFAULT_LOWPASS_HZ,
    order: int = DEFAULT_ORDER,
    starts: NDArray[np.intp] | None = None,
) -> FloatArray:
    """Zero-phase Butterworth low-pass of each row, every segment on its own.

    The filter runs forwards and backwards over the odd extension of a segment, as
    ``scipy.signal.sosfiltfilt`` does. Components must be filtered before a direction is taken from them,
    never after: normalising first shifts high percentiles by several degrees on real recordings.

    Parameters
    ----------
    columns : float64 array, shape (k, n)
        One row a channel, evenly sampled within each segment.
    rate_hz, cutoff_hz : float
        Sampling rate and cut-off [Hz] of one pass.
    order : int
        Order of one pass.
    starts : intp array, optional
        First sample of each segment, then n; default one segment.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``missing_value``, or ``cutoff_too_high`` when the cut-off exceeds 45 % of the rate.
    """
    if columns.ndim != 2:
        raise MethodError("columns must be (channels, samples)", value=columns.shape, code="wrong_shape")
    if usable_cutoff_hz(rate_hz, cutoff_hz) is None:
        raise MethodError(
            "the low-pass needs a higher sampling rate",
            value=f"{cutoff_hz} Hz at {rate_hz:g} Hz",
            rule=f"cut-off at most {_BAND:.0%} of the rate",
            remedy="lower the cut-off or leave the signal unfiltered and say so",
            code="cutoff_too_high",
        )
    if not np.isfinite(columns.sum()):
        raise MethodError(
            "a value is missing or infinite", rule="filter valid samples only", code="missing_value"
        )
    sections, settled = _design(float(rate_hz), float(cutoff_hz), int(order))
    bounds = [0, columns.shape[1]] if starts is None else starts.tolist()
    filtered = np.empty_like(columns)
    for first, last in pairwise(bounds):
        for row in range(columns.shape[0]):
            _both_ways(columns[row, first:last], sections, settled, filtered[row, first:last])
    return filtered


def _both_ways(signal: FloatArray, sections: FloatArray, settled: FloatArray, out: FloatArray) -> None:
    length = signal.shape[0]
    if length < 2:
        out[:] = signal
        return
    pad = min(3 * (2 * sections.shape[0] + 1), length - 1)
    extended = np.empty(length + 2 * pad)
    extended[:pad] = 2.0 * signal[0] - signal[pad:0:-1]
    extended[pad : pad + length] = signal
    extended[pad + length :] = 2.0 * signal[-1] - signal[-2 : -(pad + 2) : -1]
    turned = np.ascontiguousarray(_one_way(extended, sections, settled)[::-1])
    backward = _one_way(turned, sections, settled)
    out[:] = backward[length + pad - 1 : pad - 1 : -1]


def _one_way(signal: FloatArray, sections: FloatArray, settled: FloatArray) -> FloatArray:
    if sections.shape[0] == 1:
        # The same recurrence as a section of sosfilt, with less overhead.
        filtered, _ = lfilter(sections[0, :3], sections[0, 3:], signal, zi=settled[0] * signal[0])
    else:
        filtered, _ = sosfilt(sections, signal, zi=settled * signal[0])
    return np.asarray(filtered, np.float64)
