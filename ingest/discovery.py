"""Listen to a broker, guess what unknown topics carry, and say which site-file lines would read them."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.codecs.devices import FAMILIES
from ingest.codecs.document import find, parse_document, sensor_id
from ingest.session.plain_client import connect_client, leave_client, new_client
from ingest.session.settings import BrokerSettings, MqttVersion
from sensors.errors import BrokerUnreachableError, PayloadError
from sensors.formats import WireFormat, decode
from sensors.quantities import QUANTITIES, REFUSED, Kind
from sensors.topics import ROOT, parse_topic

__all__ = ["Guess", "Heard", "guess_source", "listen", "site_lines"]

_OURS = f"{ROOT}/"
OWN_FORM = "vigiposte"
"""Stands where a codec does, for a sensor that speaks the project's own form and needs no ``[[sources]]``."""
_MAX_TOPICS = 5_000
_KEEP_PAYLOADS = 20
# Where each family puts the device's name, and the filter that covers its siblings.
_FILTERS: Mapping[str, tuple[str, int]] = {
    "chirpstack": ("application/+/device/+/event/+", 3),
    "ttn": ("v3/+/devices/+/up", 3),
    "tasmota": ("tele/+/SENSOR", 1),
}
_NAME_HINTS: Mapping[str, tuple[str, ...]] = {
    "laeq": ("laeq", "leq"),
    "lceq": ("lceq",),
    "laf_max": ("lafmax", "laf_max", "lamax"),
    "lcpeak": ("lcpeak", "lc_peak", "peak"),
    "air_temperature": ("temperature", "temp", "tc", "air_temperature"),
    "relative_humidity": ("humidity", "rh", "relative_humidity"),
    "globe_temperature": ("globe", "globe_temperature"),
    "natural_wet_bulb_temperature": ("wetbulb", "natural_wet_bulb", "nwb"),
    "air_speed": ("air_speed", "wind_speed"),
    "battery": ("battery",),
    "acc_x": ("acc_x", "ax"),
    "acc_y": ("acc_y", "ay"),
    "acc_z": ("acc_z", "az"),
}


@dataclass
class Heard:
    """Messages of one topic."""

    topic: str
    count: int = 0
    payloads: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Guess:
    """What a topic seems to carry.

    Attributes
    ----------
    codec : str
        Codec to name in ``[[sources]]``.
    filter : str
        Topic filter that covers the device and its siblings.
    sensor : str
        Suggested sensor id; ``rule`` says where it is found.
    fields : mapping
        Channel → path, for what the codec does not know by itself.
    refused : tuple of str
        Names in the message that are refused by principle.
    """

    topic: str
    codec: str
    filter: str
    rule: str
    sensor: str
    kind: Kind
    channels: tuple[str, ...]
    fields: Mapping[str, str]
    refused: tuple[str, ...]


_SHELLY_STATUS = re.compile(r"/status/[a-z]+:\d+$")


def _leaves(document: Any, path: str = "", depth: int = 0) -> Iterable[tuple[str, Any]]:
    if depth > 6:
        return
    if isinstance(document, Mapping):
        for key, value in list(document.items())[:50]:
            if "." not in str(key):
                yield from _leaves(value, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(document, list):
        for index, value in enumerate(document[:4]):
            yield from _leaves(value, f"{path}.{index}", depth + 1)
    else:
        yield path, document


def _codec(topic: str, document: Mapping[str, Any]) -> str:
    if "/event/" in topic and (topic.startswith("application/") or "deviceInfo" in document):
        return "chirpstack"
    if topic.startswith("v3/") and "uplink_message" in document:
        return "ttn"
    if topic.startswith("tele/") and topic.endswith("/SENSOR"):
        return "tasmota"
    if (topic.endswith("/events/rpc") and "method" in document) or _SHELLY_STATUS.search(topic):
        return "shelly"
    if topic.startswith("zigbee2mqtt/") or "linkquality" in document:
        return "zigbee2mqtt"
    return "json"


def _channel_of(path: str) -> str | None:
    name = path.rsplit(".", 1)[-1].lower()
    return next((channel for channel, hints in _NAME_HINTS.items() if name in hints), None)


def guess_source(heard: Heard) -> Guess | None:
    """Return what the topic seems to carry, or ``None`` when nothing in it is a quantity of ours."""
    if heard.topic.startswith(_OURS):
        return _own_sensor(heard)
    found: Guess | None = None
    for payload in reversed(heard.payloads):
        try:
            guess = _guess_from(heard.topic, parse_document(payload))
        except PayloadError:
            continue
        # A device that saves power sends only what changed: its messages together say what it can.
        if guess is not None:
            found = guess if found is None else _together(found, guess)
    return found


def _together(one: Guess, other: Guess) -> Guess:
    if one.codec != other.codec or one.kind != other.kind:
        return one
    return replace(
        one,
        channels=tuple(sorted({*one.channels, *other.channels})),
        fields={**other.fields, **one.fields},
        refused=tuple(sorted({*one.refused, *other.refused})),
    )


def _guess_from(topic: str, document: Mapping[str, Any]) -> Guess | None:
    codec = _codec(topic, document)
    message = FAMILIES[codec].unpack(document, topic)
    if message is None:
        return None
    known = {
        channel: path
        for path, channel in FAMILIES[codec].fields.items()
        if _number(find(message.values, path))
    }
    leaves = list(_leaves(message.values))
    fields: dict[str, str] = {}
    for path, value in leaves:
        channel = _channel_of(path)
        if channel and channel not in known and channel not in fields and _number(value):
            fields[channel] = path
    channels = tuple(sorted({*known, *fields}))
    kind = next((QUANTITIES[name].kind for name in channels if QUANTITIES[name].kind is not None), None)
    if kind is None:
        return None
    fields = {name: path for name, path in fields.items() if QUANTITIES[name].kind in (kind, None)}
    names = {path.rsplit(".", 1)[-1] for path, _ in leaves}
    refused = tuple(sorted(name for name in names if name.lower() in REFUSED))
    pattern, level = _filter(codec, topic)
    rule = f"topic.{level}"
    identifier = sensor_id(rule, topic, document) or "sensor-1"
    return Guess(topic, codec, pattern, rule, identifier, kind, channels, fields, refused)


def _own_sensor(heard: Heard) -> Guess | None:
    """What a sensor is that speaks the project's own form, from the names of its channels."""
    try:
        parsed = parse_topic(heard.topic)
        fmt = WireFormat(parsed.format)
    except (PayloadError, ValueError):
        return None
    channels: set[str] = set()
    for payload in heard.payloads:
        with contextlib.suppress(PayloadError):
            channels.update(decode(fmt, payload, time.time_ns()).channels)
    kinds = {kind for name in channels if (kind := QUANTITIES[name].kind) is not None}
    if not kinds:
        return None
    names = tuple(sorted(channels))
    return Guess(heard.topic, OWN_FORM, heard.topic, "topic.3", parsed.sensor, min(kinds), names, {}, ())


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _filter(codec: str, topic: str) -> tuple[str, int]:
    if codec in _FILTERS:
        return _FILTERS[codec]
    levels = topic.split("/")
    if codec == "shelly" and levels[-2] == "status":
        # One filter for every component of every device of this prefix.
        return "/".join([*levels[:-3], "+", "status", "+"]), len(levels) - 3
    if codec == "shelly":
        level = len(levels) - 3
    elif codec == "zigbee2mqtt":
        level = 1 if len(levels) > 1 else 0
    else:
        level = len(levels) - 1
    level = max(0, level)
    return "/".join("+" if index == level else name for index, name in enumerate(levels)), level


def site_lines(guesses: Iterable[Guess]) -> str:
    """TOML to paste into the site file; siblings share one ``[[sources]]`` row."""
    sources: dict[tuple[str, str], str] = {}
    sensors: dict[str, str] = {}
    for guess in guesses:
        key = (guess.filter, guess.codec)
        if guess.codec != OWN_FORM and key not in sources:
            fields = ", ".join(f"{channel} = {_text(path)}" for channel, path in sorted(guess.fields.items()))
            mapped = f"fields = {{ {fields} }}\n" if fields else ""
            sources[key] = (
                f"[[sources]]\ntopic = {_text(guess.filter)}\ncodec = {_text(guess.codec)}\n"
                f"sensor = {_text(guess.rule)}\n{mapped}"
            )
        sensors.setdefault(guess.sensor, f'[[sensors]]\nid = "{guess.sensor}"\nkind = "{guess.kind}"\n')
    return "\n".join([*sources.values(), *sensors.values()])


def _text(text: str) -> str:
    """`text` as a string of TOML, whose escapes are those of JSON for what a topic may hold."""
    return json.dumps(text, ensure_ascii=False)


def listen(settings: BrokerSettings, seconds: float) -> list[Heard]:
    """Messages heard on all topics during `seconds`, in topic order; states and pauses of ours are left out.

    Raises
    ------
    BrokerUnreachableError
        The broker refuses or does not answer.
    """
    import paho.mqtt.client as mqtt

    heard: dict[str, Heard] = {}
    refusals: list[str] = []

    def on_connect(client: Any, _user: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            refusals.append(str(reason))
        client.subscribe("#", 0)

    def on_message(_client: Any, _user: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        own_word = topic.startswith(_OURS) and topic.endswith(("/status", "/pause"))
        if own_word or (topic not in heard and len(heard) >= _MAX_TOPICS):
            return
        entry = heard.setdefault(topic, Heard(topic))
        entry.count += 1
        entry.payloads = [*entry.payloads[1 - _KEEP_PAYLOADS :], message.payload]

    five = settings.version is MqttVersion.V5
    client = new_client(settings, protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311)
    client.on_connect, client.on_message = on_connect, on_message
    connect_client(client, settings)
    client.loop_start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not refusals:
        time.sleep(0.05)
    leave_client(client)
    if refusals:
        raise BrokerUnreachableError(
            f"broker {settings.url} refuses",
            value=refusals[0],
            remedy="check user and password",
            code="broker_refused",
        )
    return [heard[topic] for topic in sorted(heard)]
