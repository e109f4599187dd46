"""Direction of gravity from accelerometer and gyroscope together, by the library vqf (extra ``fusion``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.posture_units import STANDARD_GRAVITY_M_S2, checked_acceleration, to_g
from analysis.signal import seconds_to_ns, time_base, uniform
from sensors.errors import MethodError, MissingExtraError

__all__ = ["FusedDirection", "fused_direction", "fused_up", "fusion_method"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FusedDirection:
    """Direction of gravity, up, in sensor axes.

    Attributes
    ----------
    times_s : float64 array, shape (m,)
        Even within each gap-free segment.
    up : float64 array, shape (m, 3)
        Unit vectors; use them where a function asks for low-passed acceleration.
    method : str
        Library and version; keep it with every result, and never mix velocities with the accelerometer's.
    """

    times_s: FloatArray
    up: FloatArray
    method: str


@cache
def fusion_method() -> str:
    """Library, version and filter, as results print it.

    Raises
    ------
    MissingExtraError
        vqf is not installed.
    """
    try:
        return f"vqf {version('vqf')} offline 6D"
    except PackageNotFoundError as error:
        raise MissingExtraError("sensor fusion", "fusion") from error


def fused_up(
    acc_g: FloatArray, gyr_deg_s: FloatArray, starts: NDArray[np.intp], period_s: float
) -> FloatArray:
    """Direction of gravity, up, of evenly sampled segments; the filter starts anew in each.

    Parameters
    ----------
    acc_g, gyr_deg_s : float64 array, shape (3, n)
        Acceleration [g] and angular rate [°/s] in the same axes, without NaN.
    starts : intp array
        First sample of each segment, then n.
    period_s : float
        Sampling period.

    Returns
    -------
    float64 array, shape (3, n)
        Unit vectors in sensor axes.

    Raises
    ------
    MissingExtraError
        vqf is not installed.

    References
    ----------
    Laidig and Seel 2023, Information Fusion 91:187 (offline 6D filter, defaults).
    """
    fusion_method()
    from vqf import offlineVQF

    up = np.empty_like(acc_g)
    for first, last in pairwise(starts.tolist()):
        acceleration = np.ascontiguousarray(acc_g[:, first:last].T) * STANDARD_GRAVITY_M_S2
        rate = np.ascontiguousarray(np.radians(gyr_deg_s[:, first:last].T))
        w, x, y, z = offlineVQF(rate, acceleration, None, period_s)["quat6D"].T
        up[:, first:last] = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)
    return up


def fused_direction(acc: Any, gyr_deg_s: Any, times_s: Any) -> FusedDirection:
    """Direction of gravity from six axes, reliable in motion too fast for the accelerometer alone.

    Parameters
    ----------
    acc : array_like, shape (n, 3)
        Raw acceleration, g or m/s² (detected).
    gyr_deg_s : array_like, shape (n, 3)
        Angular rate [°/s], same axes. Rows with any missing value are dropped.
    times_s : array_like, shape (n,)
        In any order; gaps part the recording and the filter starts anew behind each.

    Raises
    ------
    MissingExtraError
        vqf is not installed.
    MethodError
        ``wrong_shape``, ``empty``, ``infinite``, ``no_valid_values``, ``too_few_samples``, ``units_unknown``.
    """
    method = fusion_method()
    rows, turns = checked_acceleration(acc), checked_acceleration(gyr_deg_s, "gyr_deg_s")
    times_ns = seconds_to_ns(times_s)
    if rows.ndim != 2 or rows.shape != turns.shape or rows.shape[0] != times_ns.shape[0]:
        raise MethodError(
            "acc, gyr_deg_s and times_s differ",
            value=(rows.shape, turns.shape, times_ns.shape),
            rule="(n, 3), (n, 3) and (n,)",
            code="wrong_shape",
        )
    known = ~(np.isnan(rows).any(axis=1) | np.isnan(turns).any(axis=1))
    if not known.any():
        raise MethodError("no row is complete", rule="six axes", code="no_valid_values")
    base = time_base(times_ns[known])
    columns = np.concatenate((to_g(rows[known])[base.index].T, turns[known][base.index].T))
    signal = uniform(base, np.ascontiguousarray(columns))
    up = fused_up(signal.columns[:3], signal.columns[3:], signal.starts, base.period_ns / 1e9)
    return FusedDirection(signal.times_ns / 1e9, np.ascontiguousarray(up.T), method)
