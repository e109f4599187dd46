"""The thread that feeds the store: when it reads the journal, when it rests, when nothing is left to do.

It is a thread of its own so that a store that hangs holds up neither the health file nor the process's end.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from ingest.counters import IngestCounters
from ingest.journal import JournalReader, JournalWriter
from ingest.pipeline import Feeder
from ingest.pipeline.background import Background

__all__ = ["CHUNK_BYTES", "EndReason", "FeedLoop"]

_LOG = logging.getLogger("vigiposte.ingest")
CHUNK_BYTES = 8 * 1024 * 1024
_CHUNKS_A_TURN = 32
_IDLE_LINE_S = 0.3
_POLL_S = 0.02
_REST_S = 0.2
_DRAIN_ON_STOP_S = 1.5
_ROTATE_IDLE_BYTES = 1024 * 1024
_FORGET_EVERY_S = 86_400.0


class EndReason(StrEnum):
    """Why an ingest ended."""

    STOPPED = "stopped"
    IDLE = "idle"
    EXPECTED = "expected"


class FeedLoop:
    """Feeds when a chunk is full, the line is idle, or readings have waited long enough.

    Parameters
    ----------
    feeder, reader, journal, counters
        The parts it works with.
    line_idle_s : callable
        Seconds since the last message came.
    halt : threading.Event
        Ends the loop, after a last, brief attempt to store what is journaled.
    interval_s : float
        Readings wait at most so long in the journal while the store works.
    until_idle_s : float or None
        End once nothing has come for so long and everything is stored.
    expected_messages : int or None
        End once so many messages are stored or in quarantine.
    on_progress : callable or None
        Told the counters after each chunk.
    tidy : callable
        Called between chunks; decides by itself whether the store is due for tidying.
    """

    def __init__(
        self,
        feeder: Feeder,
        reader: JournalReader,
        journal: JournalWriter,
        counters: IngestCounters,
        *,
        line_idle_s: Callable[[], float],
        halt: threading.Event,
        interval_s: float,
        until_idle_s: float | None,
        expected_messages: int | None,
        on_progress: Callable[[IngestCounters], None] | None,
        tidy: Callable[[], None],
    ) -> None:
        self._feeder = feeder
        self._reader = reader
        self._journal = journal
        self._counters = counters
        self._line_idle_s = line_idle_s
        self._halt = halt
        self._interval_s = interval_s
        self._until_idle_s = until_idle_s
        self._expected_messages = expected_messages
        self._on_progress = on_progress
        self._tidy = tidy
        self._storing = Background(feeder.finish, "vigiposte-store")
        self._waiting_since = 0.0
        self._forget_at = time.monotonic() + _FORGET_EVERY_S
        self.reason = EndReason.STOPPED
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="vigiposte-feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; ``False`` when the store keeps it: what is not stored stays in the journal."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._feeder.abandon()
            _LOG.warning("the store did not answer in time; what is not stored waits in the journal")
            return False
        return True

    def _run(self) -> None:
        try:
            self.reason = self._loop()
            self._drain_briefly()
            self._forget_consumed(0)
        except BaseException as error:  # noqa: BLE001 - raised again where the ingest is supervised
            self.failure = error
        finally:
            self._storing.close()

    def _loop(self) -> EndReason:
        while not self._halt.is_set():
            if not self._feed_when_due():
                self._rest()
            if self._expected_messages is not None and self._counters.settled >= self._expected_messages:
                return EndReason.EXPECTED
            if (
                self._until_idle_s is not None
                and self._line_idle_s() >= self._until_idle_s
                and self._counters.journaled >= self._counters.received
                and not self._reader.uncommitted_bytes()
            ):
                return EndReason.IDLE
            if time.monotonic() >= self._forget_at:
                self._forget_at = time.monotonic() + _FORGET_EVERY_S
                # However slow the line, no stored reading stays in the journal for longer than about a day.
                self._journal.rotate()
                self._forget_consumed(0)
            self._tidy()
        return EndReason.STOPPED

    def _feed_when_due(self) -> bool:
        unread = self._reader.unread_bytes()
        if not unread:
            self._waiting_since = 0.0
            return False
        now = time.monotonic()
        self._waiting_since = self._waiting_since or now
        if (
            unread < CHUNK_BYTES
            and now - self._waiting_since < self._interval_s
            and self._line_idle_s() < _IDLE_LINE_S
        ):
            return False
        self._waiting_since = 0.0
        self._feed_backlog()
        return True

    def _feed_backlog(self) -> None:
        """Feed a chunk, and more while they are full: one is decoded while the one before is stored."""
        prepared = self._feeder.prepare()
        turns = 0
        while prepared is not None:
            self._storing.submit(prepared)
            turns += 1
            more = turns < _CHUNKS_A_TURN and not self._halt.is_set()
            following = (
                self._feeder.prepare() if more and self._reader.unread_bytes() >= CHUNK_BYTES else None
            )
            if not self._storing.result():
                self._feeder.rewind()
                return
            if self._on_progress is not None:
                self._on_progress(self._counters)
            prepared = following

    def _rest(self) -> None:
        if self._waiting_since:
            self._halt.wait(_POLL_S)
            return
        if self._line_idle_s() >= _IDLE_LINE_S:
            self._forget_consumed(_ROTATE_IDLE_BYTES)
        self._journal.wait(self._reader.position, _REST_S if self._until_idle_s is None else _POLL_S)

    def _forget_consumed(self, min_bytes: int) -> None:
        """Remove what is in the store from the journal too, although its segment is not full."""
        if not self._reader.unread_bytes():
            self._journal.rotate(min_bytes)
            with contextlib.suppress(OSError):
                self._reader.commit(self._reader.position)

    def _drain_briefly(self) -> None:
        deadline = time.monotonic() + _DRAIN_ON_STOP_S
        while self._counters.store_trouble is None and time.monotonic() < deadline and self._feeder.feed():
            pass
