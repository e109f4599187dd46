"""Rules that no single row can check: ids, references, sensors and where they are, the logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from sensors.errors import Problem
from sensors.local_time import OPEN_END_NS, to_ns
from sensors.logs import SiteLogs
from sensors.quantities import QUANTITIES, REFUSED, Kind, channels_of
from sensors.site_model import Mount, Origin, Sensor, Site
from sensors.site_tables import Draft

__all__ = ["PSEUDONYM", "check_logs", "check_references", "check_sensors", "worn_live_sensors"]

# A digit keeps first names and surnames out.
PSEUDONYM = re.compile(r"(?=.*[0-9])[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_SOURCE_RULE = re.compile(r"topic\.[0-9]+|payload\..+")
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
    ("imports", "sensor", "sensors"),
)


def _refer(draft: Draft, path: str, value: str, table: str) -> None:
    known = draft.claimed[table]
    if value not in known:
        draft.add("unknown_reference", path, value, *_unknown(value, known, table))


def _unknown(value: str, known: Iterable[str], table: str) -> tuple[str, str]:
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
    for table, column in (("sources", "fields"), ("imports", "columns")):
        for index, row in draft.rows[table]:
            for key, value in getattr(row, column).items():
                _check_refused(draft, f"{table}[{index}].{column}.{key}", key, value)
    calibrations = {row.id: row for _, row in draft.rows["calibrations"]}
    spans: list[_Span] = []
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
            spans.append(_Span(start, end, placement.sensor, path))
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
    for first, second in _overlaps(spans):
        draft.add(
            "overlap",
            second.path,
            second.sensor,
            f"a sensor is at one place at a time; this overlaps {first.path}",
            "end the earlier one with to = … where the later one begins",
        )


@dataclass(frozen=True, slots=True)
class _Span:
    start_ns: int
    end_ns: int
    sensor: str
    path: str


def _overlaps(spans: list[_Span]) -> list[tuple[_Span, _Span]]:
    found = []
    latest: dict[str, _Span] = {}
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


def _check_refused(draft: Draft, path: str, key: str, value: str) -> None:
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
        draft.add("wearer_form", f"{path}.wearer", placement.wearer, *_PSEUDONYM_WORDS)


_PSEUDONYM_WORDS = (
    "a wearer is a pseudonym: a–z, 0–9, _ and -, with at least one digit, and never a name",
    "let `vigiposte wearers` make one",
)


def check_logs(draft: Draft, logs: SiteLogs, zone: ZoneInfo) -> list[Problem]:
    """Rows of the logs against the site file and against each other."""
    problems: list[Problem] = []

    def add(file: str, line: int, column: str, code: str, value: object, rule: str, remedy: str) -> None:
        where = f"line {line}, {column}" if column else f"line {line}"
        problems.append(Problem(f"{file}.csv", where, value, rule, remedy, code))

    wearers = None if logs.wearers is None else {row.wearer for row in logs.wearers}
    references = (("sensor", "sensors"), ("workstation", "workstations"), ("task", "tasks"))
    for name in ("assignments", "exclusions", "pauses", "actions", "situations"):
        for row in getattr(logs, name):
            for column, table in references:
                value = getattr(row, column, None)
                if value is not None and value not in draft.claimed[table]:
                    add(
                        name,
                        row.line,
                        column,
                        "unknown_reference",
                        value,
                        *_unknown(value, draft.claimed[table], table),
                    )
    for pseudonym in logs.wearers or ():
        if not PSEUDONYM.fullmatch(pseudonym.wearer):
            add("wearers", pseudonym.line, "wearer", "wearer_form", pseudonym.wearer, *_PSEUDONYM_WORDS)
    spans = _placement_spans(draft, zone)
    for row in logs.assignments:
        if row.wearer is not None and not PSEUDONYM.fullmatch(row.wearer):
            add("assignments", row.line, "wearer", "wearer_form", row.wearer, *_PSEUDONYM_WORDS)
        elif row.wearer is not None and wearers is not None and row.wearer not in wearers:
            close = get_close_matches(row.wearer, sorted(wearers), n=1)
            add(
                "assignments",
                row.line,
                "wearer",
                "unknown_wearer",
                row.wearer,
                "wearers.csv does not list this pseudonym",
                f"did you mean {close[0]}?" if close else "add it to wearers.csv, or correct the cell",
            )
        if row.sensor in draft.claimed["sensors"] and not _covered(row, spans.get(row.sensor, [])):
            add(
                "assignments",
                row.line,
                "sensor",
                "assignment_without_placement",
                row.sensor,
                "no placement says how this sensor is mounted during the whole of this interval",
                "add or extend its row under [[placements]]",
            )
        _check_task(draft, row, add)
    _check_overlaps(logs, add)
    return problems


def _placement_spans(draft: Draft, zone: ZoneInfo) -> dict[str, list[tuple[int, int]]]:
    spans: dict[str, list[tuple[int, int]]] = {}
    for _, row in draft.rows["placements"]:
        end = OPEN_END_NS if row.end is None else to_ns(row.end, zone)
        spans.setdefault(row.sensor, []).append((to_ns(row.start, zone), end))
    return {sensor: sorted(items) for sensor, items in spans.items()}


def _covered(row: Any, spans: list[tuple[int, int]]) -> bool:
    reached = row.start_ns
    # An open assignment lasts as long as the sensor is placed.
    needed = row.start_ns + 1 if row.end_ns == OPEN_END_NS else row.end_ns
    for start, end in spans:
        if start <= reached < end:
            reached = end
    return bool(reached >= needed)


def _check_task(draft: Draft, row: Any, add: Any) -> None:
    if row.task is None or row.workstation is None:
        return
    task = next((item for _, item in draft.rows["tasks"] if item.id == row.task), None)
    if task is not None and task.workstation != row.workstation:
        add(
            "assignments",
            row.line,
            "task",
            "task_of_other_workstation",
            row.task,
            f"the task belongs to {task.workstation}",
            f"name a task of {row.workstation}, or leave the cell empty",
        )


def _check_overlaps(logs: SiteLogs, add: Any) -> None:
    spans = [_Span(row.start_ns, row.end_ns, row.sensor, str(row.line)) for row in logs.assignments]
    for first, second in _overlaps(spans):
        add(
            "assignments",
            int(second.path),
            "",
            "overlap",
            second.sensor,
            f"a sensor is worn once at a time; this overlaps line {first.path}",
            "end the earlier row where the later one begins",
        )
    worn = [row for row in logs.assignments if row.wearer and row.workstation]
    places = {row.line: row.workstation for row in worn}
    people = [_Span(row.start_ns, row.end_ns, str(row.wearer), str(row.line)) for row in worn]
    for first, second in _overlaps(people):
        if places[int(first.path)] != places[int(second.path)]:
            add(
                "assignments",
                int(second.path),
                "",
                "wearer_in_two_places",
                second.sensor,
                f"a wearer is at one workstation at a time; this overlaps line {first.path}",
                "correct times or workstation",
            )


def worn_live_sensors(site: Site) -> tuple[str, ...]:
    """Sensors that people really wear: what campaign, consultation and pseudonym rules are about."""
    worn = {placement.sensor for placement in site.placements if placement.mount.worn}
    return tuple(row.id for row in site.sensors if row.origin is Origin.LIVE and row.id in worn)
