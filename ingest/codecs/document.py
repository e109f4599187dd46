"""Looking things up in a device's JSON document: paths, numbers, times, the sensor it belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sensors.errors import PayloadError
from sensors.formats.checks import PayloadCode, refusal
from sensors.formats.times import EARLIEST_S, LATEST_S, parse_time_ns

__all__ = ["find", "forgiving_time_ns", "parse_document", "sensor_id"]

_DECODE = msgspec.json.Decoder().decode
_NOT_AN_ID = re.compile(r"[^a-z0-9_-]+")
_MAX_ID = 63


def parse_document(payload: bytes) -> dict[str, Any]:
    """Return the JSON object of `payload`.

    Raises
    ------
    PayloadError
        ``malformed`` or ``wrong_shape``.
    """
    try:
        document = _DECODE(payload)
    except (ValueError, RecursionError) as error:
        raise refusal(PayloadCode.MALFORMED, "payload is not JSON", value=str(error)) from None
    if not isinstance(document, dict):
        raise refusal(PayloadCode.WRONG_SHAPE, "payload is not a JSON object", value=document)
    return document


def find(document: Any, path: str) -> Any:
    """Value at the dotted `path` (``a.b.0.c``), or ``None`` where any step is missing."""
    found = document
    for step in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def forgiving_time_ns(value: Any) -> int | None:
    """UTC nanoseconds of a device's time, in seconds, milliseconds or ISO text; ``None`` when unusable.

    Devices give local time without offset, milliseconds, or a clock that was never set: arrival, flagged
    as such, is then the better time.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)) and EARLIEST_S * 1000 <= value < LATEST_S * 1000:
        value = value / 1000.0
    try:
        return parse_time_ns(value)
    except PayloadError:
        return None


def sensor_id(rule: str, topic: str, document: Mapping[str, Any]) -> str:
    """Sensor a message belongs to.

    Parameters
    ----------
    rule : str
        ``topic.N`` (level N of the topic, from 0), ``payload.PATH``, or the sensor's id itself.

    Raises
    ------
    PayloadError
        ``bad_topic`` or ``wrong_shape``: the rule finds nothing.
    """
    if rule.startswith("topic."):
        levels = topic.split("/")
        step = rule.removeprefix("topic.")
        if not step.isdecimal() or int(step) >= len(levels):
            raise refusal(PayloadCode.BAD_TOPIC, f"topic has no level {step}", value=topic)
        found: Any = levels[int(step)]
    elif rule.startswith("payload."):
        found = find(document, rule.removeprefix("payload."))
        if not isinstance(found, str | int):
            raise refusal(PayloadCode.WRONG_SHAPE, f"payload has no sensor name at {rule}", value=found)
    else:
        return rule
    return _NOT_AN_ID.sub("-", str(found).lower()).strip("-_")[:_MAX_ID]
