"""Messages of devices that know nothing of us, to rows of ours, as the site file's ``[[sources]]`` say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ingest.codecs.devices import FAMILIES
from ingest.codecs.document import find, forgiving_time_ns, parse_document, sensor_id
from sensors.formats.checks import (
    MAX_PAYLOAD_BYTES,
    PayloadCode,
    allowed_quantities,
    check_value,
    name_refusal,
    refusal,
)
from sensors.formats.names import Decoded
from sensors.quantities import QUANTITIES, Kind
from sensors.readings import Flag, FloatColumn
from sensors.site_model import Sensor, Source

__all__ = ["DeviceReading", "decode_device", "matching_source", "topic_matches"]


@dataclass(frozen=True, slots=True, eq=False)
class DeviceReading:
    """One row of one sensor, from a foreign message."""

    sensor: str
    decoded: Decoded


def topic_matches(pattern: str, topic: str) -> bool:
    """Whether `topic` falls under the MQTT filter `pattern` (``+`` one level, ``#`` the rest)."""
    wanted, given = pattern.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in ("+", given[index]):
            return False
    return len(wanted) == len(given)


def matching_source(sources: Iterable[Source], topic: str) -> Source | None:
    """First source whose topic filter covers `topic`."""
    return next((source for source in sources if topic_matches(source.topic, topic)), None)


def decode_device(
    source: Source,
    topic: str,
    payload: bytes,
    arrival_ns: int,
    sensor_of: Callable[[str], Sensor | None],
) -> DeviceReading | None:
    """One row of a foreign message; ``None`` when the message carries no reading (a join, a status).

    Parameters
    ----------
    source : Source
        Row of the site file that covers the topic.
    topic, payload, arrival_ns
        The message; arrival [UTC ns] stands in, flagged, for a time the device does not give.
    sensor_of : callable
        Sensor with this id, or ``None``: an unknown sensor is refused.

    Raises
    ------
    PayloadError
        The message is refused; ``code`` is a `PayloadCode`.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise refusal(PayloadCode.TOO_LARGE, "message is too large", value=len(payload))
    family = FAMILIES[source.codec]
    document = parse_document(payload)
    message = family.unpack(document, topic)
    if message is None:
        return None
    identifier = sensor_id(source.sensor, topic, document)
    sensor = sensor_of(identifier)
    if sensor is None:
        raise refusal(
            PayloadCode.BAD_TOPIC,
            "no such sensor in the site file",
            value=identifier,
            rule=f"found by sensor = {source.sensor!r}",
            remedy="add it under [[sensors]], or correct the rule",
        )
    channels = _channels({**family.fields, **_as_paths(source.fields)}, message.values, sensor.kind)
    if not channels:
        raise refusal(
            PayloadCode.NO_VALUES,
            "message holds none of the mapped values",
            value=", ".join(list(message.values)[:12]),
            remedy="map its names to quantities under fields = {…}",
        )
    sent = forgiving_time_ns(find(document, source.time) if source.time else message.time)
    flags = 0 if sent is not None else int(Flag.ARRIVAL_TIME)
    time_ns = arrival_ns if sent is None else sent
    if source.stamp == "end":
        time_ns -= _period_ns(sensor, channels)
    return DeviceReading(identifier, Decoded(np.array((time_ns,), np.int64), channels, flags))


def _as_paths(fields: Mapping[str, str]) -> dict[str, str]:
    """Site-file mapping (channel → path) turned to path → channel."""
    return {path: channel for channel, path in fields.items()}


def _channels(paths: Mapping[str, str], values: Mapping[str, object], kind: Kind) -> dict[str, FloatColumn]:
    allowed = allowed_quantities(kind)
    channels: dict[str, FloatColumn] = {}
    for path, channel in paths.items():
        value = find(values, path)
        if value is None:
            continue
        quantity = allowed.get(channel)
        if quantity is None:
            raise name_refusal(channel, kind)
        channels[channel] = np.array((check_value(quantity, value),))
    return channels


def _period_ns(sensor: Sensor, channels: Mapping[str, FloatColumn]) -> int:
    period_s = sensor.period_s
    if period_s is None:
        kinds = [QUANTITIES[name] for name in channels if QUANTITIES[name].kind is not None]
        period_s = kinds[0].period_s if kinds else 0.0
    return round(period_s * 1e9)
