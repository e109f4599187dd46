"""Rules that no single row can check: ids, references, sensors and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from sensors.local_time import OPEN_END_NS, to_ns
from sensors.quantities import QUANTITIES, REFUSED, Kind, channels_of
from sensors.site_model import Mount, Origin, Sensor, Site
from sensors.site_tables import Draft

__all__ = [
    "PSEUDONYM",
    "PSEUDONYM_WORDS",
    "Span",
    "check_references",
    "check_sensors",
    "overlaps",
    "unknown_words",
    "worn_live_sensors",
]

# A digit keeps first names and surnames out.
PSEUDONYM = re.compile(r"(?=.*[0-9])[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
PSEUDONYM_WORDS = (
    "a wearer is a pseudonym: a–z, 0–9, _ and -, with at least one digit, and never a name",
    "let `vigiposte wearers` make one",
)
_SOURCE_RULE = re.compile(r"topic\.[0-9]+|payload\..+")
_SHORTEST_LEVEL_S = 0.125
_TURNS = ("gyr_x", "gyr_y", "gyr_z")
_KINDS_OF_MOUNT = {
    Mount.FIXED: (Kind.NOISE, Kind.CLIMATE),
    Mount.SHOULDER: (Kind.NOISE, Kind.POSTURE),
    Mount.HEAD: (Kind.NOISE, Kind.POSTURE),
}


def check_references(draft: Draft) -> None:
    """Ids that stand twice, and names of rows that do not exist."""
    for table, rows in draft.rows.items():
        seen: dict[str, int] = {}
        for index, row in rows:
            identifier = getattr(row, "id", None)
            if identifier is None:
                continue
            if identifier in seen:
                draft.add(
                    "duplicate_id",
                    f"{table}[{index}].id",
                    identifier,
                    f"an id stands once; {table}[{seen[identifier]}] has it already",
                    "choose another id",
                )
            seen.setdefault(identifier, index)
    for table, key, target in _REFERENCES:
        for index, row in draft.rows[table]:
            value = getattr(row, key)
            if isinstance(value, tuple):
                for place, item in enumerate(value):
                    _refer(draft, f"{table}[{index}].{key}[{place}]", item, target)
            elif value is not None:
                _refer(draft, f"{table}[{index}].{key}", value, target)
    for index, source in draft.rows["sources"]:
        if not _SOURCE_RULE.fullmatch(source.sensor):
            _refer(draft, f"sources[{index}].sensor", source.sensor, "sensors")


_REFERENCES = (
    ("rosters", "cycle", "shifts"),
    ("groups", "workstations", "workstations"),
    ("groups", "roster", "rosters"),
    ("workstations", "shifts", "shifts"),
    ("workstations", "protector", "protectors"),
    ("tasks", "workstation", "workstations"),
    ("placements", "sensor", "sensors"),
    ("placements", "workstation", "workstations"),
    ("placements", "calibration", "calibrations"),
    ("calibrations", "sensor", "sensors"),
    ("calibrations", "closes", "calibrations"),
    ("imports", "sensor", "sensors"),
)


def _refer(draft: Draft, path: str, value: str, table: str) -> None:
    known = draft.claimed[table]
    if value not in known:
        draft.add("unknown_reference", path, value, *unknown_words(value, known, table))


def unknown_words(value: str, known: Iterable[str], table: str) -> tuple[str, str]:
    """Rule and remedy for an id that no row of `table` has."""
    names = sorted(known)
    close = get_close_matches(value, names, n=1)
    shown = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
    rule = f"no row of [[{table}]] has this id"
    if close:
        return rule, f"did you mean {close[0]}?"
    return rule, f"known: {shown}" if names else f"add [[{table}]] with id = {value!r}"


def check_sensors(draft: Draft, zone: ZoneInfo) -> None:
    """Channels, mounts, wearers, calibrations and times of sensors and their placements."""
    sensors = {row.id: row for _, row in draft.rows["sensors"]}
    for index, sensor in draft.rows["sensors"]:
        for place, channel in enumerate(sensor.channels):
            _check_channel(draft, f"sensors[{index}].channels[{place}]", channel, sensor.kind)
        missing = [name for name in _TURNS if sensor.channels and name not in sensor.channels]
        if sensor.fusion and (sensor.kind is not Kind.POSTURE or missing):
            draft.add(
                "fusion_without_gyroscope",
                f"sensors[{index}].fusion",
                f"{sensor.kind}, {', '.join(sensor.channels) or 'all channels'}",
                "only posture sensors that send gyr_x, gyr_y and gyr_z",
                "list these channels too, or take fusion out",
            )
        if sensor.kind is Kind.NOISE and (sensor.period_s or 1.0) < _SHORTEST_LEVEL_S:
            draft.add(
                "audio_like",
                f"sensors[{index}].period_s",
                sensor.period_s,
                f"levels come at most every {_SHORTEST_LEVEL_S:g} s: nothing said can then be reconstructed",
                "let the device send levels of 1 s",
            )
    for table, column in (("sources", "fields"), ("imports", "columns")):
        for index, row in draft.rows[table]:
            for key, value in getattr(row, column).items():
                _check_mapping(draft, f"{table}[{index}].{column}.{key}", key, value)
    calibrations = {row.id: row for _, row in draft.rows["calibrations"]}
    spans: list[Span] = []
    for index, placement in draft.rows["placements"]:
        path = f"placements[{index}]"
        start = to_ns(placement.start, zone)
        end = OPEN_END_NS if placement.end is None else to_ns(placement.end, zone)
        if end <= start:
            draft.add(
                "from_after_to",
                f"{path}.to",
                placement.end,
                f"an interval ends after it starts ({placement.start})",
                "correct from or to",
            )
        else:
            spans.append(Span(start, end, placement.sensor, path))
        _check_mount(draft, path, placement, sensors.get(placement.sensor))
        calibration = calibrations.get(placement.calibration or "")
        if calibration is not None and calibration.sensor != placement.sensor:
            draft.add(
                "calibration_of_other_sensor",
                f"{path}.calibration",
                placement.calibration,
                f"it belongs to the sensor {calibration.sensor}",
                f"name a calibration of {placement.sensor}",
            )
    for first, second in overlaps(spans):
        draft.add(
            "overlap",
            second.path,
            second.sensor,
            f"a sensor is at one place at a time; this overlaps {first.path}",
            "end the earlier one with to = … where the later one begins",
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Where a sensor (or a wearer) is during ``[start_ns, end_ns)``, and where that is written."""

    start_ns: int
    end_ns: int
    sensor: str
    path: str


def overlaps(spans: list[Span]) -> list[tuple[Span, Span]]:
    """Pairs of spans of one sensor that overlap, the earlier one first."""
    found = []
    latest: dict[str, Span] = {}
    for span in sorted(spans, key=lambda item: (item.start_ns, item.end_ns)):
        before = latest.get(span.sensor)
        if before is not None and span.start_ns < before.end_ns:
            found.append((before, span))
        if before is None or span.end_ns > before.end_ns:
            latest[span.sensor] = span
    return found


def _check_channel(draft: Draft, path: str, channel: str, kind: Kind) -> None:
    if channel in channels_of(kind):
        return
    if channel.lower() in REFUSED:
        draft.add(
            "refused_quantity",
            path,
            channel,
            f"it is refused by name: {REFUSED[channel.lower()]}",
            "remove it, and configure the device not to send it",
        )
    elif channel in QUANTITIES:
        draft.add(
            "channel_of_other_kind",
            path,
            channel,
            f"a {kind} sensor has: {', '.join(channels_of(kind))}",
            f"remove it, or set kind = {str(QUANTITIES[channel].kind)!r}",
        )
    else:
        close = get_close_matches(channel, channels_of(kind), n=1)
        draft.add(
            "unknown_channel",
            path,
            channel,
            f"a {kind} sensor has: {', '.join(channels_of(kind))}",
            f"did you mean {close[0]}?" if close else "use a name of the list",
        )


def _check_mapping(draft: Draft, path: str, key: str, value: str) -> None:
    for name in (key, value.rsplit(".", maxsplit=1)[-1]):
        if name.lower() in REFUSED:
            draft.add(
                "refused_quantity",
                path,
                name,
                f"it is refused by name: {REFUSED[name.lower()]}",
                "remove it from the mapping",
            )
            return
    # A logger's time column stands among its quantities.
    if key not in QUANTITIES and not (key == "time" and path.startswith("imports")):
        close = get_close_matches(key, QUANTITIES, n=1)
        draft.add(
            "unknown_channel",
            path,
            key,
            "a mapping goes from our quantity to the device's name for it",
            f"did you mean {close[0]}?" if close else f"quantities: {', '.join(QUANTITIES)}",
        )


def _check_mount(draft: Draft, path: str, placement: Any, sensor: Sensor | None) -> None:
    if sensor is not None:
        kinds = _KINDS_OF_MOUNT.get(placement.mount, (Kind.POSTURE,))
        if sensor.kind not in kinds:
            fitting = [
                mount.value for mount in Mount if sensor.kind in _KINDS_OF_MOUNT.get(mount, (Kind.POSTURE,))
            ]
            draft.add(
                "mount_of_other_kind",
                f"{path}.mount",
                placement.mount.value,
                f"{sensor.id} is a {sensor.kind} sensor; this mount is for {' or '.join(kinds)}",
                f"use {', '.join(fitting)}",
            )
    if placement.wearer is None:
        return
    if not placement.mount.worn:
        draft.add(
            "fixed_with_wearer",
            f"{path}.wearer",
            placement.wearer,
            "a fixed sensor has no wearer",
            "remove wearer, or correct mount",
        )
    elif not PSEUDONYM.fullmatch(placement.wearer):
        draft.add("wearer_form", f"{path}.wearer", placement.wearer, *PSEUDONYM_WORDS)


def worn_live_sensors(site: Site) -> tuple[str, ...]:
    """Sensors that people really wear: what campaign, consultation and pseudonym rules are about."""
    worn = {placement.sensor for placement in site.placements if placement.mount.worn}
    return tuple(row.id for row in site.sensors if row.origin is Origin.LIVE and row.id in worn)
