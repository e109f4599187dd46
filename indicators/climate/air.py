"""Air temperature of the usual shift: mean, hours in the cold and in the heat that the law counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indicators.building import indicator_of
from indicators.climate.result import ShiftDay, evidence_of
from indicators.context import AssessmentContext
from indicators.intervals import Scale, instrument_interval, usual
from indicators.model import Indicator, Interval, Note, Scope
from indicators.reduction.climate import HISTOGRAM_LOW_C, ClimateDay
from indicators.table_files import toml_table
from sensors.site_model import MetabolicClass

__all__ = ["air_indicators", "vigilance_shares"]

_HOUR_NS = 3_600_000_000_000
_SEDENTARY = (MetabolicClass.REST, MetabolicClass.LOW)


@dataclass(frozen=True, slots=True)
class _Quantity:
    identifier: str
    unit: str
    scale: Scale
    of_day: Callable[[ShiftDay], float]


def air_indicators(days: Sequence[ShiftDay], context: AssessmentContext, *, scope: Scope) -> list[Indicator]:
    """Mean air temperature [°C], and the hours of a shift at or below 5 and at or above 30 °C."""
    quantities = (
        _Quantity("air_temperature_mean", "°C", Scale.IDENTITY, _mean_c),
        _Quantity("air_temperature_le5_h", "h", Scale.NON_NEGATIVE, lambda day: _hours(day, "cold_ns")),
        _Quantity("air_temperature_ge30_h", "h", Scale.NON_NEGATIVE, lambda day: _hours(day, "hot_ns")),
    )
    return [_indicator(quantity, days, context, scope) for quantity in quantities]


def vigilance_shares(days: Sequence[ShiftDay], context: AssessmentContext) -> list[dict[str, object]]:
    """Share of time [%] at or above each guidance temperature of the INRS, from 1-°C bins."""
    pooled = np.sum([sensor.histogram_ns for day in days for sensor in day.sensors], axis=0)
    total = int(np.sum(pooled))
    if total == 0:
        return []
    return [
        {
            "limit": row.id,
            "value_c": row.value,
            "share_percent": 100.0 * float(pooled[int(row.value) - HISTOGRAM_LOW_C :].sum()) / total,
        }
        for row in context.limits_for("air_temperature")
    ]


def _indicator(
    quantity: _Quantity, days: Sequence[ShiftDay], context: AssessmentContext, scope: Scope
) -> Indicator:
    minimum = context.minimum_coverage(quantity.identifier)
    valid = [day for day in days if _coverage([day]) >= minimum]
    coverage = _coverage(valid or days)
    notes = list(_notes(days, valid, context, quantity.identifier))
    details: dict[str, object] = {}
    value, interval = None, None
    if valid:
        values = [quantity.of_day(day) for day in valid]
        u = _sensor_u_c() if quantity.unit == "°C" else 0.0
        estimate = usual(values, [day.wearer for day in valid], scale=quantity.scale, systematic_u=u)
        value, interval = estimate.value, _within_a_shift(quantity, estimate.interval, valid)
        if scope is Scope.WEEK:
            interval = _week_interval(quantity, value, valid, coverage, u)
        else:
            notes.extend(estimate.notes)
        if quantity.unit == "°C":
            shares = vigilance_shares(valid, context)
            details = {
                "vigilance": shares,
                "lowest_c": min(sensor.air_min_c for day in valid for sensor in day.sensors),
                "highest_c": max(sensor.air_max_c for day in valid for sensor in day.sensors),
            }
            notes.extend(_vigilance_note(shares, context))
    return indicator_of(
        quantity.identifier,
        value,
        quantity.unit,
        interval,
        evidence_of(valid or days, context, coverage),
        method="mean over shifts",
        scope=scope,
        quality=tuple(notes),
        next_best=None if valid else Note("cover_the_shift"),
        details=details,
    )


def _within_a_shift(
    quantity: _Quantity, interval: Interval | None, days: Sequence[ShiftDay]
) -> Interval | None:
    """Hours a shift end at what the longest shift holds."""
    if interval is None or quantity.unit != "h":
        return interval
    most = max(day.expected_ns for day in days) / _HOUR_NS
    return Interval(min(interval.low, most), min(interval.high, most))


def _week_interval(
    quantity: _Quantity, value: float, days: Sequence[ShiftDay], coverage: float, u_c: float
) -> Interval:
    """Instrument for a temperature; for hours, missing time that was all outside or all inside."""
    if quantity.unit == "°C":
        return instrument_interval(value, u_c)
    shift_h = float(np.mean([day.expected_ns for day in days])) / _HOUR_NS
    seen = value * coverage
    return Interval(seen, min(seen + shift_h * (1.0 - coverage), shift_h))


def _mean_c(day: ShiftDay) -> float:
    return float(np.mean([sensor.sums["air"] / (sensor.ns["air"] * 1e-9) for sensor in _present(day)]))


def _hours(day: ShiftDay, part: str) -> float:
    """Hours of the whole shift: the measured share of time holds for the little that is missing."""
    shares = [getattr(sensor, part) / sensor.ns["air"] for sensor in _present(day)]
    return float(np.mean(shares)) * day.expected_ns / _HOUR_NS


def _present(day: ShiftDay) -> list[ClimateDay]:
    return [sensor for sensor in day.sensors if sensor.ns["air"] > 0]


def _coverage(days: Sequence[ShiftDay]) -> float:
    """Part of the expected time with air temperature; of several sensors the best counts."""
    expected = sum(day.expected_ns for day in days)
    seen = sum(max(sensor.coverage for sensor in day.sensors) * day.expected_ns for day in days)
    return seen / expected if expected else 0.0


def _notes(
    days: Sequence[ShiftDay], valid: Sequence[ShiftDay], context: AssessmentContext, identifier: str
) -> list[Note]:
    notes = []
    if len(valid) < len(days):
        notes.append(
            Note(
                "days_left_out",
                {
                    "n": len(days) - len(valid),
                    "total": len(days),
                    "minimum_percent": round(100 * context.minimum_coverage(identifier)),
                },
            )
        )
    if identifier != "air_temperature_mean" and not context.workstation.indoor_process:
        notes.append(Note("weather_not_counted"))
    return notes


def _vigilance_note(shares: Sequence[dict[str, object]], context: AssessmentContext) -> list[Note]:
    """The highest band that was reached and that speaks of this kind of work."""
    other = "physical" if context.workstation.metabolic_class in _SEDENTARY else "sedentary"
    reached = [
        row
        for row in shares
        if float(str(row["share_percent"])) > 0 and not str(row["limit"]).endswith(f"_{other}")
    ]
    if not reached:
        return []
    top = max(reached, key=lambda row: float(str(row["value_c"])))
    return [
        Note(
            "vigilance_reached",
            {
                "value_c": float(str(top["value_c"])),
                "share_percent": round(float(str(top["share_percent"])), 1),
            },
        )
    ]


def _sensor_u_c() -> float:
    return float(toml_table("climate")["instrument"]["air_u_c"])
