"""Summaries to the weekly result: every factor of every workstation by its worst shift, worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from indicators.context import AssessmentContext, applies, build_context
from indicators.limits import Limit, Role, in_force, table_hash
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Indicator,
    Note,
    Period,
    Scope,
    Verdict,
    WeeklyResult,
    WorkerDay,
    WorkstationResult,
)
from indicators.privacy import gate
from indicators.reduction.service import reduce_partitions
from indicators.summaries import MergedDay, merge_days
from indicators.verdicts import SEVERITY, factor_verdict
from indicators.work_time_assessment import assess_work_time
from indicators.workdays import usual_window, worker_days
from sensors.errors import NotEnoughDataError
from sensors.quantities import Kind
from sensors.site_model import Workstation

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = [
    "assess_days",
    "assess_workstation",
    "merged_days",
    "software_version",
    "to_period",
    "weekly_result",
]

_MEASURED = {Factor.NOISE: Kind.NOISE, Factor.POSTURE: Kind.POSTURE, Factor.CLIMATE: Kind.CLIMATE}


def weekly_result(
    book: SiteBook,
    store: Store,
    period: DatePeriod | Period,
    audience: Audience | str = Audience.REPORT,
    *,
    reduce: bool = True,
    progress: Callable[[int, int], None] | None = None,
    workstation: str | None = None,
) -> WeeklyResult:
    """Indicators, verdicts and ranking of a site for a period, through the privacy gate.

    Parameters
    ----------
    book : SiteBook
        Site, placements, calibrations and logs.
    store : Store
        Raw rows and minute summaries.
    period : DatePeriod or Period
        Site dates, both included. Worker-days inside it make the ``week`` scope; those of the campaign, or of
        the eight weeks up to its end, the ``usual`` scope that carries the verdicts.
    audience : Audience or str
        Who will see it.
    reduce : bool
        Bring the minute summaries up to date first.
    progress : callable(done, total), optional
        Of the reduction.
    workstation : str, optional
        Only this one; it then has no rank among others.

    Raises
    ------
    UnknownNameError
        There is no such workstation.
    NotEnoughDataError
        Code ``nothing_measured``: no reading lies within a shift of the period.
    ConfigurationError
        Code ``summary_version``.
    StoreUnreachableError
        The store does not answer.
    """
    stations = [book.workstation(workstation)] if workstation is not None else list(book.site.workstations)
    span = to_period(book, period)
    if reduce:
        first, last = usual_window(book, span.first, span.last)
        reduce_partitions(book, store, first, last, progress=progress)
    merged = merged_days(book, store, span, workstation)
    _require_data(book, store, span, merged)
    results = [assess_workstation(book, station, span, merged.get(station.id, ())) for station in stations]
    result = WeeklyResult(
        site=book.site.site.id,
        site_label=book.site.site.label,
        language=book.site.site.language,
        audience=Audience(audience),
        period=span,
        version=software_version(),
        references=table_hash(),
        workstations=tuple(results),
        notes=_site_notes(book, merged),
    )
    return gate(result, book, audience)


def _require_data(
    book: SiteBook, store: Store, period: Period, merged: Mapping[str, Sequence[MergedDay]]
) -> None:
    if any(
        item.minutes and period.first <= item.day.day <= period.last
        for days in merged.values()
        for item in days
    ):
        return
    seen = store.last_seen(book.site.site.id)
    newest = None if not seen else book.local(max(seen.values())).date().isoformat()
    raise NotEnoughDataError(
        "nothing was measured in this period",
        value=period.week or f"{period.first} to {period.last}",
        rule="readings within the shifts of a workstation",
        remedy="run the ingest first" if newest is None else f"the last readings are of {newest}",
        code="nothing_measured",
    )


def to_period(book: SiteBook, period: DatePeriod | Period) -> Period:
    """Site dates with their bounds in UTC nanoseconds."""
    if isinstance(period, Period):
        return period
    start_ns, end_ns = period.bounds_ns(book.zone)
    return Period(period.first, period.last, start_ns, end_ns, book.site.site.timezone, period.week)


def software_version() -> str:
    """Version of the installed distribution."""
    try:
        return version("vigiposte")
    except PackageNotFoundError:
        return "unknown"


def merged_days(
    book: SiteBook, store: Store, period: Period, workstation: str | None = None
) -> Mapping[str, Sequence[MergedDay]]:
    """Worker-days of the usual window by workstation, each with what its sensor saw.

    A day without any data counts as planned and missing when it lies in the period and its sensor was fixed
    or assigned to somebody; other empty days were simply not measured.
    """
    days = worker_days(book, *usual_window(book, period.first, period.last), workstation=workstation)

    def planned(day: WorkerDay) -> bool:
        in_period = period.first <= day.day <= period.last
        return in_period and (not day.mount.worn or day.wearer is not None)

    found: dict[str, list[MergedDay]] = {}
    for item in merge_days(store, days, planned):
        found.setdefault(item.day.workstation, []).append(item)
    return found


def assess_workstation(
    book: SiteBook, station: Workstation, period: Period, days: Sequence[MergedDay]
) -> WorkstationResult:
    """All factors of one workstation side by side, not ranked yet and nothing held back."""
    factors = [_measured_factor(book, station, period, factor, days) for factor in _MEASURED]
    on = period.last
    limits = tuple(row for row in in_force(on, profiles=book.site.site.limits) if applies(row, station))
    planned = assess_work_time(book.site, station, limits, on)
    if planned:
        factors.append(_factor(Factor.WORK_TIME, planned, (), None))
    return WorkstationResult(
        id=station.id,
        label=station.label,
        family=station.family,
        rank=None,
        worst=None,
        factors_over=0,
        factors=tuple(factors),
    )


def _measured_factor(
    book: SiteBook, station: Workstation, period: Period, factor: Factor, days: Sequence[MergedDay]
) -> FactorResult:
    kind = _MEASURED[factor]
    own = [item for item in days if item.day.kind is kind]
    shifts = [name for name in station.shifts if any(item.day.shift == name for item in own)]
    indicators: list[Indicator] = []
    for shift in shifts:
        context = build_context(book, station, shift, period)
        content = [item.content for item in own if item.day.shift == shift]
        indicators += assess_days(kind, content, context)
    if not indicators:
        reason = Note("no_data" if _has_sensor(book, station.id, kind) else "no_sensor")
        return FactorResult(
            factor=factor, verdict=Verdict.NOT_MEASURED, above=None, reason=reason, indicators=()
        )
    context = build_context(book, station, shifts[0], period)
    indicators += _project(kind, [item.content for item in own], context)
    missing = _rows_without_indicator(context, factor, indicators)
    idle = [name for name in station.shifts if name not in shifts]
    gap = Note("shifts_not_measured", {"shifts": ", ".join(idle)}) if idle else None
    return _factor(factor, indicators, missing, gap)


def assess_days(kind: Kind, content: Sequence[Any], context: AssessmentContext) -> tuple[Indicator, ...]:
    """Indicators of the worker-days of one kind of sensor at one (workstation, shift), both scopes."""
    if kind is Kind.NOISE:
        from indicators.noise_assessment import assess as assess_noise

        return assess_noise(content, context=context)
    if kind is Kind.CLIMATE:
        from indicators.climate_assessment import assess as assess_climate

        return assess_climate(content, context=context)
    from indicators.posture_assessment import assess as assess_posture

    return assess_posture(content, context=context)


def _project(kind: Kind, content: Sequence[Any], context: AssessmentContext) -> tuple[Indicator, ...]:
    """Annual projections over the worker-days of all shifts, where the site's profiles hold such limits."""
    from indicators import projection_assessment as projection

    if not any(row.role is Role.PROJECTION and row.factor == kind.value for row in context.limits):
        return ()
    if kind is Kind.NOISE:
        return projection.project_noise(content, context)
    if kind is Kind.CLIMATE:
        return projection.project_climate(content, context)
    return projection.project_posture(content, context)


def _factor(
    factor: Factor, indicators: Sequence[Indicator], missing: Sequence[Limit], gap: Note | None
) -> FactorResult:
    verdict, above, reason = factor_verdict(indicators, missing)
    if verdict is Verdict.BELOW and gap is not None:
        # A shift in which nobody measured is not known to be below.
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

    advising = [item for item in indicators if item.next_best is not None and item.scope is Scope.USUAL]
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


def _site_notes(book: SiteBook, merged: Mapping[str, Sequence[MergedDay]]) -> tuple[Note, ...]:
    origins = {sensor.id: sensor.origin.value for sensor in book.site.sensors}
    used = {origins[item.day.sensor] for days in merged.values() for item in days if item.minutes}
    return tuple(Note(f"data_{origin}") for origin in sorted(used - {"live"}))
