"""``vigiposte simulate``, ``record`` and ``replay``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sensors.command_line import JsonOption, emit_json, note, services_of

__all__ = ["mount"]

_SpeedOption = Annotated[
    str, typer.Option("--speed", help="Factor of real time, or max: as fast as the broker takes it.")
]
_UrlOption = Annotated[
    str | None, typer.Option("--mqtt", envvar="VIGIPOSTE_MQTT_URL", help="mqtt://host:port")
]


def mount(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command()
    def simulate(
        context: typer.Context,
        mqtt: _UrlOption = None,
        out: Annotated[
            Path | None, typer.Option(help="Trace file to write instead; the truth goes beside it.")
        ] = None,
        *,
        scenario: Annotated[
            str, typer.Option(help="TOML file, or: demo, quick, noise_free, faulty.")
        ] = "demo",
        seed: Annotated[int, typer.Option(min=0, help="Another plant for every seed.")] = 1,
        speed: _SpeedOption = "1",
        start: Annotated[
            str | None, typer.Option(help="First site date, YYYY-MM-DD; default: Monday of last week.")
        ] = None,
        site_dir: Annotated[
            Path | None, typer.Option(help="Also write site.toml, assignments.csv and truth.json here.")
        ] = None,
    ) -> None:
        """Simulate a plant with known truth, to a broker or into a trace file."""
        from simulators.scenario import load_scenario

        plant = load_scenario(scenario)
        first = _start_date(start, plant.timezone)
        target = _one_target(mqtt, out)
        say = services_of(context).words()
        if site_dir is not None:
            _write_site(plant, seed, first, site_dir, mqtt)
        if isinstance(target, Path):
            _simulate_to_trace(plant, seed, first, target, say)
        else:
            _simulate_to_broker(plant, seed, first, target, _speed(speed), say)

    @app.command()
    def record(
        context: typer.Context,
        trace: Annotated[Path, typer.Argument(help="Trace file; a name that ends in .gz is compressed.")],
        mqtt: _UrlOption = None,
        topic: Annotated[
            list[str] | None, typer.Option(help="Topic filters; default: vigiposte/v1/#")
        ] = None,
        seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long.")] = None,
        messages: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
        *,
        as_json: JsonOption = False,
    ) -> None:
        """Record MQTT messages into a trace file until Ctrl+C, a time or a number of messages."""
        from simulators.recorder import record as run

        filters = tuple(topic or ["vigiposte/v1/#"])
        url = _url(mqtt)
        say = services_of(context).words()
        written = run(
            url, trace, filters, seconds, messages, on_ready=lambda: note(say("terminal.recording"))
        )
        if as_json:
            emit_json("record", {"trace": str(trace), "messages": written})
        else:
            typer.echo(say("terminal.messages_in", path=str(trace), number=written))

    @app.command()
    def replay(
        context: typer.Context,
        trace: Annotated[Path, typer.Argument(help="Trace file.")],
        mqtt: _UrlOption = None,
        speed: _SpeedOption = "1",
        start: Annotated[
            str | None,
            typer.Option(help="NOW or ISO time: moves the times inside our own formats; else all is kept."),
        ] = None,
        *,
        as_json: JsonOption = False,
    ) -> None:
        """Publish a trace again: same order, same payloads."""
        from simulators.mqtt_link import parse_url
        from simulators.publisher import publish
        from simulators.retime import retimed
        from simulators.trace import TraceReader

        reader = TraceReader(trace)
        stream = reader if start is None else retimed(reader, _moment_ns(start) - reader.start_ns)
        report = publish(stream, parse_url(_url(mqtt)), speed=_speed(speed))
        say = services_of(context).words()
        if not reader.complete:
            note(say("terminal.cut_short", path=str(trace)))
        if as_json:
            emit_json(
                "replay",
                {
                    "trace": str(trace),
                    "messages": report.messages,
                    "payload_bytes": report.payload_bytes,
                    "seconds": round(report.seconds, 3),
                    "complete": reader.complete,
                },
            )
        else:
            typer.echo(_published(report, say))


def _write_site(plant: Any, seed: int, first: Any, folder: Path, mqtt: str | None) -> None:
    import json

    from sensors.command_line import write_atomic
    from simulators.devices import truth_document
    from simulators.site_writer import SiteOptions, write_site

    options = SiteOptions(mqtt_url=mqtt) if mqtt else SiteOptions()
    note(str(write_site(plant, seed, first, folder, options)))
    truth = json.dumps(truth_document(plant, seed, first), ensure_ascii=False, indent=1) + "\n"
    note(str(write_atomic(folder / "truth.json", truth)))


def _simulate_to_trace(plant: Any, seed: int, first: Any, path: Path, say: Callable[..., str]) -> None:
    import json

    from sensors.command_line import write_atomic
    from simulators.devices import SensorDay
    from simulators.messages import expected_messages, plant_messages
    from simulators.plant import work_days
    from simulators.progress import ProgressBar
    from simulators.trace import TraceWriter
    from simulators.truth import document, merged_days

    seen: list[SensorDay] = []
    bar, expected = ProgressBar(), expected_messages(plant)
    start_ns = next(work_days(plant, seed, first)).start_ns
    about = {"site": plant.site, "scenario": plant.id, "seed": seed}
    with TraceWriter(path, start_ns, about) as writer:
        for message in plant_messages(plant, seed, first, seen):
            writer.write(message)
            bar.show(path.name, writer.messages / max(expected, writer.messages))
    bar.clear()
    truth = document(plant, seed, merged_days(seen), first)
    truth_path = path.with_name(f"{path.name}.truth.json")
    write_atomic(truth_path, json.dumps(truth, ensure_ascii=False, indent=1) + "\n")
    typer.echo(say("terminal.messages_in", path=str(path), number=writer.messages))
    typer.echo(str(truth_path))


def _simulate_to_broker(
    plant: Any, seed: int, first: Any, url: str, speed: float | None, say: Callable[..., str]
) -> None:
    from simulators.messages import expected_messages, plant_messages, status_messages
    from simulators.mqtt_link import parse_url
    from simulators.progress import ProgressBar
    from simulators.publisher import publish

    address = parse_url(url)
    bar, expected = ProgressBar(), expected_messages(plant)
    publish(status_messages(plant, "online"), address)
    try:
        report = publish(
            plant_messages(plant, seed, first),
            address,
            speed=speed,
            on_progress=lambda sent, _due_ns: bar.show(str(address), sent / max(expected, sent), str(sent)),
        )
    finally:
        bar.clear()
        publish(status_messages(plant, "offline"), address)
    typer.echo(_published(report, say))


def _published(report: Any, say: Callable[..., str]) -> str:
    return say(
        "terminal.published_messages",
        number=report.messages,
        size=report.payload_bytes,
        seconds=report.seconds,
    )


def _one_target(mqtt: str | None, out: Path | None) -> str | Path:
    from sensors.errors import UsageError

    if out is not None:
        return out
    if mqtt is None:
        raise UsageError(
            "where to?", rule="a broker or a trace file", remedy="--mqtt URL or --out TRACE", code="no_target"
        )
    return mqtt


def _url(mqtt: str | None) -> str:
    return mqtt or "mqtt://127.0.0.1:1883"


def _speed(text: str) -> float | None:
    from sensors.errors import UsageError

    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0.0 < factor < float("inf"):
        raise UsageError(
            "not a speed",
            value=text,
            rule="a positive factor of real time, or max",
            remedy="--speed 60 or --speed max",
            code="speed",
        )
    return factor


def _start_date(text: str | None, timezone: str) -> Any:
    from datetime import UTC, date, datetime
    from zoneinfo import ZoneInfo

    from sensors.errors import UsageError
    from sensors.periods import week_period

    if text is None:
        return week_period(None, ZoneInfo(timezone), datetime.now(UTC)).first
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("not a date", value=text, rule="YYYY-MM-DD", code="date_format") from None


def _moment_ns(text: str) -> int:
    import time
    from datetime import datetime

    from sensors.errors import UsageError

    if text.upper() == "NOW":
        return time.time_ns()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(
            "not a moment", value=text, rule="NOW, or ISO 8601 with an offset", remedy="2026-11-20T08:00:00Z"
        )
    return round(moment.timestamp() * 1_000_000) * 1000
