"""Sensor-days as MQTT messages, in the order in which a site's gateway would send them.

Posture goes out as ``columns-msgpack`` (float32, a minute a message: 18 kB at 25 Hz), noise as ``columns``
(sixty seconds a message), climate and battery as ``json``.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise

import numpy as np

from sensors.formats import WireFormat, encode
from sensors.quantities import Kind
from sensors.topics import STATUS, build_topic
from simulators.devices import SensorDay, sensor_days
from simulators.faults import window_ns
from simulators.plant import plant_sensors
from simulators.scenario import FaultKind, Scenario

__all__ = ["Message", "expected_messages", "plant_messages", "sensor_messages", "status_messages"]

_FORMATS = {
    Kind.POSTURE: WireFormat.COLUMNS_MSGPACK,
    Kind.NOISE: WireFormat.COLUMNS,
    Kind.CLIMATE: WireFormat.JSON,
}
_MINUTE_NS = 60_000_000_000
# Some brokers refuse packets beyond 20,480 bytes: 1,500 rows of three float32 columns stay below.
_LARGEST_POSTURE_ROWS = 1500
# Stands where the first row would, for the report of a battery's charge.
_CHARGE = -1


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message; ``due_ns`` is the moment [UTC ns] at which a real device would send it."""

    due_ns: int
    topic: str
    payload: bytes
    retain: bool = False


def plant_messages(
    scenario: Scenario, seed: int, start: date, seen: list[SensorDay] | None = None
) -> Iterator[Message]:
    """All messages of the scenario in time order across sensors, one day in memory at a time.

    Parameters
    ----------
    seen : list, optional
        Receives every sensor-day, emptied of its readings, for the truth file.
    """
    for _, group in groupby(sensor_days(scenario, seed, start), key=lambda own: own.day.index):
        own_days = list(group)
        if seen is not None:
            seen.extend(own.without_readings() for own in own_days)
        streams = [sensor_messages(own) for own in own_days]
        yield from heapq.merge(*streams, key=lambda message: message.due_ns)


def expected_messages(scenario: Scenario) -> int:
    """About how many messages `plant_messages` gives (exactly, without faults and in whole minutes)."""
    begin, end = scenario.shift_start, scenario.shift_end
    minutes = (end.hour - begin.hour) * 60 + end.minute - begin.minute
    per_minute = {
        Kind.POSTURE: -(-60 * scenario.posture_hz // _LARGEST_POSTURE_ROWS),
        Kind.NOISE: 1,
        Kind.CLIMATE: 60 // scenario.climate_period_s,
    }
    period_s = scenario.battery_period_s or minutes * 60
    charges = 2 + len(range(period_s, minutes * 60, period_s)) if scenario.battery else 0
    sensors = plant_sensors(scenario)
    return scenario.days * sum(minutes * per_minute[sensor.kind] + charges for sensor in sensors)


def status_messages(scenario: Scenario, state: str, due_ns: int = 0) -> Iterator[Message]:
    """Retained ``online`` or ``offline`` of every sensor."""
    for sensor in plant_sensors(scenario):
        yield Message(due_ns, build_topic(scenario.site, sensor.id, STATUS), state.encode(), retain=True)


def sensor_messages(own: SensorDay) -> Iterator[Message]:
    """Messages of one sensor-day in the order of sending; late ones come when they come, doubles twice."""
    site = own.day.scenario.site
    fmt = _FORMATS[own.sensor.kind]
    topic = build_topic(site, own.sensor.id, fmt)
    times_ns, channels = own.readings.times_ns, own.readings.channels
    doubles = own.day.stream(own.sensor.role, "delivery")
    doubling = any(fault.kind is FaultKind.DUPLICATES for fault in own.faults)
    charges = [(moment_ns, _CHARGE, index) for index, (moment_ns, _) in enumerate(own.battery)]
    for due_ns, first, last in sorted([*charges, *_delayed(own, _pieces(own))]):
        if first == _CHARGE:
            yield _charge_message(own, last)
            continue
        rows = {name: column[first:last] for name, column in channels.items()}
        message = Message(due_ns, topic, encode(fmt, times_ns[first:last], rows))
        yield message
        if doubling and _doubled(own, due_ns, float(doubles.random())):
            yield message


def _charge_message(own: SensorDay, index: int) -> Message:
    moment_ns, percent = own.battery[index]
    payload = encode(WireFormat.JSON, np.array([moment_ns]), {"battery": np.array([percent])})
    return Message(moment_ns, build_topic(own.day.scenario.site, own.sensor.id, WireFormat.JSON), payload)


def _pieces(own: SensorDay) -> Iterator[tuple[int, int, int]]:
    """``(due, first row, last row + 1)`` of each message: whole minutes, cut where rows are missing."""
    times_ns = own.readings.times_ns
    if not times_ns.size:
        return
    longest = 1 if own.sensor.kind is Kind.CLIMATE else _LARGEST_POSTURE_ROWS
    minute = (times_ns - own.day.start_ns) // _MINUTE_NS
    new = (np.diff(times_ns) != own.sensor.period_ns) | (np.diff(minute) != 0)
    edges = [0, *(np.flatnonzero(new) + 1).tolist(), times_ns.size]
    for start, end in pairwise(edges):
        for first in range(start, end, longest):
            last = min(first + longest, end)
            yield int(times_ns[last - 1]) + own.sensor.period_ns, first, last


def _delayed(own: SensorDay, pieces: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    late = [fault for fault in own.faults if fault.kind is FaultKind.LATE]
    if not late:
        yield from pieces
        return
    for due_ns, first, last in pieces:
        delay_ns = 0
        for fault in late:
            start_ns, end_ns = window_ns(own.day, fault)
            if start_ns < due_ns <= end_ns:
                delay_ns += round(fault.amount * 1e9)
        yield due_ns + delay_ns, first, last


def _doubled(own: SensorDay, due_ns: int, draw: float) -> bool:
    for fault in own.faults:
        if fault.kind is FaultKind.DUPLICATES:
            start_ns, end_ns = window_ns(own.day, fault)
            if start_ns < due_ns <= end_ns and draw < fault.amount:
                return True
    return False
