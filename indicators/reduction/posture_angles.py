"""Angles and velocities of every sample of one stretch, as bins: the hot path of the posture reduction.

No sample is turned into degrees. A bin is found from a number that rises with the angle (the tangent of
half of it) or with the velocity (the versine of the step): a table cell holds the bin at its lower end and
the one bin edge that may lie inside it. This gives the bins of ``floor(angle + 1e-9)`` exactly, several
times faster than inverse trigonometric functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from analysis.posture_calibration import BodyFrame
from analysis.posture_runs import GUARD
from indicators.reduction.posture_bins import (
    ANGLE_OFFSET,
    SIGNED_BINS,
    VELOCITY_BINS,
    velocity_edges_deg_s,
)

__all__ = ["AngleBins", "Components", "angle_bins", "components", "velocity_bins"]

FloatArray = NDArray[np.float64]
BinArray = NDArray[np.int16]

_CELLS = 512  # cells per unit of tan(angle/2): 0.22° at most, so that no cell holds two edges
_MANTISSA_BITS = 5  # cells per octave of the versine: 2.2 %, less than half a velocity bin
_LOWEST_VERSINE = 2.0**-70
_LEAST_SQUARE = 1e-18


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Acceleration along the body axes; without a forward axis, `left` and `forward` are any two across x."""

    along: FloatArray
    left: FloatArray
    forward: FloatArray
    along_squared: FloatArray
    left_squared: FloatArray
    forward_squared: FloatArray
    length_squared: FloatArray
    splits: bool


@dataclass(frozen=True, slots=True, eq=False)
class AngleBins:
    """1° bins of each sample.

    Attributes
    ----------
    inclination : int16 array, shape (n,)
        Bins 0–180.
    flexion, lateral : int16 array, shape (n,), or None
        Bins 0–360 of −180–180°; ``None`` when the reference does not split them.
    """

    inclination: BinArray
    flexion: BinArray | None
    lateral: BinArray | None


def _project(columns: FloatArray, axis: FloatArray) -> FloatArray:
    # BLAS starts threads for a product this thin; three scaled sums are several times faster.
    total: FloatArray = columns[0] * axis[0]
    total += columns[1] * axis[1]
    total += columns[2] * axis[2]
    return total


def components(filtered: FloatArray, frame: BodyFrame | None) -> Components:
    """Low-passed acceleration, shape (3, n), along the body axes, or along the sensor's without a frame."""
    if frame is None:
        along, left, forward = filtered
        splits = False
    else:
        splits = frame.y is not None and frame.z is not None
        y, z = (frame.y, frame.z) if frame.y is not None and frame.z is not None else _across(frame.x)
        along, left, forward = _project(filtered, frame.x), _project(filtered, y), _project(filtered, z)
    along_2, left_2, forward_2 = along * along, left * left, forward * forward
    length: FloatArray = along_2 + left_2
    length += forward_2
    if float(length.min(initial=1.0)) < _LEAST_SQUARE:
        # A free fall shows no gravity: such samples count as upright, and the motion counter tells of them.
        falling = length < _LEAST_SQUARE
        along = np.where(falling, 1e-9, along)
        left, forward = np.where(falling, 0.0, left), np.where(falling, 0.0, forward)
        along_2, left_2, forward_2 = along * along, left * left, forward * forward
        length = along_2 + left_2 + forward_2
    return Components(along, left, forward, along_2, left_2, forward_2, length, splits)


def _across(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors that make a right-handed frame with x."""
    other = np.zeros(3)
    other[int(np.argmin(np.abs(x)))] = 1.0
    z = other - (other @ x) * x
    z /= np.linalg.norm(z)
    return np.cross(z, x), z


@cache
def _angle_table() -> tuple[BinArray, FloatArray]:
    """Bin at the lower end of each cell, and the bin edge inside it (infinite when there is none)."""
    degrees = np.arange(1 - ANGLE_OFFSET, SIGNED_BINS - ANGLE_OFFSET) - GUARD
    size = np.abs(degrees)
    half = np.tan(np.radians(np.where(size <= 90.0, size, 180.0 - size)) / 2.0)
    edges = np.copysign(np.where(size <= 90.0, half, 2.0 - half), degrees)
    lows = np.arange(4 * _CELLS + 1) / _CELLS - 2.0
    below = np.searchsorted(edges, lows, side="right")
    return below.astype(np.int16), np.append(edges, np.inf)[below]


def _signed_bins(across: FloatArray, along: FloatArray, length: FloatArray) -> BinArray:
    """Bin 0–360 of the angle atan2(across, along), by the tangent of half of it, continued beyond 90°."""
    lowest, edge = _angle_table()
    size = np.abs(along)
    size += length
    half = np.divide(across, size, out=size)
    if float(along.min(initial=1.0)) < 0.0:
        beyond = np.flatnonzero(along < 0.0)
        half[beyond] = np.copysign(2.0, across[beyond]) - half[beyond]
    cell = half + 2.0
    cell *= _CELLS
    index = cell.astype(np.intp)
    bins = lowest[index]
    bins += half >= edge[index]
    return bins


def angle_bins(parts: Components) -> AngleBins:
    """Bins of inclination and, where the frame allows it, of flexion and lateral angle (projections)."""
    length = np.sqrt(parts.length_squared)
    across = np.sqrt(parts.left_squared + parts.forward_squared)
    inclination = _signed_bins(across, parts.along, length)
    inclination -= np.int16(ANGLE_OFFSET)
    if not parts.splits:
        return AngleBins(inclination, None, None)
    sagittal = np.sqrt(parts.along_squared + parts.forward_squared)
    frontal = np.sqrt(parts.along_squared + parts.left_squared)
    return AngleBins(
        inclination,
        _signed_bins(parts.forward, parts.along, np.maximum(sagittal, 1e-150)),
        _signed_bins(parts.left, parts.along, np.maximum(frontal, 1e-150)),
    )


@cache
def _velocity_table(period_ns: int) -> tuple[BinArray, FloatArray]:
    turned = np.radians(velocity_edges_deg_s()[1:-1]) * (period_ns / 1e9)
    versine = np.where(turned < np.pi, 2.0 * np.sin(np.minimum(turned, np.pi) / 2.0) ** 2, np.inf)
    edges = versine * (1.0 - 1e-9)
    cells = np.arange(_versine_cell(np.array([2.5]))[0] + 2)
    first = _versine_bits(np.array([_LOWEST_VERSINE]))[0]
    lows = ((cells + first) << (52 - _MANTISSA_BITS)).view(np.float64)
    lows[0] = 0.0
    below = np.searchsorted(edges, lows, side="right")
    return below.astype(np.int16), np.append(edges, np.inf)[below]


def _versine_bits(versine: FloatArray) -> NDArray[np.int64]:
    # The leading bits of a positive double, read as an integer, rise with it.
    bits: NDArray[np.int64] = versine.view(np.int64) >> (52 - _MANTISSA_BITS)
    return bits


def _versine_cell(versine: FloatArray) -> NDArray[np.int64]:
    cell = _versine_bits(versine)
    cell -= _versine_bits(np.array([_LOWEST_VERSINE]))[0]
    return cell


def velocity_bins(parts: Components, starts: NDArray[np.intp], period_ns: int) -> BinArray:
    """Bin of the generalized velocity of the interval that begins at each sample.

    The versine 1 − cos of the step comes from the product of successive vectors. The last sample of each
    segment begins no interval and gets the bin ``VELOCITY_BINS``, one past the end.

    Parameters
    ----------
    parts : Components
    starts : intp array
        First sample of each segment, then n.
    period_ns : int
        Step between samples.
    """
    product = parts.along[:-1] * parts.along[1:]
    product += parts.left[:-1] * parts.left[1:]
    product += parts.forward[:-1] * parts.forward[1:]
    lengths = parts.length_squared[:-1] * parts.length_squared[1:]
    np.sqrt(lengths, out=lengths)
    product /= lengths
    versine = np.subtract(1.0, product, out=product)
    np.maximum(versine, _LOWEST_VERSINE, out=versine)
    lowest, edge = _velocity_table(period_ns)
    cell = _versine_cell(versine)
    bins = np.empty(parts.along.shape[0], np.int16)
    np.add(lowest[cell], versine >= edge[cell], out=bins[:-1])
    bins[starts[1:] - 1] = VELOCITY_BINS
    return bins
