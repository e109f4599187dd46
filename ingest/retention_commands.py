"""``purge``: remove what is older than the site's retention allows; also run daily by ``ingest``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import FleetOption, JsonOption, SiteOption, emit_json, note, services_of
from sensors.errors import UsageError
from sensors.fleet_runs import SiteAnswer, at_each_site, refuse_with_fleet

if TYPE_CHECKING:
    from ingest.retention import PurgePlan, PurgeReport
    from sensors.command_line import Services
    from sensors.site_book import SiteBook

__all__ = ["mount", "scheduled_purge"]

_NOT_ENOUGH = 4
_HEADS = tuple(
    f"terminal.column_{name}"
    for name in ("due_raw", "due_summaries", "due_quarantine", "rows_removed", "kept")
)


def mount(app: typer.Typer) -> None:
    """Add ``purge`` to the command line."""
    app.command()(purge)


def purge(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    include_simulated: Annotated[
        bool, typer.Option("--include-simulated", help="Simulated and replayed sensors too.")
    ] = False,
    without_summary: Annotated[
        list[str] | None,
        typer.Option(
            "--without-summary",
            metavar="SENSOR/DAY",
            help="Remove these raw rows although no summary stands for them; may be repeated.",
        ),
    ] = None,
    journal: Annotated[
        list[Path] | None, typer.Option("--journal", help="Journal folder; default: those beside the site.")
    ] = None,
    store: Annotated[str | None, typer.Option("--store", help="This store instead of the site's.")] = None,
    site: SiteOption = None,
    fleet: FleetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove raw data and summaries past their retention, for good; the purge is written to the signed log.

    Raw data without a current summary is named and kept (exit code 4). The journal, the quarantine and what
    killed writers left half written are tidied too; exported files are yours to remove.
    """
    services = services_of(context)
    work = partial(
        _purged,
        services,
        store,
        dry_run=dry_run,
        journals=journal or None,
        include_simulated=include_simulated,
        without_summary=without_summary or (),
    )
    if fleet is not None:
        refuse_with_fleet(store=store, journal=journal, without_summary=without_summary)
        at_each_site(services, fleet, "purge", _HEADS, partial(_answer, services, work), as_json=as_json)
        return
    book = services.load_site(site)
    plan, report = work(book)
    say = services.words(None, book)
    if as_json:
        emit_json("purge", _document(plan, report))
    else:
        _say(say, book, plan, report)
    for line in _kept(plan, say):
        note(line)
    if plan.refused:
        raise typer.Exit(_NOT_ENOUGH)


def _purged(
    services: Services,
    url: str | None,
    book: SiteBook,
    *,
    dry_run: bool,
    journals: Sequence[Path] | None,
    include_simulated: bool,
    without_summary: Sequence[str],
) -> tuple[PurgePlan, PurgeReport | None]:
    from datetime import UTC, datetime

    from ingest.retention import plan_purge
    from ingest.retention import purge as carry_out

    opened = services.open_store(book, url=url)
    try:
        plan = plan_purge(
            book,
            opened,
            datetime.now(UTC),
            partial(services.extra["summary_gap"], book, opened),
            journals=journals,
            include_simulated=include_simulated,
            without_summary=without_summary,
        )
        _check_names(plan, without_summary)
        report = None if dry_run else carry_out(opened, plan, partial(services.extra["log_access"], book))
    finally:
        opened.close()
    return plan, report


def _answer(
    services: Services, work: Callable[[SiteBook], tuple[PurgePlan, PurgeReport | None]], book: SiteBook
) -> SiteAnswer:
    plan, report = work(book)
    due = (len(plan.raw), len(plan.summaries), len(plan.quarantine))
    return SiteAnswer(
        document=_document(plan, report),
        cells=(*map(str, due), "–" if report is None else str(report.rows), str(len(plan.refused))),
        below=tuple(_kept(plan, services.words(None, book))),
        exit_code=_NOT_ENOUGH if plan.refused else 0,
    )


def _kept(plan: PurgePlan, say: Callable[..., str]) -> Iterator[str]:
    for item in plan.refused:
        yield say("terminal.purge_kept", name=item.name, why=say(f"terminal.purge_{item.reason}"))


def _check_names(plan: PurgePlan, names: Sequence[str]) -> None:
    known = {f"{one.sensor}/{one.day}" for one in plan.raw}
    unknown = sorted(set(names) - known)
    if unknown:
        raise UsageError(
            "no raw data of this name is past its retention",
            value=", ".join(unknown),
            rule=f"SENSOR/YYYY-MM-DD before {plan.raw_before}",
            remedy="see `vigiposte purge --dry-run`",
            code="nothing_due",
        )


def _document(plan: PurgePlan, report: PurgeReport | None) -> dict[str, Any]:
    return {
        "dry_run": report is None,
        "raw_before": plan.raw_before.isoformat(),
        "summaries_before": plan.summaries_before.isoformat(),
        "raw": [{"sensor": one.sensor, "day": one.day.isoformat()} for one in plan.raw],
        "refused": [
            {"sensor": item.partition.sensor, "day": item.partition.day.isoformat(), "reason": item.reason}
            for item in plan.refused
        ],
        "summaries": [
            {"dataset": dataset, "sensor": one.sensor, "day": one.day.isoformat()}
            for dataset, one in plan.summaries
        ],
        "exempt": plan.exempt,
        "quarantine_files": [str(path) for path in plan.quarantine],
        "journals": {str(folder): size for folder, size in plan.journals.items()},
        "removed": None
        if report is None
        else {
            "rows": report.rows,
            "summaries": report.summaries,
            "quarantine_files": report.quarantine_files,
            "journal_bytes": report.journal_bytes,
            "journals_in_use": [str(folder) for folder in report.journals_in_use],
        },
    }


def _say(say: Callable[..., str], book: SiteBook, plan: PurgePlan, report: PurgeReport | None) -> None:
    privacy = book.site.privacy
    typer.echo(
        say(
            "terminal.purge_limits",
            raw_before=plan.raw_before,
            raw_days=privacy.raw_days,
            summaries_before=plan.summaries_before,
            summary_days=privacy.summary_days,
        )
    )
    for one in plan.raw:
        typer.echo(f"  {say('terminal.purge_raw'):<9} {one.sensor} {one.day}")
    for dataset, one in plan.summaries:
        typer.echo(f"  {dataset:<9} {one.sensor} {one.day}")
    for path in plan.quarantine:
        typer.echo(f"  {say('terminal.purge_refused'):<9} {path.name}")
    if plan.exempt:
        typer.echo(say("terminal.purge_exempt", number=plan.exempt))
    if report is None:
        typer.echo(say("terminal.nothing_due" if plan.empty else "terminal.nothing_removed"))
        return
    typer.echo(
        say(
            "terminal.purged",
            rows=report.rows,
            summaries=report.summaries,
            files=report.quarantine_files,
            size=report.journal_bytes,
        )
    )
    for folder in report.journals_in_use:
        typer.echo(say("terminal.purge_in_use", folder=str(folder)))


def scheduled_purge(
    services: Services, book: SiteBook, url: str | None, journal: Path | None
) -> Callable[[], None]:
    """Return the daily purge of a running ingest, with a store of its own for its own thread.

    What wearers who objected left behind goes first (an assignment may be written down after the readings
    came), then what is due; what is due and not reduced yet is reduced before. Simulated and replayed sensors
    are left alone; a purge that finds nothing leaves no line in the log.
    """

    def work() -> None:
        import logging
        from datetime import UTC, datetime

        from ingest.erasure import erase_readings
        from ingest.retention import plan_purge
        from ingest.retention import purge as carry_out
        from sensors.periods import DatePeriod

        # Placements, assignments and objections may have changed since the ingest started.
        now = services.load_site(book.path)
        folders = None if journal is None else [journal]
        store = services.open_store(now, url=url)
        try:

            def planned() -> PurgePlan:
                gap = partial(services.extra["summary_gap"], now, store)
                return plan_purge(now, store, datetime.now(UTC), gap, journals=folders)

            if now.objecting:
                erased = erase_readings(now, store, now.objecting, folders)
                if erased.rows or erased.quarantine_lines:
                    details = {"rows": erased.rows, "quarantine_lines": erased.quarantine_lines}
                    services.extra["log_access"](now, "objected_data_erased", details)
            plan = planned()
            days = [item.partition.day for item in plan.refused]
            if days:
                services.reduce(now, store, DatePeriod(min(days), max(days), None))
                plan = planned()
            if plan.raw or plan.summaries or plan.quarantine:
                carry_out(store, plan, partial(services.extra["log_access"], now))
        finally:
            store.close()
        if plan.refused:
            logging.getLogger("vigiposte.ingest").warning(
                "past its retention and kept, because no current summary stands for it: %s",
                ", ".join(item.name for item in plan.refused),
            )

    return work
