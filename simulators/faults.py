"""What goes wrong on purpose: faults that change readings, and faults that change their delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensors.quantities import Kind
from sensors.readings import FloatColumn, TimeColumn
from simulators.plant import WorkDay
from simulators.scenario import FaultKind, FaultSpec, SensorRole

__all__ = ["Readings", "apply_fault", "faults_of", "window_ns"]

_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What one sensor recorded on one day: sorted times, shape (n,), and channels, each of shape (n,)."""

    times_ns: TimeColumn
    channels: dict[str, FloatColumn]

    def rows(self, kept: NDArray[np.bool_]) -> Readings:
        """Return the rows where `kept` is true."""
        return Readings(self.times_ns[kept], {name: column[kept] for name, column in self.channels.items()})


def faults_of(day: WorkDay, role: SensorRole) -> tuple[FaultSpec, ...]:
    """Faults of one sensor on one day, in the scenario's order."""
    return tuple(
        fault
        for fault in day.scenario.faults
        if (fault.workstation, fault.sensor, fault.day) == (day.workstation.id, role, day.index)
    )


def window_ns(day: WorkDay, fault: FaultSpec) -> tuple[int, int]:
    """``[start, end)`` of a fault, UTC nanoseconds."""
    begin = day.scenario.shift_start
    since_shift = (fault.start.hour - begin.hour) * 60 + fault.start.minute - begin.minute
    start_ns = day.start_ns + since_shift * _MINUTE_NS
    return start_ns, start_ns + round(fault.minutes * _MINUTE_NS)


def apply_fault(
    readings: Readings, day: WorkDay, kind: Kind, fault: FaultSpec, rotation: NDArray[np.float64] | None
) -> Readings:
    """Return the readings as the faulty sensor gives them; faults of delivery leave them as they are.

    Parameters
    ----------
    rotation : array, shape (3, 3), or None
        Mounting of an accelerometer; a slip turns it about the body's left-right axis.
    """
    start_ns, end_ns = window_ns(day, fault)
    inside = (readings.times_ns >= start_ns) & (readings.times_ns < end_ns)
    if not inside.any():
        return readings
    changed = readings
    if fault.kind is FaultKind.DROP_OUT:
        changed = readings.rows(~inside)
    elif fault.kind is FaultKind.LOW_BATTERY:
        changed = readings.rows(readings.times_ns < end_ns)
    elif fault.kind is FaultKind.CLOCK_SKEW:
        shift_ns = np.where(inside, round(fault.amount * 1e9), 0)
        changed = replace(readings, times_ns=readings.times_ns + shift_ns)
    elif fault.kind is FaultKind.STUCK:
        first = int(np.argmax(inside))
        frozen = {name: float(column[first]) for name, column in readings.channels.items()}
        changed = _changed(readings, inside, frozen)
    elif fault.kind is FaultKind.ON_BENCH:
        changed = _changed(readings, inside, _BENCH[kind])
    elif fault.kind is FaultKind.SLIPPED and rotation is not None:
        changed = _slipped(readings, inside, fault.amount, rotation)
    return changed


# On a bench a dosimeter hears the room and an accelerometer feels gravity along one axis.
_BENCH: dict[Kind, dict[str, float]] = {
    Kind.POSTURE: {"acc_x": 0.0, "acc_y": 0.0, "acc_z": 1.0},
    Kind.NOISE: {"laeq": 48.0, "lceq": 52.0, "lcpeak": 66.0},
    Kind.CLIMATE: {"air_temperature": 21.0, "relative_humidity": 45.0, "globe_temperature": 21.0},
}


def _changed(readings: Readings, inside: NDArray[np.bool_], values: dict[str, float]) -> Readings:
    channels = dict(readings.channels)
    for name, value in values.items():
        column = channels[name].copy()
        column[inside] = value
        channels[name] = column
    return Readings(readings.times_ns, channels)


def _slipped(
    readings: Readings, inside: NDArray[np.bool_], angle_deg: float, rotation: NDArray[np.float64]
) -> Readings:
    turn = np.radians(angle_deg)
    about_left = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    change = (rotation @ about_left @ rotation.T).astype(np.float32)
    axes = np.stack([readings.channels[name] for name in ("acc_x", "acc_y", "acc_z")])
    axes[:, inside] = change @ axes[:, inside]
    return Readings(readings.times_ns, dict(zip(("acc_x", "acc_y", "acc_z"), axes, strict=True)))
