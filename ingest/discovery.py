"""Listen to a broker, guess what unknown topics carry, and say which site-file lines would read them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ingest.codecs.devices import FAMILIES
from ingest.codecs.document import find, parse_document, sensor_id
from sensors.errors import BrokerUnreachableError, PayloadError
from sensors.quantities import QUANTITIES, REFUSED, Kind

__all__ = ["Guess", "Heard", "guess_source", "listen", "site_lines"]

_OURS = "vigiposte/"
_MAX_TOPICS = 5_000
_KEEP_PAYLOADS = 3
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
    if "/event/" in topic and "deviceInfo" in document:
        return "chirpstack"
    if topic.startswith("v3/") and "uplink_message" in document:
        return "ttn"
    if topic.startswith("tele/") and topic.endswith("/SENSOR"):
        return "tasmota"
    if topic.endswith("/events/rpc") and "method" in document:
        return "shelly"
    if topic.startswith("zigbee2mqtt/") or "linkquality" in document:
        return "zigbee2mqtt"
    return "json"


def _channel_of(path: str) -> str | None:
    name = path.rsplit(".", 1)[-1].lower()
    return next((channel for channel, hints in _NAME_HINTS.items() if name in hints), None)


def guess_source(heard: Heard) -> Guess | None:
    """Return what the topic seems to carry, or ``None`` when nothing in it is a quantity of ours."""
    for payload in reversed(heard.payloads):
        try:
            document = parse_document(payload)
            codec = _codec(heard.topic, document)
            message = FAMILIES[codec].unpack(document, heard.topic)
        except PayloadError:
            continue
        if message is None:
            continue
        known = {
            channel: path
            for path, channel in FAMILIES[codec].fields.items()
            if isinstance(find(message.values, path), int | float)
        }
        leaves = list(_leaves(message.values))
        fields: dict[str, str] = {}
        for path, value in leaves:
            channel = _channel_of(path)
            if channel and channel not in known and channel not in fields and _number(value):
                fields[channel] = path
        channels = tuple(sorted({*known, *fields}))
        kinds = [QUANTITIES[name].kind for name in channels if QUANTITIES[name].kind is not None]
        if not kinds or kinds[0] is None:
            continue
        kind = kinds[0]
        fields = {name: path for name, path in fields.items() if QUANTITIES[name].kind in (kind, None)}
        refused = tuple(
            sorted(
                {path.rsplit(".", 1)[-1] for path, _ in leaves if path.rsplit(".", 1)[-1].lower() in REFUSED}
            )
        )
        pattern, level = _filter(codec, heard.topic)
        rule = f"topic.{level}"
        identifier = sensor_id(rule, heard.topic, document) or "sensor-1"
        return Guess(heard.topic, codec, pattern, rule, identifier, kind, channels, fields, refused)
    return None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _filter(codec: str, topic: str) -> tuple[str, int]:
    if codec in _FILTERS:
        return _FILTERS[codec]
    levels = topic.split("/")
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
        if key not in sources:
            fields = ", ".join(f'{channel} = "{path}"' for channel, path in sorted(guess.fields.items()))
            mapped = f"fields = {{ {fields} }}\n" if fields else ""
            sources[key] = (
                f'[[sources]]\ntopic = "{guess.filter}"\ncodec = "{guess.codec}"\n'
                f'sensor = "{guess.rule}"\n{mapped}'
            )
        sensors.setdefault(guess.sensor, f'[[sensors]]\nid = "{guess.sensor}"\nkind = "{guess.kind}"\n')
    return "\n".join([*sources.values(), *sensors.values()])


def listen(
    url: str,
    seconds: float,
    *,
    username: str | None = None,
    password: str | None = None,
    ca_file: str | None = None,
) -> list[Heard]:
    """Messages heard on all topics but ours during `seconds`, in topic order.

    Raises
    ------
    BrokerUnreachableError
        The broker refuses or does not answer.
    """
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    parts = urlsplit(url)
    heard: dict[str, Heard] = {}
    refusals: list[str] = []

    def on_connect(client: Any, _user: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            refusals.append(str(reason))
        client.subscribe("#", 0)

    def on_message(_client: Any, _user: Any, message: Any) -> None:
        if message.topic.startswith(_OURS) or (message.topic not in heard and len(heard) >= _MAX_TOPICS):
            return
        entry = heard.setdefault(message.topic, Heard(message.topic))
        entry.count += 1
        entry.payloads = [*entry.payloads[1 - _KEEP_PAYLOADS :], message.payload]

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.on_connect, client.on_message = on_connect, on_message
    if username:
        client.username_pw_set(username, password)
    if parts.scheme == "mqtts":
        client.tls_set(ca_certs=ca_file)
    try:
        client.connect(
            parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        )
    except OSError as error:
        raise BrokerUnreachableError(
            f"broker {parts.hostname}:{parts.port or 1883} does not answer",
            rule=str(error),
            remedy="start it, or correct --mqtt",
        ) from None
    client.loop_start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not refusals:
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()
    if refusals:
        raise BrokerUnreachableError("broker refuses", value=refusals[0], remedy="check user and password")
    return [heard[topic] for topic in sorted(heard)]
