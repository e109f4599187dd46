"""``vigiposte annex``: the DUERP annex of a site, or of each site of a fleet with the group's summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indicators.commands.options import chosen_circle, chosen_period, on_cluster
from indicators.commands.reading import result_of
from sensors.command_line import (
    CircleOption,
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
    write_atomic,
)
from sensors.errors import NotEnoughDataError, UnreachableError, VigiposteError
from sensors.fleet_runs import (
    SiteAnswer,
    SiteRun,
    failure_lines,
    problem_document,
    run_sites,
    text_table,
    worst_code,
)

if TYPE_CHECKING:
    from indicators.c2p.annex import Annex
    from indicators.fleet.annex import FleetAnnex
    from indicators.model import Audience
    from sensors.command_line import Services
    from sensors.fleet_file import Fleet
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["mount"]

_FORMATS = ("csv", "xlsx", "json")
_MARKED = "period_marked"
_Dates = tuple[str | None, str | None, str | None]


def mount(app: typer.Typer) -> None:
    """Add ``annex`` to `app`."""
    app.command()(annex)


def annex(
    context: typer.Context,
    site: SiteOption = None,
    week: WeekOption = None,
    first: FromOption = None,
    last: ToOption = None,
    language: LanguageOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write files to.")] = None,
    formats: Annotated[str, typer.Option("--format", help="csv, xlsx, json; several with commas.")] = "csv",
    scheduler: SchedulerOption = None,
    audience: CircleOption = "report",
    fleet: FleetOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Write the DUERP annex: collective data and the share of workers above each threshold.

    Of a fleet: the annex of each site in a folder of its own, and a summary of the shares for the group.
    """
    wanted = _known_formats(formats)
    services = services_of(context)
    circle = chosen_circle(audience)
    dates = (week, first, last)
    if fleet is not None:
        found = services.extra["load_fleet"](fleet)
        if language is not None:
            services.text(language)
        _of_fleet(services, found, dates, circle, scheduler, language, out, wanted, as_json=as_json)
        return
    book = services.load_site(site)
    say = services.words(language, book, document=as_json)
    made = _made(services, book, chosen_period(book, *dates), circle, scheduler, say)
    if out is not None:
        for path in _written(made, out, wanted, say):
            typer.echo(str(path))
    if as_json:
        from indicators.c2p.annex import to_document

        emit_json("annex", to_document(made))
    elif out is None:
        for line in _told(made, say):
            typer.echo(line)


def _known_formats(formats: str) -> list[str]:
    from sensors.errors import UsageError

    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in _FORMATS]:
        raise UsageError(
            "unknown format",
            value=unknown[0],
            rule=f"one of {', '.join(_FORMATS)}",
            remedy="--format csv,xlsx",
        )
    return wanted


def _made(
    services: Services,
    book: SiteBook,
    period: DatePeriod,
    circle: Audience,
    scheduler: str | None,
    say: Callable[..., str],
) -> Annex:
    from indicators.c2p.annex import build_annex
    from indicators.governance.issue import refuse_issue

    result = result_of(services, book, period, circle, scheduler, say)
    refuse_issue(result)
    return build_annex(result, book)


def _separator(say: Callable[..., str]) -> str:
    # French spreadsheets read semicolons and decimal commas.
    return ";" if say("commands.decimal_mark") == "," else ","


def _written(
    made: Annex | FleetAnnex, out: Path, wanted: list[str], say: Callable[..., str]
) -> Iterator[Path]:
    """Write the annex of a site, or the summary of a group, in each of the formats `wanted`."""
    from indicators.c2p.annex import to_csv, to_document, write_workbook
    from indicators.fleet.annex import FleetAnnex
    from indicators.fleet.annex_files import summary_csv, summary_document, summary_workbook

    whose, of_group = (made.fleet, True) if isinstance(made, FleetAnnex) else (made.site, False)
    csv: Callable[..., str] = summary_csv if of_group else to_csv
    document: Callable[[Any], Any] = summary_document if of_group else to_document
    workbook: Callable[..., Path] = summary_workbook if of_group else write_workbook
    stem = f"annex-{whose}-{made.period.replace('..', '_')}"
    for name in wanted:
        path = out / f"{stem}.{name}"
        if name == "csv":
            # The byte order mark makes spreadsheets read the accents.
            yield write_atomic(path, "\ufeff" + csv(made, say=say, separator=_separator(say)))
        elif name == "json":
            yield write_atomic(path, json.dumps(document(made), ensure_ascii=False, indent=2) + "\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield workbook(made, path, say)


def _told(made: Annex, say: Callable[..., str]) -> Iterator[str]:
    yield say("decisions.annex_title", period=made.period)
    for share in made.shares:
        yield say(
            "decisions.annex_share",
            factor=say(f"decisions.c2p.{share.factor}"),
            above=share.above,
            workers=share.workers,
            not_settled=share.not_settled,
            not_measured=share.not_measured,
            share=_share_words(share.share_above, say),
        )
    for row in made.rows:
        if row.crossed_on is not None:
            factor = say(f"decisions.c2p.{row.factor}")
            yield say("decisions.annex_crossed", label=row.label, factor=factor, day=row.crossed_on)
    yield say("decisions.annex_wording")


def _share_words(share: float | None, say: Callable[..., str]) -> str:
    if share is None:
        return say("decisions.unknown_share")
    return say("decisions.share_above", percent=f"{100.0 * share:.0f}")


def _of_fleet(
    services: Services,
    fleet: Fleet,
    dates: _Dates,
    circle: Audience,
    scheduler: str | None,
    language: str | None,
    out: Path | None,
    wanted: list[str],
    *,
    as_json: bool,
) -> None:
    from indicators.fleet.annex_files import summary_document

    annexes: dict[str, Annex] = {}
    period = chosen_period(fleet.sites[0].book, *dates)
    say = services.text(language or fleet.language)

    def work(book: SiteBook) -> SiteAnswer:
        made = _made(services, book, period, circle, scheduler, say)
        own = services.text(language or book.site.site.language)
        files = [] if out is None else [str(path) for path in _written(made, out / made.site, wanted, own)]
        annexes[made.site] = made
        return SiteAnswer(document={"files": files}, cells=())

    with on_cluster(services, fleet.sites[0].book, scheduler, say):
        runs = run_sites(services, fleet, work)
    files = [file for run in runs if run.answer is not None for file in run.answer.document["files"]]
    summary, trouble = None, None
    try:
        summary = _of_group(fleet, annexes, runs, period, circle)
    except VigiposteError as error:
        trouble = error
    if summary is not None and out is not None:
        files += [str(path) for path in _written(summary, out, wanted, say)]
    if as_json:
        document = {} if summary is None else summary_document(summary)
        problem = {} if trouble is None else {"summary_problem": problem_document(trouble)}
        sites = [run.document() for run in runs]
        emit_json("fleet-annex", document | problem | {"files": files, "sites": sites})
    else:
        for line in files:
            typer.echo(line)
        if summary is not None and out is None:
            for line in _summary_told(summary, say):
                typer.echo(line)
        for line in failure_lines(services, runs, language or fleet.language):
            typer.echo(line, err=True)
        if trouble is not None:
            typer.echo(services.extra["explained"](trouble, language or fleet.language), err=True)
    codes = (run.exit_code for run in runs)
    if code := worst_code((*codes, 0 if trouble is None else trouble.exit_code)):
        raise typer.Exit(code)


def _of_group(
    fleet: Fleet,
    annexes: Mapping[str, Annex],
    runs: Iterable[SiteRun],
    period: DatePeriod,
    circle: Audience,
) -> FleetAnnex | None:
    """The group's summary, written down as issued; ``None`` where no site has an annex.

    A site whose numbers nobody can read now holds it back. What is not measured, or marked by a withdrawal,
    stays as it is.
    """
    from indicators.fleet.issued import issue_summary

    for run in runs:
        stays = isinstance(run.trouble, NotEnoughDataError) or getattr(run.trouble, "code", "") == _MARKED
        if run.trouble is not None and not stays:
            raise UnreachableError(
                "the group's summary waits until every site can be read",
                value=run.site.label,
                rule="a summary without a site and a later one with it would differ by its line",
                remedy="mend what stops the site, then run the command again",
                code="summary_waits",
            )
    return issue_summary(fleet, annexes, period, circle) if annexes else None


def _summary_told(summary: FleetAnnex, say: Callable[..., str]) -> Iterator[str]:
    names = ("workers", "above", "below", "not_settled", "not_measured", "share_above")
    rows = [("", *(say(f"decisions.column.{name}") for name in names))]
    for row in summary.factors:
        for label, share in ((summary.label, row.total), *((one.label, one.share) for one in row.sites)):
            if share is None:
                rows.append((f"  {label}", *("–",) * len(names)))
                continue
            counts = (str(getattr(share, name)) for name in names[:-1])
            rows.append((f"  {label}", *counts, _percent(share.share_above, say)))
    # Columns stand at the same place under every threshold.
    head, *lines = text_table(rows)
    told = iter(lines)
    yield say("decisions.annex_title", period=summary.period)
    yield head
    for row in summary.factors:
        yield say(f"decisions.c2p.{row.factor}")
        yield from islice(told, len(row.sites) + 1)
    yield say("decisions.annex_fleet_rule", n=summary.least)
    yield say("decisions.annex_wording")


def _percent(share: float | None, say: Callable[..., str]) -> str:
    return "–" if share is None else say("decisions.percent", share=share)
