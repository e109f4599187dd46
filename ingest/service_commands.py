"""``ingest``: the service. ``status``: what it sees."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import FleetOption, JsonOption, SiteOption, emit_json, note, services_of
from sensors.fleet_runs import SiteAnswer, at_each_site, refuse_with_fleet

if TYPE_CHECKING:
    from ingest.service import IngestReport
    from sensors.command_line import Services
    from sensors.site_book import SiteBook

__all__ = ["mount"]

_ONCE_IDLE_S = 3.0
_CONNECT_S = 10.0
_CONNECT_ONCE_S = 3.0
_REDUCED_DAYS = 8
_WATCH_S = 2.0
_HEADS = tuple(
    f"terminal.column_{name}" for name in ("sensors", "unwell", "last_seen", "ingests", "backlog", "store")
)


def mount(app: typer.Typer) -> None:
    """Add ``ingest`` and ``status`` to the command line."""
    app.command()(ingest)
    app.command()(status)


def ingest(
    context: typer.Context,
    *,
    site: SiteOption = None,
    mqtt: Annotated[
        str | None, typer.Option("--mqtt", help="Broker, mqtt[s]://host:port[?version=auto|5|3.1.1].")
    ] = None,
    store: Annotated[
        str | None, typer.Option("--store", help="lake:PATH or influxdb://host:port/DB.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Journal folder; default: journal beside the site file.")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Store what the broker has queued, then stop.")
    ] = False,
    until_idle: Annotated[
        float | None,
        typer.Option("--until-idle", min=0.1, help="Stop once nothing has come for so many seconds."),
    ] = None,
    writer: Annotated[
        str | None,
        typer.Option("--writer", help="Name of this process where several share [mqtt] shared_group."),
    ] = None,
    metrics: Annotated[
        int | None,
        typer.Option("--metrics", min=1, max=65535, help="Serve /metrics and /health on this loopback port."),
    ] = None,
    max_rate: Annotated[
        float | None,
        typer.Option("--max-rate", min=0.001, help="Messages a second one sensor may send, over a day."),
    ] = None,
    reduce_every: Annotated[
        float, typer.Option("--reduce-every", min=0, help="Minutes between computing summaries; 0 = never.")
    ] = 15.0,
    log_json: Annotated[bool, typer.Option("--log-json", help="One JSON object a log line.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take readings from the broker into the store, losing none; runs until SIGTERM or Ctrl-C."""
    import logging
    import signal
    import threading
    from types import FrameType

    from ingest.log_lines import configure_logging
    from ingest.retention_commands import scheduled_purge

    services = services_of(context)
    book = services.load_site(site)
    configure_logging(as_json=log_json, quiet=bool(os.environ.get("VIGIPOSTE_QUIET")))
    opened = services.open_store(book, url=store, writer=writer)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    idle_s = until_idle if until_idle is not None else _ONCE_IDLE_S if once else None
    logging.getLogger("vigiposte.ingest").info("started for site %s, store %s", book.site.site.id, opened.url)
    try:
        report: IngestReport = services.run_ingest(
            book,
            opened,
            mqtt_url=mqtt,
            journal=journal,
            stop=stop,
            until_idle_s=idle_s,
            writer=writer,
            metrics_port=metrics,
            connect_timeout_s=_CONNECT_S if idle_s is None else _CONNECT_ONCE_S,
            max_messages_per_s=max_rate,
            reduce=_reducer(services, book, store) if reduce_every and idle_s is None else None,
            reduce_every_s=reduce_every * 60.0,
            purge=scheduled_purge(services, book, store, journal) if idle_s is None else None,
        )
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        opened.close()
    if as_json:
        emit_json(
            "ingest",
            {
                "reason": report.reason.value,
                "seconds": round(report.seconds, 3),
                **report.counters.to_dict(),
            },
        )
    counters = report.counters
    say = services.words(None, book)
    note(
        say(
            "terminal.ingest_stopped",
            reason=say(f"terminal.stop_{report.reason.value}"),
            received=counters.received,
            stored=counters.stored,
            rejected=counters.rejected_messages,
        )
    )


def _reducer(services: Any, book: Any, url: str | None) -> Any:
    """Return what computes the summaries of the last days, with a store of its own for its own thread."""

    def work() -> None:
        from datetime import datetime, timedelta

        from sensors.periods import DatePeriod

        today = datetime.now(book.zone).date()
        store = services.open_store(book, url=url)
        try:
            services.reduce(book, store, DatePeriod(today - timedelta(days=_REDUCED_DAYS), today, None))
        finally:
            store.close()

    return work


def status(
    context: typer.Context,
    *,
    site: SiteOption = None,
    store: Annotated[str | None, typer.Option("--store", help="Look at this store instead.")] = None,
    journal: Annotated[
        list[Path] | None, typer.Option("--journal", help="Journal folder; may be given several times.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds.")] = False,
    fleet: FleetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sensors (last seen, rate, rejected, late, clock, battery, calibration), journal backlog, store."""
    import sys

    from ingest.overview import survey, to_document
    from ingest.status_lines import render

    services = services_of(context)
    if fleet is not None:
        refuse_with_fleet(store=store, journal=journal, watch=watch)
        at_each_site(services, fleet, "status", _HEADS, partial(_answer, services), as_json=as_json)
        return
    while True:
        book = services.load_site(site)
        seen = survey(book, partial(services.open_store, book, url=store), journal or None)
        if as_json:
            emit_json("status", to_document(seen))
        else:
            if watch and sys.stdout.isatty():
                typer.echo("\x1b[2J\x1b[H", nl=False)
            typer.echo(render(seen, book, services.words(None, book), services.translated(book)))
        if not watch:
            return
        sys.stdout.flush()
        try:
            time.sleep(_WATCH_S)
        except KeyboardInterrupt:
            return


def _answer(services: Services, book: SiteBook) -> SiteAnswer:
    from ingest.overview import survey, to_document
    from ingest.status_lines import ago

    seen = survey(book, partial(services.open_store, book))
    say, told = services.words(None, book), services.translated(book)
    unwell = sum(line.state != "ok" for line in seen.sensors)
    newest = max((line.health.last_seen_ns for line in seen.sensors), default=0)
    running = sum(one.running for one in seen.ingests)
    backlog = sum(one.backlog_bytes for one in seen.ingests)
    return SiteAnswer(
        document=to_document(seen),
        cells=(
            str(len(seen.sensors)),
            str(unwell),
            ago(newest, seen.at_ns, say),
            str(running),
            say("terminal.megabytes", value=backlog / 1e6) if backlog else "0",
            say("terminal.fine") if seen.store_problem is None else "×",
        ),
        below=() if seen.store_problem is None else (f"× {told(seen.store_problem)}",),
    )
