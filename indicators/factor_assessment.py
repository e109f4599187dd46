"""One factor of one workstation: the worker-days that may be shown, to indicators and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from indicators.context import AssessmentContext, build_context
from indicators.disclosure.publication import Permits, Refused
from indicators.limits import Limit, Role
from indicators.model import Factor, FactorResult, Indicator, Note, Period, Scope, Verdict
from indicators.verdicts import SEVERITY, factor_verdict
from indicators.worker_days.merging import MergedDay
from sensors.quantities import Kind
from sensors.site_model import Workstation

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["MEASURED", "HeldBack", "assess_days", "judged_factor", "measured_factor"]

MEASURED = {Factor.NOISE: Kind.NOISE, Factor.POSTURE: Kind.POSTURE, Factor.CLIMATE: Kind.CLIMATE}


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A factor of which nothing may be shown."""

    factor: Factor
    refused: Refused


def measured_factor(
    book: SiteBook,
    station: Workstation,
    period: Period,
    factor: Factor,
    days: Sequence[MergedDay],
    permits: Permits | None,
    *,
    figures: bool = True,
) -> FactorResult | HeldBack:
    """Assess one factor of one workstation, every shift that was measured.

    Parameters
    ----------
    days : sequence of MergedDay
        Worker-days of the workstation in the usual window.
    permits : Permits or None
        Rulings of the privacy gate; ``None`` for the analyst, who sees everything.
    figures : bool
        With what is drawn of the indicators.
    """
    kind = MEASURED[factor]
    own = [item for item in days if item.day.kind is kind]
    shifts = [name for name in station.shifts if any(item.day.shift == name for item in own)]
    indicators: list[Indicator] = []
    usual: list[Any] = []
    refused: list[Refused] = []
    contexts = [build_context(book, station, shift, period, figures=figures) for shift in shifts]
    for shift, context in zip(shifts, contexts, strict=True):
        of_shift = [item for item in own if item.day.shift == shift]
        if permits is None:
            content = [item.content for item in of_shift]
            indicators += assess_days(kind, content, context)
            usual += content
            continue
        view = permits.view(station.id, shift, kind, of_shift, period)
        refused += view.refused
        usual += [item.content for item in view.usual]
        indicators += [
            replace(item, quality=(*view.notes, *(n for n in item.quality if n not in view.notes)))
            if item.worn
            else item
            for item in _by_scope(kind, view.usual, view.week, context)
        ]
    if not indicators:
        if refused:
            return HeldBack(factor, refused[0])
        reason = Note("no_data" if _has_sensor(book, station.id, kind) else "no_sensor")
        return FactorResult(
            factor=factor, verdict=Verdict.NOT_MEASURED, above=None, reason=reason, indicators=()
        )
    # Of a year no shift has limits of its own.
    indicators += _project(kind, usual, contexts[0])
    missing = _rows_without_indicator(contexts[0], factor, indicators)
    idle = [name for name in station.shifts if name not in shifts]
    gap = Note("shifts_not_measured", {"shifts": ", ".join(idle)}) if idle else None
    return judged_factor(factor, indicators, missing, Note("partly_withheld") if refused else gap)


def _by_scope(
    kind: Kind, usual: Sequence[MergedDay], week: Sequence[MergedDay], context: AssessmentContext
) -> list[Indicator]:
    """Each scope from its own worker-days; once for both where the week is simply a part of the whole."""
    inside = {id(item) for item in usual if context.in_period(item.day.day)}
    content = [item.content for item in usual]
    found = list(assess_days(kind, content, context)) if content else []
    if inside == {id(item) for item in week}:
        return found
    of_week = assess_days(kind, [item.content for item in week], context) if week else ()
    return [
        *(item for item in found if item.scope is Scope.USUAL),
        *(item for item in of_week if item.scope is Scope.WEEK),
    ]


def assess_days(kind: Kind, content: Sequence[Any], context: AssessmentContext) -> tuple[Indicator, ...]:
    """Indicators of the worker-days of one kind of sensor at one (workstation, shift), both scopes."""
    if kind is Kind.NOISE:
        from indicators.noise.assessment import assess as assess_noise

        return assess_noise(content, context=context)
    if kind is Kind.CLIMATE:
        from indicators.climate.assessment import assess as assess_climate

        return assess_climate(content, context=context)
    from indicators.posture.assessment import assess as assess_posture

    return assess_posture(content, context=context)


def _project(kind: Kind, content: Sequence[Any], context: AssessmentContext) -> tuple[Indicator, ...]:
    """Annual projections over the worker-days of all shifts, where the site's profiles hold such limits."""
    from indicators.c2p import assessment as projection

    # By the unit, not the role: the posture threshold retired in 2017 is still a yardstick a year.
    if not any(row.unit.endswith("/year") and row.factor == kind.value for row in context.limits):
        return ()
    if kind is Kind.NOISE:
        return projection.project_noise(content, context)
    if kind is Kind.CLIMATE:
        return projection.project_climate(content, context)
    return projection.project_posture(content, context)


def judged_factor(
    factor: Factor, indicators: Sequence[Indicator], missing: Sequence[Limit], gap: Note | None
) -> FactorResult:
    """A factor from its indicators; `gap` says what keeps it from being below all the same."""
    verdict, above, reason = factor_verdict(indicators, missing)
    if verdict is Verdict.BELOW and gap is not None:
        # What was not measured, or is not shown, is not known to be below.
        verdict, reason = Verdict.NOT_SETTLED, gap
    return FactorResult(
        factor=factor,
        verdict=verdict,
        above=above,
        reason=reason,
        indicators=tuple(indicators),
        next_best=_next_best(indicators),
    )


def _next_best(indicators: Sequence[Indicator]) -> Note | None:
    """Advice of the indicator that is nearest to trouble: its worst verdict, then its largest ratio."""

    def weight(item: Indicator) -> tuple[int, float]:
        rows = [row for row in item.limits if row.limit.role.moves_verdict]
        open_rows = [row for row in rows if row.verdict in (Verdict.NOT_SETTLED, Verdict.NOT_MEASURED)]
        return (
            max((SEVERITY[row.verdict] for row in open_rows), default=-1),
            max((row.ratio or 0.0 for row in rows), default=0.0),
        )

    # What would complete a guidance value is said beside it; the factor's advice is about verdicts.
    advising = [
        item
        for item in indicators
        if item.next_best is not None
        and item.scope is Scope.USUAL
        and not (item.limits and all(row.limit.role is Role.GUIDANCE for row in item.limits))
    ]
    chosen = max(advising, key=weight, default=None)
    return None if chosen is None else chosen.next_best


def _rows_without_indicator(
    context: AssessmentContext, factor: Factor, indicators: Sequence[Indicator]
) -> tuple[Limit, ...]:
    seen = {row.limit.id for item in indicators if item.scope is Scope.USUAL for row in item.limits}
    return tuple(
        row
        for row in context.limits
        if row.factor == factor.value and row.role.moves_verdict and row.id not in seen
    )


def _has_sensor(book: SiteBook, workstation: str, kind: Kind) -> bool:
    kinds = {sensor.id: sensor.kind for sensor in book.site.sensors}
    placed = {row.sensor for row in book.site.placements if row.workstation == workstation}
    moved = {row.sensor for row in book.logs.assignments if row.workstation == workstation}
    return any(kinds.get(sensor) is kind for sensor in placed | moved)
