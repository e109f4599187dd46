"""Heat stress of the usual shift: WBGT of the worst hour against ISO 7243, with the doubt of each step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from analysis.statistics import to_settle
from analysis.thermal import ASSUMED_AIR_SPEED_M_S, WBGT_ERROR_C, WbgtMethod
from indicators.building import Evidence, indicator_of
from indicators.climate.figures import days_of, wbgt_by_hour
from indicators.climate.heat_days import Combination, HeatDay
from indicators.climate.result import ShiftDay, evidence_of
from indicators.climate.rules import (
    clothing_adjustment_c,
    metabolic_band_c,
    metabolic_row,
    wbgt_limit_continuous_c,
)
from indicators.context import AssessmentContext
from indicators.coverage_notes import days_left_out
from indicators.intervals import Estimate, usual
from indicators.limits import Role
from indicators.model import Indicator, Interval, LimitAssessment, Note, Scope, Verdict
from indicators.verdicts import assess_limit

__all__ = ["Heat", "fixed_reach_c", "heat_indicator", "heat_of"]

_IDENTIFIER = "wbgt_worst_hour"
# One-sided 95 % bound of a rectangular distribution, in parts of its half range.
_RECTANGULAR = 0.9


@dataclass(frozen=True, slots=True)
class Heat:
    """What the worst hours of some shifts say, in whichever scope they are shown.

    Attributes
    ----------
    estimate, method
        Effective WBGT (clothing added) with the weakest way in which it was found; ``None`` when no shift was
        measured enough.
    """

    evidence: Evidence
    estimate: Estimate | None
    method: WbgtMethod | None
    notes: tuple[Note, ...]
    details: Mapping[str, object]


def heat_of(days: Sequence[ShiftDay], hours: Sequence[HeatDay], context: AssessmentContext) -> Heat:
    """Heat of some shifts.

    Parameters
    ----------
    days : sequence of ShiftDay
        All of them.
    hours : sequence of HeatDay
        Those with a worst hour.
    context : AssessmentContext
    """
    minimum = context.minimum_coverage(_IDENTIFIER)
    valid = [found for found in hours if found.coverage >= minimum]
    coverage = _coverage(valid or hours, days)
    if not valid:
        reason = _why_not_measured(days, coverage)
        return Heat(evidence_of(days, context, coverage), None, None, (reason,), {})
    adjustment = clothing_adjustment_c(context.workstation.clothing.value)
    method = max(found.method for found in valid)
    estimate = usual(
        [found.worst_hour_c + adjustment for found in valid], [found.day.wearer for found in valid]
    )
    notes = _notes(valid, estimate, method, adjustment, context)
    if len(valid) < len(days):
        notes.insert(0, days_left_out(len(days) - len(valid), len(days), minimum))
    return Heat(
        evidence_of([found.day for found in valid], context, coverage),
        estimate,
        method,
        tuple(notes),
        _details(valid, adjustment, context),
    )


def heat_indicator(heat: Heat, context: AssessmentContext, *, scope: Scope) -> Indicator:
    """``wbgt_worst_hour``: effective WBGT (clothing added) of the worst hour, mean over shifts [°C].

    The interval holds the scatter of the days, the error of the way WBGT was found, and the range of
    metabolic rates within the class, which moves the limit.
    """
    if heat.estimate is None or heat.method is None:
        return _not_measured(heat, context, scope)
    within_week = scope is Scope.WEEK
    interval = _interval(heat.estimate, heat.method, context, days_known=not within_week)
    rows = () if within_week else _rows(heat.estimate, interval, heat.method, context, heat.evidence.coverage)
    return indicator_of(
        _IDENTIFIER,
        heat.estimate.value,
        "°C",
        interval,
        heat.evidence,
        method=_METHODS[heat.method],
        scope=scope,
        quality=heat.notes,
        limits=rows,
        next_best=None if within_week else _advice(rows, heat.estimate, heat.method),
        details=heat.details,
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


def _why_not_measured(days: Sequence[ShiftDay], coverage: float) -> Note:
    seen = any(sensor.wbgt_ns > 0 for day in days for sensor in day.sensors)
    return Note("coverage_too_low", {"percent": round(100 * coverage)}) if seen else Note("no_humidity")


def _not_measured(heat: Heat, context: AssessmentContext, scope: Scope) -> Indicator:
    (reason,) = heat.notes
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
        heat.evidence,
        method="ISO 7243:2017",
        scope=scope,
        quality=heat.notes,
        limits=rows,
        next_best=Note("send_humidity" if reason.code == "no_humidity" else "cover_the_shift"),
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
    if Combination.HEIGHTS in combinations:
        notes.append(Note("three_heights"))
    if Combination.HOTTEST in combinations:
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
    return {
        "days": days_of([(found.day, found.worst_hour_c + adjustment, found.coverage) for found in valid]),
        "by_hour": wbgt_by_hour([found.day for found in valid], adjustment, context.book.zone),
        "highest_c": max(found.worst_hour_c for found in valid) + adjustment,
        "clothing_adjustment_c": adjustment,
        "metabolic_class": station.metabolic_class.value,
        "metabolic_range_w": list(metabolic_row(station.metabolic_class.value)["range_w"]),
        "acclimatised": station.acclimatised,
        "niosh_limit_c": _niosh_limit_c(station.metabolic_class.value, station.acclimatised),
    }


@cache
def _niosh_limit_c(metabolic_class: str, acclimatised: bool) -> float:
    """Limit at the rate of a class of metabolic rate."""
    return float(wbgt_limit_continuous_c(metabolic_row(metabolic_class)["rate_w"], acclimatised))


def _coverage(found: Sequence[HeatDay], days: Sequence[ShiftDay]) -> float:
    if found:
        expected = sum(item.day.expected_ns for item in found)
        return sum(item.coverage * item.day.expected_ns for item in found) / expected if expected else 0.0
    expected = sum(day.expected_ns for day in days)
    seen = sum(max(sensor.wbgt_ns for sensor in day.sensors) for day in days)
    return min(1.0, seen / expected) if expected else 0.0
