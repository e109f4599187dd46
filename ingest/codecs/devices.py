"""Devices as they are: where each family puts its time and values. One row a family, never a subclass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ingest.codecs.document import find
from sensors.formats.checks import PayloadCode, refusal

__all__ = ["FAMILIES", "Family", "Message"]

# Names that decoders give to quantities of ours; what is not listed is ignored unless the site file maps it.
_COMMON: Mapping[str, str] = {
    "temperature": "air_temperature",
    "humidity": "relative_humidity",
    "battery": "battery",
    "LAeq": "laeq",
    "LCeq": "lceq",
    "LAFmax": "laf_max",
    "LCpeak": "lcpeak",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A device's message, unpacked: its values by their own names, and its time as it stands."""

    values: Mapping[str, Any]
    time: Any


@dataclass(frozen=True, slots=True)
class Family:
    """How one family of devices speaks.

    Attributes
    ----------
    fields : mapping
        Path inside the values → our channel; the site file's ``fields`` come on top.
    unpack : callable
        ``(document, topic) -> Message``, or ``None`` for a message that carries no reading.
    """

    fields: Mapping[str, str]
    unpack: Callable[[Mapping[str, Any], str], Message | None]


def _no_decoder(network: str) -> Exception:
    return refusal(
        PayloadCode.NO_VALUES,
        f"the {network} message holds raw bytes only",
        rule="decoded values",
        remedy=f"give the device profile a payload decoder in {network}",
    )


def _chirpstack(document: Mapping[str, Any], topic: str) -> Message | None:
    """ChirpStack v4 ``application/ID/device/EUI/event/up``; joins and status are no reading."""
    if not topic.endswith("/event/up"):
        return None
    values = document.get("object")
    if not isinstance(values, Mapping) or not values:
        if document.get("data"):
            raise _no_decoder("ChirpStack")
        return None
    return Message(values, document.get("time"))


def _ttn(document: Mapping[str, Any], topic: str) -> Message | None:
    """The Things Stack v3 ``v3/APP@TENANT/devices/ID/up``; joins and downlink events are no reading."""
    uplink = document.get("uplink_message")
    if not topic.endswith("/up") or not isinstance(uplink, Mapping):
        return None
    values = uplink.get("decoded_payload")
    if not isinstance(values, Mapping) or not values:
        if uplink.get("frm_payload"):
            raise _no_decoder("The Things Stack")
        return None
    moment = uplink.get("received_at") or document.get("received_at")
    return Message(values, moment)


def _zigbee2mqtt(document: Mapping[str, Any], topic: str) -> Message | None:
    """Zigbee2MQTT ``zigbee2mqtt/NAME``; its bridge and availability topics are no reading."""
    if "/bridge/" in topic or topic.endswith("/availability"):
        return None
    return Message(document, document.get("last_seen"))


def _tasmota(document: Mapping[str, Any], topic: str) -> Message | None:
    """Tasmota ``tele/NAME/SENSOR``: one object a sensor chip; its local ``Time`` has no offset."""
    if not topic.endswith("/SENSOR"):
        return None
    fahrenheit = document.get("TempUnit") == "F"
    values: dict[str, Any] = dict(document)
    for chip in document.values():
        if isinstance(chip, Mapping) and ("Temperature" in chip or "Humidity" in chip):
            warmth = chip.get("Temperature")
            if fahrenheit and isinstance(warmth, int | float):
                warmth = (warmth - 32.0) / 1.8
            values.setdefault("temperature", warmth)
            values.setdefault("humidity", chip.get("Humidity"))
    return Message(values, document.get("Time"))


def _shelly(document: Mapping[str, Any], topic: str) -> Message | None:
    """Shelly Gen2 ``NAME/events/rpc`` (NotifyStatus, NotifyFullStatus) or ``NAME/status/COMPONENT``."""
    if topic.endswith("/events/rpc"):
        if document.get("method") not in ("NotifyStatus", "NotifyFullStatus"):
            return None
        values = document.get("params")
        return Message(values, values.get("ts")) if isinstance(values, Mapping) else None
    component = topic.rsplit("/", 1)[-1]
    if "/status/" not in topic or ":" not in component:
        return None
    return Message({component: document}, None)


def _json(document: Mapping[str, Any], _topic: str) -> Message:
    return Message(document, find(document, "t"))


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "chirpstack": Family(_COMMON, _chirpstack),
        "ttn": Family(_COMMON, _ttn),
        "zigbee2mqtt": Family(_COMMON, _zigbee2mqtt),
        "tasmota": Family(_COMMON, _tasmota),
        "shelly": Family(
            {
                "temperature:0.tC": "air_temperature",
                "humidity:0.rh": "relative_humidity",
                "devicepower:0.battery.percent": "battery",
            },
            _shelly,
        ),
        "json": Family({}, _json),
    }
)
