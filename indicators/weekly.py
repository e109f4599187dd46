"""Summaries to the weekly result: every factor of every workstation by its worst shift, worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from indicators.c2p.work_time_assessment import assess_work_time
from indicators.context import rows_for
from indicators.disclosure.publication import Permits, permits
from indicators.factor_assessment import MEASURED, HeldBack, assess_days, judged_factor, measured_factor
from indicators.limits import table_hash
from indicators.model import (
    Audience,
    Factor,
    FactorResult,
    Note,
    Period,
    WeeklyResult,
    Withheld,
    WorkerDay,
    WorkstationResult,
)
from indicators.privacy import gate
from indicators.reduction.service import reduce_partitions
from indicators.worker_days.joining import usual_window, worker_days
from indicators.worker_days.merging import MergedDay, merge_days
from sensors.errors import NotEnoughDataError
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


def weekly_result(
    book: SiteBook,
    store: Store,
    period: DatePeriod | Period,
    audience: Audience | str = Audience.REPORT,
    *,
    reduce: bool = True,
    progress: Callable[[int, int], None] | None = None,
    workstation: str | None = None,
    figures: bool = True,
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
    figures : bool
        Give indicators what is drawn of them; without, values and verdicts are the same, only sooner.

    Raises
    ------
    GovernanceError, LocalResourceError
        What is published cannot be written down: ``ledger_broken``, ``ledger_unwritable``.
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
    chosen = Audience(audience)
    merged = dict(merged_days(book, store, span, workstation))
    _require_data(book, store, span, merged)
    beside = merged | _relatives(book, store, span, workstation) if chosen.gated else {}
    allowed = permits(book, span, beside, chosen) if chosen.gated else None
    results = [
        assess_workstation(book, station, span, merged.get(station.id, ()), allowed, figures=figures)
        for station in stations
    ]
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


def _relatives(
    book: SiteBook, store: Store, period: Period, workstation: str | None
) -> dict[str, Sequence[MergedDay]]:
    """Worker-days of the family of a workstation asked for alone: small groups are put together with them."""
    family = None if workstation is None else book.workstation(workstation).family
    if family is None or not book.site.privacy.merge_families:
        return {}
    others = [row.id for row in book.site.workstations if row.family == family and row.id != workstation]
    return {name: merged_days(book, store, period, name).get(name, ()) for name in others}


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
    book: SiteBook,
    station: Workstation,
    period: Period,
    days: Sequence[MergedDay],
    permits: Permits | None = None,
    *,
    figures: bool = True,
) -> WorkstationResult:
    """All factors of one workstation side by side, not ranked yet.

    With `permits` (audience `report`), only on the worker-days that the privacy gate ruled in.
    """
    found = [
        measured_factor(book, station, period, factor, days, permits, figures=figures) for factor in MEASURED
    ]
    factors = [item for item in found if isinstance(item, FactorResult)]
    on = period.last
    planned = assess_work_time(book.site, station, rows_for(book, station, on), on)
    if planned:
        factors.append(judged_factor(Factor.WORK_TIME, planned, (), None))
    return WorkstationResult(
        id=station.id,
        label=station.label,
        family=station.family,
        rank=None,
        worst=None,
        factors_over=0,
        factors=tuple(factors),
        withheld=_withheld(
            [item for item in found if isinstance(item, HeldBack)], 0 if permits is None else permits.minimum
        ),
    )


def _withheld(held: Sequence[HeldBack], minimum: int) -> Withheld | None:
    if not held:
        return None
    fewest = min(held, key=lambda item: item.refused.wearers).refused
    return Withheld(
        factors=tuple(item.factor for item in held),
        reason=fewest.reason,
        wearers=fewest.wearers,
        minimum=minimum,
    )


def _site_notes(book: SiteBook, merged: Mapping[str, Sequence[MergedDay]]) -> tuple[Note, ...]:
    origins = {sensor.id: sensor.origin.value for sensor in book.site.sensors}
    used = {origins[item.day.sensor] for days in merged.values() for item in days if item.minutes}
    return tuple(Note(f"data_{origin}") for origin in sorted(used - {"live"}))
