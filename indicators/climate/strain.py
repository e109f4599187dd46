"""Heat strain, comfort and cold of the hardest hour of each shift, as guidance beside the verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from analysis.thermal_library import IREQ_LONGEST_H
from indicators.building import Evidence, indicator_of
from indicators.climate.figures import days_of
from indicators.climate.hours import Hours, Work, hours_of, work_of
from indicators.climate.result import ShiftDay, evidence_of
from indicators.climate.strain_models import MODELS, Model, Outcome
from indicators.context import AssessmentContext
from indicators.intervals import Estimate, Scale, usual
from indicators.limits import Limit
from indicators.model import Indicator, Interval, LimitAssessment, Note, Scope
from indicators.verdicts import assess_limit
from sensors.errors import MissingExtraError

__all__ = ["Strain", "strain_indicator", "strain_of"]

_UNITS = {
    "phs_rectal_temperature": "°C",
    "phs_allowed_time": "min",
    "pmv": "PMV",
    "ppd": "%",
    "utci": "°C",
    "wind_chill": "°C",
    "ireq_minimum": "clo",
    "ireq_clothing": "clo",
    "ireq_allowed_time": "h",
}
_SCALES = {
    "ppd": Scale.PERCENT,
    "phs_allowed_time": Scale.NON_NEGATIVE,
    "ireq_allowed_time": Scale.NON_NEGATIVE,
}
# What to add for each reason that keeps a model from being asked.
_ADVICE = {
    "thermal_needs_air_speed": "add_anemometer",
    "thermal_needs_globe": "add_globe",
    "thermal_needs_humidity": "add_humidity",
    "thermal_clothing_unknown": "state_clothing",
}
_COUNTED_OUT = ("allowed_time_whole_shift", "allowed_time_longest")
_MINUTE_NS = 60_000_000_000
_HOUR_MIN = 60
_LONGEST_MIN = 1440


@dataclass(frozen=True, slots=True)
class Strain:
    """One answer of a model over some shifts, in whichever scope it is shown.

    Attributes
    ----------
    estimate : Estimate or None
        ``None`` where the model could not be asked or did not answer; `notes` then say why.
    """

    name: str
    evidence: Evidence
    estimate: Estimate | None
    method: str
    notes: tuple[Note, ...]
    details: Mapping[str, object]


def strain_of(days: Sequence[ShiftDay], context: AssessmentContext) -> tuple[Strain, ...]:
    """PHS, PMV/PPD, UTCI, wind chill and IREQ where the conditions of some hour call for them.

    Each shift gives its hardest clock hour; the value is the mean over the shifts that have one. Empty unless
    the site asks for them (``[site] thermal_models``); no verdict of the factor rests on them.
    """
    if not context.book.site.site.thermal_models:
        return ()
    hours, work = hours_of(days, context), work_of(context)
    found: list[Strain] = []
    for model in MODELS:
        asked = model.applies(hours)
        if asked.any():
            found += _of_model(model, asked, hours, work, days, context)
    return tuple(found)


def _of_model(
    model: Model,
    asked: NDArray[np.bool_],
    hours: Hours,
    work: Work,
    days: Sequence[ShiftDay],
    context: AssessmentContext,
) -> list[Strain]:
    missing = _missing(model, asked, hours, work)
    chosen = asked & model.has_inputs(hours)
    outcome: Outcome | None = None
    if not missing:
        try:
            outcome = model.run(hours, chosen, work, _shift_min(days))
        except MissingExtraError:
            missing = (Note("thermal_extra_missing"),)
    if outcome is None:
        return [_unknown(name, days, context, missing) for name in model.worst]
    found = []
    for name, rule in model.worst.items():
        by_shift = _hardest(outcome.values[name], hours.shift[chosen], rule)
        if not by_shift:
            found.append(_unknown(name, days, context, (Note("thermal_outside_range"),)))
            continue
        notes = _notes(model, by_shift, days, hours, chosen, work)
        time = _allowed_time_note(name, by_shift, _shift_min(days) / _HOUR_MIN)
        notes = notes if time is None else [*notes, time]
        found.append(_answer(name, by_shift, outcome.method, notes, days, context))
    return found


def _missing(model: Model, asked: NDArray[np.bool_], hours: Hours, work: Work) -> tuple[Note, ...]:
    """Why the model cannot be asked, channel by channel; empty when some hour holds all it needs."""
    if model.needs_clothing and work.clothing_clo is None:
        return (Note("thermal_clothing_unknown"),)
    if (asked & model.has_inputs(hours)).any():
        return ()
    needed = {
        "thermal_needs_air_speed": (model.needs_measured_speed, hours.speed_measured),
        "thermal_needs_globe": (model.needs_radiation, ~np.isnan(hours.radiant_c)),
        "thermal_needs_humidity": (model.needs_radiation, ~np.isnan(hours.humidity_percent)),
    }
    absent = [code for code, (wanted, present) in needed.items() if wanted and not (asked & present).any()]
    return tuple(Note(code) for code in absent or ["thermal_never_together"])


def _hardest(values: NDArray[np.float64], shift: NDArray[np.int64], rule: str) -> dict[int, float]:
    """Value of the hardest hour of each shift in which the model answers."""
    weight = {"max": values, "min": -values, "abs": np.abs(values)}[rule]
    found: dict[int, float] = {}
    for index in np.unique(shift[~np.isnan(values)]).tolist():
        own = shift == index
        found[index] = float(values[own][np.nanargmax(weight[own])])
    return found


def _answer(
    name: str,
    by_shift: dict[int, float],
    method: str,
    notes: list[Note],
    days: Sequence[ShiftDay],
    context: AssessmentContext,
) -> Strain:
    own = [days[index] for index in by_shift]
    values = list(by_shift.values())
    by_day = days_of([(day, value, _coverage([day])) for day, value in zip(own, values, strict=True)])
    return Strain(
        name,
        evidence_of(own, context, _coverage(own)),
        usual(values, [day.wearer for day in own], scale=_SCALES.get(name, Scale.IDENTITY)),
        method,
        tuple(notes),
        {"days": by_day},
    )


def _unknown(
    name: str, days: Sequence[ShiftDay], context: AssessmentContext, reasons: tuple[Note, ...]
) -> Strain:
    return Strain(name, evidence_of(days, context, _coverage(days)), None, "", reasons, {})


def strain_indicator(strain: Strain, context: AssessmentContext, *, scope: Scope) -> Indicator:
    """Indicator of one answer; in scope ``week`` without interval and limits."""
    within_week = scope is Scope.WEEK
    rows = () if within_week else context.limits_for(strain.name)
    if strain.estimate is None:
        return _not_measured(strain, rows, scope)
    value, interval = strain.estimate.value, None if within_week else strain.estimate.interval
    # Where every shift reaches the longest time that is counted, equal values say nothing of scatter.
    counted_out = any(note.code in _COUNTED_OUT for note in strain.notes)
    spread = [note for note in strain.estimate.notes if not (counted_out and note.code == "no_variation")]
    return indicator_of(
        strain.name,
        value,
        _UNITS[strain.name],
        interval,
        strain.evidence,
        method=strain.method,
        scope=scope,
        quality=(*(() if within_week else spread), *strain.notes),
        limits=tuple(_held(value, interval, row, strain.evidence.coverage) for row in rows),
        details=strain.details,
    )


def _held(value: float, interval: Interval | None, limit: Limit, coverage: float) -> LimitAssessment:
    row = assess_limit(
        value,
        interval,
        limit,
        measured=coverage >= limit.minimum_coverage,
        reason=Note("one_worker_day") if interval is None else None,
    )
    # A vote has no natural zero and an allowed time may be none: no ratio, and guidance ranks nothing.
    return replace(row, ratio=None, ratio_kind=None)


def _not_measured(strain: Strain, rows: Sequence[Limit], scope: Scope) -> Indicator:
    reason = strain.notes[0]
    advice = _ADVICE.get(reason.code)
    return indicator_of(
        strain.name,
        None,
        _UNITS[strain.name],
        None,
        strain.evidence,
        method="",
        scope=scope,
        quality=strain.notes,
        limits=tuple(assess_limit(None, None, row, measured=False, reason=reason) for row in rows),
        next_best=None if advice is None or not rows else Note(advice),
    )


def _notes(
    model: Model,
    by_shift: dict[int, float],
    days: Sequence[ShiftDay],
    hours: Hours,
    chosen: NDArray[np.bool_],
    work: Work,
) -> list[Note]:
    notes = [Note("thermal_guidance", {"n": len(by_shift), "total": len(days)})]
    if model.needs_clothing and work.clothing_clo is not None:
        notes.append(
            Note("thermal_work", {"rate_met": round(work.rate_met, 2), "clothing_clo": work.clothing_clo})
        )
    if not hours.speed_measured[chosen].all():
        assumed = hours.air_speed_m_s[chosen & ~hours.speed_measured]
        notes.append(Note("air_speed_assumed", {"air_speed_m_s": float(assumed[0])}))
    return notes


def _allowed_time_note(name: str, by_shift: dict[int, float], shift_h: float) -> Note | None:
    """What the shortest allowed time means where the model counts no further or the shift goes on."""
    shortest = min(by_shift.values())
    if name == "phs_allowed_time":
        shortest /= _HOUR_MIN
        if shortest >= shift_h:
            return Note("allowed_time_whole_shift", {"hours": round(shift_h, 1)})
    elif name == "ireq_allowed_time":
        if shortest >= IREQ_LONGEST_H:
            return Note("allowed_time_longest", {"hours": IREQ_LONGEST_H})
    else:
        return None
    return Note("allowed_time_shorter", {"hours": round(shift_h, 1)}) if shortest < shift_h else None


def _coverage(days: Sequence[ShiftDay]) -> float:
    return fmean(max(sensor.coverage for sensor in day.sensors) for day in days)


def _shift_min(days: Sequence[ShiftDay]) -> int:
    """Planned length of the shift [min], which heat strain is predicted over."""
    return int(np.clip(round(fmean(day.expected_ns for day in days) / _MINUTE_NS), 1, _LONGEST_MIN))
