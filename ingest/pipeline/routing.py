"""Which sensor a topic belongs to, and how its payload is read; unknown senders are refused, never stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingest.codecs import decode_device, matching_source
from ingest.pipeline.bulk import AXES
from sensors.errors import PayloadError
from sensors.formats import Decoded, WireFormat, decode
from sensors.quantities import QUANTITIES
from sensors.site_book import SiteBook
from sensors.site_model import Sensor, Source
from sensors.topics import PAUSE, STATUS, parse_topic, pause_filter, reading_filters, status_filter

__all__ = ["Attributed", "Router"]

_KNOWN_REFUSALS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Attributed:
    """Rows of one message and the sensor they belong to."""

    sensor: Sensor
    decoded: Decoded


Reader = Callable[[bytes, int], Attributed | None]


class Router:
    """Finds the reader of each topic once and remembers it.

    Parameters
    ----------
    book : SiteBook
        Site id, sensors, sources of foreign devices.
    """

    def __init__(self, book: SiteBook) -> None:
        self._site = book.site.site.id
        self._sensors = {sensor.id: sensor for sensor in book.site.sensors}
        self._channels = {sensor.id: _declared(sensor) for sensor in book.site.sensors}
        self._sources = book.site.sources
        self._readers: dict[bytes, Reader | PayloadError] = {}
        self._bulk: dict[bytes, Sensor | None] = {}
        self._refusals = 0

    def filters(self, shared_group: str | None) -> tuple[str, ...]:
        """Topic filters of readings, shared ones with their prefix."""
        prefix = f"$share/{shared_group}/" if shared_group else ""
        own = reading_filters(self._site, shared_group)
        return (*own, *dict.fromkeys(f"{prefix}{source.topic}" for source in self._sources))

    def status_filters(self) -> tuple[str, ...]:
        """Topic filters of sensor status and pause commands; never shared."""
        return (status_filter(self._site), pause_filter(self._site))

    def read(self, topic: bytes, payload: bytes, arrival_ns: int) -> Attributed | None:
        """Rows of one message; ``None`` when it carries no reading (a device's join or status).

        Raises
        ------
        PayloadError
            The message belongs into quarantine.
        """
        reader = self._readers.get(topic)
        if reader is None:
            reader = self._find(topic)
        if isinstance(reader, PayloadError):
            # The same error is raised again and again: it must not collect tracebacks.
            raise reader.with_traceback(None)
        return reader(payload, arrival_ns)

    def bulk_sensor(self, topic: bytes) -> Sensor | None:
        """Sensor whose messages on `topic` may be decoded in bulk, as `ColumnsRun` does."""
        try:
            return self._bulk[topic]
        except KeyError:
            pass
        if topic not in self._readers:
            self._find(topic)
        if isinstance(self._readers[topic], PayloadError):
            return None
        self._bulk[topic] = sensor = self._bulk_sensor(topic.decode())
        return sensor

    def _bulk_sensor(self, topic: str) -> Sensor | None:
        if matching_source(self._sources, topic) is not None:
            return None
        parsed = parse_topic(topic)
        sensor = self._sensors[parsed.sensor]
        return sensor if parsed.format == WireFormat.COLUMNS and self._channels[sensor.id] >= AXES else None

    def _find(self, topic: bytes) -> Reader | PayloadError:
        try:
            reader: Reader | PayloadError = self._reader(topic.decode("utf-8"))
        except UnicodeDecodeError:
            reader = PayloadError("topic is not UTF-8", code="bad_topic")
        except PayloadError as error:
            reader = error
        if isinstance(reader, PayloadError):
            self._refusals += 1
            if self._refusals > _KNOWN_REFUSALS:
                # Whoever invents topics without end must not fill the memory.
                self._readers = {
                    known: one for known, one in self._readers.items() if not isinstance(one, PayloadError)
                }
                self._refusals = 0
        self._readers[topic] = reader
        return reader

    def _reader(self, topic: str) -> Reader:
        source = matching_source(self._sources, topic)
        if source is not None:
            return self._foreign_reader(source, topic)
        parsed = parse_topic(topic)
        if parsed.site != self._site:
            raise PayloadError(
                "topic of another site",
                value=parsed.site,
                rule=f"this ingest serves {self._site}",
                remedy="correct the device's topic",
                code="wrong_site",
            )
        sensor = self._sensors.get(parsed.sensor)
        if sensor is None:
            raise PayloadError(
                "unknown sensor",
                value=parsed.sensor,
                rule="a sensor of the site file",
                remedy="add it under [[sensors]] and start the ingest again, or correct the device's topic",
                code="unknown_sensor",
            )
        if parsed.format in (STATUS, PAUSE):
            raise PayloadError("a status or a pause is no reading", value=topic, code="bad_topic")
        return self._own_reader(sensor, WireFormat(parsed.format))

    def _own_reader(self, sensor: Sensor, fmt: WireFormat) -> Reader:
        kind = sensor.kind
        declared = self._channels[sensor.id]

        def read(payload: bytes, arrival_ns: int) -> Attributed:
            decoded = decode(fmt, payload, arrival_ns, kind=kind)
            if not declared >= decoded.channels.keys():
                raise _undeclared(sensor, decoded)
            return Attributed(sensor, decoded)

        return read

    def _foreign_reader(self, source: Source, topic: str) -> Reader:
        def read(payload: bytes, arrival_ns: int) -> Attributed | None:
            reading = decode_device(source, topic, payload, arrival_ns, self._sensors.get)
            if reading is None:
                return None
            sensor = self._sensors[reading.sensor]
            if not self._channels[sensor.id] >= reading.decoded.channels.keys():
                raise _undeclared(sensor, reading.decoded)
            return Attributed(sensor, reading.decoded)

        return read


def _declared(sensor: Sensor) -> frozenset[str]:
    """Channels this sensor may send: those declared, or all of its kind; its own health always."""
    health = {key for key, row in QUANTITIES.items() if row.kind is None}
    own = set(sensor.channels) or {key for key, row in QUANTITIES.items() if row.kind is sensor.kind}
    return frozenset(own | health)


def _undeclared(sensor: Sensor, decoded: Decoded) -> PayloadError:
    extra = sorted(decoded.channels.keys() - _declared(sensor))
    return PayloadError(
        f"{sensor.id} sends a channel that it does not declare",
        value=", ".join(extra),
        rule=f"channels = {list(sensor.channels)}",
        remedy="add it to the sensor's channels in the site file, or stop the device from sending it",
        code="undeclared_channel",
    )
