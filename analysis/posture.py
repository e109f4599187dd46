"""Angles of a body segment to gravity, and angular velocities, from a three-axis accelerometer.

An accelerometer sees inclination only. Twist about the vertical, joint angles and loads are not in its signal
and no function here pretends otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arguments import float_array
from analysis.posture_calibration import BodyFrame, body_frame, reference_direction
from analysis.posture_runs import TIME_TOLERANCE_S
from analysis.posture_units import checked_acceleration
from sensors.errors import MethodError

__all__ = [
    "VelocityBasis",
    "VelocityMethod",
    "angular_velocity_deg_s",
    "flexion_deg",
    "frame_angles_deg",
    "inclination_deg",
    "lateral_deg",
    "require_same_basis",
]

FloatArray = NDArray[np.float64]


class VelocityMethod(StrEnum):
    """What "angular velocity" means; figures of different methods differ two- to fourfold."""

    GENERALIZED = "generalized"
    INCLINATION = "inclination"
    GYROSCOPE = "gyroscope"


@dataclass(frozen=True, slots=True)
class VelocityBasis:
    """Method, sensor and filter behind a velocity; only equal ones may be compared."""

    method: VelocityMethod
    sensor: str
    lowpass_hz: float | None


def require_same_basis(first: VelocityBasis, second: VelocityBasis) -> None:
    """Refuse to hold velocities of different methods against each other.

    The same workers on the same shift read 71 °/s (accelerometer, generalized), 33 (accelerometer,
    inclination), 31 (IMU, generalized) and 16 °/s (IMU, inclination): Fan et al. 2021.

    Raises
    ------
    MethodError
        ``velocity_methods_mixed``.
    """
    if first != second:
        raise MethodError(
            "angular velocities of different methods cannot be compared",
            value=f"{first} and {second}",
            rule="same method, sensor and low-pass",
            code="velocity_methods_mixed",
        )


def inclination_deg(acc: Any, upright: Any, lean: Any = None) -> FloatArray:
    """Angle between the segment and its upright posture, 0–180°.

    θ = atan2(|u × x|, u · x), precise near 0° and 180° where the arc cosine is not.

    Parameters
    ----------
    acc : array_like, shape (..., 3)
        Low-passed acceleration, any unit; NaN = missing.
    upright : array_like, shape (n, 3) or (3,)
        Quiet standing, same sensor axes.
    lean : array_like, optional
        Not needed for inclination; accepted so that all angles are called alike.

    Returns
    -------
    float64 array, shape (...)
        Degrees; NaN where `acc` is missing or zero.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``empty``, ``infinite``, ``not_still``, ``no_gravity``, ``no_valid_values``.
    """
    del lean
    rows = checked_acceleration(acc)
    x = reference_direction(upright)
    along = rows @ x
    across = np.linalg.norm(np.cross(rows, x), axis=-1)
    return _angle(across, along)


def flexion_deg(acc: Any, upright: Any, lean: Any = None) -> FloatArray:
    """Signed forward inclination in the sagittal plane, −180–180°, forward positive.

    Sagittal projection atan2(u_z, u_x): monotone beyond 90°, unlike the arc sine, which folds back. For a
    posture inclined 60° in a direction 45° off straight ahead it gives 50.77°, the arc sine 37.76°.

    Parameters
    ----------
    acc : array_like, shape (..., 3)
        Low-passed acceleration, any unit; NaN = missing.
    upright, lean : array_like, shape (n, 3) or (3,)
        Quiet standing and a forward lean of at least 20°.

    Raises
    ------
    MethodError
        As `inclination_deg`; ``lean_required`` without a lean, ``lean_too_small`` below 20°.
    """
    rows = checked_acceleration(acc)
    frame = _split_frame(upright, lean)
    return _angle(rows @ frame[2], rows @ frame[0])


def lateral_deg(acc: Any, upright: Any, lean: Any = None) -> FloatArray:
    """Signed sideways inclination in the frontal plane, −180–180°, left positive: atan2(u_y, u_x).

    Parameters and errors as `flexion_deg`.
    """
    rows = checked_acceleration(acc)
    frame = _split_frame(upright, lean)
    return _angle(rows @ frame[1], rows @ frame[0])


def frame_angles_deg(acc: Any, frame: BodyFrame) -> tuple[FloatArray, FloatArray | None, FloatArray | None]:
    """Inclination, flexion and lateral angle in known body axes; the last two ``None`` when not separable.

    Parameters
    ----------
    acc : array_like, shape (..., 3)
        Low-passed acceleration, any unit.
    frame : BodyFrame
        Body axes of the sensor.
    """
    rows = checked_acceleration(acc)
    along = rows @ frame.x
    inclination = _angle(np.linalg.norm(np.cross(rows, frame.x), axis=-1), along)
    if frame.y is None or frame.z is None:
        return inclination, None, None
    return inclination, _angle(rows @ frame.z, along), _angle(rows @ frame.y, along)


def _split_frame(upright: Any, lean: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    if lean is None:
        raise MethodError(
            "forward and lateral inclination need two reference postures",
            rule="quiet standing and a forward lean of at least 20°",
            remedy="record the lean, or use the inclination",
            code="lean_required",
        )
    frame = body_frame(upright, lean)
    assert frame.y is not None
    assert frame.z is not None
    return frame.x, frame.y, frame.z


def _angle(across: FloatArray, along: FloatArray) -> FloatArray:
    angle: FloatArray = np.degrees(np.arctan2(across, along))
    return np.where((across == 0.0) & (along == 0.0), np.nan, angle)


def angular_velocity_deg_s(
    acc: Any,
    times_s: Any,
    method: str = "generalized",
    upright: Any = None,
    max_gap_s: float = 1.0,
) -> FloatArray:
    """Angular velocity between neighbouring samples.

    ``generalized`` is the angle between successive directions of gravity over the step; ``inclination`` the
    change of inclination over the step. Both are blind to rotation about the vertical.

    Parameters
    ----------
    acc : array_like, shape (n, 3)
        Low-passed acceleration, any unit; NaN = missing.
    times_s : array_like, shape (n,)
        Strictly increasing times [s].
    method : {"generalized", "inclination"}
        Keep it with the result: velocities of different methods must not be compared.
    upright : array_like, shape (m, 3) or (3,), optional
        Quiet standing; needed by ``inclination``.
    max_gap_s : float
        A longer step is a gap.

    Returns
    -------
    float64 array, shape (n − 1,)
        °/s of each interval; NaN across gaps and beside missing samples.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``empty``, ``infinite``, ``missing_time``, ``too_few_samples``,
        ``times_not_increasing``, ``bad_gap``,
        ``upright_required``, ``unknown_method``.
    """
    rows = checked_acceleration(acc)
    times = float_array(times_s, "times_s")
    if rows.ndim != 2 or times.shape != rows.shape[:1]:
        raise MethodError(
            "acc and times_s differ",
            value=(rows.shape, times.shape),
            rule="(n, 3) and (n,)",
            code="wrong_shape",
        )
    if rows.shape[0] < 2:
        raise MethodError("velocity needs two samples", value=rows.shape[0], code="too_few_samples")
    if np.isnan(times).any():
        raise MethodError("a time is missing", rule="every row has its time", code="missing_time")
    if not max_gap_s > 0:
        raise MethodError("max_gap_s must be positive", value=max_gap_s, code="bad_gap")
    steps = np.diff(times)
    if steps.min() <= 0:
        raise MethodError(
            "times must increase",
            value=float(steps.min()),
            rule="strictly increasing",
            remedy="sort the rows and drop duplicates (analysis.signal.time_base)",
            code="times_not_increasing",
        )
    if method == VelocityMethod.INCLINATION:
        if upright is None:
            raise MethodError(
                "inclination velocity needs the upright posture",
                rule="upright given",
                code="upright_required",
            )
        turned = np.abs(np.diff(inclination_deg(rows, upright)))
    elif method == VelocityMethod.GENERALIZED:
        before, after = rows[:-1], rows[1:]
        turned = _angle(
            np.linalg.norm(np.cross(before, after), axis=-1), np.einsum("ij,ij->i", before, after)
        )
    else:
        raise MethodError(
            "unknown velocity method", value=method, rule="generalized or inclination", code="unknown_method"
        )
    velocity: FloatArray = turned / steps
    velocity[steps > max_gap_s + TIME_TOLERANCE_S] = np.nan
    return velocity
