"""The live part of the demonstration: plant and ingest at once, each finished day reduced meanwhile."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Self

from sensors.command_line import Services
from sensors.errors import VigiposteError
from sensors.periods import date_period
from simulators.feed import FeedTask, PlantFeed

__all__ = ["DayReducer", "IngestThread", "stream"]

_PATIENCE_S = 60.0
_QUIET_S = 2.0
# The publisher waits for the store, so the store must not wait for more readings.
_FEED_INTERVAL_S = 0.25


class IngestThread:
    """The ingest in a thread of this process; leaving the context stops it."""

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


class DayReducer:
    """Reduces days in a thread of its own while later days still stream in; a context manager.

    It opens the store for itself: an open store belongs to one thread.
    """

    def __init__(self, services: Services, book: Any) -> None:
        self._services, self._book = services, book
        self._days: queue.SimpleQueue[date | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._cancelled = False
        self._thread = threading.Thread(target=self._run, name="demo-reduce")

    def submit(self, day: date) -> None:
        """Have the day reduced; its shift lies within one UTC day."""
        self._days.put(day)

    def _run(self) -> None:
        try:
            with contextlib.closing(self._services.open_store(self._book)) as store:
                while (day := self._days.get()) is not None and not self._cancelled:
                    period = date_period(day.isoformat(), day.isoformat())
                    # Partitions of the next day are still being written.
                    self._services.reduce(self._book, store, period, utc_day=day)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._failure = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._cancelled = kind is not None
        self._days.put(None)
        self._thread.join()
        if kind is None and self._failure is not None:
            raise self._failure


def stream(
    task: FeedTask,
    ingest: IngestThread,
    days: Sequence[tuple[date, int]],
    on_day: Callable[[date], None],
    on_progress: Callable[[int, int, float], None],
) -> int:
    """Let the plant publish while the ingest stores; the number of messages, all of them stored.

    Parameters
    ----------
    days : sequence of (date, int)
        Days of the plant and the end of their shifts [UTC ns], in order.
    on_day : callable
        Told each day once all its readings are stored.
    on_progress : callable
        Told ``(stored, published, seconds)``.
    """
    begun = since = time.monotonic()
    published = settled = 0
    done = False
    # After a broken connection some messages come and count twice: then quiet, not the count, tells the end.
    quiet_s = 0.0
    pending = list(days)
    marks: list[tuple[int, date]] = []
    with PlantFeed(task) as feed:
        while not (done and settled >= published and time.monotonic() - since >= quiet_s):
            state = feed.state(0.02) if not done else None
            if state is not None:
                published, done = state.published, state.done
                while pending and (done or state.due_ns > pending[0][1]):
                    marks.append((published, pending.pop(0)[0]))
            elif done:
                time.sleep(0.01)
            ingest.check()
            now = time.monotonic()
            quiet_s = _QUIET_S if ingest.counters.connects > 1 else 0.0
            if ingest.counters.settled != settled:
                settled, since = ingest.counters.settled, now
                feed.settle(settled)
            elif now - since > _PATIENCE_S and settled < max(published, 1):
                raise VigiposteError(
                    "messages were published and did not arrive in the store",
                    value=f"{settled} of {published}",
                    remedy="run again; if it happens again, report it",
                    code="demo_lost",
                )
            while marks and settled >= marks[0][0]:
                on_day(marks.pop(0)[1])
            on_progress(settled, published, now - begun)
    for _, day in marks:
        on_day(day)
    return published
