"""``export``: readings as files. ``copy``: a site's data from one store to another."""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import (
    AudienceOption,
    FromOption,
    JsonOption,
    SiteOption,
    ToOption,
    WeekOption,
    emit_json,
    note,
    services_of,
)
from sensors.errors import ConfigurationError, NotEnoughDataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.store import Partition, Store
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["mount"]

_RAW, _MINUTES = "raw", "minutes"
_REPORT, _ANALYST = "report", "analyst"


def mount(app: typer.Typer) -> None:
    """Add ``export`` and ``copy`` to the command line."""
    app.command()(export)
    app.command()(copy)


def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path("export"),
    sensor: Annotated[
        list[str] | None, typer.Option("--sensor", help="Only this sensor; may be repeated.")
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option("--channel", help="Only this channel of raw data; may be repeated.")
    ] = None,
    data: Annotated[str, typer.Option("--data", help="raw readings, or minutes (summaries).")] = _RAW,
    form: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",
    week: WeekOption = None,
    first: FromOption = None,
    last: ToOption = None,
    audience: AudienceOption = _REPORT,
    site: SiteOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Write raw or minute data as Parquet or CSV, a file a sensor, units in the metadata or headers."""
    from ingest.export import ExportFormat, exportable_sensors, minute_tables, raw_tables, write_export

    _one_of("--data", data, (_RAW, _MINUTES))
    _one_of("--audience", audience, (_REPORT, _ANALYST))
    _one_of("--format", form, tuple(ExportFormat))
    services = services_of(context)
    book = services.load_site(site)
    period = _period(book, week, first, last)
    start_ns, end_ns = period.bounds_ns(book.zone)
    names, held = exportable_sensors(book, sensor or (), analyst=audience == _ANALYST)
    say = services.words(None, book)
    mark = say("report.not_for_circulation") if audience == _ANALYST else ""
    named = f"-{_ANALYST}" if mark else ""
    if audience == _ANALYST and "log_access" in services.extra:
        services.extra["log_access"](
            book,
            "export",
            {"data": data, "sensors": list(names), "period": [str(period.first), str(period.last)]},
        )
    store = services.open_store(book)
    written = []
    try:
        for name in names:
            tables = (
                raw_tables(store, book, name, start_ns, end_ns, tuple(channel) if channel else None)
                if data == _RAW
                else minute_tables(store, book, name, start_ns, end_ns)
            )
            path = out / f"{book.site.site.id}-{name}-{data}-{period.first}-{period.last}{named}.{form}"
            metadata = {"site": book.site.site.id, "sensor": name, "data": data, "audience": audience}
            file = write_export(tables, path, ExportFormat(form), name, metadata, mark)
            if file is not None:
                written.append(file)
    finally:
        store.close()
    if held:
        note(say("terminal.held_back", sensors=", ".join(held)))
    if not written:
        raise NotEnoughDataError(
            f"there is no {data} data to export",
            value=f"{period.first} to {period.last}",
            remedy="choose another period or sensor"
            + (", or run vigiposte reduce first" if data == _MINUTES else ""),
            code="nothing_to_export",
        )
    if as_json:
        files = [{"path": str(one.path), "sensor": one.sensor, "rows": one.rows} for one in written]
        marked = {"circulation": mark} if mark else {}
        emit_json("export", {"data": data, **marked, "files": files, "held_back": list(held)})
        return
    if mark:
        note(mark)
    for one in written:
        typer.echo(one.path)


def copy(
    context: typer.Context,
    target_url: Annotated[
        str, typer.Option("--to", help="Store to fill: lake:PATH or influxdb://host:port/DB.")
    ],
    source_url: Annotated[
        str | None, typer.Option("--from", help="Store to read; default: the site's store.")
    ] = None,
    first: Annotated[str | None, typer.Option("--first", help="First UTC day, YYYY-MM-DD, included.")] = None,
    last: Annotated[str | None, typer.Option("--last", help="Last UTC day, YYYY-MM-DD, included.")] = None,
    source_token_file: Annotated[
        Path | None, typer.Option("--from-token-file", help="File with the token of the store to read.")
    ] = None,
    target_token_file: Annotated[
        Path | None, typer.Option("--to-token-file", help="File with the token of the store to fill.")
    ] = None,
    source_summaries: Annotated[
        str | None, typer.Option("--from-summaries", help="Companion lake of an InfluxDB store to read.")
    ] = None,
    target_summaries: Annotated[
        str | None, typer.Option("--to-summaries", help="Companion lake of an InfluxDB store to fill.")
    ] = None,
    site: SiteOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Copy a site's readings and summaries to another store; run again, it goes on where it stopped."""
    from dataclasses import asdict

    from ingest.copying import copy_site

    services = services_of(context)
    book = services.load_site(site)
    days = _day("--first", first), _day("--last", last)
    source = _open(services.open_store, book, source_url, source_token_file, source_summaries)
    try:
        target = _open(services.open_store, book, target_url, target_token_file, target_summaries)
        try:
            if source.url == target.url:
                raise UsageError("both stores are the same", value=target.url, code="same_store")
            target.check()
            report = copy_site(
                source, target, book.site.site.id, *days, progress=_progress(services.words(None, book))
            )
        finally:
            target.close()
    finally:
        source.close()
    if not report.partitions:
        raise NotEnoughDataError(
            "the store to read holds nothing of this site", value=source.url, code="nothing_to_copy"
        )
    if as_json:
        emit_json("copy", {"from": source.url, "to": target.url, **asdict(report)})
        return
    counted = {key: value for key, value in asdict(report).items() if isinstance(value, int)}
    typer.echo(services.words(None, book)("terminal.copied_all", target=target.url, **counted))


def _open(
    configured: Callable[..., Any],
    book: SiteBook,
    url: str | None,
    token_file: Path | None,
    summaries: str | None,
) -> Store:
    """Open a store; the site's own token goes to the site's own store only, never to another server."""
    from ingest.store import open_store

    own = os.environ.get("VIGIPOSTE_STORE_URL") or book.site.store.url
    if (url is None or url == own) and token_file is None and summaries is None:
        store: Store = configured(book)
        return store
    token = None
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except OSError as trouble:
            raise ConfigurationError(
                f"the token file cannot be read: {trouble.strerror}", value=str(token_file), code="token_file"
            ) from trouble
    return open_store(
        url or own, token=token, summaries_url=summaries or book.site.store.summaries, base=book.folder
    )


def _period(book: SiteBook, week: str | None, first: str | None, last: str | None) -> DatePeriod:
    from sensors.periods import date_period, week_period

    if first is not None or last is not None:
        if first is None or last is None or week is not None:
            raise UsageError(
                "the period is not clear", rule="--week, or --from and --to", code="period_unclear"
            )
        return date_period(first, last)
    return week_period(week, book.zone, datetime.now(UTC))


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} is not a date", value=text, rule="year-month-day", code="date_format"
        ) from None


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(
            f"{option} takes no such value",
            value=value,
            rule=" or ".join(allowed),
            remedy=f"{option} {allowed[0]}",
            code="unknown_choice",
        )


def _progress(say: Callable[..., str]) -> Callable[[int, int, Partition], None] | None:
    """A counter on stderr, for a person at a terminal only."""
    if not sys.stderr.isatty() or os.environ.get("VIGIPOSTE_QUIET"):
        return None

    def show(done: int, total: int, partition: Partition) -> None:
        end = "\n" if done == total else ""
        line = say("terminal.progress", done=done, total=total, sensor=partition.sensor, day=partition.day)
        sys.stderr.write(f"\r{line}\x1b[K{end}")

    return show
