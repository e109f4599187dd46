"""``vigiposte reduce`` and ``vigiposte exclude``: minute summaries, and windows that must not count."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from indicators.commands.options import chosen_period, on_cluster, on_one_cluster, progress_line
from sensors.command_line import (
    FleetOption,
    FromOption,
    JsonOption,
    SchedulerOption,
    SiteOption,
    ToOption,
    WeekOption,
    emit_json,
    note,
    services_of,
)
from sensors.errors import NotEnoughDataError, UsageError
from sensors.fleet_runs import SiteAnswer, at_each_site

if TYPE_CHECKING:
    from indicators.reduction.service import ReduceReport
    from ingest.store import Store
    from sensors.command_line import Services
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["mount"]

_HEADS = tuple(f"commands.column_{name}" for name in ("computed", "current", "refused", "minutes"))


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(reduce)
    app.command()(exclude)


def reduce(
    context: typer.Context,
    site: SiteOption = None,
    week: WeekOption = None,
    first: FromOption = None,
    last: ToOption = None,
    scheduler: SchedulerOption = None,
    fleet: FleetOption = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Compute again what is up to date too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Turn raw readings into minute summaries; without dates, all that are in the store."""
    services = services_of(context)
    dates = (week, first, last)
    if fleet is not None:
        work = partial(_answer, services, dates, scheduler, force=force)
        with on_one_cluster(services, fleet, scheduler):
            at_each_site(services, fleet, "reduce", _HEADS, work, as_json=as_json)
        return
    book = services.load_site(site)
    say = services.words(None, book)
    report, period = _reduced(services, book, dates, scheduler, force=force)
    if as_json:
        emit_json("reduce", _document(report, period))
        return
    typer.echo(
        say(
            "commands.reduced",
            computed=report.computed,
            current=report.current,
            refused=len(report.refused),
            minutes=report.rows,
        )
    )
    told = services.translated(book)
    for item in report.refused:
        where = f"× {item.partition.sensor} {item.partition.day}"
        typer.echo(say("terminal.counted", what=where, number=told(item.problem)))
    for sensor in report.unknown_sensors:
        note(say("commands.unknown_sensor", sensor=sensor))


def _reduced(
    services: Services,
    book: SiteBook,
    dates: tuple[str | None, str | None, str | None],
    scheduler: str | None,
    *,
    force: bool,
) -> tuple[ReduceReport, DatePeriod]:
    store = services.open_store(book)
    say = services.words(None, book)
    try:
        period = chosen_period(book, *dates) if any(dates) else _whole_store(book, store)
        progress = progress_line(say("commands.reducing"))
        with on_cluster(services, book, scheduler, say) as executor:
            report = services.reduce(book, store, period, force=force, progress=progress, executor=executor)
    finally:
        store.close()
    return report, period


def _answer(
    services: Services,
    dates: tuple[str | None, str | None, str | None],
    scheduler: str | None,
    book: SiteBook,
    *,
    force: bool,
) -> SiteAnswer:
    report, period = _reduced(services, book, dates, scheduler, force=force)
    told = services.translated(book)
    return SiteAnswer(
        document=_document(report, period),
        cells=tuple(map(str, (report.computed, report.current, len(report.refused), report.rows))),
        below=tuple(
            f"× {item.partition.sensor} {item.partition.day}: {told(item.problem)}" for item in report.refused
        ),
    )


def _whole_store(book: SiteBook, store: Store) -> DatePeriod:
    from sensors.periods import date_period

    days = [partition.day for partition in store.partitions(book.site.site.id)]
    if not days:
        raise NotEnoughDataError(
            "the store holds no reading of this site",
            value=store.url,
            remedy="run `vigiposte ingest` first",
            code="store_empty",
        )
    return date_period(min(days), max(days))


def _document(report: ReduceReport, period: DatePeriod) -> dict[str, object]:
    return {
        "period": {"from": period.first.isoformat(), "to": period.last.isoformat()},
        "partitions": [
            {
                "kind": item.partition.kind.value,
                "sensor": item.partition.sensor,
                "day": item.partition.day.isoformat(),
                "outcome": item.outcome.value,
                "minutes": item.rows,
                "problem": item.problem or None,
            }
            for item in report.outcomes
        ],
        "unknown_sensors": list(report.unknown_sensors),
    }


def exclude(
    context: typer.Context,
    sensor: Annotated[str, typer.Argument(help="Sensor whose readings must not count.")],
    start: Annotated[str, typer.Option("--from", help="Begin, such as 2026-11-17T09:30 (site time).")],
    end: Annotated[str, typer.Option("--to", help="End, not included.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in reports.")],
    who: Annotated[str | None, typer.Option("--who", help="Role of who decided, never a name.")] = None,
    site: SiteOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Leave a window of a sensor out of every result; a line with its reason goes to exclusions.csv."""
    from sensors.logs import append_log

    services = services_of(context)
    book = services.load_site(site)
    book.sensor(sensor)
    begin, finish = _moment(book, start, "--from"), _moment(book, end, "--to")
    if book.to_ns(finish) <= book.to_ns(begin):
        raise UsageError(
            "the window ends before it begins",
            value=f"{start} to {end}",
            rule="--from before --to",
            code="from_after_to",
        )
    if not reason.strip():
        raise UsageError("an exclusion needs a reason", rule="--reason is not empty", code="reason_missing")
    row = {
        "from": begin.isoformat(timespec="seconds"),
        "to": finish.isoformat(timespec="seconds"),
        "sensor": sensor,
        "reason": reason.strip(),
        "who": (who or "").strip(),
    }
    path = append_log(book.folder, "exclusions", row)
    if as_json:
        emit_json("exclude", {"file": str(path), "row": row})
    else:
        typer.echo(path)


def _moment(book: SiteBook, text: str, option: str) -> datetime:
    from sensors.local_time import clock_oddity

    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{option} is not a moment",
            value=text,
            rule="year-month-dayThour:minute, site time unless it has an offset",
            remedy="for example 2026-11-17T09:30",
            code="time_format",
        ) from None
    if clock_oddity(moment, book.zone) is not None:
        raise UsageError(
            f"{option} falls into a change of clocks",
            value=text,
            rule="this reading comes twice or never",
            remedy="add the offset, for example +01:00",
            code="ambiguous_time",
        )
    return moment
