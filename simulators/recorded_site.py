"""Site file, messages and trace of the real recordings, for ``vigiposte replay``."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sensors.command_line import write_atomic
from sensors.formats import WireFormat, encode
from sensors.quantities import Kind
from sensors.topics import build_topic
from simulators.messages import Message
from simulators.recordings import RecordedSensor
from simulators.toml_text import array_of_tables, table
from simulators.trace import TraceWriter

__all__ = ["SITE", "recorded_messages", "write_recorded_site", "write_recorded_trace"]

SITE = "recordings"
_POSTURE_ROWS = 1500
_NOISE_ROWS = 60
_MINUTE_NS = 60_000_000_000
_DAY_NS = 86_400_000_000_000
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LABELS = {
    "course": "Activities of daily life, trunk and thigh (HARTH)",
    "street": "Street noise (noisemonitor)",
    "office": "Office climate (Candanedo & Feldheim)",
}


def recorded_messages(sensors: tuple[RecordedSensor, ...]) -> Iterator[Message]:
    """Messages of all recorded sensors in time order."""
    yield from heapq.merge(*(_messages(sensor) for sensor in sensors), key=lambda message: message.due_ns)


def write_recorded_trace(sensors: tuple[RecordedSensor, ...], path: Path) -> Path:
    """Write all messages of the recordings as a trace file."""
    start_ns = min(int(sensor.times_ns[0]) for sensor in sensors)
    about = {"site": SITE, "shifted_days": {sensor.id: sensor.shifted_days for sensor in sensors}}
    with TraceWriter(path, start_ns, about) as trace:
        for message in recorded_messages(sensors):
            trace.write(message)
    return path


def write_recorded_site(
    sensors: tuple[RecordedSensor, ...],
    folder: Path,
    *,
    mqtt_url: str = "mqtt://127.0.0.1:1883",
    store_url: str = "lake:./lake",
) -> Path:
    """Write the ``site.toml`` that fits the recordings: one shift a recording span, in whole minutes, UTC."""
    spans = {sensor.id: _shifts(sensor) for sensor in sensors}
    shifts = {shift["id"]: shift for own in spans.values() for shift in own}
    places = dict.fromkeys(sensor.workstation for sensor in sensors)
    first = min(int(sensor.times_ns[0]) for sensor in sensors)
    last = max(int(sensor.times_ns[-1]) for sensor in sensors)
    text = "".join(
        [
            "# Site of replayed recordings. Days added to the clock of each file:\n",
            *(f"#   {sensor.id}: {sensor.shifted_days}\n" for sensor in sensors),
            "schema = 1\n\n",
            table("site", {"id": SITE, "label": "Recordings", "timezone": "UTC", "language": "en"}),
            table("mqtt", {"url": mqtt_url}),
            table("store", {"url": store_url}),
            array_of_tables(
                "campaigns",
                [
                    {
                        "id": "replay",
                        "from": _moment(first).date(),
                        "to": _moment(last).date(),
                        "purpose": "Replay of published recordings",
                        "simulation": True,
                    }
                ],
            ),
            array_of_tables("shifts", list(shifts.values())),
            array_of_tables(
                "workstations",
                [
                    {
                        "id": place,
                        "label": _LABELS[place],
                        "shifts": list(
                            dict.fromkeys(
                                shift["id"]
                                for sensor in sensors
                                if sensor.workstation == place
                                for shift in spans[sensor.id]
                            )
                        ),
                        "occupancy_hours": 24.0 if place == "street" else None,
                    }
                    for place in places
                ],
            ),
            array_of_tables("sensors", [_sensor_row(sensor) for sensor in sensors]),
            array_of_tables("placements", [_placement_row(sensor) for sensor in sensors]),
            array_of_tables(
                "calibrations", [_calibration_row(s) for s in sensors if s.upright_g is not None]
            ),
        ]
    )
    return write_atomic(folder / "site.toml", text)


def _sensor_row(sensor: RecordedSensor) -> dict[str, Any]:
    return {
        "id": sensor.id,
        "kind": sensor.kind.value,
        "instrument_class": "class_2" if sensor.kind is Kind.NOISE else None,
        "channels": list(sensor.channels),
        "period_s": sensor.period_ns / 1e9,
        "range_g": 8.0 if sensor.kind is Kind.POSTURE else None,
        "origin": "replay",
    }


def _placement_row(sensor: RecordedSensor) -> dict[str, Any]:
    first, last = _minutes_around(sensor)
    return {
        "sensor": sensor.id,
        "workstation": sensor.workstation,
        "mount": sensor.mount,
        "from": _moment(first),
        "to": _moment(last),
        "calibration": f"{sensor.id}-standing" if sensor.upright_g is not None else None,
        "wearer": sensor.wearer,
    }


def _calibration_row(sensor: RecordedSensor) -> dict[str, Any]:
    return {
        "id": f"{sensor.id}-standing",
        "sensor": sensor.id,
        "at": _moment(_minutes_around(sensor)[0]),
        "kind": "upright_only",
        "upright": list(sensor.upright_g or ()),
    }


def _shifts(sensor: RecordedSensor) -> list[dict[str, Any]]:
    """Shifts that cover the recording; one that passes midnight becomes one shift a day."""
    first, last = _minutes_around(sensor)
    midnights = range((first // _DAY_NS + 1) * _DAY_NS, last, _DAY_NS)
    edges = [first, *midnights, last]
    name = "climate" if sensor.kind is Kind.CLIMATE else sensor.wearer or sensor.kind.value
    rows = []
    for start, end in pairwise(edges):
        weekday = _WEEKDAYS[_moment(start).weekday()]
        rows.append(
            {
                "id": name if len(edges) == 2 else f"{name}-{weekday}",
                "start": f"{_moment(start):%H:%M}",
                "end": f"{_moment(end):%H:%M}",
                "days": [weekday],
            }
        )
    return rows


def _minutes_around(sensor: RecordedSensor) -> tuple[int, int]:
    first = int(sensor.times_ns[0]) // _MINUTE_NS * _MINUTE_NS
    end = int(sensor.times_ns[-1]) + sensor.period_ns
    return first, -(-end // _MINUTE_NS) * _MINUTE_NS


def _moment(moment_ns: int) -> datetime:
    return datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).replace(tzinfo=None)


def _messages(sensor: RecordedSensor) -> Iterator[Message]:
    fmt, longest = {
        Kind.POSTURE: (WireFormat.COLUMNS_MSGPACK, _POSTURE_ROWS),
        Kind.NOISE: (WireFormat.COLUMNS, _NOISE_ROWS),
        Kind.CLIMATE: (WireFormat.JSON, 1),
    }[sensor.kind]
    topic = build_topic(SITE, sensor.id, fmt)
    uneven = np.flatnonzero(np.diff(sensor.times_ns) != sensor.period_ns) + 1
    for start, end in pairwise([0, *uneven.tolist(), sensor.times_ns.size]):
        for first in range(start, end, longest):
            last = min(first + longest, end)
            rows = {name: column[first:last] for name, column in sensor.channels.items()}
            due_ns = int(sensor.times_ns[last - 1]) + sensor.period_ns
            yield Message(due_ns, topic, encode(fmt, sensor.times_ns[first:last], rows))
