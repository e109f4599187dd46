"""The demonstration: a simulated plant really publishes a week, and the whole chain makes a report of it."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from sensors.command_line import Services
from sensors.errors import UsageError, VigiposteError
from simulators.broker import EmbeddedBroker
from simulators.feed import FeedTask, PlantFeed
from simulators.messages import expected_messages
from simulators.progress import ProgressBar
from simulators.scenario import load_scenario
from simulators.site_writer import SiteOptions, write_site

__all__ = ["DemoOptions", "DemoOutcome", "prepare_folder", "run_demo"]

# The publisher never runs more than 2,000 messages ahead, so the broker's log needs no more than this.
_BROKER_LOG_BYTES = 192 * 1024 * 1024
_PATIENCE_S = 60.0
# The publisher waits for the store, so the store must not wait for more readings.
_FEED_INTERVAL_S = 0.25
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
    """What the demonstration left behind and how long its parts took [s]."""

    site_file: Path
    result: Any
    report: tuple[Path, ...]
    truth: Mapping[str, Any]
    messages: int
    values: int
    seconds: Mapping[str, float]


def prepare_folder(out: Path) -> None:
    """Make `out` ready; a demonstration that stands there already is replaced, anything else is left alone.

    Raises
    ------
    UsageError
        The folder holds something that is not an earlier demonstration.
    """
    out.mkdir(parents=True, exist_ok=True)
    present = {entry.name for entry in out.iterdir()}
    earlier = (out / "truth.json").is_file() or present <= set(_OWN_ENTRIES)
    if present and not earlier:
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
        with EmbeddedBroker(log_bytes=_BROKER_LOG_BYTES) as broker:
            task = FeedTask(
                options.scenario, options.seed, options.start, broker.url, options.out / "truth.json"
            )
            with _Ingest(services, book, store, broker.url, options.out / "journal") as ingest:
                ingest.wait_for_broker()
                published = _stream(task, ingest, bar, say, expected_messages(scenario))
        clock.lap("stream")
        services.reduce(
            book,
            store,
            period,
            progress=lambda done, all_: bar.show(say("demo.reducing"), done / max(all_, 1)),
        )
        clock.lap("reduce")
        bar.show(say("demo.reporting"), 0.5)
        result = services.weekly_result(book, store, period, "report")
        clock.lap("assess")
        report = services.render_report(result, options.out / "report", options.formats, options.language)
        clock.lap("report")
    finally:
        bar.clear()
        store.close()
    truth = json.loads((options.out / "truth.json").read_text(encoding="utf-8"))
    return DemoOutcome(
        site_file, result, tuple(report), truth, published, ingest.counters.values, clock.seconds
    )


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name], self._last = now - self._last, now


class _Ingest:
    """The ingest in a thread of this process; leaving the context stops it once its journal is stored."""

    def __init__(self, services: Services, book: Any, store: Any, mqtt_url: str, journal: Path) -> None:
        self.counters: Any = services.extra["ingest_counters"]()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(services, book, store, mqtt_url, journal), name="demo-ingest"
        )

    def _run(self, services: Services, book: Any, store: Any, mqtt_url: str, journal: Path) -> None:
        try:
            services.run_ingest(
                book,
                store,
                mqtt_url=mqtt_url,
                journal=journal,
                stop=self._stop,
                counters=self.counters,
                feed_interval_s=_FEED_INTERVAL_S,
            )
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._failure = error

    def check(self) -> None:
        """Raise what ended the ingest."""
        if self._failure is not None:
            raise self._failure
        if not self._thread.is_alive() and not self._stop.is_set():
            raise VigiposteError("the ingest ended too early", remedy="run again", code="ingest_ended")

    def wait_for_broker(self) -> None:
        """Return once the subscriptions stand: what is published earlier would reach nobody."""
        deadline = time.monotonic() + _PATIENCE_S
        while self.counters.broker != "connected":
            self.check()
            if time.monotonic() > deadline:
                raise VigiposteError(
                    "the ingest did not reach the embedded broker", remedy="run again", code="demo_broker"
                )
            time.sleep(0.01)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if kind is None:
            self.check()


def _stream(task: FeedTask, ingest: _Ingest, bar: ProgressBar, say: Callable[..., str], expected: int) -> int:
    """Let the plant publish while the ingest stores; the number of messages, all of them stored."""
    begun = time.monotonic()
    with PlantFeed(task) as feed:
        published, done = 0, False
        settled, since = 0, begun
        while not (done and ingest.counters.settled >= published):
            state = feed.state(0.02) if not done else None
            if state is not None:
                published, done = state.published, state.done
            elif done:
                time.sleep(0.01)
            ingest.check()
            now = time.monotonic()
            if ingest.counters.settled != settled:
                settled, since = ingest.counters.settled, now
                feed.settle(settled)
            elif now - since > _PATIENCE_S:
                raise VigiposteError(
                    "messages were published and did not arrive in the store",
                    value=f"{settled} of {published}",
                    remedy="run again; if it happens again, report it",
                    code="demo_lost",
                )
            rate = settled / max(now - begun, 1e-9)
            bar.show(
                say("demo.streaming"),
                settled / max(expected, published, 1),
                say("demo.rate", rate=round(rate)),
            )
    return published
