"""Feeds the store from the journal: nothing is forgotten before it is durable in store or quarantine."""

from __future__ import annotations

import contextlib
import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.counters import IngestCounters
from ingest.journal import Chunk, JournalReader, Message, Position
from ingest.pipeline.barred import Barred
from ingest.pipeline.batches import Gathered, to_batch
from ingest.pipeline.health import SensorHealth
from ingest.pipeline.limits import RateLimit
from ingest.pipeline.quality import SensorQuality
from ingest.pipeline.routing import Router
from ingest.quarantine import Quarantine, Refused
from ingest.store import ReadingStore, WriteOutcome
from sensors.errors import (
    ConfigurationError,
    LocalResourceError,
    PayloadError,
    StoreRejectedError,
    UnreachableError,
)
from sensors.readings import ReadingBatch
from sensors.site_model import Sensor

__all__ = ["Feeder", "FeederSettings", "Prepared"]

_LOG = logging.getLogger("vigiposte.ingest")
_FIRST_RETRY_S = 0.2
_LONGEST_RETRY_S = 10.0
_TRANSIENT = (UnreachableError, LocalResourceError, ConfigurationError, OSError)
_KNOWN_UNKNOWNS = 200


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


@dataclass(slots=True)
class _Work:
    """One chunk taken apart."""

    gathered: dict[str, Gathered]
    refused: list[Refused]
    empty: int


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A decoded chunk, ready for the store, and where in the journal it begins."""

    start: Position
    chunk: Chunk
    work: _Work
    batches: list[ReadingBatch]


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Keep the collector from walking the many objects of a chunk, none of which refer in circles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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
        self._site = site
        self._reader = reader
        self._store = store
        self._router = router
        self._quarantine = quarantine
        self._counters = counters
        self._health = health
        self._stop = stop
        self._settings = settings or FeederSettings()
        self._barred = barred
        self._qualities: dict[str, SensorQuality] = {}
        self._limit = RateLimit(self._settings.max_messages_per_s)
        self._faults: set[str] = set()
        self._late_before, self._skewed_before = self._flagged()
        self._abandoned = False
        self.unknown: dict[str, int] = {}

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
        with _without_collection():
            work = self._take_apart(chunk)
            if self._barred is not None:
                self._barred.refresh()
            batches = [self._batch(gathered) for gathered in work.gathered.values()]
        return Prepared(start, chunk, work, batches)

    def finish(self, prepared: Prepared) -> int:
        """Store what was prepared, then move the journal's position; messages settled, 0 when stopped first.

        Another thread may prepare the next chunk meanwhile. A chunk is only finished right after the one
        before it: when that one was not, this one is not either, and the position passes nothing unstored.
        """
        chunk, work, batches = prepared.chunk, prepared.work, prepared.batches
        if self._reader.committed != prepared.start:
            return 0
        outcome = self._write(batches, work, chunk)
        if (
            outcome is None
            or self._abandoned
            or not self._patiently("quarantine", lambda: self._quarantine.add(work.refused))
        ):
            return 0
        if not self._patiently("journal position", lambda: self._reader.commit(chunk.end)):
            return 0
        self._count(work, outcome, batches)
        return len(chunk.messages) or 1

    def _take_apart(self, chunk: Chunk) -> _Work:
        gathered: dict[str, Gathered] = {}
        refused = [
            Refused(
                "journal_damage",
                f"{len(damage.content)} bytes of {damage.segment} at {damage.offset} hold no intact message",
                "",
                damage.content,
                chunk.end.sequence,
            )
            for damage in chunk.damage
        ]
        empty = 0
        read, check_rate = self._router.read, self._limit.check
        for message in chunk.messages:
            sequence, topic, payload = message
            try:
                found = read(topic, payload, sequence)
                if found is None:
                    empty += 1
                    continue
                identifier = found.sensor.id
                check_rate(identifier, sequence)
            except PayloadError as error:
                refused.append(self._refuse(message, error))
                continue
            except Exception as error:  # noqa: BLE001 - a decoder's fault must not stop the other sensors
                refused.append(self._refuse(message, self._fault("decoder_fault", error)))
                continue
            group = gathered.get(identifier)
            if group is None:
                group = gathered[identifier] = Gathered(found.sensor)
            group.parts.append(found.decoded)
            group.sequences.append(sequence)
        return _Work(gathered, refused, empty)

    def _refuse(self, message: Message, error: PayloadError) -> Refused:
        topic = message.topic.decode(errors="replace")
        code = error.code or "refused"
        levels = topic.split("/")
        sensor = levels[3] if len(levels) == 5 else None
        health = self._health.get(sensor or "")
        if health is not None:
            health.rejected[code] += 1
        elif len(self.unknown) < _KNOWN_UNKNOWNS or topic in self.unknown:
            self.unknown[topic] = self.unknown.get(topic, 0) + 1
        return Refused(code, str(error), topic, message.payload, message.sequence, sensor)

    def _fault(self, code: str, error: Exception) -> PayloadError:
        text = f"{type(error).__name__}: {error}"
        if type(error).__name__ not in self._faults:
            self._faults.add(type(error).__name__)
            _LOG.error("internal fault, messages go to quarantine as %s: %s; please report it", code, text)
        return PayloadError("internal fault", value=text, remedy="please report it", code=code)

    def _quality(self, sensor: Sensor) -> SensorQuality:
        quality = self._qualities.get(sensor.id)
        if quality is None:
            quality = self._qualities[sensor.id] = SensorQuality(sensor, self._health[sensor.id])
        return quality

    def _batch(self, gathered: Gathered) -> ReadingBatch:
        batch = to_batch(self._site, gathered, self._quality(gathered.sensor))
        self._health[gathered.sensor.id].saw(gathered.sequences[-1], len(gathered.parts), len(batch))
        return batch if self._barred is None else self._barred.apply(batch)

    def _write(self, batches: Sequence[ReadingBatch], work: _Work, chunk: Chunk) -> WriteOutcome | None:
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
        self, batches: Sequence[ReadingBatch], work: _Work, chunk: Chunk, error: Exception
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
        fault = self._fault("store_fault", error)
        sequences = set(work.gathered[sensor].sequences)
        work.refused.extend(
            self._refuse(message, fault) for message in chunk.messages if message.sequence in sequences
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

    def _count(self, work: _Work, outcome: WriteOutcome, batches: Sequence[ReadingBatch]) -> None:
        counters = self._counters
        stored = work.empty + sum(len(gathered.parts) for gathered in work.gathered.values())
        for one in work.refused:
            if one.code == "journal_damage":
                counters.damaged += 1
            elif one.code != "store_rejected":
                counters.rejected[one.code] += 1
                stored -= one.code == "store_fault"
        counters.rows += outcome.rows
        counters.values += sum(len(batch) * len(batch.channels) for batch in batches)
        late, skewed = self._flagged()
        counters.late, counters.skewed = late - self._late_before, skewed - self._skewed_before
        counters.stored += stored

    def _flagged(self) -> tuple[int, int]:
        states = self._health.values()
        return sum(health.late for health in states), sum(health.skewed for health in states)
