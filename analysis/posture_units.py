"""Acceleration arrays as they come: shape, finiteness and the unit they are in."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arguments import float_array
from sensors.errors import MethodError

__all__ = ["STANDARD_GRAVITY_M_S2", "AccelerationUnit", "checked_acceleration", "detect_unit", "to_g"]

FloatArray = NDArray[np.float64]

STANDARD_GRAVITY_M_S2 = 9.80665
# Most of a shift is spent close to rest, so the median magnitude sits at one gravity whatever the work.
_G_RANGE = (0.8, 1.2)
_M_S2_RANGE = (8.0, 12.0)


class AccelerationUnit(StrEnum):
    """Units an accelerometer may report in."""

    G = "g"
    METRE_PER_SECOND_SQUARED = "m/s2"


def checked_acceleration(acc: Any, what: str = "acc") -> FloatArray:
    """Array of three-axis accelerations, checked; NaN stands for missing.

    Parameters
    ----------
    acc : array_like, shape (..., 3)
        Any unit.
    what : str
        Name used in errors.

    Raises
    ------
    MethodError
        ``wrong_shape`` when the last axis is not three, ``not_numeric``, ``empty``, ``infinite``.
    """
    array = float_array(acc, what)
    if array.ndim < 1 or array.shape[-1] != 3:
        raise MethodError(
            f"{what} needs three axes", value=array.shape, rule="shape (..., 3)", code="wrong_shape"
        )
    return array


def detect_unit(acc: Any) -> AccelerationUnit:
    """Unit of a recording from its median magnitude.

    Parameters
    ----------
    acc : array_like, shape (n, 3)
        A recording long enough to be mostly quiet.

    Raises
    ------
    MethodError
        ``no_valid_values`` when all rows are missing; ``units_unknown`` when the median magnitude is neither
        0.8–1.2 (g) nor 8–12 (m/s²).
    """
    magnitudes = np.linalg.norm(checked_acceleration(acc), axis=-1)
    if np.isnan(magnitudes).all():
        raise MethodError("no valid acceleration", rule="at least one complete row", code="no_valid_values")
    median = float(np.nanmedian(magnitudes))
    if _G_RANGE[0] <= median <= _G_RANGE[1]:
        return AccelerationUnit.G
    if _M_S2_RANGE[0] <= median <= _M_S2_RANGE[1]:
        return AccelerationUnit.METRE_PER_SECOND_SQUARED
    raise MethodError(
        "the unit of the acceleration cannot be told",
        value=round(median, 4),
        rule="median magnitude 0.8–1.2 for g or 8–12 for m/s²",
        remedy="name the unit, or check the sensor's scale",
        code="units_unknown",
    )


def to_g(acc: Any, unit: AccelerationUnit | None = None) -> FloatArray:
    """Acceleration in g.

    Parameters
    ----------
    acc : array_like, shape (..., 3)
        In `unit`.
    unit : AccelerationUnit, optional
        Unit of `acc`; detected when not given.
    """
    array = checked_acceleration(acc)
    known = detect_unit(array) if unit is None else unit
    return array if known is AccelerationUnit.G else array / STANDARD_GRAVITY_M_S2
