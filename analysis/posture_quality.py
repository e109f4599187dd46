"""What an accelerometer's own signal says about its trustworthiness.

A flag never changes a value. It tells that an angle is partly fiction (fast motion), that nobody may wear the
sensor (still for long), or that the device fails (stuck, clipped, falling).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.posture_runs import run_bounds
from analysis.posture_units import checked_acceleration, detect_unit, to_g
from analysis.signal import low_pass, seconds_to_ns, time_base, uniform, usable_cutoff_hz
from sensors.errors import MethodError

__all__ = [
    "CLIPPED_SHARE_OF_RANGE",
    "DYNAMIC_G",
    "MOVING_SD_G",
    "STILL_SD_G",
    "STILL_SHARE",
    "UNRELIABLE_DYNAMIC_SHARE",
    "QualityFlag",
    "RecordingQuality",
    "WearState",
    "assess_recording",
    "dynamic_samples",
    "wear_states",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

DYNAMIC_G = 0.1  # 0.1 g across gravity turns the apparent vertical by 5.7°
UNRELIABLE_DYNAMIC_SHARE = 0.25  # more than a quarter of the time: percentiles are no longer the posture's
STILL_SD_G = 0.01  # mean of the three axes' standard deviations in 2 s (Acti4)
STILL_SHARE = 0.95  # of a minute's valid time, from which on the minute counts as still
MOVING_SD_G = 0.1  # standard deviation of one axis in 2 s: walking rather than standing (Acti4)
CLIPPED_SHARE_OF_RANGE = 0.99
_FALLING_G = 0.5
_FALLING_S = 1.0
_STUCK_S = 10.0
_ALWAYS_OFF_MIN = 90
_MAYBE_OFF_MIN = 10
_FLAT_DEG = 5.0


class QualityFlag(StrEnum):
    """What may be wrong with a recording."""

    DYNAMIC_MOTION = "dynamic_motion"
    STUCK = "stuck"
    CLIPPED = "clipped"
    FALLING = "falling"
    GAPS = "gaps"


@dataclass(frozen=True, slots=True)
class RecordingQuality:
    """Quality of a recording.

    Attributes
    ----------
    dynamic_share : float
        Share of time in motion too fast for an angle from the accelerometer alone.
    stuck_share, clipped_share, falling_share : float
        Share of time with exact repeats for 10 s or more, at the end of the range, below 0.5 g for over 1 s.
    gaps, duplicates, unordered : int
        Repairs of the time base.
    flags : tuple of QualityFlag
        What exceeds its bound.
    """

    dynamic_share: float
    stuck_share: float
    clipped_share: float
    falling_share: float
    gaps: int
    duplicates: int
    unordered: int
    flags: tuple[QualityFlag, ...]

    @property
    def reliable(self) -> bool:
        """Whether angles from the accelerometer alone can be used without reservation."""
        return QualityFlag.DYNAMIC_MOTION not in self.flags and QualityFlag.STUCK not in self.flags


def dynamic_samples(
    smooth: FloatArray,
    starts: NDArray[np.intp],
    rate_hz: float,
    *,
    scale_g: float = 1.0,
    limit_g: float = DYNAMIC_G,
) -> BoolArray:
    """Samples whose acceleration is not gravity alone.

    The vector is away from its mean over the surrounding half second by more than the limit. This sees
    acceleration across gravity, which hardly changes the magnitude but turns the apparent vertical; it does
    not depend on the sensor's gain or offset, and a bend of 60° within 1.5 s passes it.

    Parameters
    ----------
    smooth : float64 array, shape (3, n)
        Low-passed acceleration [g].
    starts : intp array
        First sample of each segment, then n.
    rate_hz : float
        Sampling rate.
    scale_g : float
        What the sensor reads for one gravity.
    limit_g : float
        Acceleration that counts as motion [g].
    """
    number = smooth.shape[1]
    place = np.arange(number)
    lengths = np.diff(starts)
    reach = np.minimum(place - np.repeat(starts[:-1], lengths), np.repeat(starts[1:], lengths) - 1 - place)
    np.minimum(reach, max(1, round(rate_hz / 4)), out=reach)
    high, low, width = place + reach + 1, place - reach, 2 * reach + 1
    away = np.zeros(number)
    total = np.zeros(number + 1)
    for row in smooth:
        np.cumsum(row, out=total[1:])
        away += (row - (total[high] - total[low]) / width) ** 2
    return np.asarray(away > (limit_g * scale_g) ** 2, np.bool_)


def assess_recording(acc: Any, times_s: Any, *, range_g: float | None = None) -> RecordingQuality:
    """Quality of one recording of a worn accelerometer.

    Parameters
    ----------
    acc : array_like, shape (n, 3)
        Raw acceleration, g or m/s² (detected); NaN rows are missing.
    times_s : array_like, shape (n,)
        In any order.
    range_g : float, optional
        Full scale of the sensor [g]; without it clipping cannot be told.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``empty``, ``infinite``, ``units_unknown``, ``no_valid_values``, ``too_few_samples``.
    """
    rows = checked_acceleration(acc)
    times_ns = seconds_to_ns(times_s)
    if rows.ndim != 2 or rows.shape[0] != times_ns.shape[0]:
        raise MethodError("acc and times_s differ", value=(rows.shape, times_ns.shape), code="wrong_shape")
    known = ~np.isnan(rows).any(axis=1)
    in_g = to_g(rows[known] if known.any() else rows, detect_unit(rows))
    base = time_base(times_ns[known])
    signal = uniform(base, np.ascontiguousarray(in_g[base.index].T))
    cutoff_hz = usable_cutoff_hz(base.rate_hz)
    smooth = (
        signal.columns
        if cutoff_hz is None
        else low_pass(signal.columns, base.rate_hz, cutoff_hz, starts=signal.starts)
    )
    magnitude = np.sqrt((signal.columns**2).sum(axis=0))
    scale_g = float(np.median(magnitude))
    dynamic = float(dynamic_samples(smooth, signal.starts, base.rate_hz, scale_g=scale_g).mean())
    breaks = np.zeros(magnitude.shape[0], np.bool_)
    breaks[signal.starts[:-1]] = True
    repeated = np.zeros(magnitude.shape[0], np.bool_)
    repeated[1:] = (signal.columns[:, 1:] == signal.columns[:, :-1]).all(axis=0)
    stuck = _share_of_long_runs(repeated, breaks, _STUCK_S * base.rate_hz)
    falling = _share_of_long_runs(magnitude < _FALLING_G * scale_g, breaks, _FALLING_S * base.rate_hz)
    clipped = 0.0
    if range_g is not None:
        clipped = float((np.abs(signal.columns) >= CLIPPED_SHARE_OF_RANGE * range_g).any(axis=0).mean())
    flags = [
        (dynamic > UNRELIABLE_DYNAMIC_SHARE, QualityFlag.DYNAMIC_MOTION),
        (stuck > 0, QualityFlag.STUCK),
        (clipped > 0, QualityFlag.CLIPPED),
        (falling > 0, QualityFlag.FALLING),
        (base.gaps > 0, QualityFlag.GAPS),
    ]
    return RecordingQuality(
        dynamic,
        stuck,
        clipped,
        falling,
        base.gaps,
        base.duplicates,
        base.unordered,
        tuple(flag for raised, flag in flags if raised),
    )


def _share_of_long_runs(on: BoolArray, breaks: BoolArray, samples: float) -> float:
    first, last = run_bounds(on, breaks)
    long = on[first] & (last - first >= samples)
    return float((last - first)[long].sum() / on.shape[0])


class WearState(StrEnum):
    """What a minute of stillness means."""

    WORN = "worn"
    STILL = "still"
    OFF = "off"
    BENCH = "bench"


def wear_states(
    still_share: FloatArray, mean_acc: FloatArray, minute_ns: NDArray[np.int64]
) -> NDArray[np.str_]:
    """Worn, still, left on the bench or off, for each minute.

    A sensor that turns by more than 5° meanwhile is worn by somebody quiet. Else still for 90 min or more
    is off. Still for 10 to 90 min is *bench* when the sensor lies flat (an axis within 5° of the vertical)
    and the minute before was not still; else it stays *still*, because a driver or someone at a screen may
    sit quietly for that long. After the rules of Acti4 (mean standard deviation of the axes below 0.01 g).

    Parameters
    ----------
    still_share : float64 array, shape (m,)
        Share of each minute's valid time that was still.
    mean_acc : float64 array, shape (m, 3)
        Mean acceleration of each minute, any unit.
    minute_ns : int64 array, shape (m,)
        Start of each minute, increasing; a hole ends a stretch.

    Returns
    -------
    str array, shape (m,)
        Values of `WearState`.
    """
    quiet = still_share >= STILL_SHARE
    states = np.full(quiet.shape[0], WearState.WORN.value, "<U5")
    if not quiet.any():
        return states
    breaks = np.append(True, np.diff(minute_ns) > 60_000_000_000)
    for first, last in zip(*run_bounds(quiet, breaks), strict=True):
        if not quiet[first] or last - first < _MAYBE_OFF_MIN or _turns(mean_acc[first:last]):
            continue
        state = WearState.STILL
        if last - first >= _ALWAYS_OFF_MIN:
            state = WearState.OFF
        elif first > 0 and not breaks[first] and _flat(mean_acc[first:last].mean(axis=0)):
            state = WearState.BENCH
        states[first:last] = state.value
    return states


def _turns(rows: FloatArray) -> bool:
    """Whether any minute points more than 5° away from the mean of all."""
    centre = rows.mean(axis=0)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(centre)
    return bool((rows @ centre < lengths * np.cos(np.radians(_FLAT_DEG))).any())


def _flat(vector: FloatArray) -> bool:
    """Whether one of the sensor's axes points within 5° of the vertical."""
    length = float(np.linalg.norm(vector))
    return length > 0 and float(np.abs(vector).max()) >= length * np.cos(np.radians(_FLAT_DEG))
