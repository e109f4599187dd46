"""Air temperature of the usual shift: mean, hours in the cold and in the heat that the law counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indicators.building import Evidence, indicator_of
from indicators.climate.result import ShiftDay, evidence_of
from indicators.context import AssessmentContext
from indicators.coverage_notes import days_left_out
from indicators.intervals import Estimate, Scale, instrument_interval, usual
from indicators.model import Indicator, Interval, Note, Scope
from indicators.reduction.climate import HISTOGRAM_LOW_C, ClimateDay
from indicators.table_files import toml_table
from sensors.site_model import MetabolicClass

__all__ = ["AirQuantity", "air_indicator", "air_of", "vigilance_shares"]

_HOUR_NS = 3_600_000_000_000
_SEDENTARY = (MetabolicClass.REST, MetabolicClass.LOW)


@dataclass(frozen=True, slots=True)
class _Quantity:
    identifier: str
    unit: str
    scale: Scale
    of_day: Callable[[ShiftDay], float]


def _mean_c(day: ShiftDay) -> float:
    return float(np.mean([sensor.sums["air"] / (sensor.ns["air"] * 1e-9) for sensor in _present(day)]))


def _hours(day: ShiftDay, part: str) -> float:
    """Hours of the whole shift: the measured share of time holds for the little that is missing."""
    shares = [getattr(sensor, part) / sensor.ns["air"] for sensor in _present(day)]
    return float(np.mean(shares)) * day.expected_ns / _HOUR_NS


def _present(day: ShiftDay) -> list[ClimateDay]:
    return [sensor for sensor in day.sensors if sensor.ns["air"] > 0]


_QUANTITIES = (
    _Quantity("air_temperature_mean", "°C", Scale.IDENTITY, _mean_c),
    _Quantity("air_temperature_le5_h", "h", Scale.NON_NEGATIVE, lambda day: _hours(day, "cold_ns")),
    _Quantity("air_temperature_ge30_h", "h", Scale.NON_NEGATIVE, lambda day: _hours(day, "hot_ns")),
)


@dataclass(frozen=True, slots=True)
class AirQuantity:
    """One quantity of the air temperature over some shifts, in whichever scope it is shown.

    Attributes
    ----------
    quantity
        Which one.
    evidence : Evidence
    days : tuple of ShiftDay
        Those with enough coverage.
    estimate : Estimate or None
        ``None`` without any of them.
    notes, remarks : tuple of Note
        What is said of the shifts, and of the temperatures reached in them.
    details : mapping
    """

    quantity: _Quantity
    evidence: Evidence
    days: tuple[ShiftDay, ...]
    estimate: Estimate | None
    notes: tuple[Note, ...]
    remarks: tuple[Note, ...]
    details: Mapping[str, object]


def air_of(days: Sequence[ShiftDay], context: AssessmentContext) -> tuple[AirQuantity, ...]:
    """Mean air temperature [°C], and the hours of a shift at or below 5 and at or above 30 °C."""
    return tuple(_air_quantity(quantity, days, context) for quantity in _QUANTITIES)


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


def _air_quantity(quantity: _Quantity, days: Sequence[ShiftDay], context: AssessmentContext) -> AirQuantity:
    minimum = context.minimum_coverage(quantity.identifier)
    valid = tuple(day for day in days if _coverage([day]) >= minimum)
    evidence = evidence_of(valid or days, context, _coverage(valid or days))
    notes = tuple(_notes(days, valid, context, quantity.identifier))
    if not valid:
        return AirQuantity(quantity, evidence, (), None, notes, (), {})
    estimate = usual(
        [quantity.of_day(day) for day in valid],
        [day.wearer for day in valid],
        scale=quantity.scale,
        systematic_u=_systematic_u(quantity),
    )
    if quantity.unit != "°C":
        return AirQuantity(quantity, evidence, valid, estimate, notes, (), {})
    shares = vigilance_shares(valid, context)
    details = {
        "vigilance": shares,
        "lowest_c": min(sensor.air_min_c for day in valid for sensor in day.sensors),
        "highest_c": max(sensor.air_max_c for day in valid for sensor in day.sensors),
    }
    remarks = tuple(_vigilance_note(shares, context))
    return AirQuantity(quantity, evidence, valid, estimate, notes, remarks, details)


def air_indicator(air: AirQuantity, *, scope: Scope) -> Indicator:
    """Indicator of one quantity, with the interval of the scope."""
    quantity, estimate = air.quantity, air.estimate
    return indicator_of(
        quantity.identifier,
        None if estimate is None else estimate.value,
        quantity.unit,
        None if estimate is None else _interval(air, estimate, scope),
        air.evidence,
        method="mean over shifts",
        scope=scope,
        quality=(
            *air.notes,
            *(estimate.notes if estimate is not None and scope is Scope.USUAL else ()),
            *air.remarks,
        ),
        next_best=Note("cover_the_shift") if estimate is None else None,
        details=air.details,
    )


def _interval(air: AirQuantity, estimate: Estimate, scope: Scope) -> Interval | None:
    if scope is Scope.WEEK:
        return _week_interval(air.quantity, estimate.value, air.days, air.evidence.coverage)
    return _within_a_shift(air.quantity, estimate.interval, air.days)


def _within_a_shift(
    quantity: _Quantity, interval: Interval | None, days: Sequence[ShiftDay]
) -> Interval | None:
    """Hours a shift end at what the longest shift holds."""
    if interval is None or quantity.unit != "h":
        return interval
    most = max(day.expected_ns for day in days) / _HOUR_NS
    return Interval(min(interval.low, most), min(interval.high, most))


def _week_interval(quantity: _Quantity, value: float, days: Sequence[ShiftDay], coverage: float) -> Interval:
    """Instrument for a temperature; for hours, missing time that was all outside or all inside."""
    if quantity.unit == "°C":
        return instrument_interval(value, _systematic_u(quantity))
    shift_h = float(np.mean([day.expected_ns for day in days])) / _HOUR_NS
    seen = value * coverage
    return Interval(seen, min(seen + shift_h * (1.0 - coverage), shift_h))


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
        minimum = context.minimum_coverage(identifier)
        notes.append(days_left_out(len(days) - len(valid), len(days), minimum))
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


def _systematic_u(quantity: _Quantity) -> float:
    """Standard uncertainty that all days share: of the sensor, for a temperature [°C]."""
    return float(toml_table("climate")["instrument"]["air_u_c"]) if quantity.unit == "°C" else 0.0
