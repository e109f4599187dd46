"""The demonstration: a simulated plant really publishes a week, and the whole chain makes a report of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from sensors.command_line import Services
from sensors.errors import UsageError
from simulators.broker import EmbeddedBroker
from simulators.demo_stream import DayReducer, IngestThread, stream
from simulators.feed import FeedTask
from simulators.messages import expected_messages
from simulators.plant import work_days
from simulators.progress import ProgressBar
from simulators.scenario import Scenario, load_scenario
from simulators.site_writer import SiteOptions, write_site

__all__ = ["DemoOptions", "DemoOutcome", "prepare_folder", "run_demo"]

# The publisher never runs more than 2,000 messages ahead, so the broker's log needs no more than this.
_BROKER_LOG_BYTES = 192 * 1024 * 1024
_OWN_ENTRIES = ("site.toml", "assignments.csv", "lake", "journal", "report", "truth.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the user chose."""

    out: Path
    scenario: str
    seed: int
    start: date
    language: Literal["fr", "en"]
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the demonstration left behind and how long its parts took [s].

    Attributes
    ----------
    analyst_result : WeeklyResult, optional
        The same week ungated, where the gate leaves nothing of the worn sensors to compare with the truth
        (one day has one wearer a workstation). Nobody in it is real.
    messages, rows : int
        Messages published and rows (one sensor, one time) stored.
    """

    site_file: Path
    result: Any
    report: tuple[Path, ...]
    truth: Mapping[str, Any]
    analyst_result: Any | None
    messages: int
    rows: int
    seconds: Mapping[str, float]


def prepare_folder(out: Path) -> None:
    """Make `out` ready; a demonstration that stands there already is replaced, anything else is left alone.

    Raises
    ------
    UsageError
        The folder holds something that is not an earlier demonstration.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(
            "not a folder", value=str(out), remedy="choose another with --out", code="demo_folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    present = {entry.name for entry in out.iterdir()}
    if present and not (out / "truth.json").is_file() and not present <= set(_OWN_ENTRIES):
        raise UsageError(
            "the folder is not empty and holds no earlier demonstration",
            value=str(out),
            remedy="choose another folder with --out",
            code="demo_folder",
        )
    for name in _OWN_ENTRIES:
        entry = out / name
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def run_demo(services: Services, options: DemoOptions, period: Any, say: Callable[..., str]) -> DemoOutcome:
    """Simulate, publish, ingest, reduce, assess, render.

    Parameters
    ----------
    period : sensors.periods.DatePeriod
        The ISO week that is reported.
    say : callable
        Texts of the chosen language.
    """
    scenario = load_scenario(options.scenario)
    prepare_folder(options.out)
    site_file = write_site(
        scenario, options.seed, options.start, options.out, SiteOptions(language=options.language)
    )
    book = services.load_site(site_file)
    store = services.open_store(book)
    bar = ProgressBar()
    clock = _Clock()
    try:
        messages, rows = _stream(services, options, scenario, (book, store), bar, say)
        clock.lap("stream")
        services.reduce(
            book, store, period, progress=lambda done, of: bar.show(say("demo.reducing"), done / max(of, 1))
        )
        clock.lap("reduce")
        bar.show(say("demo.reporting"), 0.5)
        result = services.weekly_result(book, store, period, "report")
        analyst = (
            None
            if _shows_worn(result)
            else services.weekly_result(book, store, period, "analyst", reduce=False)
        )
        clock.lap("assess")
        around = services.extra["surroundings"](
            book, result, options.language, open_store=lambda: services.open_store(book)
        )
        report = services.render_report(
            result, options.out / "report", options.formats, options.language, around=around
        )
        clock.lap("report")
    finally:
        bar.clear()
        store.close()
    truth = json.loads((options.out / "truth.json").read_text(encoding="utf-8"))
    return DemoOutcome(site_file, result, tuple(report), truth, analyst, messages, rows, clock.seconds)


def _shows_worn(result: Any) -> bool:
    """Whether any value of a worn sensor passed the gate."""
    return any(
        indicator.worn and indicator.value is not None
        for row in result.workstations
        for factor in row.factors
        for indicator in factor.indicators
    )


def _stream(
    services: Services,
    options: DemoOptions,
    scenario: Scenario,
    site: tuple[Any, Any],
    bar: ProgressBar,
    say: Callable[..., str],
) -> tuple[int, int]:
    """Run the live part; messages published and rows stored."""
    book, store = site
    expected = expected_messages(scenario)
    days = {day.date: day.end_ns for day in work_days(scenario, options.seed, options.start)}

    def show(stored: int, published: int, seconds: float) -> None:
        rate = say("demo.rate", rate=round(stored / max(seconds, 1e-9)))
        bar.show(say("demo.streaming"), stored / max(expected, published, 1), rate)

    with EmbeddedBroker(log_bytes=_BROKER_LOG_BYTES) as broker, DayReducer(services, book) as reducer:
        task = FeedTask(options.scenario, options.seed, options.start, broker.url, options.out / "truth.json")
        with IngestThread(services, book, store, broker.url, options.out / "journal") as ingest:
            ingest.wait_for_broker()
            messages = stream(task, ingest, list(days.items()), reducer.submit, show)
    return messages, int(ingest.counters.rows)


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name], self._last = now - self._last, now
