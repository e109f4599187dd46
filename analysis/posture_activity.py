"""Sitting, standing and walking from a sensor on the thigh."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.posture import inclination_deg
from analysis.posture_quality import MOVING_SD_G
from analysis.posture_units import checked_acceleration, to_g
from analysis.signal import low_pass, seconds_to_ns, time_base, uniform, usable_cutoff_hz
from sensors.errors import MethodError

__all__ = ["SITTING_FROM_DEG", "Activity", "ActivityShares", "thigh_activity"]

SITTING_FROM_DEG = 45.0  # thigh inclination that parts sitting from being upright (Acti4)
_WINDOW_S = 2.0


class Activity(StrEnum):
    """What a thigh sensor can tell apart."""

    SITTING = "sitting"
    STANDING = "standing"
    WALKING = "walking"


@dataclass(frozen=True, slots=True)
class ActivityShares:
    """Shares of the valid time, 0–1, summing to 1; NaN when nothing is valid.

    Sitting includes lying; walking includes running, stairs and cycling.
    """

    sitting: float
    standing: float
    walking: float


def thigh_activity(
    acc: Any, times_s: Any, upright: Any
) -> tuple[ActivityShares, NDArray[np.float64], tuple[Activity, ...]]:
    """Activity in windows of 2 s.

    Parameters
    ----------
    acc : array_like, shape (n, 3)
        Acceleration of a thigh sensor, g or m/s² (detected); NaN rows are missing.
    times_s : array_like, shape (n,)
        In any order.
    upright : array_like, shape (m, 3) or (3,)
        Quiet standing.

    Returns
    -------
    shares : ActivityShares
    starts_s : float64 array, shape (w,)
        Start of each window with data.
    activities : tuple of Activity, length w

    Raises
    ------
    MethodError
        ``wrong_shape``, ``no_valid_values``, ``too_few_samples``, ``units_unknown``, and the codes of the
        upright reference.
    """
    rows = checked_acceleration(acc)
    times_ns = seconds_to_ns(times_s)
    if rows.ndim != 2 or rows.shape[0] != times_ns.shape[0]:
        raise MethodError("acc and times_s differ", value=(rows.shape, times_ns.shape), code="wrong_shape")
    known = ~np.isnan(rows).any(axis=1)
    if not known.any():
        raise MethodError("no valid acceleration", rule="at least one complete row", code="no_valid_values")
    base = time_base(times_ns[known])
    signal = uniform(base, np.ascontiguousarray(to_g(rows[known])[base.index].T))
    cutoff_hz = usable_cutoff_hz(base.rate_hz)
    smooth = (
        signal.columns
        if cutoff_hz is None
        else low_pass(signal.columns, base.rate_hz, cutoff_hz, starts=signal.starts)
    )
    window = (signal.times_ns - signal.times_ns[0]) // round(_WINDOW_S * 1e9)
    first = np.flatnonzero(np.append(True, np.diff(window) > 0))
    number = np.diff(np.append(first, window.shape[0]))
    mean = np.add.reduceat(smooth, first, axis=1) / number
    tilted = inclination_deg(mean.T, upright) >= SITTING_FROM_DEG
    raw_mean = np.add.reduceat(signal.columns, first, axis=1) / number
    squares = np.add.reduceat(signal.columns**2, first, axis=1) / number
    moving = np.sqrt(np.maximum(squares - raw_mean**2, 0.0)).max(axis=0) > MOVING_SD_G
    labels = np.where(tilted, 0, np.where(moving, 2, 1))
    kinds = (Activity.SITTING, Activity.STANDING, Activity.WALKING)
    shares = np.bincount(labels, weights=number, minlength=3) / number.sum()
    starts_s = (signal.times_ns[0] + window[first] * round(_WINDOW_S * 1e9)) / 1e9
    return (
        ActivityShares(*(float(share) for share in shares)),
        starts_s.astype(np.float64),
        tuple(kinds[label] for label in labels),
    )
