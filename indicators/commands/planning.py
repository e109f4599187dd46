"""``vigiposte plan``: sensors, positions, people and days, and the verdicts that can settle."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indicators.commands.options import chosen_audience, log_analyst
from sensors.command_line import (
    AudienceOption,
    JsonOption,
    LanguageOption,
    SiteOption,
    emit_json,
    note,
    services_of,
)

if TYPE_CHECKING:
    from indicators.model import Audience, Factor
    from indicators.planning.floor import FloorPlan
    from indicators.planning.pilot import Pilot
    from sensors.command_line import Services
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(plan)


def plan(
    context: typer.Context,
    site: SiteOption = None,
    factor: Annotated[
        str, typer.Option("--factor", help="noise, posture, climate; several with commas.")
    ] = "noise,posture,climate",
    workstation: Annotated[
        list[str] | None, typer.Option("--workstation", help="Only this one; may be repeated.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", help="First day, YYYY-MM-DD; default: next Monday.")
    ] = None,
    days_each: Annotated[
        int | None, typer.Option("--days-each", min=1, max=20, help="Days asked of one person at most.")
    ] = None,
    wanted: Annotated[
        float, typer.Option("--wanted", min=0.5, max=0.99, help="Probability to settle that is aimed at.")
    ] = 0.80,
    pilot: Annotated[
        str | None,
        typer.Option(
            "--pilot", help="FROM..TO: earlier days to learn from (analyst); default: the campaign."
        ),
    ] = None,
    spare: Annotated[
        int, typer.Option("--spare", min=0, max=100, help="Fixed sensors beyond one a workstation.")
    ] = 0,
    criterion: Annotated[
        str, typer.Option("--criterion", help="mutual_information, a_optimal or entropy.")
    ] = "mutual_information",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for checklist, floor maps and plan.json.")
    ] = None,
    language: LanguageOption = None,
    audience: AudienceOption = "report",
    *,
    no_pilot: Annotated[
        bool, typer.Option("--no-pilot", help="Do not open the store; assume the scatter of days.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Plan a measuring campaign and say beforehand which verdicts it can and cannot settle."""
    from indicators.planning.document import plan_document, plan_lines
    from indicators.planning.plan import plan_campaign

    services = services_of(context)
    book = services.load_site(site)
    seen_by = chosen_audience(audience)
    factors = _factors(factor)
    first = _start(start, book)
    say = services.words(language, book, document=as_json)
    log_analyst(services, book, seen_by, "plan")
    learnt = None if no_pilot else _pilot(services, book, pilot, seen_by)
    made = plan_campaign(
        book,
        start=first,
        pilot=learnt,
        factors=factors,
        workstations=workstation or (),
        most_days_each=days_each,
        wanted=wanted,
        audience=seen_by,
    )
    floors = _floors(book, factors, spare, criterion, learnt)
    document = plan_document(made, say, floors)
    if out is not None:
        written = services.extra["render_plan"](
            made, floors, document, out, language or book.site.site.language, book
        )
        if not as_json:
            for path in written:
                typer.echo(str(path))
    if as_json:
        emit_json("plan", document)
    elif out is None:
        for line in plan_lines(made, say, floors):
            typer.echo(line)


def _factors(names: str) -> tuple[Factor, ...]:
    from indicators.model import Factor
    from indicators.planning.plan import MEASURED_FACTORS
    from sensors.errors import UsageError

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in [factor.value for factor in MEASURED_FACTORS]]:
        raise UsageError(
            "no plan can be made for this factor",
            value=unknown[0],
            rule=f"one of {', '.join(MEASURED_FACTORS)}",
            remedy="--factor noise,posture",
            code="unknown_factor",
        )
    return tuple(Factor(name) for name in wanted)


def _start(text: str | None, book: SiteBook) -> date:
    from indicators.planning.plan import next_monday
    from sensors.errors import UsageError

    if text is None:
        return next_monday(book, datetime.now(book.zone))
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "--start is not a date",
            value=text,
            rule="year-month-day",
            remedy="--start 2026-11-30",
            code="date_format",
        ) from None


def _pilot_dates(text: str | None, book: SiteBook) -> tuple[DatePeriod, bool]:
    """Period of the pilot, and whether it is meant to the day."""
    from sensors.periods import date_period, week_period

    first, separator, last = (text or "").partition("..")
    if separator:
        return date_period(first, last), True
    return week_period(text, book.zone, datetime.now(book.zone)), False


def _pilot(services: Services, book: SiteBook, text: str | None, audience: Audience) -> Pilot | None:
    from indicators.planning.pilot import read_pilot
    from sensors.errors import UnreachableError

    period, exactly = _pilot_dates(text, book)
    try:
        store = services.open_store(book)
    except UnreachableError as error:
        note(services.translated(book)(str(error)))
        return None
    try:
        return read_pilot(book, store, period, audience, exactly=exactly)
    except UnreachableError as error:
        note(services.translated(book)(str(error)))
        return None
    finally:
        store.close()


def _floors(
    book: SiteBook, factors: tuple[Factor, ...], spare: int, criterion: str, pilot: Pilot | None
) -> list[FloorPlan]:
    from indicators.model import Factor
    from indicators.planning.floor import plan_floor

    if book.site.floor is None or not any(row.position_m for row in book.site.workstations):
        if not spare:
            return []
        # Asked for spare sensors, the missing plan is a mistake that has a remedy.
        return [plan_floor(book, Factor.NOISE, spare=spare, criterion=criterion)]
    return [
        plan_floor(
            book,
            factor,
            spare=spare,
            criterion=criterion,
            running=pilot.fixed if pilot is not None else {},
        )
        for factor in factors
        if factor is not Factor.POSTURE
    ]
