"""The ingest as a service: session, journal and feeder put together, watched, and shut down in order."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.counters import IngestCounters
from ingest.feeding import CHUNK_BYTES, EndReason, FeedLoop
from ingest.journal import Cursor, FolderLock, JournalReader, JournalWriter
from ingest.pauses import Pauses
from ingest.pipeline import Barred, Feeder, FeederSettings, Router, SensorHealth
from ingest.quarantine import Quarantine
from ingest.session import MqttSession, broker_settings
from ingest.status import read_health, write_health
from ingest.store import Store
from ingest.upkeep import Upkeep
from sensors.errors import LocalResourceError, StoreUnreachableError, UsageError
from sensors.site_book import SiteBook
from sensors.topics import PAUSE, parse_topic

__all__ = ["EndReason", "IngestReport", "run_ingest"]

_LOG = logging.getLogger("vigiposte.ingest")
_WRITER = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SWITCH_S = 0.0005
_SUPERVISE_S = 0.05
_LAST_FEED_S = 2.5
_LAKE_INTERVAL_S = 5.0
_SERVER_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one run did."""

    reason: EndReason
    seconds: float
    counters: IngestCounters


def run_ingest(
    book: SiteBook,
    store: Store,
    *,
    mqtt_url: str | None = None,
    journal: Path | None = None,
    stop: threading.Event | None = None,
    until_idle_s: float | None = None,
    expected_messages: int | None = None,
    on_progress: Callable[[IngestCounters], None] | None = None,
    writer: str | None = None,
    counters: IngestCounters | None = None,
    feed_interval_s: float | None = None,
    compact_every_s: float = 600.0,
    reduce: Callable[[], object] | None = None,
    reduce_every_s: float = 3600.0,
    purge: Callable[[], object] | None = None,
    purge_every_s: float = 86_400.0,
    metrics_port: int | None = None,
    max_messages_per_s: float | None = None,
    connect_timeout_s: float = 10.0,
) -> IngestReport:
    """Run until stopped, idle, or the expected number of messages is settled.

    A message is acknowledged to the broker once it is durable in the journal, and leaves the journal once it
    is durable in the store or in quarantine. Ending at any moment, in any way, loses and doubles nothing.

    Parameters
    ----------
    book : SiteBook
        The site: sensors, broker, retention.
    store : Store
        Where readings go; not closed here.
    mqtt_url : str, optional
        Replaces ``[mqtt] url``.
    journal : Path, optional
        Journal folder; default ``journal`` (or ``journal-WRITER``) beside the site file.
    stop : threading.Event, optional
        Ends the run when set, within seconds.
    until_idle_s : float, optional
        End once nothing has come for so long and everything is in the store.
    expected_messages : int, optional
        End once so many messages are stored or in quarantine.
    on_progress : callable, optional
        Told the counters a few times a second while something happens.
    writer : str, optional
        Name of this process where several share one subscription: part of client id, journal and lake files.
    counters : IngestCounters, optional
        Mutated in place, for others to read meanwhile.
    feed_interval_s : float, optional
        Readings wait at most so long in the journal while the store works; default 5 s for a lake (fewer,
        larger files), 1 s for a server.
    compact_every_s : float
        How often the store is asked to merge small files.
    reduce : callable, optional
        Called every `reduce_every_s` on a thread of its own.
    purge : callable, optional
        Called every `purge_every_s` on such a thread: removes what is past its retention.
    metrics_port : int, optional
        Serve ``/metrics`` and ``/health`` on this loopback port.
    max_messages_per_s : float, optional
        Sustained rate of one sensor beyond which its messages go to quarantine.
    connect_timeout_s : float
        How long the first connection may take; later ones are tried for ever.

    Raises
    ------
    BrokerUnreachableError
        The broker does not answer at the start, or refuses.
    ConfigurationError
        Broker or store settings cannot work.
    LocalResourceError
        The journal folder is in use, or cannot be written; the metrics port is in use.
    UsageError
        The writer's name cannot name a folder.
    """
    if writer is not None and not _WRITER.fullmatch(writer):
        raise UsageError(
            "the writer's name is not usable",
            value=writer,
            rule="letters, digits, _ and -, at most 40: it names a folder and a client id",
            remedy="choose another --writer",
            code="writer_name",
        )
    service = _Service(
        book,
        store,
        mqtt_url=mqtt_url,
        journal=journal or book.folder / (f"journal-{writer}" if writer else "journal"),
        writer=writer,
        counters=counters if counters is not None else IngestCounters(),
        max_messages_per_s=max_messages_per_s,
        metrics_port=metrics_port,
        connect_timeout_s=connect_timeout_s,
        may_wait_for_store=until_idle_s is None,
    )
    if feed_interval_s is None:
        feed_interval_s = _LAKE_INTERVAL_S if store.url.startswith("lake:") else _SERVER_INTERVAL_S
    upkeep = Upkeep(
        store,
        book.site.site.id,
        service.publish_health,
        compact_every_s=compact_every_s,
        reduce=reduce,
        reduce_every_s=reduce_every_s,
        purge=purge,
        purge_every_s=purge_every_s,
    )
    began = time.monotonic()
    reason = service.run(
        {
            "interval_s": feed_interval_s,
            "until_idle_s": until_idle_s,
            "expected_messages": expected_messages,
            "on_progress": on_progress,
        },
        upkeep,
        stop or threading.Event(),
    )
    if reason is EndReason.IDLE:
        store.compact(book.site.site.id)
    return IngestReport(reason, time.monotonic() - began, service.counters)


@contextlib.contextmanager
def _quick_thread_switches() -> Iterator[None]:
    """Let the network thread have its turn soon after each system call, while another thread decodes.

    With Python's 5 ms it would wait that long for the interpreter after each read, write and flush.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SWITCH_S))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Service:
    """The parts of one run, opened and closed in order."""

    def __init__(
        self,
        book: SiteBook,
        store: Store,
        *,
        mqtt_url: str | None,
        journal: Path,
        writer: str | None,
        counters: IngestCounters,
        max_messages_per_s: float | None,
        metrics_port: int | None,
        connect_timeout_s: float,
        may_wait_for_store: bool,
    ) -> None:
        self.counters = counters
        self._site = book.site.site.id
        self._store = store
        self._folder = journal
        self._halt = threading.Event()
        self._connect_timeout_s = connect_timeout_s
        self._settings = broker_settings(book.site.mqtt, book.folder, self._site, url=mqtt_url, writer=writer)
        self._router = Router(book)
        with contextlib.ExitStack() as opening:
            lock = FolderLock(journal)
            opening.callback(lock.release)
            self._check_store(may_wait=may_wait_for_store)
            self._open_journal(opening)
            previous = read_health(journal).sensors
            self.health = {
                sensor.id: previous.get(sensor.id) or SensorHealth() for sensor in book.site.sensors
            }
            if metrics_port is not None:
                from ingest.metrics import MetricsServer

                opening.callback(MetricsServer(metrics_port, counters, self.health).close)
            self._pauses = Pauses(book, journal)
            self._feeder = Feeder(
                self._site,
                self._reader,
                store,
                self._router,
                Quarantine(journal / "quarantine", max_age_days=book.site.privacy.raw_days),
                counters,
                self.health,
                self._halt,
                FeederSettings(CHUNK_BYTES, max_messages_per_s),
                Barred(book, self._pauses.lasting),
            )
            self._session = MqttSession(
                self._settings,
                self._router.filters(self._settings.shared_group),
                self._router.status_filters(),
                self._journal,
                counters,
                self._on_status,
            )
            self._resources = opening.pop_all()

    def _open_journal(self, opening: contextlib.ExitStack) -> None:
        try:
            cursor = Cursor(self._folder)
            opening.callback(cursor.close)
            self._journal = JournalWriter(self._folder, after=cursor.position.sequence)
        except OSError as error:
            raise LocalResourceError(
                f"the journal cannot be opened: {error.strerror}",
                value=str(self._folder),
                remedy="free disk space, or correct the folder's permissions",
                code="journal_failed",
            ) from error
        opening.callback(self._journal.close)
        self._reader = JournalReader(self._journal, cursor)

    def _check_store(self, *, may_wait: bool) -> None:
        try:
            self._store.check()
        except StoreUnreachableError as error:
            if not may_wait:
                raise
            _LOG.warning("%s; readings wait in the journal", error)

    def _on_status(self, topic: str, payload: bytes) -> None:
        with contextlib.suppress(Exception):
            parsed = parse_topic(topic)
            if parsed.format == PAUSE:
                self._pauses.command(parsed.sensor, payload, time.time_ns())
                return
            health = self.health.get(parsed.sensor)
            if health is not None:
                health.online = payload.strip() == b"online"

    def run(self, loop_options: Mapping[str, Any], upkeep: Upkeep, stop: threading.Event) -> EndReason:
        """Work until there is a reason to end, then end in order: broker, feeder, journal."""
        loop = FeedLoop(
            self._feeder,
            self._reader,
            self._journal,
            self.counters,
            line_idle_s=lambda: time.monotonic() - self._session.last_received,
            halt=self._halt,
            tidy=upkeep.tidy,
            **loop_options,
        )
        with self._resources, _quick_thread_switches():
            try:
                self._session.start(self._connect_timeout_s)
                loop.start()
                while loop.running and not stop.wait(_SUPERVISE_S):
                    if self._session.failure is not None:
                        raise self._session.failure
                    upkeep.tick()
            finally:
                self._session.stop()
                self._halt.set()
                loop.join(_LAST_FEED_S)
                self.publish_health(stopped=True)
        if loop.failure is not None:
            raise loop.failure
        return loop.reason

    def publish_health(self, *, stopped: bool = False) -> None:
        """Write the health file; a disk that refuses is told elsewhere."""
        unread = self._reader.uncommitted_bytes()
        self.counters.backlog_bytes = unread
        self.counters.oldest_waiting_ns = self._reader.committed.sequence if unread else 0
        with contextlib.suppress(OSError):
            self._pauses.checkpoint(time.time_ns(), ending=stopped)
        with contextlib.suppress(OSError):
            write_health(self._folder, self.counters, self.health, self._feeder.unknown, stopped=stopped)
