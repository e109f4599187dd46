"""Worst hour of each shift: its WBGT, the method behind it, and how several sensors became one value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.thermal import WbgtMethod, wbgt_heights_c
from indicators.climate.result import ShiftDay
from indicators.climate.rules import worst_window
from indicators.context import AssessmentContext
from indicators.reduction.climate import ClimateDay

__all__ = ["Combination", "HeatDay", "heat_day"]

_TELLING_SHARE = 0.10
_HEIGHTS = 3


class Combination(StrEnum):
    """How several sensors of a place became one WBGT."""

    SINGLE = "single"
    HOTTEST = "hottest"
    HEIGHTS = "heights"


@dataclass(frozen=True, slots=True)
class HeatDay:
    """WBGT of the worst hour of one shift [°C], clothing not yet added."""

    day: ShiftDay
    worst_hour_c: float
    method: WbgtMethod
    coverage: float
    combination: Combination


def heat_day(day: ShiftDay, context: AssessmentContext) -> HeatDay | None:
    """Worst hour of a shift; ``None`` when no WBGT or no full hour of it is known.

    Three fixed sensors whose placements state their heights are weighted by height; of other sensors the
    hottest counts.
    """
    known = [sensor for sensor in day.sensors if sensor.wbgt_ns > 0]
    if not known:
        return None
    method = max(_weakest(sensor) for sensor in known)
    coverage = max(sensor.wbgt_coverage for sensor in known)
    heights = _by_height(known, context)
    if heights is not None:
        worst = _worst_of_heights(heights)
        if not math.isnan(worst):
            return HeatDay(day, worst, method, coverage, Combination.HEIGHTS)
    hours = [
        _worst_hour(sensor.minutes_ns, sensor.minute_wbgt_sum, sensor.minute_wbgt_ns) for sensor in known
    ]
    full = [hour for hour in hours if not math.isnan(hour)]
    if not full:
        return None
    combination = Combination.SINGLE if len(known) == 1 else Combination.HOTTEST
    return HeatDay(day, max(full), method, coverage, combination)


def _weakest(sensor: ClimateDay) -> WbgtMethod:
    """Weakest method that stands behind a telling part of the time."""
    return max(
        method for method, held in sensor.wbgt_method_ns.items() if held >= _TELLING_SHARE * sensor.wbgt_ns
    )


def _by_height(sensors: Sequence[ClimateDay], context: AssessmentContext) -> list[ClimateDay] | None:
    """Sensors from the ankles up, when exactly three placements of the place state different heights."""
    if len(sensors) < _HEIGHTS:
        return None
    heights = {
        placement.sensor: placement.height_m
        for placement in context.book.site.placements
        if placement.workstation == context.workstation.id and placement.height_m is not None
    }
    placed = [sensor for sensor in sensors if sensor.day.sensor in heights and not sensor.day.mount.worn]
    different = {heights[sensor.day.sensor] for sensor in placed}
    if len(placed) != _HEIGHTS or len(different) != _HEIGHTS:
        return None
    return sorted(placed, key=lambda sensor: heights[sensor.day.sensor] or 0.0)


def _worst_of_heights(sensors: Sequence[ClimateDay]) -> float:
    """Worst hour of the weighted WBGT over the minutes that all three heights share."""
    ankles, abdomen, head = sensors
    common = np.intersect1d(np.intersect1d(ankles.minutes_ns, abdomen.minutes_ns), head.minutes_ns)
    columns, held = [], []
    for sensor in (head, abdomen, ankles):
        index = np.searchsorted(sensor.minutes_ns, common)
        columns.append(_mean(sensor.minute_wbgt_sum[index], sensor.minute_wbgt_ns[index]))
        held.append(sensor.minute_wbgt_ns[index])
    if common.size == 0:
        return float("nan")
    weighted = wbgt_heights_c(*columns)
    shared = np.min(held, axis=0)
    return _worst_hour(common, weighted * (shared * 1e-9), shared)


def _worst_hour(
    minutes_ns: NDArray[np.int64], sums: NDArray[np.float64], held_ns: NDArray[np.int64]
) -> float:
    present = held_ns > 0
    if not present.any():
        return float("nan")
    starts = np.asarray((minutes_ns[present] - minutes_ns[0]) * 1e-9, dtype=np.float64)
    seconds = np.asarray(held_ns[present] * 1e-9, dtype=np.float64)
    return worst_window(_mean(sums[present], held_ns[present]), starts, seconds)


def _mean(sums: NDArray[np.float64], held_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    seconds = np.where(held_ns > 0, held_ns, 1) * 1e-9
    return np.where(held_ns > 0, sums / seconds, np.nan)
