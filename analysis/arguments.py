"""Checks that every public function of this room makes on its array arguments."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensors.errors import MethodError

__all__ = ["any_floats", "float_array", "number", "positive", "together", "within"]


def any_floats(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """`values` as float64, whatever numbers they are: empty, NaN and infinite pass (code ``not_numeric``)."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MethodError(
            f"{name} is not an array of numbers",
            value=type(values).__name__,
            rule="numbers, NaN for missing, all rows of one length",
            code="not_numeric",
        ) from error


def number(value: ArrayLike, name: str) -> float:
    """`value` as one number, NaN and infinite included.

    Raises
    ------
    MethodError
        ``not_numeric``, or ``wrong_shape`` for anything but a single number.
    """
    array = any_floats(value, name)
    if array.ndim:
        raise MethodError(f"{name} must be one number", value=array.shape, code="wrong_shape")
    return float(array)


def float_array(values: ArrayLike, name: str, *, allow_empty: bool = False) -> NDArray[np.float64]:
    """`values` as float64, ``None`` and NaN meaning *missing*.

    Raises
    ------
    MethodError
        ``not_numeric``, ``empty`` (unless allowed) or ``infinite``.
    """
    array = any_floats(values, name)
    if array.size == 0 and not allow_empty:
        raise MethodError(f"{name} is empty", rule="at least one value", code="empty")
    if np.isinf(array).any():
        raise MethodError(
            f"{name} holds an infinite value",
            rule="finite numbers, NaN for missing",
            remedy="mark missing values as NaN",
            code="infinite",
        )
    return array


def positive(values: ArrayLike, name: str, *, zero: bool = False) -> NDArray[np.float64]:
    """As `float_array`, refusing negative values and, unless `zero`, zero (code ``not_positive``)."""
    array = float_array(values, name)
    wrong = array < 0 if zero else array <= 0
    if wrong.any():
        raise MethodError(
            f"{name} must be {'zero or more' if zero else 'above zero'}",
            value=float(array[wrong].flat[0]),
            rule=f"{name} {'>=' if zero else '>'} 0",
            code="not_positive",
        )
    return array


def within(
    values: ArrayLike, name: str, low: float, high: float, *, code: str = "out_of_validity"
) -> NDArray[np.float64]:
    """As `float_array`, refusing values outside ``[low, high]``; NaN passes."""
    array = float_array(values, name)
    wrong = (array < low) | (array > high)
    if wrong.any():
        raise MethodError(
            f"{name} is outside the range in which the method holds",
            value=float(array[wrong].flat[0]),
            rule=f"{low:g} <= {name} <= {high:g}",
            code=code,
        )
    return array


def together(*arrays: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Arrays broadcast to one shape (code ``wrong_shape`` where they do not fit)."""
    try:
        return tuple(np.asarray(array, dtype=np.float64) for array in np.broadcast_arrays(*arrays))
    except ValueError as error:
        raise MethodError(
            "the arguments differ in shape",
            value=[array.shape for array in arrays],
            rule="shapes that broadcast together",
            code="wrong_shape",
        ) from error
