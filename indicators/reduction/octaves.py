"""Octave-band levels in minute rows: time and energy of each band, kept because energy alone can be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.levels import energy
from indicators.reduction import minutes as grid
from indicators.reduction.day_minutes import DayMinutes
from sensors.quantities import OCTAVES_HZ

__all__ = ["OCTAVE_CHANNELS", "OCTAVE_FIELDS", "OctaveSums", "octave_columns", "octave_sums"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

OCTAVE_CHANNELS = tuple(f"octave_{hz}" for hz in OCTAVES_HZ)
OCTAVE_FIELDS = (
    pa.field("octave_ns", pa.list_(pa.int64())),
    pa.field("octave_energy", pa.list_(pa.float64()), metadata={"unit": "s (relative to 0 dB)"}),
)
"""One item a band, from 63 Hz on; empty in a minute without any octave level."""


@dataclass(frozen=True, slots=True, eq=False)
class OctaveSums:
    """Sums over minutes.

    Attributes
    ----------
    held_ns : int64 array, shape (8,)
        Time with a level in each band [ns].
    energy : float64 array, shape (8,)
        Sum of ``seconds · 10^(L/10)`` of each band, unweighted.
    """

    held_ns: Integers
    energy: Floats


def octave_columns(
    bands: Mapping[str, tuple[grid.Pieces, Floats]], minutes: int
) -> tuple[Integers, Integers, Floats]:
    """Lists of all minutes: their offsets, and time [ns] and energy of the bands one after another.

    Parameters
    ----------
    bands : mapping of channel to (pieces, values)
        The octave channels that were sent.
    minutes : int
        Minutes of the window.
    """
    if not bands:
        return np.zeros(minutes + 1, np.int64), np.zeros(0, np.int64), np.zeros(0)
    held = np.zeros((minutes, len(OCTAVE_CHANNELS)), np.int64)
    total = np.zeros(held.shape)
    for place, channel in enumerate(OCTAVE_CHANNELS):
        if channel in bands:
            pieces, values = bands[channel]
            held[:, place] = pieces.duration_ns()
            total[:, place] = pieces.integral(energy(pieces.of(values)))
    heard = held.any(axis=1)
    offsets = np.concatenate([[0], np.cumsum(heard * len(OCTAVE_CHANNELS))])
    return offsets, held[heard].ravel(), total[heard].ravel()


def octave_sums(minutes: DayMinutes) -> list[OctaveSums]:
    """Sums over the minutes of each day, always added in the order of the minutes."""
    held, bounds = minutes.flat("octave_ns")
    total, _ = minutes.flat("octave_energy")
    edges = (bounds // len(OCTAVE_CHANNELS)).tolist()
    held, total = (column.reshape(-1, len(OCTAVE_CHANNELS)) for column in (held, total))
    return [
        OctaveSums(held[low:high].sum(axis=0, dtype=np.int64), total[low:high].sum(axis=0, dtype=np.float64))
        for low, high in pairwise(edges)
    ]
