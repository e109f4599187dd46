"""Topics: ``vigiposte/v1/{site}/{sensor}/{format}``, the retained status and the pause beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from sensors.errors import UsageError
from sensors.formats.checks import PayloadCode, refusal
from sensors.formats.names import WireFormat

__all__ = [
    "PAUSE",
    "ROOT",
    "STATUS",
    "WHOLE_SITE",
    "Topic",
    "build_topic",
    "parse_topic",
    "pause_filter",
    "reading_filters",
    "status_filter",
]

ROOT: Final = "vigiposte/v1"
STATUS: Final = "status"
PAUSE: Final = "pause"
WHOLE_SITE: Final = "all"
"""Stands for the sensor in a pause command to the whole site."""

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_LEVELS = 5
_FORMATS: dict[str, WireFormat | Literal["status", "pause"]] = {
    **{fmt.value: fmt for fmt in WireFormat},
    STATUS: STATUS,
    PAUSE: PAUSE,
}


@dataclass(frozen=True, slots=True)
class Topic:
    """Who sent a message and in which format; ``STATUS`` is online/offline, ``PAUSE`` a pause command."""

    site: str
    sensor: str
    format: WireFormat | Literal["status", "pause"]

    def __str__(self) -> str:
        return f"{ROOT}/{self.site}/{self.sensor}/{self.format}"


@lru_cache(maxsize=8192)
def parse_topic(topic: str) -> Topic:
    """Parts of `topic`.

    Raises
    ------
    PayloadError
        ``bad_topic``: not of the project's shape, or an unknown format.
    """
    levels = topic.split("/")
    if len(levels) != _LEVELS or f"{levels[0]}/{levels[1]}" != ROOT:
        raise refusal(
            PayloadCode.BAD_TOPIC, "topic is not ours", value=topic, rule=f"{ROOT}/SITE/SENSOR/FORMAT"
        )
    _, _, site, sensor, last = levels
    if not (_IDENTIFIER.fullmatch(site) and _IDENTIFIER.fullmatch(sensor)):
        raise refusal(
            PayloadCode.BAD_TOPIC,
            "site or sensor is not an id",
            value=topic,
            rule="a–z, 0–9, _ and -, at most 63, starting with a letter or digit",
        )
    known = _FORMATS.get(last)
    if known is None:
        raise refusal(
            PayloadCode.BAD_TOPIC, "unknown format", value=last, rule=f"one of {', '.join(_FORMATS)}"
        )
    return Topic(site, sensor, known)


def build_topic(site: str, sensor: str, fmt: WireFormat | Literal["status", "pause"]) -> str:
    """Topic of one sensor.

    Raises
    ------
    UsageError
        An id that could not stand in a topic.
    """
    for identifier in (site, sensor):
        if not _IDENTIFIER.fullmatch(identifier):
            raise UsageError(
                "not an id",
                value=identifier,
                rule="a–z, 0–9, _ and -, at most 63, starting with a letter or digit",
            )
    return str(Topic(site, sensor, fmt))


def reading_filters(site: str, shared_group: str | None = None) -> tuple[str, ...]:
    """Subscriptions for the readings of a site, one a format: status is never shared out with them."""
    prefix = f"$share/{shared_group}/" if shared_group else ""
    return tuple(f"{prefix}{ROOT}/{site}/+/{fmt}" for fmt in WireFormat)


def status_filter(site: str) -> str:
    """Return the subscription for the retained status of all sensors of a site; never a shared one."""
    return f"{ROOT}/{site}/+/{STATUS}"


def pause_filter(site: str) -> str:
    """Return the subscription for pause commands; never a shared one: each ingest stops storing."""
    return f"{ROOT}/{site}/+/{PAUSE}"
