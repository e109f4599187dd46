"""``vigiposte report``: the weekly report as files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import (
    AudienceOption,
    FleetOption,
    FromOption,
    JsonOption,
    LanguageOption,
    SchedulerOption,
    SiteOption,
    ToOption,
    WeekOption,
    emit_json,
    note,
    services_of,
)

if TYPE_CHECKING:
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["mount"]

_LIMIT_EXCEEDED = 10


class FailOn(StrEnum):
    """What makes the command end with exit code 10."""

    ACTION = "action"
    LIMIT = "limit"


def _earlier(period: DatePeriod) -> DatePeriod:
    from datetime import timedelta

    from sensors.periods import date_period

    days = timedelta(days=(period.last - period.first).days + 1)
    return date_period((period.first - days).isoformat(), (period.last - days).isoformat())


def _previous(
    services: Any, book: SiteBook, store: Any, period: DatePeriod, audience: Any, **options: Any
) -> Any:
    from indicators.governance.issue import may_issue
    from sensors.errors import NotEnoughDataError

    try:
        found = services.weekly_result(book, store, _earlier(period), audience, **options)
    except NotEnoughDataError:
        return None
    # What changed since a marked period would issue that period again.
    return found if may_issue(found) else None


def _names(formats: str) -> list[str]:
    return [name.strip() for name in formats.split(",") if name.strip()]


def _fleet(
    services: Any,
    path: Path,
    dates: tuple[str | None, str | None, str | None],
    scheduler: str | None,
    language: str | None,
    formats: str | None,
    out: Path,
    fail_on: FailOn | None,
    *,
    as_json: bool,
) -> None:
    from dashboards.fleet.render import known_fleet_formats, render_fleet
    from indicators import verdicts
    from indicators.commands.fleet import fleet_code, fleet_of, missing_lines
    from indicators.fleet.document import missing_document

    names = known_fleet_formats(_names(formats or "html,pdf"))
    result = fleet_of(services, path, dates, scheduler, language)
    say = services.text(language or result.language)
    written = render_fleet(result, out, names, language)
    if as_json:
        document = {
            "period": result.week,
            "files": [str(path) for path in written],
            "counted_sites": len(result.counted),
            "missing_sites": missing_document(result, say),
        }
        emit_json("report", document)
    else:
        for file in written:
            typer.echo(file)
        for line in missing_lines(result, say):
            typer.echo(line, err=True)
    level = None if fail_on is None else verdicts.FailOn(fail_on.value)
    if code := fleet_code(result, level):
        raise typer.Exit(code)


def mount(app: typer.Typer) -> None:
    """Add ``report`` to `app`."""

    @app.command()
    def report(
        context: typer.Context,
        site: SiteOption = None,
        week: WeekOption = None,
        first: FromOption = None,
        last: ToOption = None,
        formats: Annotated[
            str | None,
            typer.Option(
                "--format",
                help="html, pdf, csv, xlsx, json, with commas; default html,pdf, for an analyst html.",
            ),
        ] = None,
        language: LanguageOption = None,
        out: Annotated[Path, typer.Option("--out", help="Folder the files are written to.")] = Path("report"),
        audience: AudienceOption = "report",
        fail_on: Annotated[
            FailOn | None, typer.Option("--fail-on", help="End with exit code 10 when a limit is exceeded.")
        ] = None,
        scheduler: SchedulerOption = None,
        fleet: FleetOption = None,
        *,
        restitution: Annotated[
            bool,
            typer.Option(
                "--restitution", help="One sheet a workstation for a collective discussion, html and pdf."
            ),
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Write the weekly report: worst first, with intervals, limits, coverage and sources."""
        from dashboards.report.render import known_formats, slug
        from dashboards.report.surroundings import surroundings
        from dashboards.restitution import build_restitution, known_restitution_formats, render_restitution
        from indicators import verdicts
        from indicators.commands.fleet import require_whole_sites
        from indicators.commands.options import (
            chosen_audience,
            chosen_period,
            log_analyst,
            reduced_on_cluster,
        )
        from indicators.governance.issue import refuse_circulation, refuse_issue
        from indicators.model import Audience

        services = services_of(context)
        if language is not None:
            services.text(language)
        if fleet is not None:
            require_whole_sites(audience, restitution=restitution)
            dates = (week, first, last)
            _fleet(services, fleet, dates, scheduler, language, formats, out, fail_on, as_json=as_json)
            return
        seen_by = chosen_audience(audience)
        asked = _names(formats or ("html,pdf" if seen_by.gated else "html"))
        names = known_formats(asked) if not restitution else known_restitution_formats(asked)
        book = services.load_site(site)
        period = chosen_period(book, week, first, last)
        refuse_circulation(seen_by, names)
        log_analyst(services, book, seen_by, f"report {period.first}..{period.last}")
        say = services.words(language, book)
        store = services.open_store(book)
        try:
            ready = reduced_on_cluster(services, book, store, scheduler, say, _earlier(period), period)
            result = services.weekly_result(book, store, period, seen_by, reduce=not ready)
            previous = _previous(services, book, store, period, seen_by, reduce=not ready)
        finally:
            store.close()
        spoken = language or result.language
        around = surroundings(
            book, result, spoken, previous=previous, open_store=lambda: services.open_store(book)
        )
        if restitution:
            refuse_issue(result)
            sheets = build_restitution(result, [row.id for row in book.site.workstations], spoken, around)
            written = render_restitution(sheets, result.period, out, slug(result), names)
        else:
            written = services.render_report(result, out, names, spoken, around=around)
        if seen_by is Audience.ANALYST:
            note(services.text(spoken)("report.not_for_circulation"))
        if as_json:
            emit_json("report", {"period": result.period.week, "files": [str(path) for path in written]})
        else:
            for path in written:
                typer.echo(path)
        if fail_on is not None and verdicts.exceeded(result, verdicts.FailOn(fail_on.value)):
            raise typer.Exit(_LIMIT_EXCEEDED)
