"""Histograms of posture over stretches of minutes: worn, at work, first and last third of the shift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indicators.reduction.day_minutes import DayMinutes, SparseLists, sums_between

__all__ = ["Stretches"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_LEAST_THIRD_MIN = 20
_LOW_SHARE = 10


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Stretches of minutes that are alike in day, wear, work and sampling period.

    Attributes
    ----------
    minutes : DayMinutes
    cuts : int64 array, shape (c + 1,)
        Edges of the stretches in rows.
    period_ns : int64 array, shape (c,)
        Sampling period of each [ns].
    worn, work : bool array, shape (c,)
    bounds : int64 array, shape (d + 1,)
        Stretches of each day.
    thirds : int64 array, shape (2, d)
        Stretch after the first third of the worn minutes of each day, and the one with which the last third
        begins; −1 where the day is too short to tell.
    """

    minutes: DayMinutes
    cuts: IntArray
    period_ns: IntArray
    worn: BoolArray
    work: BoolArray
    bounds: IntArray
    thirds: IntArray

    @classmethod
    def of(cls, minutes: DayMinutes, worn: BoolArray, work: BoolArray) -> Stretches:
        """Stretches of minutes, given whether each was worn and worked in."""
        period = minutes.whole("period_ns")
        fresh = (worn[1:] != worn[:-1]) | (work[1:] != work[:-1]) | (period[1:] != period[:-1])
        thirds = _thirds(np.flatnonzero(worn), minutes.bounds)
        known = thirds >= 0
        cuts = np.unique(np.concatenate([minutes.bounds, np.flatnonzero(fresh) + 1, thirds[known]]))
        first = cuts[:-1]
        return cls(
            minutes=minutes,
            cuts=cuts,
            period_ns=period[first],
            worn=worn[first],
            work=work[first],
            bounds=np.searchsorted(cuts, minutes.bounds),
            thirds=np.where(known, np.searchsorted(cuts, thirds), -1),
        )

    def histograms(self, sizes: Mapping[str, int]) -> dict[str, IntArray]:
        """Time of each stretch in each bin [ns], shape (c, bins), of histograms with so many bins."""
        lists = [SparseLists(f"{name}_bins", f"{name}_samples") for name in sizes]
        found = self.minutes.histograms(lists, self.cuts, max(sizes.values()))
        found *= self.period_ns[:, None]
        return {name: one[:, :size] for one, (name, size) in zip(found, sizes.items(), strict=True)}

    def in_wear(self, histograms_ns: IntArray) -> IntArray:
        """Time of each day in each bin while the sensor was worn [ns], shape (d, bins)."""
        return sums_between(histograms_ns * self.worn[:, None], self.bounds)

    def in_work(self, histograms_ns: IntArray) -> IntArray:
        """The same of the working time."""
        return sums_between(histograms_ns * self.work[:, None], self.bounds)

    def slips_deg(self, inclination_ns: IntArray) -> FloatArray:
        """Rise of the 10th percentile of inclination from the first to the last third of the worn minutes.

        Shape (d,); NaN for days that are too short.
        """
        until = np.zeros((self.worn.size + 1, inclination_ns.shape[1]), np.int64)
        np.cumsum(inclination_ns * self.worn[:, None], axis=0, out=until[1:])
        after, last = np.maximum(self.thirds, 0)
        lowest = []
        for begins, ends in ((self.bounds[:-1], after), (last, self.bounds[1:])):
            spread = np.cumsum(until[np.maximum(ends, begins)] - until[begins], axis=1)
            total = spread[:, -1:]
            place = (spread < total / _LOW_SHARE).sum(axis=1)
            lowest.append(np.where((total[:, 0] > 0) & (self.thirds[0] >= 0), place, np.nan))
        return np.asarray(np.maximum(lowest[1] - lowest[0], 0.0))


def _thirds(worn: IntArray, bounds: IntArray) -> IntArray:
    """Row after the first third of each day's worn rows, and first row of the last; −1 where too few."""
    edges = np.searchsorted(worn, bounds)
    third = (edges[1:] - edges[:-1]) // 3
    found = np.full((2, third.size), -1)
    enough = third >= _LEAST_THIRD_MIN
    found[0, enough] = worn[(edges[:-1] + third - 1)[enough]] + 1
    found[1, enough] = worn[(edges[1:] - third)[enough]]
    return found
