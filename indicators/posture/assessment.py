"""Posture of one workstation and shift: worker-days to indicators with intervals, verdicts and advice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

from analysis.posture_calibration import Reference
from analysis.statistics import to_settle
from indicators.building import Evidence, indicator_of
from indicators.context import AssessmentContext
from indicators.coverage_notes import no_valid_shift
from indicators.intervals import (
    ONE_SIDED_95,
    Estimate,
    Scale,
    instrument_interval,
    missing_share_interval,
    tolerance_notes,
    usual,
)
from indicators.limits import Role
from indicators.model import Factor, Indicator, Interval, LimitAssessment, Note, Scope, Verdict
from indicators.posture.days import PostureGroup, posture_groups, quality_notes
from indicators.posture.figures import angle_bands, angle_distribution, by_day, by_hour, variation
from indicators.posture.measures import Measure, Needs, Segment, measures_of
from indicators.reduction.posture_day import PostureDay
from indicators.verdicts import assess_limit

__all__ = ["assess"]

_MINUTE_NS = 60e9


@dataclass(frozen=True, slots=True)
class _Values:
    """Worker-days behind an indicator, their values, or why there are none.

    `group` holds the worker-days used or, where none could be, all of them.
    """

    group: PostureGroup
    values: tuple[float, ...]
    reason: Note | None

    @property
    def days(self) -> tuple[PostureDay, ...]:
        return self.group.days if self.values else ()


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """A measure on some worker-days: what both scopes show of it.

    `spread` is the standard uncertainty that all days share, 0 where none is stated.
    """

    identifier: str
    measure: Measure
    found: _Values
    spread: float
    evidence: Evidence
    notes: tuple[Note, ...]
    details: dict[str, object]


def assess(days: Sequence[PostureDay], *, context: AssessmentContext) -> tuple[Indicator, ...]:
    """Posture indicators of one (workstation, shift).

    Parameters
    ----------
    days : sequence of PostureDay
        All worker-days of the campaign (or the last eight weeks) and every worn sensor; those inside
        ``context.period`` make the ``week`` scope.
    context : AssessmentContext
        Site, workstation, shift, period and limits.

    Returns
    -------
    tuple of Indicator
        For each mount scope ``usual`` with verdicts, then the ``week``. The best trunk mount and the dominant
        arm carry plain ids; other mounts end in their name. Empty without any worker-day.
    """
    usual_scope, week_scope = [], []
    for group in posture_groups(days):
        own = group.of([day for day in group.days if context.in_period(day.day.day)])
        splits = any(day.splits for day in group.days)
        for measure in measures_of(group.segment, splits=splits):
            whole = _evaluated(measure, group, context)
            usual_scope.append(_usual(whole, context))
            if own.days:
                week_scope.append(_week(whole if own is group else _evaluated(measure, own, context)))
    return (*usual_scope, *week_scope)


def _evaluated(measure: Measure, group: PostureGroup, context: AssessmentContext) -> _Evaluated:
    identifier = measure.id + group.suffix
    minimum = context.minimum_coverage(identifier)
    found = _values(measure, group, minimum)
    notes = quality_notes(group, minimum, measure)
    if found.reason is not None and found.reason not in notes:
        notes = (found.reason, *notes)
    return _Evaluated(
        identifier,
        measure,
        found,
        fmean([figures.spreads[measure.id] for figures in found.group.figures]) if found.values else 0.0,
        found.group.once(("evidence", context.shift), lambda: _evidence(found.group, context)),
        notes,
        _details(measure, found, context),
    )


def _evidence(group: PostureGroup, context: AssessmentContext) -> Evidence:
    return Evidence(
        factor=Factor.POSTURE,
        shift=context.shift,
        coverage=group.coverage,
        n_days=len(group.days),
        n_wearers=group.n_wearers,
        worn=group.worn,
    )


def _values(measure: Measure, group: PostureGroup, minimum: float) -> _Values:
    valid = group.valid(minimum)
    if not valid.days:
        return _Values(group, (), no_valid_shift((day.coverage for day in group.days), minimum))
    based = valid.based(measure.needs)
    if not based.days:
        bare = all(day.reference is Reference.NONE for day in valid.days)
        return _Values(group, (), Note("reference_missing" if bare else "lean_missing"))
    if measure.needs is Needs.NOTHING and len(based.velocity_bases) > 1:
        return _Values(group, (), Note("velocity_methods_mixed"))
    values = [figures.values[measure.id] for figures in based.figures]
    if not any(map(math.isnan, values)):
        return _Values(based, tuple(values), None)
    known = based.of([day for day, value in zip(based.days, values, strict=True) if not math.isnan(value)])
    if not known.days:
        return _Values(group, (), Note("not_measured"))
    return _Values(known, tuple(value for value in values if not math.isnan(value)), None)


def _method(measure: Measure, group: PostureGroup) -> str:
    if measure.needs is Needs.NOTHING and group.days:
        return f"{measure.method}; {group.velocity_bases[0]}"
    return "; ".join([measure.method, *group.angle_bases])


def _usual(whole: _Evaluated, context: AssessmentContext) -> Indicator:
    found, measure = whole.found, whole.measure
    estimate: Estimate | None = None
    if found.values:
        estimate = usual(
            found.values,
            found.group.wearers,
            scale=measure.scale,
            systematic_u=whole.spread,
        )
    value = None if estimate is None else estimate.value
    interval = None if estimate is None else _possible(estimate.interval, measure, found)
    coverage = found.group.coverage
    rows = tuple(
        assess_limit(value, interval, row, measured=coverage >= row.minimum_coverage, reason=found.reason)
        for row in context.limits_for(whole.identifier)
        if row.role is not Role.CRITERION
    )
    return _indicator(
        whole,
        value=value,
        interval=interval,
        scope=Scope.USUAL,
        quality=(*(estimate.notes if estimate is not None else ()), *whole.notes, *_tolerance(whole, rows)),
        limits=rows,
        next_best=_advice(rows, estimate, whole),
    )


def _tolerance(whole: _Evaluated, rows: Sequence[LimitAssessment]) -> tuple[Note, ...]:
    """What single days stay below, for shares of time that a limit is held against."""
    measure, values = whole.measure, whole.found.values
    if measure.scale is not Scale.PERCENT or not any(row.limit.role.moves_verdict for row in rows):
        return ()
    return tolerance_notes(values, measure.unit, scale=measure.scale)


def _possible(interval: Interval | None, measure: Measure, found: _Values) -> Interval | None:
    """The interval within what a day can hold: two wearers alone would leave millions of minutes a shift."""
    if interval is None:
        return None
    most = max(measure.most(day) for day in found.days)
    return Interval(min(interval.low, most), min(interval.high, most))


def _week(recent: _Evaluated) -> Indicator:
    values = recent.found.values
    value = fmean(values) if values else None
    return _indicator(
        recent,
        value=value,
        interval=None if value is None else _week_interval(recent, value),
        scope=Scope.WEEK,
        quality=recent.notes,
    )


def _indicator(
    shown: _Evaluated,
    *,
    value: float | None,
    interval: Interval | None,
    scope: Scope,
    quality: tuple[Note, ...],
    limits: tuple[LimitAssessment, ...] = (),
    next_best: Note | None = None,
) -> Indicator:
    return indicator_of(
        shown.identifier,
        value,
        shown.measure.unit,
        interval,
        shown.evidence,
        method=_method(shown.measure, shown.found.group),
        scope=scope,
        quality=quality,
        limits=limits,
        next_best=next_best,
        details=shown.details,
    )


def _week_interval(recent: _Evaluated, value: float) -> Interval | None:
    """What instrument and missing time leave open; nothing is known of it for counts, holds and velocity."""
    measure, coverage = recent.measure, recent.evidence.coverage
    if measure.scale is Scale.IDENTITY:
        return instrument_interval(value, recent.spread)
    reach = ONE_SIDED_95 * recent.spread
    if measure.scale is Scale.PERCENT:
        open_time = missing_share_interval(value, coverage)
        return Interval(max(open_time.low - reach, 0.0), min(open_time.high + reach, 100.0))
    if measure.unit != "min":
        return None
    whole = fmean([day.day.expected_ns for day in recent.found.days]) / _MINUTE_NS
    low, high = value * coverage - reach, value * coverage + whole * (1 - coverage) + reach
    return Interval(max(low, 0.0), min(high, whole))


def _advice(rows: Sequence[LimitAssessment], estimate: Estimate | None, whole: _Evaluated) -> Note | None:
    """The next best measurement, where a verdict is open and a measurement can close it."""
    reason = whole.found.reason
    if reason is not None:
        codes = {"reference_missing": "record_two_postures", "lean_missing": "record_two_postures"}
        return Note(codes.get(reason.code, "cover_the_shift"))
    open_rows = [row for row in rows if row.verdict is Verdict.NOT_SETTLED and row.limit.role.moves_verdict]
    if estimate is None or not open_rows:
        return None
    if estimate.interval is None:
        return Note("more_full_days_distinct", {"days": 2})
    # The limit that ranks the indicator first; else the one that takes the fewest days.
    needed = [
        (not row.limit.ranking, min(counts), row.limit.value)
        for row in open_rows
        if (counts := _more_days(estimate, row.limit.value))
    ]
    if needed:
        _, days, limit = min(needed)
        about = {"indicator": whole.identifier, "unit": whole.measure.unit}
        return Note("settle_limit_by_days_distinct", {"days": days, "limit": limit, **about})
    return Note("angle_uncertainty", {"value": round(whole.spread, 1), "unit": whole.measure.unit})


def _more_days(estimate: Estimate, limit: float) -> list[int]:
    """Further wearers, or days of the same ones, that would settle a limit; empty where neither would."""
    settling = to_settle(estimate.nested, limit)
    return [count for count in (settling.extra_wearers, settling.extra_days) if count]


def _details(measure: Measure, found: _Values, context: AssessmentContext) -> dict[str, object]:
    group, angle = found.group, measure.angle
    if not found.values or not context.figures:
        return {}
    details: dict[str, object] = {"days": by_day(group, found.values)}
    if measure.figure == "share":
        details["bands"] = group.once(("bands", angle), lambda: angle_bands(group, angle))
        details["by_hour"] = by_hour(group, measure.condition, context.book.zone)
    elif measure.figure == "percentile":
        details["distribution"] = {
            **angle_distribution(group, angle),
            "thresholds": list(_thresholds_deg(group.segment, measure.id.removesuffix("_p50"))),
        }
        details["eva"] = variation(group.days)
    return {key: value for key, value in details.items() if value}


@cache
def _thresholds_deg(segment: Segment, stem: str) -> tuple[float, ...]:
    """Angles at which shares of time of a segment are told."""
    return tuple(
        float(item.degrees)
        for item in measures_of(segment, splits=False)
        if item.figure == "share" and item.id.startswith(stem)
    )
