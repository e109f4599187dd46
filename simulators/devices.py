"""From truth to readings: what each simulated sensor records on a day, with its errors and faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sensors.quantities import Kind
from sensors.readings import FloatColumn, ReadingBatch
from simulators.faults import Readings, apply_fault, faults_of, window_ns
from simulators.plant import PlantSensor, WorkDay, plant_sensors, work_days
from simulators.scenario import FaultKind, FaultSpec, Scenario, SensorRole
from simulators.signals_climate import climate_signal
from simulators.signals_noise import noise_signal
from simulators.signals_posture import acceleration_g, mounting, posture_signal
from simulators.truth import DayTruth, climate_truth, document, noise_truth, posture_truth

__all__ = ["SensorDay", "reading_batches", "sensor_day", "sensor_days", "truth_document"]

SWITCHED_ON_BEFORE_S = 600
_FULL_PERCENT = 94.0
_DRAIN_PERCENT_PER_HOUR = 3.5


@dataclass(frozen=True, slots=True, eq=False)
class SensorDay:
    """One sensor's day: its readings as recorded, its battery, its faults, and the truth behind it.

    Attributes
    ----------
    battery : tuple of (int, float)
        Moments [ns] and charge [%], reported now and then.
    truth : mapping of str to float
        True indicators of the worker-day that this sensor can see.
    """

    sensor: PlantSensor
    day: WorkDay
    readings: Readings
    battery: tuple[tuple[int, float], ...]
    faults: tuple[FaultSpec, ...]
    truth: Mapping[str, float]

    def without_readings(self) -> SensorDay:
        """Return the same day with its truth and without its readings, to be kept in little memory."""
        return replace(self, readings=Readings(np.empty(0, np.int64), {}))


def sensor_days(scenario: Scenario, seed: int, start: date) -> Iterator[SensorDay]:
    """Every sensor-day of the scenario: day by day, workstations and sensors in site file order."""
    for day in work_days(scenario, seed, start):
        for sensor in plant_sensors(scenario, day.workstation.id):
            yield sensor_day(day, sensor)


def sensor_day(day: WorkDay, sensor: PlantSensor) -> SensorDay:
    """Generate one sensor's day; it depends on nothing else that was generated."""
    count = (day.end_ns - day.start_ns) // sensor.period_ns
    times_ns = day.start_ns + sensor.period_ns * np.arange(count, dtype=np.int64)
    rotation: NDArray[np.float64] | None = None
    channels: dict[str, FloatColumn]
    if sensor.kind is Kind.NOISE:
        channels, truth = _noise(day)
    elif sensor.kind is Kind.CLIMATE:
        channels, truth = _climate(day)
    else:
        rotation = mounting(day, sensor.role).rotation
        channels, truth = _posture(day, sensor.role, rotation)
    readings = Readings(times_ns, channels)
    faults = faults_of(day, sensor.role)
    for fault in faults:
        readings = apply_fault(readings, day, sensor.kind, fault, rotation)
    return SensorDay(sensor, day, readings, _battery(day, faults), faults, truth)


def reading_batches(scenario: Scenario, seed: int, start: date) -> Iterator[ReadingBatch]:
    """The same readings without MQTT: one batch a sensor-day, for whoever feeds a store directly."""
    for own in sensor_days(scenario, seed, start):
        order = np.argsort(own.readings.times_ns, kind="stable")
        yield ReadingBatch(
            site=scenario.site,
            sensor=own.sensor.id,
            kind=own.sensor.kind,
            times_ns=own.readings.times_ns[order],
            channels={name: column[order] for name, column in own.readings.channels.items()},
        )


def truth_document(scenario: Scenario, seed: int, start: date) -> dict[str, object]:
    """Truth of the whole scenario without generating a reading."""
    return document(scenario, seed, (_day_truth(day) for day in work_days(scenario, seed, start)), start)


def _day_truth(day: WorkDay) -> DayTruth:
    found = noise_truth(day, noise_signal(day)) | climate_truth(day, climate_signal(day))
    for role in (SensorRole.TRUNK, SensorRole.ARM):
        found |= posture_truth(day, role, posture_signal(day, role))
    return DayTruth(day, found)


def _noise(day: WorkDay) -> tuple[dict[str, FloatColumn], dict[str, float]]:
    signal = noise_signal(day)
    errors = day.scenario.sensors
    offset = errors.level_offset_db * float(day.stream(SensorRole.NOISE, "errors").standard_normal())
    columns = {"laeq": signal.laeq_db, "lceq": signal.lceq_db, "lcpeak": signal.lcpeak_db}
    step = errors.level_resolution_db
    return (
        {name: _rounded(column + offset, step) for name, column in columns.items()},
        noise_truth(day, signal),
    )


def _climate(day: WorkDay) -> tuple[dict[str, FloatColumn], dict[str, float]]:
    signal = climate_signal(day)
    errors = day.scenario.sensors
    rng = day.stream(SensorRole.CLIMATE, "errors")
    shocks = rng.standard_normal((3, signal.air_c.size))
    humidity = signal.humidity_percent + errors.humidity_noise_percent * shocks[1]
    noisy = errors.temperature_noise_c > 0
    channels: dict[str, FloatColumn] = {
        "air_temperature": _rounded(signal.air_c + errors.temperature_noise_c * shocks[0], 0.01 * noisy),
        "relative_humidity": _rounded(
            np.clip(humidity, 0.0, 100.0), 0.1 * (errors.humidity_noise_percent > 0)
        ),
        "globe_temperature": _rounded(signal.globe_c + errors.temperature_noise_c * shocks[2], 0.01 * noisy),
    }
    return channels, climate_truth(day, signal)


def _posture(
    day: WorkDay, role: SensorRole, rotation: NDArray[np.float64]
) -> tuple[dict[str, FloatColumn], dict[str, float]]:
    signal = posture_signal(day, role)
    axes = acceleration_g(signal, role, rotation)
    spread = float(np.hypot(day.scenario.sensors.acc_noise_g, day.scenario.sensors.movement_g))
    if spread > 0:
        # Evenly spread errors of the same variance: an order of magnitude cheaper to draw than normal ones.
        shocks = day.stream(role, "errors").random(axes.shape, dtype=np.float32)
        shocks -= np.float32(0.5)
        shocks *= np.float32(spread * np.sqrt(12.0))
        axes += shocks
    channels: dict[str, FloatColumn] = dict(zip(("acc_x", "acc_y", "acc_z"), axes, strict=True))
    return channels, posture_truth(day, role, signal)


def _rounded(values: NDArray[np.float64], step: float) -> FloatColumn:
    if step <= 0:
        return values
    return np.round(values, max(0, -int(np.floor(np.log10(step) + 1e-9))))


def _battery(day: WorkDay, faults: tuple[FaultSpec, ...]) -> tuple[tuple[int, float], ...]:
    """Charge when switched on, when switched off, and at whole periods of the shift in between.

    A low battery reaches its level when the fault starts, and says nothing more once it is empty.
    """
    scenario = day.scenario
    if not scenario.battery:
        return ()
    period_s = scenario.battery_period_s or day.duration_s
    seconds = [-SWITCHED_ON_BEFORE_S, *range(period_s, day.duration_s, period_s), day.duration_s]
    charge = {second: _FULL_PERCENT - _DRAIN_PERCENT_PER_HOUR * max(second, 0) / 3600.0 for second in seconds}
    for fault in faults:
        if fault.kind is FaultKind.LOW_BATTERY:
            start_ns, end_ns = window_ns(day, fault)
            since, until = (start_ns - day.start_ns) / 1e9, (end_ns - day.start_ns) / 1e9
            slope = (_FULL_PERCENT - fault.amount) / max(since, 1.0)
            charge = {
                second: max(fault.amount, _FULL_PERCENT - slope * max(second, 0))
                for second in seconds
                if second < until
            }
    return tuple((day.start_ns + second * 1_000_000_000, round(value, 1)) for second, value in charge.items())
