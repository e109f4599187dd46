"""``import`` and ``discover``: data and devices that know nothing of us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from sensors.command_line import JsonOption, SiteOption, emit_json, note, services_of
from sensors.errors import PayloadError, UsageError

if TYPE_CHECKING:
    from ingest.importers.plan import ImportPlan
    from sensors.site_model import ImportRule

__all__ = ["mount"]

_SHOWN_REFUSALS = 10


def mount(app: typer.Typer) -> None:
    """Add ``import`` and ``discover`` to the command line."""
    app.command("import")(import_files)
    app.command()(discover)


def _rule(book: Any, path: Path, sensor: str | None, codec: str | None) -> ImportRule:
    from fnmatch import fnmatch

    from sensors.site_model import ImportRule

    known = get_args(ImportRule.model_fields["codec"].annotation)
    if codec is not None and codec not in known:
        raise UsageError(
            "there is no codec of this name",
            value=codec,
            rule=f"one of {', '.join(known)}",
            remedy=f"--codec {known[0]}",
            code="unknown_codec",
        )
    if sensor is not None and codec is not None:
        return ImportRule.model_validate({"file": path.name, "codec": codec, "sensor": sensor})
    for rule in book.site.imports:
        if fnmatch(path.name, rule.file):
            return ImportRule.model_validate({**rule.model_dump(), **({"sensor": sensor} if sensor else {})})
    raise UsageError(
        f"no [[imports]] rule covers {path.name}",
        rule="a rule whose file pattern matches, or --sensor and --codec",
        remedy="add [[imports]] file, codec and sensor, or give --sensor ID --codec dosimeter_csv",
        code="no_import_rule",
    )


def _describe(plan: ImportPlan, local: Any) -> dict[str, Any]:
    rows = len(plan.batch)
    return {
        "file": str(plan.file),
        "sensor": plan.sensor,
        "kind": plan.kind.value,
        "encoding": plan.dialect.encoding if plan.dialect else None,
        "separator": plan.dialect.separator if plan.dialect else None,
        "decimal": plan.dialect.decimal if plan.dialect else None,
        "columns": [
            {
                "column": use.name,
                "channel": use.channel,
                "unit": use.unit,
                "factor": use.factor,
                "offset": use.offset,
            }
            for use in plan.columns
        ],
        "ignored": list(plan.ignored),
        "rows": rows,
        "first": local(int(plan.batch.times_ns[0])).isoformat() if rows else None,
        "last": local(int(plan.batch.times_ns[-1])).isoformat() if rows else None,
        "refused": [{"line": row.line, "reason": row.reason} for row in plan.refused],
    }


def _print(seen: dict[str, Any], say: Any, told: Any) -> None:
    kind = seen["kind"]
    typer.echo(f"{seen['file']} → {seen['sensor']} ({say(f'terminal.kind_{kind}')})")
    if seen["encoding"]:
        marks = {name: repr(seen[name]) for name in ("separator", "decimal")}
        typer.echo("  " + say("terminal.import_text", encoding=seen["encoding"], **marks))
    for use in seen["columns"]:
        typer.echo(f"  {use['column']} → {use['channel']} [{use['unit']}]")
    if seen["ignored"]:
        typer.echo("  " + say("terminal.import_unused", columns=", ".join(seen["ignored"])))
    span = {"first": seen["first"] or "–", "last": seen["last"] or "–"}
    typer.echo("  " + say("terminal.import_rows", rows=seen["rows"], **span))
    for row in seen["refused"][:_SHOWN_REFUSALS]:
        typer.echo("  " + say("terminal.import_refused", line=row["line"], reason=told(row["reason"])))
    if len(seen["refused"]) > _SHOWN_REFUSALS:
        typer.echo("  " + say("terminal.import_more", number=len(seen["refused"]) - _SHOWN_REFUSALS))


def import_files(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="Exports of loggers: CSV, or Parquet of accelerometers.")
    ],
    sensor: Annotated[
        str | None, typer.Option(help="Sensor the rows belong to; default: the site's rule.")
    ] = None,
    codec: Annotated[
        str | None, typer.Option(help="dosimeter_csv, temperature_csv or axivity; default: the site's rule.")
    ] = None,
    site: SiteOption = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what was understood and store nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read logger exports into the store, showing what was understood; doing it twice changes nothing."""
    from ingest.importers.plan import plan_import

    services = services_of(context)
    book = services.load_site(site)
    plans = []
    for path in files:
        if not path.is_file():
            raise UsageError("no such file", value=str(path), remedy="check the path", code="no_such_file")
        rule = _rule(book, path, sensor, codec)
        plans.append(plan_import(path, rule, book.sensor(rule.sensor), book.site.site.id, book.to_ns))
    seen = [_describe(plan, book.local) for plan in plans]
    if not dry_run:
        store = services.open_store(book)
        try:
            for plan in plans:
                for batch in plan.batches():
                    outcome = store.write([batch])
                    if outcome.rejected:
                        raise PayloadError(
                            f"{plan.file.name}: the store refuses rows",
                            value=len(outcome.rejected),
                            rule=outcome.rejected[0].reason,
                            code="store_rejected",
                        )
        finally:
            store.close()
    if as_json:
        emit_json("import", {"stored": not dry_run, "files": seen})
        return
    say = services.words(None, book)
    for description in seen:
        _print(description, say, services.translated(book))
    note(say("terminal.nothing_stored" if dry_run else "terminal.stored"))


def discover(
    context: typer.Context,
    mqtt: Annotated[str, typer.Option("--mqtt", help="Broker, e.g. mqtt://127.0.0.1:1883.")],
    seconds: Annotated[float, typer.Option(help="How long to listen.", min=0.1, max=3600)] = 30.0,
    username: Annotated[
        str | None, typer.Option(help="User; the password is VIGIPOSTE_MQTT_PASSWORD.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificate authority for mqtts.", envvar="VIGIPOSTE_MQTT_CA_FILE")
    ] = None,
    cert_file: Annotated[
        Path | None, typer.Option(help="Client certificate for mqtts.", envvar="VIGIPOSTE_MQTT_CERT_FILE")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Key of the client certificate.", envvar="VIGIPOSTE_MQTT_KEY_FILE")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Listen to a broker, guess what unknown topics carry, and print the site-file lines that read them."""
    from dataclasses import asdict

    from ingest.discovery import guess_source, listen, site_lines
    from ingest.session.settings import broker_settings
    from sensors.site_model import MqttSettings

    files = {"ca_file": ca_file, "cert_file": cert_file, "key_file": key_file}
    names = {name: str(path) for name, path in files.items() if path is not None}
    login = MqttSettings.model_validate({"username": username, **names})
    settings = broker_settings(login, Path.cwd(), "discover", url=mqtt)
    say = services_of(context).words()
    note(say("terminal.listening", broker=settings.url, seconds=seconds))
    heard = listen(settings, seconds)
    guesses = {entry.topic: guess_source(entry) for entry in heard}
    understood = [guess for guess in guesses.values() if guess is not None]
    if as_json:
        emit_json(
            "discover",
            {
                "topics": [
                    {
                        "topic": entry.topic,
                        "messages": entry.count,
                        "understood": guesses[entry.topic] is not None,
                    }
                    for entry in heard
                ],
                "guesses": [asdict(guess) for guess in understood],
                "site_file": site_lines(understood),
            },
        )
        return
    for entry in heard:
        guess = guesses[entry.topic]
        what = say("terminal.not_measured_here")
        if guess:
            what = say("terminal.counted", what=guess.codec, number=", ".join(guess.channels))
        note(say("terminal.heard", topic=entry.topic, number=entry.count, what=what))
        if guess and guess.refused:
            note("    " + say("terminal.refused_by_principle", names=", ".join(guess.refused)))
    typer.echo(site_lines(understood))
