"""Feeds the store from the journal: nothing is forgotten before it is durable in store or quarantine."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingest.counters import IngestCounters
from ingest.journal import Chunk, JournalReader, Position
from ingest.pipeline.barred import Barred
from ingest.pipeline.health import SensorHealth
from ingest.pipeline.limits import RateLimit
from ingest.pipeline.routing import Router
from ingest.pipeline.unpacking import Unpacked, Unpacker
from ingest.quarantine import Quarantine, Refused
from ingest.store import ReadingStore, WriteOutcome
from sensors.errors import (
    ConfigurationError,
    LocalResourceError,
    StoreRejectedError,
    UnreachableError,
)
from sensors.readings import ReadingBatch

__all__ = ["Feeder", "FeederSettings", "Prepared"]

_LOG = logging.getLogger("vigiposte.ingest")
_FIRST_RETRY_S = 0.2
_LONGEST_RETRY_S = 10.0
_TRANSIENT = (UnreachableError, LocalResourceError, ConfigurationError, OSError)


@dataclass(frozen=True, slots=True)
class FeederSettings:
    """How much is read from the journal at once, and how fast one sensor may send.

    Attributes
    ----------
    chunk_bytes : int
        Journal bytes taken together.
    max_messages_per_s : float or None
        Sustained rate of one sensor beyond which its messages go to quarantine; ``None`` = no limit.
    """

    chunk_bytes: int = 8 * 1024 * 1024
    max_messages_per_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A decoded chunk, ready for the store, and where in the journal it begins."""

    start: Position
    chunk: Chunk
    work: Unpacked


class Feeder:
    """Moves messages from a journal to a store.

    Parameters
    ----------
    site : str
        Site id.
    reader : JournalReader
        Where messages come from.
    store : ReadingStore
        Where readings go.
    router : Router
        Topic to sensor and decoder.
    quarantine : Quarantine
        Where refused messages go.
    counters : IngestCounters
        Mutated in place.
    health : mapping of str to SensorHealth
        State of each sensor of the site.
    stop : threading.Event
        Ends waiting for a store that is away.
    settings : FeederSettings
        Sizes and limits.
    barred : Barred, optional
        Drops rows that may not be stored.
    """

    def __init__(
        self,
        site: str,
        reader: JournalReader,
        store: ReadingStore,
        router: Router,
        quarantine: Quarantine,
        counters: IngestCounters,
        health: Mapping[str, SensorHealth],
        stop: threading.Event,
        settings: FeederSettings | None = None,
        barred: Barred | None = None,
    ) -> None:
        self._reader = reader
        self._store = store
        self._quarantine = quarantine
        self._counters = counters
        self._health = health
        self._stop = stop
        self._settings = settings or FeederSettings()
        self._unpacker = Unpacker(site, router, health, RateLimit(self._settings.max_messages_per_s), barred)
        self._late_before, self._skewed_before = self._flagged()
        self._abandoned = False

    @property
    def unknown(self) -> Mapping[str, int]:
        """Topics of senders that the site file does not know, and their messages."""
        return self._unpacker.unknown

    def abandon(self) -> None:
        """Let a write that hangs come to nothing when it returns: its messages will be offered again."""
        self._abandoned = True

    def feed(self) -> int:
        """Take one chunk all the way; messages settled, 0 when there was nothing or the stop came first."""
        prepared = self.prepare()
        if prepared is None:
            return 0
        settled = self.finish(prepared)
        if not settled:
            self.rewind()
        return settled

    def rewind(self) -> None:
        """Offer again whatever was prepared and not finished."""
        self._reader.rewind()

    def prepare(self) -> Prepared | None:
        """Read and decode the next chunk; ``None`` when there is nothing to read."""
        start = self._reader.position
        chunk = self._reader.read(self._settings.chunk_bytes)
        if chunk is None:
            return None
        return Prepared(start, chunk, self._unpacker.unpack(chunk))

    def finish(self, prepared: Prepared) -> int:
        """Store what was prepared, then move the journal's position; messages settled, 0 when stopped first.

        Another thread may prepare the next chunk meanwhile. A chunk is only finished right after the one
        before it: when that one was not, this one is not either, and the position passes nothing unstored.
        """
        chunk, work = prepared.chunk, prepared.work
        if self._reader.committed != prepared.start:
            return 0
        outcome = self._write(work.batches, work, chunk)
        if (
            outcome is None
            or self._abandoned
            or not self._patiently("quarantine", lambda: self._quarantine.add(work.refused))
        ):
            return 0
        if not self._patiently("journal position", lambda: self._reader.commit(chunk.end)):
            return 0
        self._count(work, outcome)
        return len(chunk.messages) or 1

    def _write(self, batches: Sequence[ReadingBatch], work: Unpacked, chunk: Chunk) -> WriteOutcome | None:
        """Write, for as long as it takes; ``None`` when the stop came first."""
        outcome = WriteOutcome(0)
        if not batches:
            return outcome

        def attempt() -> None:
            nonlocal outcome
            began = time.perf_counter()
            try:
                outcome = self._store.write(batches)
            except StoreRejectedError as error:
                outcome = WriteOutcome(sum(map(len, batches)) - len(error.rows))
                work.refused.extend(
                    Refused("store_rejected", str(error), "", row, chunk.end.sequence) for row in error.rows
                )
                self._counters.rejected_rows += len(error.rows)
            self._counters.store_seconds += time.perf_counter() - began
            self._counters.store_writes += 1

        try:
            if not self._patiently("store", attempt):
                return None
        except Exception as error:  # noqa: BLE001 - one sensor's rows must not stop the others
            return self._write_each(batches, work, chunk, error)
        for row in outcome.rejected:
            self._counters.rejected_rows += 1
            work.refused.append(
                Refused("store_rejected", row.reason, "", row.row.encode(), chunk.end.sequence, row.sensor)
            )
        return outcome

    def _write_each(
        self, batches: Sequence[ReadingBatch], work: Unpacked, chunk: Chunk, error: Exception
    ) -> WriteOutcome | None:
        """After a fault that no retry cures: store each sensor alone, quarantine those that cannot be."""
        if len(batches) > 1:
            rows = 0
            for batch in batches:
                outcome = self._write([batch], work, chunk)
                if outcome is None:
                    return None
                rows += outcome.rows
            return WriteOutcome(rows)
        sensor = batches[0].sensor
        fault = self._unpacker.fault("store_fault", error)
        sequences = set(work.gathered[sensor].sequences)
        work.refused.extend(
            self._unpacker.refuse(message, fault)
            for message in chunk.messages
            if message.sequence in sequences
        )
        return WriteOutcome(0)

    def _patiently(self, part: str, action: Callable[[], None]) -> bool:
        """Repeat `action` until nothing outside hinders it; ``False`` when the stop came first."""
        delay_s = _FIRST_RETRY_S
        since = 0.0
        while True:
            try:
                action()
            except _TRANSIENT as error:
                if not since:
                    since = time.monotonic()
                    self._counters.store_trouble = f"{part}: {error}"
                    _LOG.warning("%s: %s; readings wait in the journal", part, error)
                self._counters.store_waits += 1
                if self._stop.wait(delay_s):
                    return False
                delay_s = min(2 * delay_s, _LONGEST_RETRY_S)
            else:
                if since:
                    self._counters.store_trouble = None
                    _LOG.warning("%s works again after %.0f s; catching up", part, time.monotonic() - since)
                return True

    def _count(self, work: Unpacked, outcome: WriteOutcome) -> None:
        counters = self._counters
        stored = work.empty + sum(len(gathered.sequences) for gathered in work.gathered.values())
        for one in work.refused:
            if one.code == "journal_damage":
                counters.damaged += 1
            elif one.code != "store_rejected":
                counters.rejected[one.code] += 1
                stored -= one.code == "store_fault"
        counters.rows += outcome.rows
        counters.values += sum(len(batch) * len(batch.channels) for batch in work.batches)
        late, skewed = self._flagged()
        counters.late, counters.skewed = late - self._late_before, skewed - self._skewed_before
        counters.stored += stored

    def _flagged(self) -> tuple[int, int]:
        states = self._health.values()
        return sum(health.late for health in states), sum(health.skewed for health in states)
