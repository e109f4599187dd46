"""Heat stress of the usual shift: WBGT of the worst hour against ISO 7243, with the doubt of each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import to_settle
from analysis.thermal import ASSUMED_AIR_SPEED_M_S, WBGT_ERROR_C, WbgtMethod, wbgt_heights_c
from indicators.building import indicator_of
from indicators.climate.figures import days_of, wbgt_by_hour
from indicators.climate.result import ShiftDay, evidence_of
from indicators.climate.rules import (
    clothing_adjustment_c,
    metabolic_band_c,
    metabolic_row,
    wbgt_limit_continuous_c,
    worst_window,
)
from indicators.context import AssessmentContext
from indicators.intervals import Estimate, usual
from indicators.limits import Role
from indicators.model import Indicator, Interval, LimitAssessment, Note, Scope, Verdict
from indicators.reduction.climate import ClimateDay
from indicators.verdicts import assess_limit

__all__ = ["HeatDay", "fixed_reach_c", "heat_day", "heat_indicator"]

_IDENTIFIER = "wbgt_worst_hour"
_TELLING_SHARE = 0.10
_HEIGHTS = 3
# One-sided 95 % bound of a rectangular distribution, in parts of its half range.
_RECTANGULAR = 0.9


class _Combination(StrEnum):
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
    combination: _Combination


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
            return HeatDay(day, worst, method, coverage, _Combination.HEIGHTS)
    hours = [
        _worst_hour(sensor.minutes_ns, sensor.minute_wbgt_sum, sensor.minute_wbgt_ns) for sensor in known
    ]
    full = [hour for hour in hours if not math.isnan(hour)]
    if not full:
        return None
    combination = _Combination.SINGLE if len(known) == 1 else _Combination.HOTTEST
    return HeatDay(day, max(full), method, coverage, combination)


def heat_indicator(days: Sequence[ShiftDay], context: AssessmentContext, *, scope: Scope) -> Indicator:
    """``wbgt_worst_hour``: effective WBGT (clothing added) of the worst hour, mean over shifts [°C].

    The interval holds the scatter of the days, the error of the way WBGT was found, and the range of
    metabolic rates within the class, which moves the limit.
    """
    minimum = context.minimum_coverage(_IDENTIFIER)
    measured = [found for day in days if (found := heat_day(day, context)) is not None]
    valid = [found for found in measured if found.coverage >= minimum]
    coverage = _coverage(valid or measured, days)
    if not valid:
        return _not_measured(days, context, coverage, scope)
    adjustment = clothing_adjustment_c(context.workstation.clothing.value)
    method = max(found.method for found in valid)
    estimate = usual(
        [found.worst_hour_c + adjustment for found in valid], [found.day.wearer for found in valid]
    )
    within_week = scope is Scope.WEEK
    interval = _interval(estimate, method, context, days_known=not within_week)
    rows = () if within_week else _rows(estimate, interval, method, context, coverage)
    notes = _notes(valid, estimate, method, adjustment, context)
    if len(valid) < len(days):
        notes.insert(
            0,
            Note(
                "days_left_out",
                {
                    "n": len(days) - len(valid),
                    "total": len(days),
                    "minimum_percent": round(100 * minimum),
                },
            ),
        )
    return indicator_of(
        _IDENTIFIER,
        estimate.value,
        "°C",
        interval,
        evidence_of([found.day for found in valid], context, coverage),
        method=_METHODS[method],
        scope=scope,
        quality=tuple(notes),
        limits=rows,
        next_best=None if within_week else _advice(rows, estimate, method),
        details=_details(valid, adjustment, context),
    )


_METHODS = {
    WbgtMethod.MEASURED: "ISO 7243:2017",
    WbgtMethod.ESTIMATED_WET_BULB: "ISO 7243:2017, natural wet bulb estimated (Bernard 1999)",
    WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED: (
        f"ISO 7243:2017, natural wet bulb estimated (Bernard 1999), {ASSUMED_AIR_SPEED_M_S:g} m/s assumed"
    ),
    WbgtMethod.SHADE_ESTIMATE: "0.7 tw + 0.3 ta (estimate without globe)",
}

_METHOD_NOTES = {
    WbgtMethod.ESTIMATED_WET_BULB: "wet_bulb_estimated",
    WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED: "wet_bulb_and_speed_estimated",
    WbgtMethod.SHADE_ESTIMATE: "wbgt_shade_estimate",
}


def _not_measured(
    days: Sequence[ShiftDay], context: AssessmentContext, coverage: float, scope: Scope
) -> Indicator:
    seen = any(sensor.wbgt_ns > 0 for day in days for sensor in day.sensors)
    reason = Note("coverage_too_low", {"percent": round(100 * coverage)}) if seen else Note("no_humidity")
    rows = tuple(
        assess_limit(None, None, limit, measured=False, reason=reason)
        for limit in context.limits_for(_IDENTIFIER)
        if limit.role is not Role.CRITERION and scope is Scope.USUAL
    )
    return indicator_of(
        _IDENTIFIER,
        None,
        "°C",
        None,
        evidence_of(days, context, coverage),
        method="ISO 7243:2017",
        scope=scope,
        quality=(reason,),
        limits=rows,
        next_best=Note("cover_the_shift") if seen else Note("send_humidity"),
    )


def _interval(
    estimate: Estimate, method: WbgtMethod, context: AssessmentContext, *, days_known: bool
) -> Interval | None:
    half = 0.0
    if days_known:
        if estimate.interval is None:
            return None
        half = estimate.interval.high - estimate.value
    below, above = fixed_reach_c(method, context)
    return Interval(
        estimate.value - math.hypot(half, below),
        estimate.value + math.hypot(half, above),
    )


def fixed_reach_c(method: WbgtMethod, context: AssessmentContext) -> tuple[float, float]:
    """What no further day makes smaller, below and above the value [°C], each positive.

    The error of the way WBGT was found, joined with the range of metabolic rates within the class.
    """
    below, above = WBGT_ERROR_C[method]
    station = context.workstation
    limit_down, limit_up = metabolic_band_c(station.metabolic_class.value, station.acclimatised)
    # A limit that lies lower weighs like a WBGT that lies higher.
    return math.hypot(below, _RECTANGULAR * limit_up), math.hypot(above, _RECTANGULAR * limit_down)


def _rows(
    estimate: Estimate,
    interval: Interval | None,
    method: WbgtMethod,
    context: AssessmentContext,
    coverage: float,
) -> tuple[LimitAssessment, ...]:
    found = []
    for limit in context.limits_for(_IDENTIFIER):
        if limit.role is Role.CRITERION:
            continue
        row = assess_limit(
            estimate.value,
            interval,
            limit,
            measured=coverage >= limit.minimum_coverage,
            reason=Note("one_worker_day") if interval is None else None,
        )
        hidden_radiation = method is WbgtMethod.SHADE_ESTIMATE and context.workstation.indoor_process
        if hidden_radiation and row.verdict is Verdict.BELOW:
            # Beside a hot process the estimate without a globe is a lower bound: it can show no "below".
            row = replace(row, verdict=Verdict.NOT_SETTLED, reason=Note("lower_bound_without_globe"))
        found.append(row)
    return tuple(found)


def _notes(
    valid: Sequence[HeatDay],
    estimate: Estimate,
    method: WbgtMethod,
    adjustment: float,
    context: AssessmentContext,
) -> list[Note]:
    notes = list(estimate.notes)
    station = context.workstation
    if method in _METHOD_NOTES:
        low, high = WBGT_ERROR_C[method]
        notes.append(
            Note(
                _METHOD_NOTES[method],
                {"low_c": low, "high_c": high, "air_speed_m_s": ASSUMED_AIR_SPEED_M_S},
            )
        )
    down, up = metabolic_band_c(station.metabolic_class.value, station.acclimatised)
    notes.append(Note("metabolic_band", {"down_c": round(down, 1), "up_c": round(up, 1)}))
    if adjustment:
        notes.append(Note("clothing_added", {"adjustment_c": adjustment}))
    combinations = {found.combination for found in valid}
    if _Combination.HEIGHTS in combinations:
        notes.append(Note("three_heights"))
    if _Combination.HOTTEST in combinations:
        notes.append(Note("hottest_sensor"))
    first, last = context.period.start_ns, context.period.end_ns
    notes.extend(
        Note("heat_episode", {"level": str(row.level)})
        for row in context.book.logs.episodes
        if row.start_ns < last and row.end_ns > first
    )
    return notes


def _advice(rows: Sequence[LimitAssessment], estimate: Estimate, method: WbgtMethod) -> Note | None:
    unsettled = [row for row in rows if row.verdict is Verdict.NOT_SETTLED]
    if not unsettled:
        return None
    if any(row.reason is not None and row.reason.code == "lower_bound_without_globe" for row in unsettled):
        return Note("add_globe")
    if estimate.interval is None:
        return Note("more_full_days", {"days": 2})
    settling = to_settle(estimate.nested, unsettled[0].limit.value)
    if settling.extra_days:
        return Note("more_full_days", {"days": settling.extra_days})
    return Note(_BETTER_METHOD[method])


_BETTER_METHOD = {
    WbgtMethod.MEASURED: "assess_metabolic_rate",
    WbgtMethod.ESTIMATED_WET_BULB: "measure_natural_wet_bulb",
    WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED: "measure_natural_wet_bulb",
    WbgtMethod.SHADE_ESTIMATE: "add_globe",
}


def _details(valid: Sequence[HeatDay], adjustment: float, context: AssessmentContext) -> dict[str, object]:
    station = context.workstation
    row = metabolic_row(station.metabolic_class.value)
    return {
        "days": days_of([(found.day, found.worst_hour_c + adjustment, found.coverage) for found in valid]),
        "by_hour": wbgt_by_hour([found.day for found in valid], adjustment, context.book.zone),
        "highest_c": max(found.worst_hour_c for found in valid) + adjustment,
        "clothing_adjustment_c": adjustment,
        "metabolic_class": station.metabolic_class.value,
        "metabolic_range_w": list(row["range_w"]),
        "acclimatised": station.acclimatised,
        "niosh_limit_c": float(wbgt_limit_continuous_c(row["rate_w"], station.acclimatised)),
    }


def _weakest(sensor: ClimateDay) -> WbgtMethod:
    """Weakest method that stands behind a telling part of the time."""
    return max(
        method for method, held in sensor.wbgt_method_ns.items() if held >= _TELLING_SHARE * sensor.wbgt_ns
    )


def _by_height(sensors: Sequence[ClimateDay], context: AssessmentContext) -> list[ClimateDay] | None:
    """Sensors from the ankles up, when exactly three placements of the place state different heights."""
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


def _coverage(found: Sequence[HeatDay], days: Sequence[ShiftDay]) -> float:
    if found:
        expected = sum(item.day.expected_ns for item in found)
        return sum(item.coverage * item.day.expected_ns for item in found) / expected if expected else 0.0
    expected = sum(day.expected_ns for day in days)
    seen = sum(max(sensor.wbgt_ns for sensor in day.sensors) for day in days)
    return min(1.0, seen / expected) if expected else 0.0
