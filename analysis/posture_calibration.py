"""Body axes of a sensor from recorded reference postures.

Axes after calibration: x along the segment towards the head (for an arm: towards the shoulder), y to the
left, z forward (the direction of the lean). Two postures give all three; quiet standing alone gives x, hence
inclination, but no split into forward and lateral.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.posture_units import checked_acceleration
from analysis.signal import seconds_to_ns
from sensors.errors import MethodError

__all__ = [
    "ESTIMATED_ERROR_DEG",
    "LEAN_MINIMUM_DEG",
    "BodyFrame",
    "Reference",
    "body_frame",
    "calibrate",
    "estimate_from_walking",
    "reference_direction",
]

FloatArray = NDArray[np.float64]

LEAN_MINIMUM_DEG = 20.0  # below it the forward axis is the difference of two near-equal vectors
ESTIMATED_ERROR_DEG = 6.0  # SD of the walking reference in the Acti4 population
_STILL_SD_G = 0.05
_UPRIGHT_MINIMUM_S = 10.0
_LEAN_MINIMUM_S = 5.0
_WALKING_MINIMUM_S = 60.0
_WALKING_FLEXION_DEG = 6.0
_LARGEST_JUMP_DEG = 20.0
_FORWARD_RANGE_DEG = (5.0, 50.0)
_LATERAL_RANGE_DEG = 15.0
_LARGEST_INCLINATION_DEG = 53.0


class Reference(StrEnum):
    """How well the body axes are known."""

    TWO_POSTURES = "two_postures"
    UPRIGHT_ONLY = "upright_only"
    ESTIMATED = "estimated"
    NONE = "none"


@dataclass(frozen=True, slots=True, eq=False)
class BodyFrame:
    """Body axes in the sensor's own axes.

    Attributes
    ----------
    x : float64 array, shape (3,)
        Unit vector that points up when the wearer stands upright.
    y, z : float64 array, shape (3,), or None
        Left and forward; ``None`` when only the upright posture is known.
    reference : Reference
        Where the axes come from.
    error_deg : float or None
        Stated error of an estimated reference.
    """

    x: FloatArray
    y: FloatArray | None
    z: FloatArray | None
    reference: Reference
    error_deg: float | None = None

    @property
    def splits(self) -> bool:
        """Whether forward and lateral inclination can be told apart."""
        return self.z is not None


def reference_direction(recording: Any, what: str = "upright") -> FloatArray:
    """Unit vector of the mean of a quiet recording.

    Parameters
    ----------
    recording : array_like, shape (n, 3) or (3,)
        Any unit; a single vector is taken as the mean of a recording that was checked before.

    Raises
    ------
    MethodError
        ``wrong_shape``, ``empty``, ``infinite``; ``no_valid_values`` when all rows are missing;
        ``not_still`` when an axis has a standard deviation of 0.05 g or more; ``no_gravity`` when the
        mean vanishes.
    """
    rows = checked_acceleration(recording, what).reshape(-1, 3)
    rows = rows[~np.isnan(rows).any(axis=1)]
    if rows.shape[0] == 0:
        raise MethodError(f"the {what} recording has no valid sample", code="no_valid_values")
    mean = rows.mean(axis=0)
    magnitude = float(np.linalg.norm(mean))
    spread = float(rows.std(axis=0).max())
    # The mean of a still recording is one gravity, so the spread in g does not depend on the unit.
    if spread > 0 and spread >= _STILL_SD_G * magnitude:
        raise MethodError(
            f"the {what} recording is not still",
            value=round(spread / magnitude, 4) if magnitude else spread,
            rule=f"standard deviation of each axis below {_STILL_SD_G} g",
            remedy="record again while the wearer stands quietly",
            code="not_still",
        )
    if magnitude == 0.0:
        raise MethodError(
            f"the {what} recording shows no gravity", rule="a mean other than zero", code="no_gravity"
        )
    direction: FloatArray = mean / magnitude
    return direction


def body_frame(upright: Any, lean: Any = None) -> BodyFrame:
    """Body axes from quiet standing and, when given, a forward lean.

    With r and l the means of both recordings: x = r/|r|, z = (l − (l·x)x)/|…|, y = z × x.

    Parameters
    ----------
    upright, lean : array_like, shape (n, 3) or (3,)
        Recordings, or vectors known from a calibration record; any unit.

    Raises
    ------
    MethodError
        As `reference_direction`; ``lean_too_small`` when both postures are less than 20° apart.
    """
    x = reference_direction(upright, "upright")
    if lean is None:
        return BodyFrame(x, None, None, Reference.UPRIGHT_ONLY)
    leaning = reference_direction(lean, "lean")
    along = float(leaning @ x)
    across = leaning - along * x
    angle_deg = float(np.degrees(np.arctan2(np.linalg.norm(across), along)))
    if angle_deg < LEAN_MINIMUM_DEG - 1e-9:
        raise MethodError(
            "the lean is too small to give a forward direction",
            value=f"{angle_deg:.1f}°",
            rule=f"at least {LEAN_MINIMUM_DEG:.0f}°",
            remedy="record the forward lean again, clearly bent",
            code="lean_too_small",
        )
    z = across / np.linalg.norm(across)
    return BodyFrame(x, np.cross(z, x), z, Reference.TWO_POSTURES)


def calibrate(upright: Any, upright_times_s: Any, lean: Any = None, lean_times_s: Any = None) -> BodyFrame:
    """As `body_frame`, and the recordings must be long enough: 10 s upright, 5 s leaning.

    Raises
    ------
    MethodError
        As `body_frame`; ``upright_too_short`` or ``lean_too_short``; ``wrong_shape`` when times and rows
        differ.
    """
    _require_duration(upright, upright_times_s, _UPRIGHT_MINIMUM_S, "upright")
    if lean is not None:
        _require_duration(lean, lean_times_s, _LEAN_MINIMUM_S, "lean")
    return body_frame(upright, lean)


def _require_duration(recording: Any, times_s: Any, minimum_s: float, what: str) -> None:
    rows = checked_acceleration(recording, what)
    times_ns = seconds_to_ns(times_s)
    if rows.ndim != 2 or rows.shape[0] != times_ns.shape[0]:
        raise MethodError(
            f"{what} and its times differ",
            value=(rows.shape, times_ns.shape),
            rule="(n, 3) and (n,)",
            code="wrong_shape",
        )
    known = times_ns[~np.isnan(rows).any(axis=1)]
    steps = np.diff(np.sort(known))
    # The last sample covers one more period.
    duration_s = (int(known.max() - known.min()) + float(np.median(steps))) / 1e9 if steps.size else 0.0
    if duration_s < minimum_s - 1e-9:
        raise MethodError(
            f"the {what} recording is too short",
            value=f"{duration_s:.1f} s",
            rule=f"at least {minimum_s:.0f} s",
            remedy="record the posture again",
            code=f"{what}_too_short",
        )


def estimate_from_walking(walking: Any, times_s: Any, previous: BodyFrame | None = None) -> BodyFrame:
    """Body axes when no posture was recorded: trunk flexion in walking is 6° in the median, ± 6° (1 SD).

    The sensor's own axes must roughly be x up, y left, z forward. The rule and its plausibility ranges are
    those of Acti4 (NFA, Denmark). Results built on it must be marked as estimated.

    Parameters
    ----------
    walking : array_like, shape (n, 3)
        Low-passed acceleration while walking, any unit.
    times_s : array_like, shape (n,)
        Times of the rows; at least 60 s of walking in all.
    previous : BodyFrame, optional
        Frame in use before; a new one more than 20° away is refused.

    Raises
    ------
    MethodError
        ``walking_too_short``, ``reference_implausible``, ``reference_jump``.
    """
    rows = checked_acceleration(walking, "walking")
    if rows.ndim != 2:
        raise MethodError("walking must be rows of three axes", value=rows.shape, code="wrong_shape")
    _require_duration(rows, times_s, _WALKING_MINIMUM_S, "walking")
    median = np.nanmedian(rows, axis=0)
    forward_deg = float(np.degrees(np.arctan2(median[2], median[0])))
    lateral_deg = float(np.degrees(np.arctan2(median[1], median[0])))
    tilt_deg = float(np.degrees(np.arctan2(np.hypot(median[1], median[2]), median[0])))
    if (
        not _FORWARD_RANGE_DEG[0] <= forward_deg <= _FORWARD_RANGE_DEG[1]
        or abs(lateral_deg) > _LATERAL_RANGE_DEG
        or tilt_deg > _LARGEST_INCLINATION_DEG
    ):
        raise MethodError(
            "the sensor's attitude in walking is not that of a trunk sensor",
            value=f"forward {forward_deg:.1f}°, lateral {lateral_deg:.1f}°",
            rule="forward 5–50°, lateral within ±15°, inclination at most 53°",
            remedy="record the two reference postures",
            code="reference_implausible",
        )
    upright = np.array(
        [
            1.0,
            np.tan(np.radians(lateral_deg)),
            np.tan(np.radians(forward_deg - _WALKING_FLEXION_DEG)),
        ]
    )
    x = upright / np.linalg.norm(upright)
    across = np.array([0.0, 0.0, 1.0]) - x[2] * x
    z = across / np.linalg.norm(across)
    if previous is not None:
        jump_deg = float(np.degrees(np.arctan2(np.linalg.norm(np.cross(previous.x, x)), previous.x @ x)))
        if jump_deg > _LARGEST_JUMP_DEG:
            raise MethodError(
                "the new reference differs too much from the previous one",
                value=f"{jump_deg:.1f}°",
                rule=f"at most {_LARGEST_JUMP_DEG:.0f}°",
                remedy="the sensor may have slipped: record the two reference postures",
                code="reference_jump",
            )
    return BodyFrame(x, np.cross(z, x), z, Reference.ESTIMATED, ESTIMATED_ERROR_DEG)
