"""Annual projections of measured worker-days: hours, times and postures of one holder of the post.

A holder works one shift a day, whichever it is: the worker-days of all shifts are days of one year, never
three parallel exposures. Results are for discussion, never a declaration.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from indicators.building import Evidence, indicator_of
from indicators.c2p.thresholds import (
    HourCountRule,
    ProjectedHours,
    crossing_notes,
    projected_hours,
    projected_noise_hours,
    projected_temperature_hours,
    projected_times,
)
from indicators.climate.result import shift_days
from indicators.context import AssessmentContext
from indicators.coverage_notes import days_left_out, no_valid_shift
from indicators.limits import Role, limit
from indicators.model import Factor, Indicator, Interval, Note, Verdict
from indicators.noise.days import Basis, choose_days, day_level_db, hours
from indicators.noise.under_protector import under_protector
from indicators.reduction.climate import ClimateDay
from indicators.reduction.minutes import MINUTE_NS
from indicators.reduction.noise import NoiseDay, peak_events
from indicators.reduction.posture_day import PostureDay
from indicators.verdicts import assess_limit
from sensors.site_model import Mount

__all__ = ["project_climate", "project_noise", "project_posture", "worked_days_per_year"]

_METHOD = "measured worker-days × planned days of one holder"
_TRUNK = (Mount.UPPER_BACK, Mount.STERNUM, Mount.LOWER_BACK)
_ARMS = (Mount.UPPER_ARM_DOMINANT, Mount.UPPER_ARM_OTHER)


def worked_days_per_year(context: AssessmentContext, shift_hours: float) -> float | None:
    """Days one holder works at this workstation: its planned hours, else the roster's days; else unknown."""
    station = context.workstation
    if station.hours_per_year is not None and shift_hours > 0:
        return min(366.0, station.hours_per_year / shift_hours)
    site = context.book.site
    rosters = {row.id: row.days_per_year for row in site.rosters}
    days = [
        rosters[group.roster]
        for group in site.groups
        if station.id in group.workstations and group.roster in rosters
    ]
    return float(max(days)) if days else None


def project_noise(days: Sequence[NoiseDay], context: AssessmentContext) -> tuple[Indicator, ...]:
    """``noise_c2p_hours`` and ``noise_c2p_peaks``, after the hearing protector where its effect is known."""
    basis = choose_days(days, context)
    if not basis.valid:
        return ()
    shift_h = float(np.mean([hours(day.day.expected_ns) for day in basis.valid]))
    planned = worked_days_per_year(context, shift_h)
    if planned is None:
        missing = Note("planned_days_unknown")
        return (
            _indicator("noise_c2p_hours", Factor.NOISE, None, "h/year", basis_of(basis), context, (missing,)),
            _indicator(
                "noise_c2p_peaks", Factor.NOISE, None, "times/year", basis_of(basis), context, (missing,)
            ),
        )
    return (_noise_hours(basis, context, planned), _noise_peaks(basis, context, planned))


def _noise_hours(basis: Basis, context: AssessmentContext, planned: float) -> Indicator:
    criterion = limit("fr.noise.c2p_level_criterion", context.on)
    worked = [hours(day.day.expected_ns) for day in basis.valid]
    levels, notes = [], []
    for day, worked_h in zip(basis.valid, worked, strict=True):
        lex = day_level_db(day) + 10.0 * math.log10(worked_h / 8.0)
        at_ear = under_protector(basis, context, lex)
        levels.append(lex if at_ear.level_db is None else at_ear.level_db)
        if not at_ear.known:
            notes = [Note("protector_effect_unknown")]
    rule = HourCountRule(context.book.site.site.hour_count_rule)
    result = projected_noise_hours(levels, worked, criterion.value, planned, rule)
    notes += [Note("hour_count_rule", {"rule": rule.value, "criterion_db": criterion.value})]
    return _indicator(
        "noise_c2p_hours", Factor.NOISE, result, "h/year", basis_of(basis), context, tuple(notes)
    )


def _noise_peaks(basis: Basis, context: AssessmentContext, planned: float) -> Indicator:
    criterion = limit("fr.noise.c2p_peak_criterion", context.on)
    measured = [day for day in basis.valid if day.lcpeak_ns > 0]
    if not measured:
        return _indicator(
            "noise_c2p_peaks",
            Factor.NOISE,
            None,
            "times/year",
            basis_of(basis),
            context,
            (Note("lcpeak_missing"),),
        )
    counts = [float(peak_events([day], criterion.value, inclusive=True).count) for day in measured]
    result = projected_times(counts, planned)
    return _indicator("noise_c2p_peaks", Factor.NOISE, result, "times/year", basis_of(basis), context, ())


def project_climate(days: Sequence[ClimateDay], context: AssessmentContext) -> tuple[Indicator, ...]:
    """``temperature_c2p_hours``: hours ≤ 5 °C or ≥ 30 °C, where the temperature comes from the process."""
    # Several sensors of a place see one shift: its hours are their mean, and it is one day.
    shifts = shift_days([day for day in days if day.ns.get("air", 0) > 0])
    if not shifts:
        return ()
    covered = [max(sensor.coverage for sensor in day.sensors) for day in shifts]
    full = _full(covered, "temperature_c2p_hours", context)
    if not full.places:
        group = (float(np.mean(covered)), len(shifts), 0, False)
        return (
            _indicator("temperature_c2p_hours", Factor.CLIMATE, None, "h/year", group, context, full.notes),
        )
    valid = [shifts[place] for place in full.places]
    group = (float(np.mean([covered[place] for place in full.places])), len(valid), 0, False)
    if not context.workstation.indoor_process:
        zero = ProjectedHours(0.0, Interval(0.0, 0.0), len(valid))
        notes = (Note("temperature_not_of_process"), *full.notes)
        return (_indicator("temperature_c2p_hours", Factor.CLIMATE, zero, "h/year", group, context, notes),)
    shift_h = float(np.mean([hours(day.expected_ns) for day in valid]))
    planned = worked_days_per_year(context, shift_h)
    if planned is None:
        notes = (Note("planned_days_unknown"), *full.notes)
        return (_indicator("temperature_c2p_hours", Factor.CLIMATE, None, "h/year", group, context, notes),)
    exposed = [
        float(np.mean([(sensor.cold_ns + sensor.hot_ns) / sensor.ns["air"] for sensor in day.sensors]))
        * hours(day.expected_ns)
        for day in valid
    ]
    months = [day.sensors[0].day.day.month for day in valid]
    result = projected_temperature_hours(exposed, months, planned, shift_hours=shift_h)
    notes = (Note("months_measured", {"months": len(set(months))}), *full.notes)
    return (_indicator("temperature_c2p_hours", Factor.CLIMATE, result, "h/year", group, context, notes),)


@dataclass(frozen=True, slots=True)
class _Full:
    """Places of the shifts that were measured for long enough, and what must be said of the others."""

    places: tuple[int, ...]
    notes: tuple[Note, ...]


def _full(covered: Sequence[float], identifier: str, context: AssessmentContext) -> _Full:
    """Shifts with the coverage that limits of this indicator ask for: a part of one says little of a year."""
    minimum = context.minimum_coverage(identifier)
    places = tuple(place for place, coverage in enumerate(covered) if coverage >= minimum)
    if not places:
        return _Full((), (no_valid_shift(covered, minimum),))
    short = len(covered) - len(places)
    return _Full(places, (days_left_out(short, len(covered), minimum),) if short else ())


def project_posture(days: Sequence[PostureDay], context: AssessmentContext) -> tuple[Indicator, ...]:
    """``posture_hours``: trunk bent or arm above the shoulder, a union of time (former threshold)."""
    bent = round(limit("fr.posture.trunk_bent_criterion", context.on).value)
    raised = round(limit("fr.posture.arms_above_shoulder_criterion", context.on).value)
    shifts: dict[tuple[object, ...], list[PostureDay]] = defaultdict(list)
    for day in days:
        if day.day.mount in (*_TRUNK, *_ARMS) and day.valid_ns > 0:
            shifts[day.day.day, day.day.shift, day.day.wearer].append(day)
    known = {
        key: share
        for key, parts in shifts.items()
        if (share := _union_share(parts, bent, raised)) is not None
    }
    if not known:
        return ()
    keys = list(known)
    covered = [max(day.coverage for day in shifts[key]) for key in keys]
    full = _full(covered, "posture_hours", context)
    chosen = [keys[place] for place in full.places] or keys
    expected = [hours(shifts[key][0].day.expected_ns) for key in chosen]
    exposed = [known[key] * shift_h for key, shift_h in zip(chosen, expected, strict=True)]
    wearers = {str(key[2]) for key in chosen if key[2] is not None}
    coverage = float(np.mean([day.coverage for key in chosen for day in shifts[key]]))
    group = (coverage, len(exposed), len(wearers), True)
    if not full.places:
        reasons = (*full.notes, Note("postures_not_seen"))
        return (_indicator("posture_hours", Factor.POSTURE, None, "h/year", group, context, reasons),)
    planned = worked_days_per_year(context, float(np.mean(expected)))
    notes = (Note("postures_not_seen"), *full.notes)
    if planned is None:
        reasons = (Note("planned_days_unknown"), *notes)
        return (_indicator("posture_hours", Factor.POSTURE, None, "h/year", group, context, reasons),)
    result = projected_hours(exposed, planned, shift_hours=max(expected))
    found = _indicator("posture_hours", Factor.POSTURE, result, "h/year", group, context, notes)
    # Kneeling and twisting count as well and are not seen: what is seen can only be too little.
    rows = tuple(
        replace(row, verdict=Verdict.NOT_SETTLED, reason=notes[0]) if row.verdict is Verdict.BELOW else row
        for row in found.limits
    )
    return (replace(found, limits=rows),)


def _union_share(parts: Sequence[PostureDay], bent: int, raised: int) -> float | None:
    """Share of the seconds seen by any sensor in which one of them saw its posture, 0–1."""
    conditions = [
        f"inclination_ge{raised}" if part.day.mount in _ARMS else f"flexion_ge{bent}" for part in parts
    ]
    seen = [
        (part, part.masks[condition])
        for part, condition in zip(parts, conditions, strict=True)
        if part.minutes_ns.size and condition in part.masks
    ]
    if not seen:
        return None
    first = min(int(part.minutes_ns[0]) for part, _ in seen)
    last = max(int(part.minutes_ns[-1]) for part, _ in seen)
    on, present = np.zeros((2, (last - first) // MINUTE_NS + 1), np.uint64)
    for part, mask in seen:
        minutes = (part.minutes_ns - first) // MINUTE_NS
        on[minutes] |= part.masks["present"] & mask
        present[minutes] |= part.masks["present"]
    exposed_h, seen_h = (int(np.bitwise_count(words).sum()) / 3600.0 for words in (on, present))
    return exposed_h / seen_h if seen_h > 0 else None


def basis_of(basis: Basis) -> tuple[float, int, int, bool]:
    """Coverage, worker-days, wearers and whether worn, of the days a noise projection rests on."""
    return (
        basis.coverage(lambda day: day.laeq_ns),
        len(basis.valid),
        basis.n_wearers,
        basis.worn,
    )


def _indicator(
    identifier: str,
    factor: Factor,
    result: ProjectedHours | None,
    unit: str,
    group: tuple[float, int, int, bool],
    context: AssessmentContext,
    notes: tuple[Note, ...],
) -> Indicator:
    coverage, n_days, n_wearers, worn = group
    value = None if result is None else result.hours
    interval = None if result is None else result.interval
    reason = notes[0] if value is None and notes else None
    rows = [
        row for row in context.limits_for(identifier) if row.role.moves_verdict or row.role is Role.GUIDANCE
    ]
    if factor is not Factor.CLIMATE:
        # Hours of one season do not spread evenly over the year: of temperature no day is given.
        notes = (*notes, *crossing_notes(value, interval, rows, context.on.year))
    return indicator_of(
        identifier,
        value,
        unit,
        interval,
        Evidence(factor=factor, shift="", coverage=coverage, n_days=n_days, n_wearers=n_wearers, worn=worn),
        method=_METHOD,
        quality=(Note("product_mix_assumed"), *notes),
        limits=tuple(
            assess_limit(value, interval, row, measured=value is not None, reason=reason) for row in rows
        ),
        next_best=Note("more_worker_days") if interval is None and value is not None else None,
    )
