"""A chunk of the journal becomes batches of rows; what is not good becomes a refusal, with its reason."""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ingest.journal import Chunk, Message
from ingest.pipeline.barred import Barred
from ingest.pipeline.batches import Gathered, to_batch
from ingest.pipeline.bulk import ColumnsRun
from ingest.pipeline.health import SensorHealth
from ingest.pipeline.limits import RateLimit
from ingest.pipeline.quality import SensorQuality
from ingest.pipeline.routing import Router
from ingest.quarantine import Refused
from sensors.errors import PayloadError
from sensors.readings import ReadingBatch
from sensors.site_model import Sensor

__all__ = ["Unpacked", "Unpacker"]

_LOG = logging.getLogger("vigiposte.ingest")
_KNOWN_UNKNOWNS = 200


@dataclass(slots=True, eq=False)
class Unpacked:
    """One chunk taken apart.

    Attributes
    ----------
    gathered : dict of str to Gathered
        Decoded messages of each sensor.
    batches : list of ReadingBatch
        The same as rows, flagged.
    refused : list of Refused
        Messages that go to quarantine, and damaged parts of the journal.
    empty : int
        Messages that carry no reading and are no error.
    """

    gathered: dict[str, Gathered]
    batches: list[ReadingBatch]
    refused: list[Refused]
    empty: int


@dataclass(slots=True, eq=False)
class _Run:
    """Messages of one sensor that are being decoded in bulk."""

    sensor: Sensor
    columns: ColumnsRun = field(default_factory=ColumnsRun)
    messages: list[Message] = field(default_factory=list)


def _group(work: Unpacked, sensor: Sensor) -> Gathered:
    group = work.gathered.get(sensor.id)
    if group is None:
        group = work.gathered[sensor.id] = Gathered(sensor)
    return group


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


class Unpacker:
    """Decodes, validates and flags.

    Parameters
    ----------
    site : str
        Site id.
    router : Router
        Topic to sensor and decoder.
    health : mapping of str to SensorHealth
        State of each sensor of the site.
    limit : RateLimit
        How fast one sensor may send.
    barred : Barred, optional
        Drops rows that may not be stored.
    """

    def __init__(
        self,
        site: str,
        router: Router,
        health: Mapping[str, SensorHealth],
        limit: RateLimit,
        barred: Barred | None = None,
    ) -> None:
        self._site = site
        self._router = router
        self._health = health
        self._limit = limit
        self._barred = barred
        self._qualities: dict[str, SensorQuality] = {}
        self._faults: set[str] = set()
        self.unknown: dict[str, int] = {}

    def unpack(self, chunk: Chunk) -> Unpacked:
        """Take a chunk apart; one bad message costs nothing but itself."""
        with _without_collection():
            unpacked = self._take_apart(chunk)
            if self._barred is not None:
                self._barred.refresh()
            unpacked.batches = [self._batch(gathered) for gathered in unpacked.gathered.values()]
        return unpacked

    def _take_apart(self, chunk: Chunk) -> Unpacked:
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
        work = Unpacked({}, [], refused, 0)
        runs: dict[str, _Run] = {}
        bulk_sensor, check_rate = self._router.bulk_sensor, self._limit.check
        for message in chunk.messages:
            sensor = bulk_sensor(message.topic)
            if sensor is None:
                self._take(message, work, runs)
                continue
            try:
                check_rate(sensor.id, message.sequence)
            except PayloadError as error:
                refused.append(self.refuse(message, error))
                continue
            run = runs.get(sensor.id)
            if run is None:
                run = runs[sensor.id] = _Run(sensor)
            if run.columns.take(message.payload):
                run.messages.append(message)
            else:
                self._close(run, work)
                del runs[sensor.id]
                self._take(message, work, runs, check_rate=False)
        for run in runs.values():
            self._close(run, work)
        return work

    def _take(
        self, message: Message, work: Unpacked, runs: dict[str, _Run], *, check_rate: bool = True
    ) -> None:
        """Decode one message by itself."""
        try:
            found = self._router.read(message.topic, message.payload, message.sequence)
            if found is None:
                work.empty += 1
                return
            if check_rate:
                self._limit.check(found.sensor.id, message.sequence)
        except PayloadError as error:
            work.refused.append(self.refuse(message, error))
            return
        except Exception as error:  # noqa: BLE001 - a decoder's fault must not stop the other sensors
            work.refused.append(self.refuse(message, self.fault("decoder_fault", error)))
            return
        open_run = runs.pop(found.sensor.id, None)
        if open_run is not None:
            self._close(open_run, work)
        group = _group(work, found.sensor)
        group.parts.append(found.decoded)
        group.sequences.append(message.sequence)
        group.counts.append(found.decoded.times_ns.shape[0])

    def _close(self, run: _Run, work: Unpacked) -> None:
        """Add the rows of a run; when they cannot be had in bulk, message by message."""
        if not run.messages:
            return
        decoded = run.columns.finish()
        if decoded is None:
            for message in run.messages:
                self._take(message, work, {}, check_rate=False)
            return
        group = _group(work, run.sensor)
        group.parts.append(decoded)
        group.sequences += [message.sequence for message in run.messages]
        group.counts += run.columns.counts

    def refuse(self, message: Message, error: PayloadError) -> Refused:
        """Refusal of one message, counted for its sensor."""
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

    def fault(self, code: str, error: Exception) -> PayloadError:
        """Error for messages that a fault of ours keeps from being stored; said once a kind."""
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
        self._health[gathered.sensor.id].saw(gathered.sequences[-1], len(gathered.sequences), len(batch))
        return batch if self._barred is None else self._barred.apply(batch)
