"""What the angles of posture days say: time at or above an angle, percentiles, and how sure both are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.posture_calibration import Reference
from indicators.reduction.posture_bins import ANGLE_OFFSET, velocity_edges_deg_s
from indicators.reduction.posture_day import PostureDay
from indicators.table_files import toml_table

__all__ = ["DaysAngles", "histogram_percentiles"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def histogram_percentiles(histograms_ns: IntArray, percents: Sequence[float], lowest: float) -> FloatArray:
    """Percentiles of 1° histograms, linear within the bin; NaN where one is empty.

    Parameters
    ----------
    histograms_ns : int64 array, shape (d, bins)
    percents : sequence of float
    lowest : float
        Lower edge of the first bin [°].

    Returns
    -------
    float64 array, shape (d, len(percents))
    """
    place, share = _places(histograms_ns, percents)
    return lowest + place + share


def _places(histograms_ns: IntArray, percents: Sequence[float]) -> tuple[IntArray, FloatArray]:
    """Bin of each percentile and how far into it, shape (d, len(percents)); NaN where one is empty."""
    cumulative = np.cumsum(histograms_ns, axis=1)
    total = cumulative[:, -1:]
    wanted = np.asarray(percents) / 100.0 * total
    place = (cumulative[:, None, :] < wanted[:, :, None]).sum(axis=2)
    before = np.where(place > 0, np.take_along_axis(cumulative, np.maximum(place - 1, 0), axis=1), 0)
    inside = np.where(total > 0, np.take_along_axis(histograms_ns, place, axis=1), 1)
    return place, np.where(total > 0, (wanted - before) / inside, np.nan)


class DaysAngles:
    """Histograms of posture days, one row a day.

    Parameters
    ----------
    days : sequence of PostureDay
        At least one.
    """

    def __init__(self, days: Sequence[PostureDay]) -> None:
        self._days = days
        self._at_least: dict[str, IntArray] = {}
        self.work_ns = np.array([day.work_ns for day in days])
        self._elapsed_ns = self.work_ns + np.array([day.break_ns for day in days])

    @cached_property
    def shift_min(self) -> FloatArray:
        """Expected time of each day [min]."""
        return np.array([day.day.expected_ns for day in self._days]) / 60e9

    @cached_property
    def u_deg(self) -> FloatArray:
        """Standard uncertainty of each day's angles [°]: a convention, or what an estimate states."""
        table = toml_table("posture")["uncertainty"]
        return np.array([_u_deg(day, table["reference_deg"], table["estimated_deg"]) for day in self._days])

    def share(self, angle: str, degrees: FloatArray | float) -> FloatArray:
        """Share of the working day at or above an angle [%], linear within a 1° bin; NaN without work."""
        place = np.broadcast_to(np.asarray(degrees, np.float64) + _offset(angle), self.work_ns.shape)
        whole = np.ceil(place).astype(np.int64)
        above = self._from_bin_on(angle)
        bins = above.shape[1] - 1
        rows = np.arange(whole.shape[0])
        begin = np.clip(whole, 0, bins)
        time = above[rows, begin].astype(np.float64)
        split = (whole > 0) & (whole <= bins)
        below = np.clip(whole - 1, 0, bins - 1)
        time += np.where(split, (above[rows, below] - above[rows, below + 1]) * (whole - place), 0.0)
        worked = self.work_ns > 0
        return np.where(worked, 100.0 * time / np.where(worked, self._elapsed_ns, 1), np.nan)

    def share_u(self, angle: str, degrees: float) -> FloatArray:
        """How far the share moves when all angles are off by their standard uncertainty; 0 without work."""
        wide, narrow = self.share(angle, degrees - self.u_deg), self.share(angle, degrees + self.u_deg)
        return np.where(np.isnan(wide), 0.0, (wide - narrow) / 2.0)

    def percentile(self, angle: str, percent: float) -> FloatArray:
        """Percentile of the whole shift [°]; NaN where the angle is not known."""
        rows = [day.flexion_ns if angle == "flexion" else day.inclination_ns for day in self._days]
        return histogram_percentiles(np.stack(rows), [percent], float(-_offset(angle)))[:, 0]

    def velocity_percentile(self, percent: float) -> FloatArray:
        """Percentile of generalized velocity [°/s], between its logarithmic edges; NaN where not known."""
        places, shares = _places(np.stack([day.velocity_ns for day in self._days]), [percent])
        edges = velocity_edges_deg_s().tolist()
        found = []
        for place, share in zip(places[:, 0].tolist(), shares[:, 0].tolist(), strict=True):
            low, high = edges[place], edges[place + 1]
            found.append(high * share if low == 0.0 else low * (high / low) ** share)
        return np.array(found)

    def per_minute(self, event: str) -> FloatArray:
        """Events of a minute of the working time; NaN where they were not counted."""
        counts = np.array([day.events.get(event, math.nan) for day in self._days], np.float64)
        worked = self.work_ns > 0
        return np.where(worked, counts / (np.where(worked, self.work_ns, 1) / 60e9), np.nan)

    def _from_bin_on(self, angle: str) -> IntArray:
        """Working time from each bin to the last [ns], shape (d, bins + 1)."""
        if angle not in self._at_least:
            rows = [
                day.work_flexion_ns if angle == "flexion" else day.work_inclination_ns for day in self._days
            ]
            histograms = np.stack(rows)
            total = np.zeros((histograms.shape[0], histograms.shape[1] + 1), np.int64)
            total[:, :-1] = np.cumsum(histograms[:, ::-1], axis=1)[:, ::-1]
            self._at_least[angle] = total
        return self._at_least[angle]


def _offset(angle: str) -> int:
    return ANGLE_OFFSET if angle == "flexion" else 0


def _u_deg(day: PostureDay, reference_deg: float, estimated_deg: float) -> float:
    if day.reference is not Reference.ESTIMATED:
        return reference_deg
    return estimated_deg if math.isnan(day.error_deg) else day.error_deg
