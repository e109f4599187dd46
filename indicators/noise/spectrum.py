"""Octave-band spectrum of the worker-days that count, where the sensors sent octave levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.levels import energy_sum, level, weighting_db
from indicators.noise.days import Basis
from indicators.noise.iso9612 import noise_rule
from sensors.quantities import OCTAVES_HZ

__all__ = ["Spectrum", "usual_spectrum"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Equivalent octave-band levels over the valid days.

    Attributes
    ----------
    levels_db : float64 array, shape (8,)
        Unweighted level of each band from 63 to 8000 Hz [dB]; NaN where it was heard for too little time.
    heard_share : float
        Part of the time with LAeq in which every band from 125 Hz on had a level, 0–1.
    """

    levels_db: Floats
    heard_share: float

    def known(self, bands_hz: Sequence[int]) -> bool:
        """Whether all of these bands were heard long enough."""
        return bool(np.isfinite(self.of(bands_hz)).all())

    def of(self, bands_hz: Sequence[int]) -> Floats:
        """Levels of these bands [dB]."""
        return np.asarray(self.levels_db[[OCTAVES_HZ.index(hz) for hz in bands_hz]])

    def weighted_db(self, curve: str) -> float:
        """A- or C-weighted sum of all eight bands [dB]; NaN when one is missing."""
        if not self.known(OCTAVES_HZ):
            return float("nan")
        return float(energy_sum(self.levels_db + weighting_db(OCTAVES_HZ, curve)))


def usual_spectrum(basis: Basis) -> Spectrum:
    """Energy mean of each band over the valid days; a band heard in too little of their time is missing."""
    a_ns = sum(day.laeq_ns for day in basis.valid)
    if a_ns == 0:
        return Spectrum(np.full(len(OCTAVES_HZ), np.nan), 0.0)
    held = np.sum([day.octaves.held_ns for day in basis.valid], axis=0)
    energies = np.sum([day.octaves.energy for day in basis.valid], axis=0)
    enough = held >= noise_rule("valid_share") * a_ns
    means = np.divide(energies, held * 1e-9, out=np.full(held.size, np.nan), where=enough)
    return Spectrum(level(means), min(1.0, float(held[1:].min()) / a_ns))
