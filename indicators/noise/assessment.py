"""Noise of one workstation and shift: from worker-days to indicators with intervals, verdicts and advice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.levels import sound_exposure_pa2h
from indicators.building import indicator_of
from indicators.context import AssessmentContext
from indicators.coverage_notes import no_valid_shift
from indicators.intervals import Scale, tolerance_notes
from indicators.model import Indicator, Interval, LimitAssessment, Note, Verdict
from indicators.noise.days import Basis, choose_days, day_level_db
from indicators.noise.exposure import Exposure, days_to_settle, usual_exposure, week_level_db
from indicators.noise.iso9612 import full_day, noise_rule
from indicators.noise.measures import dose_scheme, exposure_points
from indicators.noise.peaks import assess_peaks, peak_interval, peak_value_db
from indicators.noise.result import evidence_of, limit_rows
from indicators.noise.shares import (
    HourShares,
    by_day,
    by_hour,
    by_task,
    distribution,
    scheme_dose_percent,
)
from indicators.noise.under_protector import UnderProtector, under_protector
from indicators.noise.week import week_indicators
from indicators.noise.weekly import daily_lex_db, planned_days_a_week
from indicators.reduction.noise import NoiseDay
from sensors.quantities import QUANTITIES

__all__ = ["assess"]

_LEVEL = "dB(A)"
_PEAK = "dB(C)"
_ANY_DAY_H = 8.0


def assess(days: Sequence[NoiseDay], *, context: AssessmentContext) -> tuple[Indicator, ...]:
    """Noise indicators of one (workstation, shift).

    Parameters
    ----------
    days : sequence of NoiseDay
        All worker-days of the campaign (or the last eight weeks); those inside ``context.period`` make the
        ``week`` scope.
    context : AssessmentContext
        Site, workstation, shift, period and limits.

    Returns
    -------
    tuple of Indicator
        Scope ``usual`` with verdicts: ``laeq_shift``, ``lex_8h``, ``lex_8h_protected``, ``lex_weekly``,
        ``lcpeak_max``, ``dose_eu``; then those of the ``week``. Empty without any worker-day.
    """
    basis = choose_days(days, context)
    if not basis.days:
        return ()
    own, zone = basis.within(context), context.book.zone
    hours = by_hour(basis.valid, zone)
    hours_of_week = hours if own is basis else by_hour(own.valid, zone)
    return (*_usual(basis, hours, context), *week_indicators(own, hours_of_week, context))


def _usual(basis: Basis, hours: HourShares, context: AssessmentContext) -> list[Indicator]:
    coverage = basis.coverage(lambda day: day.laeq_ns)
    enough = coverage >= context.minimum_coverage("lex_8h", noise_rule("valid_share"))
    exposure = usual_exposure(basis, context) if enough else None
    lex = _lex(basis, context, exposure, coverage)
    protected = _protected(basis, context, exposure, lex)
    return [
        _laeq(basis, hours, context, coverage),
        lex,
        protected,
        _weekly(basis, context, exposure, lex),
        _peaks(basis, context),
        _dose(basis, exposure, lex),
    ]


def _laeq(basis: Basis, hours: HourShares, context: AssessmentContext, coverage: float) -> Indicator:
    value = week_level_db(basis.valid) if basis.valid else None
    interval = None
    if value is not None:
        # The level of a place, as measured there, has no uncertainty from standing for an ear.
        sampled = full_day(
            [day_level_db(day) for day in basis.valid],
            _ANY_DAY_H,
            basis.u2_db,
            basis.u3_db if basis.worn else 0.0,
        )
        reach = sampled.expanded_u_db
        interval = Interval(value - reach, value + reach) if math.isfinite(reach) else None
    sensor = context.book.sensor(basis.days[0].day.sensor)
    period_s = sensor.period_s or QUANTITIES["laeq"].period_s
    return indicator_of(
        "laeq_shift",
        value,
        _LEVEL,
        interval,
        evidence_of(basis, context, coverage),
        method="energy mean over worker-days",
        quality=basis.notes,
        details={
            "distribution": distribution(basis.valid, period_s) if basis.valid else {},
            "by_hour": hours,
            "by_task": by_task(basis.days),
        },
    )


def _lex(basis: Basis, context: AssessmentContext, exposure: Exposure | None, coverage: float) -> Indicator:
    missing = _why_no_exposure(basis)
    value = None if exposure is None else exposure.lex_8h_db
    interval = None if exposure is None else exposure.interval
    reason = missing if exposure is None else _why_no_interval(exposure)
    rows = limit_rows("lex_8h", value, interval, context, coverage, reason)
    details: dict[str, object] = {}
    if exposure is not None:
        details = {
            "te_h": basis.te_h,
            "u2_db": basis.u2_db,
            "u3_db": basis.u3_db,
            "samples": exposure.samples,
            "points": float(exposure_points(exposure.lex_8h_db)),
            "exposure_pa2h": float(sound_exposure_pa2h(exposure.lex_8h_db, _ANY_DAY_H)),
            "days": by_day(basis.days, basis.te_h),
        }
        budget = {"u1_db": exposure.u1_db, "c1u1_db": exposure.c1u1_db}
        details |= {name: value for name, value in budget.items() if not math.isnan(value)}
        if exposure.interval is not None:
            details["expanded_u_db"] = exposure.interval.high - exposure.lex_8h_db
        if exposure.tasks is not None:
            details["tasks"] = [
                {"task": name, "level_db": float(level), "share_percent": float(share)}
                for name, level, share in zip(
                    exposure.task_names,
                    exposure.tasks.task_levels_db,
                    exposure.tasks.contributions_percent,
                    strict=True,
                )
            ]
    notes = [*basis.notes, *(exposure.notes if exposure is not None else ())]
    if exposure is not None and basis.valid:
        notes += tolerance_notes(daily_lex_db(basis), _LEVEL, scale=Scale.ENERGY_DB)
    if exposure is not None and coverage < 1.0 - 1e-3:
        notes.append(Note("missing_time_alike", {"percent": round(100 * (1 - coverage), 1)}))
    return indicator_of(
        "lex_8h",
        value,
        _LEVEL,
        interval,
        evidence_of(basis, context, coverage),
        method="ISO 9612:2009" if exposure is None else exposure.method,
        quality=tuple(notes),
        limits=rows,
        next_best=_advice(basis, exposure, rows, missing),
        details=details,
    )


def _protected(
    basis: Basis, context: AssessmentContext, exposure: Exposure | None, lex: Indicator
) -> Indicator:
    """At the ear under the protector; without one it is the unprotected exposure."""
    under = under_protector(basis, context, None if exposure is None else exposure.lex_8h_db)
    value = under.level_db
    interval = _shifted(lex.interval, value, lex.value)
    reason = _why_no_exposure(basis) if exposure is None else _why_no_interval(exposure)
    rows = tuple(
        _only_below_holds(row, under)
        for row in limit_rows("lex_8h_protected", value, interval, context, lex.coverage, reason)
    )
    return replace(
        lex,
        id="lex_8h_protected",
        value=value if any(row.verdict is not Verdict.NOT_MEASURED for row in rows) or not rows else None,
        interval=interval,
        method=under.method or lex.method,
        quality=(*basis.notes, *under.notes),
        limits=rows,
        next_best=under.next_best or _advice(basis, exposure, rows, _why_no_exposure(basis)),
        details={**under.details},
    )


def _only_below_holds(row: LimitAssessment, under: UnderProtector) -> LimitAssessment:
    """Where a protector's effect is unknown, the unprotected level can show *below*, never *above*."""
    if under.known or row.verdict is not Verdict.ABOVE:
        return row
    return replace(row, verdict=Verdict.NOT_SETTLED, reason=Note("protector_effect_unknown"))


def _weekly(basis: Basis, context: AssessmentContext, exposure: Exposure | None, lex: Indicator) -> Indicator:
    planned = planned_days_a_week(context)
    shift_db = 10.0 * math.log10(planned / 5.0) if planned else float("nan")
    value = None if exposure is None or not planned else exposure.lex_8h_db + shift_db
    interval = _shifted(lex.interval, value, lex.value)
    reason = _why_no_exposure(basis) if exposure is None else _why_no_interval(exposure)
    rows = limit_rows("lex_weekly", value, interval, context, lex.coverage, reason)
    if context.workstation.protector is not None:
        rows = tuple(
            replace(row, verdict=Verdict.NOT_SETTLED, reason=Note("protector_not_counted"))
            if row.limit.protectors_count and row.verdict is Verdict.ABOVE
            else row
            for row in rows
        )
    return replace(
        lex,
        id="lex_weekly",
        value=value,
        interval=interval,
        quality=(*basis.notes, Note("weekly_divisor_five", {"days": planned})),
        limits=rows,
        next_best=None,
        details={"planned_days": planned},
    )


def _peaks(basis: Basis, context: AssessmentContext) -> Indicator:
    coverage = basis.coverage(lambda day: day.lcpeak_ns)
    reach = peak_interval(basis)
    rows, events, notes = assess_peaks(basis, reach, context, coverage=coverage)
    value: float | None = peak_value_db(basis.days)
    observed = any(count["events"] for count in events.values())
    if math.isnan(value or math.nan) or (coverage < context.minimum_coverage("lcpeak_max") and not observed):
        value = None
    interval = None if value is None else reach
    next_best = None
    if value is None:
        next_best = Note("send_lcpeak") if coverage <= 0 else Note("cover_the_shift")
    elif any(row.verdict is Verdict.NOT_SETTLED for row in rows):
        next_best = Note("check_knock") if _only_knocks(events) else _more_days(basis)
    return indicator_of(
        "lcpeak_max",
        value,
        _PEAK,
        interval,
        evidence_of(basis, context, coverage),
        method="highest C-weighted peak",
        quality=(*basis.notes, *notes),
        limits=rows,
        next_best=next_best,
        details={"events": events},
    )


def _dose(basis: Basis, exposure: Exposure | None, lex: Indicator) -> Indicator:
    """Dose with 85 dB(A) over 8 h as 100 %; doses of other countries only beside it, by name."""
    value = None if lex.value is None else float(exposure_points(lex.value))
    interval = (
        None
        if lex.interval is None
        else Interval(float(exposure_points(lex.interval.low)), float(exposure_points(lex.interval.high)))
    )
    details: dict[str, object] = {}
    if exposure is not None and basis.valid and basis.te_h is not None:
        details = {
            key: {
                "percent": scheme_dose_percent(basis.valid, dose_scheme(key), basis.te_h),
                "criterion_db": dose_scheme(key).criterion_db,
                "exchange_db": dose_scheme(key).exchange_db,
                "threshold_db": dose_scheme(key).threshold_db,
            }
            for key in ("niosh", "osha")
        }
    return replace(
        lex,
        id="dose_eu",
        value=value,
        unit="%",
        interval=interval,
        quality=(*basis.notes, Note("dose_by_convention")),
        limits=(),
        next_best=None,
        details=details,
    )


def _why_no_exposure(basis: Basis) -> Note | None:
    if not basis.worn and basis.te_h is None:
        return Note("occupancy_needed")
    if not basis.valid:
        return no_valid_shift((day.coverage for day in basis.days), noise_rule("valid_share"))
    return None


def _why_no_interval(exposure: Exposure) -> Note | None:
    """The warning that took the interval away, as the reason of a verdict that stays open."""
    if exposure.interval is not None:
        return None
    return next((note for note in exposure.notes if note.code in ("few_samples", "outside_table_c4")), None)


def _advice(
    basis: Basis,
    exposure: Exposure | None,
    rows: Sequence[LimitAssessment],
    missing: Note | None,
) -> Note | None:
    """The next best measurement, where a verdict is open and a measurement can close it."""
    if exposure is None:
        if missing is not None and missing.code == "occupancy_needed":
            return Note("state_occupancy")
        return Note("cover_the_shift")
    unsettled = [row for row in rows if row.verdict is Verdict.NOT_SETTLED]
    if not unsettled:
        return None
    # The limit that ranks the indicator first; else the one that takes the fewest days.
    needed = [
        (not row.limit.ranking, count, row.limit.value)
        for row in unsettled
        if (count := days_to_settle(exposure, basis, row.limit.value)) is not None
    ]
    if needed:
        _, more, limit = min(needed)
        code = "settle_by_days_distinct" if basis.worn else "settle_by_days"
        return Note(code, {"days": more, "limit": limit})
    if not basis.worn:
        return Note("wear_dosimeters")
    row = unsettled[0]
    return Note("limit_within_instrument", {"limit": row.limit.value, "u2_db": basis.u2_db})


def _more_days(basis: Basis) -> Note:
    minimum = int(noise_rule("full_day_samples"))
    more = max(minimum - len(basis.valid), 1)
    return Note("more_full_days_distinct" if basis.worn else "more_full_days", {"days": more})


def _only_knocks(events: Mapping[str, Mapping[str, int]]) -> bool:
    return any(count["events"] for count in events.values()) and all(
        count["events"] == count["suspected_knocks"] for count in events.values()
    )


def _shifted(interval: Interval | None, value: float | None, origin: float | None) -> Interval | None:
    if interval is None or value is None or origin is None:
        return None
    return Interval(interval.low + value - origin, interval.high + value - origin)
