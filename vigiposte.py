"""The composition root: builds the services, mounts each room's commands, maps exceptions to exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import dashboards.commands
import indicators.commands
import ingest.commands
import sensors.commands
import simulators.commands
from dashboards.terminal import as_ours, explain_fault, run_translated
from sensors.command_line import Services
from sensors.errors import VigiposteError
from sensors.session_language import chosen_language, session_language

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from indicators.fleet.model import FleetResult
    from indicators.model import Audience, WeeklyResult
    from indicators.reduction.cluster import Cluster
    from ingest.place import StorePlace
    from ingest.store import Store
    from sensors.fleet_file import Fleet, FleetSite
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["app", "build_services", "main"]

_SITES_AT_ONCE = 8

app = typer.Typer(
    name="vigiposte",
    help="Physical strain at workstations: from sensor readings to indicators that support a decision.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Rich doubles the time of --help, for boxes around the same words.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _load_site(path: Path | None = None) -> SiteBook:
    from sensors.site_file import find_site_file, load_site

    return load_site(find_site_file(path))


def _store_place(book: SiteBook, url: str | None = None) -> StorePlace:
    from ingest.place import StorePlace

    settings = book.site.store
    return StorePlace(
        url or os.environ.get("VIGIPOSTE_STORE_URL") or settings.url,
        os.environ.get("VIGIPOSTE_STORE_SUMMARIES") or settings.summaries,
        book.folder.resolve(),
        settings.token_file,
    )


def _open_store(book: SiteBook, url: str | None = None, writer: str | None = None) -> Store:
    return _store_place(book, url).open(writer)


def _run_ingest(book: SiteBook, store: Store, **options: Any) -> Any:
    from datetime import datetime

    from indicators.governance.consultation import require_campaign
    from ingest.service import run_ingest

    require_campaign(book, datetime.now(book.zone).date())
    return run_ingest(book, store, **options)


def _log_access(book: SiteBook, event: str, details: Mapping[str, Any]) -> None:
    from indicators.governance.access import log_access

    log_access(book, event, details)


def _write_own_data(*arguments: Any) -> list[Path]:
    from dashboards.papers import write_own_data

    return write_own_data(*arguments)


def _render_paper(facts: Any, paper: str, language: str) -> tuple[str, str]:
    from dashboards.papers import compose, paper_html, paper_text

    made = compose(facts, paper, language)
    return paper_html(made), paper_text(made)


def _examine_key(book: SiteBook) -> Any:
    from indicators.governance.key_diagnosis import examine_key

    return examine_key(book)


def _erase_readings(book: SiteBook, store: Store, wearers: Collection[str]) -> Any:
    from ingest.erasure import erase_readings

    return erase_readings(book, store, wearers)


def _summary_gap(book: SiteBook, store: Store, partition: Any) -> str | None:
    from indicators.reduction.partition import summary_gap

    return summary_gap(book, store, partition)


def _reduce(book: SiteBook, store: Store, period: DatePeriod, **options: Any) -> Any:
    from indicators.reduction.partition import Outcome
    from indicators.reduction.service import reduce_partitions
    from indicators.worker_days.keeping import keep_worker_days

    report = reduce_partitions(book, store, period.first, period.last, **options)
    fresh = {item.partition.day for item in report.outcomes if item.outcome is Outcome.COMPUTED}
    keep_worker_days(book, store, fresh)
    return report


def _load_fleet(path: Path) -> Fleet:
    from sensors.fleet_file import load_fleet

    return load_fleet(path)


def _fleet_site(
    site: FleetSite,
    period: DatePeriod,
    prepare: Callable[[SiteBook, Store], bool] | None = None,
    *,
    figures: bool = True,
) -> WeeklyResult:
    from indicators.governance.issue import refuse_issue

    with closing(_open_store(site.book)) as store:
        ready = prepare is not None and prepare(site.book, store)
        result = _weekly_result(site.book, store, period, "report", reduce=not ready, figures=figures)
    refuse_issue(result)
    return result


def _fleet_result(
    fleet: Fleet,
    period: DatePeriod,
    prepare: Callable[[SiteBook, Store], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FleetResult:
    from indicators.fleet.compare import fleet_result

    # A cluster works for one site after the other; a few sites are done before more processes have started.
    processes = 1 if prepare is not None or len(fleet.sites) < _SITES_AT_ONCE else os.cpu_count() or 1
    weekly = partial(_fleet_site, period=period, prepare=prepare, figures=False)
    return fleet_result(fleet, period, weekly, progress, processes)


def _cluster(book: SiteBook, scheduler: str) -> AbstractContextManager[Cluster]:
    from indicators.reduction.cluster import open_cluster

    return open_cluster(scheduler, _store_place(book))


def _cluster_at(cluster: Cluster, book: SiteBook) -> Cluster:
    return cluster.at(_store_place(book))


def _weekly_result(
    book: SiteBook, store: Store, period: DatePeriod, audience: Audience | str, **options: Any
) -> WeeklyResult:
    from datetime import datetime

    from indicators.governance.issue import with_governance_notes
    from indicators.model import Audience
    from indicators.weekly import weekly_result

    if Audience(audience) is Audience.ANALYST:
        _log_access(book, "analyst_access", {"from": str(period.first), "to": str(period.last)})
    result = weekly_result(book, store, period, Audience(audience), **options)
    return with_governance_notes(result, book, datetime.now(book.zone).date())


def _render_report(
    result: WeeklyResult, out: Path, formats: tuple[str, ...], language: str, **options: Any
) -> list[Path]:
    from dashboards.report import render_report
    from indicators.governance.issue import refuse_issue

    refuse_issue(result)
    return render_report(result, out, formats, language, **options)


def _surroundings(book: SiteBook, result: WeeklyResult, language: str, **options: Any) -> Any:
    from dashboards.report.surroundings import surroundings

    return surroundings(book, result, language, **options)


def _compare(book: SiteBook, store: Store, workstation: str, *periods: DatePeriod, **options: Any) -> Any:
    from indicators.comparison import compare_periods

    return compare_periods(book, store, workstation, *periods, **options)


def _listen_sensor(book: SiteBook, sensor: str, **options: Any) -> Any:
    from ingest.live import listen_sensor

    return listen_sensor(book, sensor, **options)


def _closing_problems(book: SiteBook) -> Any:
    from datetime import datetime

    from indicators.actions.closing import closing_problems

    today = datetime.now(book.zone).date()
    return closing_problems(book.logs.actions, today, lambda: _latest_verdicts(book))


def _latest_verdicts(book: SiteBook) -> Any:
    """Verdicts of the week of the newest reading, as the report shows them; ``None`` when there is none."""
    from indicators.actions.plan import verdicts_of
    from indicators.weekly import weekly_result
    from sensors.periods import week_period

    try:
        store = _open_store(book)
        try:
            newest = book.local(max(store.last_seen(book.site.site.id).values(), default=0))
            iso = newest.isocalendar()
            period = week_period(f"{iso.year}-W{iso.week:02d}", book.zone, newest)
            return verdicts_of(weekly_result(book, store, period, reduce=False))
        finally:
            store.close()
    except VigiposteError:
        return None


def _plan(book: SiteBook, store: Store, audience: Audience | str, **options: Any) -> Any:
    from indicators.model import Audience
    from indicators.planning.plan import plan_from_store

    return plan_from_store(book, store, Audience(audience), **options)


def _render_plan(
    plan: Any, floors: Any, document: Mapping[str, Any], out: Path, language: str, book: SiteBook
) -> list[Path]:
    from dashboards.plan import render_plan
    from dashboards.report.surroundings import names_of

    stations = {row.id: row.label for row in book.site.workstations}
    return render_plan(plan, floors, document, out, language, names_of(book) | stations)


def _text(language: str) -> Callable[..., str]:
    from dashboards.catalogue import text

    return text(language)


def _language(asked: str | None = None, book: SiteBook | None = None) -> str:
    return chosen_language(asked, None if book is None else book.site.site.language, sys.argv[1:])


def _sentences(language: str) -> Callable[[str], str]:
    from dashboards.sentences import sentences

    return sentences(language)


def _problem_lines(problem: Any, language: str) -> tuple[str, str, str]:
    from dashboards.sentences import problem_lines

    return problem_lines(problem, language)


def _explained(error: VigiposteError, language: str) -> str:
    from dashboards.sentences import explained

    return explained(error, language)


def _survey(book: SiteBook, open_store: Callable[[], Store]) -> Any:
    from ingest.overview import survey

    return survey(book, open_store)


def _ingest_counters() -> Any:
    from ingest.counters import IngestCounters

    return IngestCounters()


def build_services() -> Services:
    """Return the callables that commands share; nothing heavy is imported until one is called."""
    return Services(
        load_site=_load_site,
        open_store=_open_store,
        run_ingest=_run_ingest,
        reduce=_reduce,
        weekly_result=_weekly_result,
        render_report=_render_report,
        text=_text,
        extra={
            "ingest_counters": _ingest_counters,
            "cluster": _cluster,
            "cluster_at": _cluster_at,
            "closing_problems": _closing_problems,
            "compare": _compare,
            "load_fleet": _load_fleet,
            "fleet_result": _fleet_result,
            "fleet_site": _fleet_site,
            "surroundings": _surroundings,
            "plan": _plan,
            "render_plan": _render_plan,
            "listen_sensor": _listen_sensor,
            "log_access": _log_access,
            "summary_gap": _summary_gap,
            "examine_key": _examine_key,
            "erase_readings": _erase_readings,
            "write_own_data": _write_own_data,
            "render_paper": _render_paper,
            "survey": _survey,
            "as_ours": as_ours,
            "explained": _explained,
            "problem_lines": _problem_lines,
        },
        language=_language,
        sentences=_sentences,
    )


def _print_version(asked: bool) -> None:
    if asked:
        try:
            number = version("vigiposte")
        except PackageNotFoundError:
            number = "not installed"
        typer.echo(f"vigiposte {number}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but errors.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if quiet:
        os.environ["VIGIPOSTE_QUIET"] = "1"
    context.obj = build_services()


_ROOMS = (sensors, simulators, ingest, indicators, dashboards)
for _room in _ROOMS:
    _room.commands.mount(app)


def main() -> None:
    """Run the command line; every exception ends as one line on stderr and an exit code."""
    language = session_language(sys.argv[1:])
    try:
        if language == "en":
            app()
        else:
            sys.exit(run_translated(app, language))
    except Exception as error:  # noqa: BLE001 - the border of the program: nothing may pass as a traceback
        sys.exit(explain_fault(error, language))
    except KeyboardInterrupt as error:
        sys.exit(explain_fault(error, language))


if __name__ == "__main__":
    main()
