"""``vigiposte calibrate``: guides the two postures or the microphone check, and records them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors.command_line import JsonOption, LanguageOption, SiteOption, emit_json, note, services_of

if TYPE_CHECKING:
    from indicators.calibration.checks import Stretch
    from sensors.command_line import Services
    from sensors.site_book import SiteBook

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(calibrate)


def calibrate(
    context: typer.Context,
    sensor: Annotated[str, typer.Argument(help="Sensor of the site file.")],
    site: SiteOption = None,
    mqtt: Annotated[
        str | None, typer.Option("--mqtt", help="Broker to listen to; default: that of the site file.")
    ] = None,
    upright: Annotated[
        str | None,
        typer.Option("--upright", help="FROM..TO in the store, or a CSV file (t, acc_x, acc_y, acc_z)."),
    ] = None,
    lean: Annotated[str | None, typer.Option("--lean", help="As --upright, for the forward lean.")] = None,
    before: Annotated[
        float | None, typer.Option("--before", help="Microphone: level with the calibrator before [dB].")
    ] = None,
    after: Annotated[
        float | None, typer.Option("--after", help="Microphone: level with the calibrator after [dB].")
    ] = None,
    check: Annotated[
        str | None, typer.Option("--check", help="Microphone: before or after; listens to the sensor.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=3600, help="Longest wait for each posture [s].")
    ] = 120.0,
    language: LanguageOption = None,
    *,
    upright_only: Annotated[
        bool, typer.Option("--upright-only", help="No lean: inclination without forward and lateral.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and record nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Record reference postures or a microphone check; refusals come with their reason."""
    from sensors.errors import UsageError
    from sensors.quantities import Kind

    services = services_of(context)
    book = services.load_site(site)
    device = book.sensor(sensor)
    say = services.words(language, book)
    if device.kind is Kind.NOISE:
        if upright or lean or upright_only:
            raise UsageError(
                "a noise sensor has no postures",
                value=sensor,
                rule="--before, --after or --check for microphones",
                code="calibration_kind",
            )
        level = None if check is None else _live_level(services, book, sensor, mqtt, timeout, check, say)
        record, shown = _microphone(book, sensor, before, after, check, level)
    elif device.kind is Kind.POSTURE:
        if before is not None or after is not None or check is not None:
            raise UsageError(
                "a posture sensor has no calibrator",
                value=sensor,
                rule="--upright and --lean, or nothing to listen to the sensor",
                code="calibration_kind",
            )
        stretches = _postures(
            services, book, sensor, (upright, lean), mqtt, timeout, say, upright_only=upright_only
        )
        record, shown = _posture(book, sensor, *stretches)
    else:
        raise UsageError(
            "this kind of sensor is calibrated by its maker",
            value=f"{sensor} ({device.kind})",
            rule="posture and noise sensors",
            code="calibration_kind",
        )
    path = None if dry_run else _append(book, record)
    document = {"recorded": path is not None, "file": None if path is None else str(path), **shown}
    if as_json:
        emit_json("calibrate", document)
        return
    for line in _lines(document, say):
        typer.echo(line)


def _append(book: SiteBook, record: Mapping[str, Any]) -> Path:
    from sensors.calibration_log import append_calibration

    return append_calibration(book, record)


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, datetime):
            found[key] = value.isoformat()
        else:
            found[key] = list(value) if isinstance(value, tuple) else value
    return found


def _microphone(
    book: SiteBook,
    sensor: str,
    before: float | None,
    after: float | None,
    check: str | None,
    level: float | None,
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    from indicators.calibration.checks import check_microphone, microphone_record
    from sensors.errors import UsageError

    if check == "before":
        before = level
    elif check == "after":
        after = level
    if before is None and after is None:
        raise UsageError(
            "no level was given",
            value=sensor,
            rule="--before DB, --after DB, or --check before|after to listen",
            remedy="put the calibrator on and run --check before",
            code="no_level",
        )
    record = microphone_record(book, sensor, datetime.now(UTC), before_db=before, after_db=after)
    shown: dict[str, Any] = {"record": _plain(record), "drift_db": None, "discarded": None}
    if after is not None:
        found = check_microphone(record["level_before_db"], after)
        shown |= {"drift_db": round(found.drift_db, 3), "discarded": found.discarded}
    return record, shown


def _posture(
    book: SiteBook, sensor: str, upright: Stretch, lean: Stretch | None
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    from indicators.calibration.checks import check_postures, posture_record

    found = check_postures(upright, lean)
    record = posture_record(book, sensor, found)
    angle = None if found.lean_deg is None else round(found.lean_deg, 1)
    return record, {"record": _plain(record), "lean_deg": angle}


def _postures(
    services: Services,
    book: SiteBook,
    sensor: str,
    given: tuple[str | None, str | None],
    mqtt: str | None,
    timeout: float,
    say: Any,
    *,
    upright_only: bool,
) -> tuple[Stretch, Stretch | None]:
    """Both recordings: from the store, from files, or live."""
    from sensors.errors import UsageError

    upright, lean = given
    if upright is not None:
        found = _recorded(services, book, sensor, upright)
        return found, None if lean is None else _recorded(services, book, sensor, lean)
    if lean is not None:
        raise UsageError(
            "a lean alone says nothing",
            rule="--upright and --lean together",
            remedy="give --upright too",
            code="upright_required",
        )
    with services.extra["listen_sensor"](book, sensor, mqtt_url=mqtt) as arrivals:
        standing = _live(arrivals, "upright", timeout, say, None)
        if upright_only:
            return standing, None
        return standing, _live(arrivals, "lean", timeout, say, standing)


def _recorded(services: Services, book: SiteBook, sensor: str, where: str) -> Stretch:
    from indicators.calibration.sources import read_file, read_store

    if Path(where).is_file():
        return read_file(Path(where), book)
    store = services.open_store(book)
    try:
        return read_store(book, store, sensor, where)
    finally:
        store.close()


def _live(arrivals: Iterator[Any], what: str, timeout: float, say: Any, upright: Stretch | None) -> Stretch:
    """One posture from the running sensor, with its inclination on the terminal."""
    from indicators.calibration.checks import LEAN_S, LEAST_LEAN_DEG, UPRIGHT_S, inclination_to
    from indicators.calibration.live import QuietWindow, collect_still
    from indicators.calibration.session import accelerations

    seconds = UPRIGHT_S if what == "upright" else LEAN_S
    note(say(f"calibrate.stand_{what}", seconds=seconds))
    if sys.stdin.isatty():
        note(say("calibrate.press_enter"))
        sys.stdin.readline()
    watched = sys.stderr.isatty()
    reference = None if upright is None else upright.acc.mean(axis=0)
    started = time.monotonic()

    def show(latest: Any) -> None:
        if watched and latest is not None:
            angle = 0.0 if reference is None else inclination_to(reference, latest)
            sys.stderr.write(f"\r{say('calibrate.inclination', degrees=angle)}   ")
            sys.stderr.flush()

    window = QuietWindow(seconds)
    if reference is not None:
        # Still upright is quiet too: the window waits for a real lean.
        window.far_from = (reference, LEAST_LEAN_DEG)
    found = collect_still(
        accelerations(arrivals),
        window,
        what=what,
        elapsed_s=lambda: time.monotonic() - started,
        timeout_s=timeout,
        show=show,
    )
    if watched:
        sys.stderr.write("\n")
    note(say("calibrate.held"))
    return found


def _live_level(
    services: Services, book: SiteBook, sensor: str, mqtt: str | None, timeout: float, check: str, say: Any
) -> float:
    """Mean level of a steady calibrator tone [dB]."""
    import numpy as np

    from indicators.calibration.checks import UPRIGHT_S
    from indicators.calibration.live import QuietWindow, collect_still
    from sensors.errors import UsageError

    if check not in ("before", "after"):
        raise UsageError("unknown check", value=check, rule="before or after", code="unknown_check")
    note(say("calibrate.calibrator_on", seconds=UPRIGHT_S))
    started = time.monotonic()
    with services.extra["listen_sensor"](book, sensor, mqtt_url=mqtt) as arrivals:
        rows = (
            None
            if decoded is None or "laeq" not in decoded.channels
            else (decoded.times_ns, np.asarray(decoded.channels["laeq"], dtype=np.float64)[:, None])
            for decoded in arrivals
        )
        found = collect_still(
            rows,
            QuietWindow.of_levels(UPRIGHT_S),
            what="calibrator",
            elapsed_s=lambda: time.monotonic() - started,
            timeout_s=timeout,
        )
    return round(float(found.acc.mean()), 2)


def _lines(document: Mapping[str, Any], say: Any) -> Iterator[str]:
    record = document["record"]
    if record["kind"] == "microphone":
        if document["drift_db"] is None:
            yield say("calibrate.checked_before", level=record["level_before_db"])
        else:
            code = "series_discarded" if document["discarded"] else "series_kept"
            yield say(f"calibrate.{code}", drift=document["drift_db"])
    elif document["lean_deg"] is None:
        yield say("calibrate.upright_found")
    else:
        yield say("calibrate.postures_found", degrees=document["lean_deg"])
    where = document["file"]
    yield (
        say("calibrate.not_recorded")
        if where is None
        else say("calibrate.recorded", id=record["id"], file=where)
    )
