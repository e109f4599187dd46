"""Bins, thresholds and lookup tables of the posture summary, derived once from ``tables/posture.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from indicators.table_files import toml_table

__all__ = [
    "ANGLE_OFFSET",
    "INCLINATION_BINS",
    "SIGNED_BINS",
    "VELOCITY_BINS",
    "SummaryPlan",
    "Zones",
    "summary_plan",
    "velocity_bin",
    "velocity_edges_deg_s",
]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

INCLINATION_BINS = 181  # [0, 1) … [179, 180), and 180° itself
SIGNED_BINS = 361  # [−180, −179) … [179, 180), and 180° itself
ANGLE_OFFSET = 180

# Logarithmic bins with exact edges at 5 °/s (rest) and 60 °/s: a factor of 12 in 48 steps of 5.3 %.
_ANCHOR_DEG_S = 5.0
_FACTOR = 12.0
_PER_FACTOR = 48
_BELOW = 2 * _PER_FACTOR  # bins under the anchor, down to 0.035 °/s
_ABOVE = 3 * _PER_FACTOR  # bins from the anchor on, up to 8640 °/s
VELOCITY_BINS = 1 + _BELOW + _ABOVE
_SCALE = _PER_FACTOR / np.log(_FACTOR)


@cache
def velocity_edges_deg_s() -> FloatArray:
    """Edges of the velocity bins: 0, then a factor of 12 in 48 steps; shape ``(VELOCITY_BINS + 1,)``."""
    steps = np.arange(-_BELOW, _ABOVE + 1) / _PER_FACTOR
    return np.concatenate(([0.0], _ANCHOR_DEG_S * _FACTOR**steps))


def velocity_bin(velocity_deg_s: FloatArray) -> NDArray[np.int16]:
    """Bin of each velocity; below 0.035 °/s the first, beyond the end the last."""
    position = np.maximum(velocity_deg_s, 1e-12)
    np.log(position, out=position)
    position *= _SCALE
    position += _BELOW + 1 + 1e-9 - np.log(_ANCHOR_DEG_S) * _SCALE
    np.clip(position, 0.0, VELOCITY_BINS - 1, out=position)
    return position.astype(np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Zones:
    """Coarse bins of one angle, fine enough for every threshold asked of it.

    Attributes
    ----------
    of_bin : int16 array
        Zone of each 1° bin.
    count : int
        Number of zones.
    at_least : tuple of (int, int)
        Threshold in degrees and its first zone, one pair a condition.
    level : int64 array, shape (count,)
        EVA level of each zone.
    events : tuple of (int, int8 array)
        Threshold in degrees and the state of each zone: 0 low, 1 between, 2 high.
    """

    of_bin: NDArray[np.int16]
    count: int
    at_least: tuple[tuple[int, int], ...]
    level: IntArray
    events: tuple[tuple[int, NDArray[np.int8]], ...]


def _zones(
    bins: int, offset: int, thresholds: list[int], events: list[int], levels: list[int], gap: int
) -> Zones:
    cuts = sorted({*thresholds, *levels[1:-1], *events, *(k - gap for k in events)})
    cuts = [cut for cut in cuts if cut > -offset]
    lows = np.array([-offset, *cuts])
    degrees = np.arange(bins) - offset
    of_bin = (np.searchsorted(lows, degrees, side="right") - 1).astype(np.int16)
    level = np.searchsorted(np.array(levels[1:-1]), lows, side="right").astype(np.int64)
    states = tuple((k, ((lows >= k - gap).astype(np.int8) + (lows >= k)).astype(np.int8)) for k in events)
    at_least = tuple((k, int(np.searchsorted(lows, k))) for k in thresholds)
    return Zones(of_bin, lows.size, at_least, level, states)


@dataclass(frozen=True, slots=True, eq=False)
class SummaryPlan:
    """Everything the reduction of posture needs to know about its bins."""

    inclination: Zones
    flexion: Zones
    eva_levels_deg: tuple[int, ...]
    eva_durations_ns: IntArray
    backwards_deg: int
    sideways_deg: int
    dwell_ns: int
    steady_range_deg: float
    steady_window_s: int
    rest_below_deg: int
    rest_below_deg_s: float

    @property
    def eva_shape(self) -> tuple[int, int]:
        """Number of levels and of duration classes."""
        return len(self.eva_levels_deg) - 1, self.eva_durations_ns.shape[0]


@cache
def summary_plan() -> SummaryPlan:
    """Plan of the posture summary, read once."""
    row = toml_table("posture")["summary"]
    levels = list(row["eva_levels_deg"])
    gap = int(row["hysteresis_deg"])
    return SummaryPlan(
        inclination=_zones(
            INCLINATION_BINS, 0, row["inclination_at_least_deg"], row["inclination_events_deg"], levels, gap
        ),
        flexion=_zones(
            SIGNED_BINS,
            ANGLE_OFFSET,
            [row["backwards_deg"], *row["flexion_at_least_deg"]],
            row["flexion_events_deg"],
            levels,
            gap,
        ),
        eva_levels_deg=tuple(levels),
        eva_durations_ns=np.round(np.array(row["eva_durations_s"]) * 1e9).astype(np.int64),
        backwards_deg=int(row["backwards_deg"]),
        sideways_deg=int(row["sideways_deg"]),
        dwell_ns=round(row["dwell_s"] * 1e9),
        steady_range_deg=float(row["steady_range_deg"]),
        steady_window_s=int(row["steady_window_s"]),
        rest_below_deg=int(row["rest_below_deg"]),
        rest_below_deg_s=float(row["rest_below_deg_s"]),
    )
