"""Highest C-weighted peak of a workstation: observed events settle a verdict, a knock alone does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from indicators.context import AssessmentContext
from indicators.intervals import ONE_SIDED_95
from indicators.limits import Limit, Role
from indicators.model import Interval, LimitAssessment, Note
from indicators.noise.days import Basis
from indicators.noise.iso9612 import noise_rule
from indicators.reduction.noise import PEAK_FLOOR_DB, NoiseDay, PeakEvents, peak_events
from indicators.verdicts import assess_limit

__all__ = ["assess_peaks", "events_at", "peak_interval", "peak_value_db"]


def peak_value_db(days: Sequence[NoiseDay]) -> float:
    """Highest LCpeak of worker-days [dB(C)]; NaN when none was sent."""
    levels = [day.lcpeak_max_db for day in days if math.isfinite(day.lcpeak_max_db)]
    return max(levels, default=float("nan"))


def peak_interval(basis: Basis) -> Interval | None:
    """From the highest peak less the instrument to where a further day's peak stays below with 95 %.

    ISO 9612:2009 gives no uncertainty for peaks; this is a convention of the tool: daily maxima taken as
    normal in dB, one-sided 95 % prediction bound for one more day, joined with the instrument. ``None`` below
    three valid days.
    """
    daily = np.array([day.lcpeak_max_db for day in basis.valid if math.isfinite(day.lcpeak_max_db)])
    if daily.size < int(noise_rule("full_day_samples")):
        return None
    reach = ONE_SIDED_95 * basis.u2_db
    spread = float(np.std(daily, ddof=1)) * math.sqrt(1.0 + 1.0 / daily.size)
    further = float(daily.mean()) + float(special.stdtrit(daily.size - 1, 0.95)) * spread
    # A peak of a day too short to be a sample was heard all the same.
    highest = peak_value_db(basis.days)
    return Interval(highest - reach, max(further, highest) + reach)


def events_at(days: Sequence[NoiseDay], limit: Limit) -> PeakEvents:
    """Peak events at a limit by its own comparison."""
    if limit.value < PEAK_FLOOR_DB:
        # Single peaks are not kept down there: only whether the highest reached it is known.
        reached = sum(
            day.lcpeak_max_db >= limit.value
            if limit.comparison.inclusive
            else day.lcpeak_max_db > limit.value
            for day in days
        )
        return PeakEvents(count=int(reached), suspected_knocks=0)
    return peak_events(days, limit.value, inclusive=limit.comparison.inclusive)


def assess_peaks(
    basis: Basis, interval: Interval | None, context: AssessmentContext, *, coverage: float
) -> tuple[tuple[LimitAssessment, ...], dict[str, dict[str, int]], tuple[Note, ...]]:
    """Hold the peaks of the usual conditions, with their `peak_interval`, against every row of the profile.

    Returns
    -------
    tuple
        Assessments; events and suspected knocks by limit id; notes.

    Notes
    -----
    An observed event is above whatever the coverage; silence says something only where most of the time was
    heard. Peaks that look like knocks, alone, leave a row open.
    """
    # A peak counts on whatever day it was heard; only full days tell what further days may bring.
    days = basis.days
    value = peak_value_db(days)
    heard = coverage >= context.minimum_coverage("lcpeak_max")
    rows: list[LimitAssessment] = []
    counted: dict[str, dict[str, int]] = {}
    knocks = 0
    for limit in context.limits_for("lcpeak_max"):
        if limit.role is Role.CRITERION:
            continue
        events = events_at(days, limit)
        counted[limit.id] = {"events": events.count, "suspected_knocks": events.suspected_knocks}
        knocks = max(knocks, events.suspected_knocks)
        reason = _reason(events, limit, context, heard=heard, coverage=coverage, days=len(basis.valid))
        rows.append(
            assess_limit(
                None if math.isnan(value) else value,
                interval,
                limit,
                measured=heard or events.count > 0,
                event_observed=events.count > 0,
                reason=Note("no_lcpeak") if math.isnan(value) else reason,
            )
        )
    notes = [Note("suspected_knock_flag", {"n": knocks})] if knocks else []
    if interval is not None:
        notes.append(Note("peak_interval_convention"))
    return tuple(rows), counted, tuple(notes)


def _reason(
    events: PeakEvents, limit: Limit, context: AssessmentContext, *, heard: bool, coverage: float, days: int
) -> Note | None:
    """Why an observed event does not settle the limit, or why silence does not; ``None`` when it does."""
    if events.count and events.count == events.suspected_knocks:
        return Note("suspected_knock", {"n": events.count, "limit": limit.value})
    if events.count:
        unknown = limit.protectors_count and context.workstation.protector is not None
        return Note("peak_under_protector_unknown", {"limit": limit.value}) if unknown else None
    if not heard:
        return Note("coverage_too_low", {"percent": round(100 * coverage)})
    minimum = int(noise_rule("full_day_samples"))
    return Note("peak_few_days", {"n": days, "minimum": minimum}) if days < minimum else None
