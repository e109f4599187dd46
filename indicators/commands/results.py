"""``vigiposte indicators`` and ``vigiposte explain``: what was found, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from indicators.commands.options import (
    chosen_audience,
    chosen_period,
    log_analyst,
    progress_line,
)
from indicators.commands.reading import opened_store, result_of
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
    services_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from indicators.verdicts import FailOn
    from sensors.command_line import Services

__all__ = ["mount"]

_EXCEEDED = 10


def mount(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(indicators)
    app.command()(explain)


def indicators(
    context: typer.Context,
    site: SiteOption = None,
    week: WeekOption = None,
    first: FromOption = None,
    last: ToOption = None,
    workstation: Annotated[
        str | None, typer.Option("--workstation", help="Only this one, with every indicator.")
    ] = None,
    language: LanguageOption = None,
    audience: AudienceOption = "report",
    fail_on: Annotated[
        str | None,
        typer.Option("--fail-on", help="action or limit: end with exit code 10 when one is exceeded."),
    ] = None,
    scheduler: SchedulerOption = None,
    fleet: FleetOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Values, intervals, limits and verdicts of every workstation, worst first."""
    from indicators.commands.fleet import require_whole_sites
    from indicators.commands.terminal_result import result_lines
    from indicators.document import to_document
    from indicators.verdicts import exceeded

    level = _level(fail_on)
    services = services_of(context)
    if fleet is not None:
        require_whole_sites(audience, workstation=workstation)
        _fleet(services, fleet, (week, first, last), scheduler, language, level, as_json=as_json)
        return
    book = services.load_site(site)
    period = chosen_period(book, week, first, last)
    seen_by = chosen_audience(audience)
    say = services.words(language, book, document=as_json)
    progress = progress_line(say("commands.reducing"))
    result = result_of(
        services, book, period, seen_by, scheduler, say, workstation=workstation, progress=progress
    )
    if as_json:
        emit_json("indicators", to_document(result, say))
    else:
        for line in result_lines(result, say, every=workstation is not None):
            typer.echo(line)
    if level is not None and exceeded(result, level):
        raise typer.Exit(_EXCEEDED)


def _fleet(
    services: Services,
    path: Path,
    dates: tuple[str | None, str | None, str | None],
    scheduler: str | None,
    language: str | None,
    level: FailOn | None,
    *,
    as_json: bool,
) -> None:
    from indicators.commands.fleet import fleet_code, fleet_lines, fleet_of
    from indicators.fleet.document import fleet_document

    result = fleet_of(services, path, dates, scheduler, language)
    say = services.text(language or result.language)
    if as_json:
        emit_json("fleet", fleet_document(result, say))
    else:
        for line in fleet_lines(result, say):
            typer.echo(line)
    if code := fleet_code(result, level):
        raise typer.Exit(code)


def _level(name: str | None) -> FailOn | None:
    from indicators.verdicts import FailOn
    from sensors.errors import UsageError

    if name is None:
        return None
    if name not in tuple(FailOn):
        raise UsageError(
            "unknown level", value=name, rule="action or limit", remedy="--fail-on action", code="fail_on"
        )
    return FailOn(name)


def explain(
    context: typer.Context,
    workstation: Annotated[str, typer.Argument(help="Id of the workstation.")],
    indicator: Annotated[str, typer.Argument(help="Id of the indicator, such as lex_8h.")],
    site: SiteOption = None,
    week: WeekOption = None,
    first: FromOption = None,
    last: ToOption = None,
    language: LanguageOption = None,
    audience: AudienceOption = "report",
    scheduler: SchedulerOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say why a number is what it is: formula, source, limit, windows, sensor, calibration, versions."""
    from indicators.commands.terminal_explanation import explanation_lines
    from indicators.document import explanation_document
    from indicators.explain import explain as explained

    services = services_of(context)
    book = services.load_site(site)
    period = chosen_period(book, week, first, last)
    seen_by = chosen_audience(audience)
    log_analyst(services, book, seen_by, f"explain {workstation} {indicator}")
    say = services.words(language, book, document=as_json)
    with opened_store(services, book, scheduler, say, period) as opened:
        found = explained(
            book, opened.store, period, workstation, indicator, seen_by, reduce=not opened.ready
        )
    if as_json:
        emit_json("explain", explanation_document(found, say))
        return
    for line in explanation_lines(found, say, lambda ns: book.local(ns).strftime("%Y-%m-%d %H:%M")):
        typer.echo(line)
