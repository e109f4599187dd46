"""Who works where, when and at what: the plan of each worker-day of a simulated plant, and its sensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from sensors.quantities import Kind
from sensors.site_model import Mount
from simulators.scenario import Scenario, SensorRole, TaskSpec, WorkstationSpec
from simulators.streams import generator

__all__ = [
    "Block",
    "PlantSensor",
    "WorkDay",
    "plan_day",
    "plant_sensors",
    "wearers_of",
    "work_days",
    "working_dates",
]

_PIECES_PER_TASK = 3


@dataclass(frozen=True, slots=True)
class PlantSensor:
    """One simulated device."""

    id: str
    role: SensorRole
    kind: Kind
    mount: Mount
    workstation: str
    period_ns: int
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Stretch ``[start_s, end_s)`` of a shift on one task; ``task`` is ``None`` during a break."""

    start_s: int
    end_s: int
    task: TaskSpec | None


@dataclass(frozen=True, slots=True)
class WorkDay:
    """One shift of one wearer at one workstation, before anything is measured.

    Attributes
    ----------
    index : int
        Day of the scenario, 0 first; random streams are keyed by it: a seed gives the same plant in any
        week.
    start_ns, end_ns : int
        Shift, UTC nanoseconds.
    level_offset_db, angle_offset_deg : float
        How this wearer and this day differ from the task's typical values.
    """

    scenario: Scenario
    seed: int
    workstation: WorkstationSpec
    index: int
    date: date
    start_ns: int
    end_ns: int
    wearer: str
    blocks: tuple[Block, ...]
    level_offset_db: float
    angle_offset_deg: float

    @property
    def duration_s(self) -> int:
        """Length of the shift [s]."""
        return (self.end_ns - self.start_ns) // 1_000_000_000

    def stream(self, role: SensorRole, purpose: str) -> np.random.Generator:
        """Return the random stream of one sensor on this day; truth and sensor errors have separate ones."""
        return generator(self.seed, self.workstation.id, self.index, role.value, purpose)


_DEVICES: dict[SensorRole, tuple[Kind, Mount, tuple[str, ...]]] = {
    SensorRole.TRUNK: (Kind.POSTURE, Mount.UPPER_BACK, ("acc_x", "acc_y", "acc_z")),
    SensorRole.ARM: (Kind.POSTURE, Mount.UPPER_ARM_DOMINANT, ("acc_x", "acc_y", "acc_z")),
    SensorRole.NOISE: (Kind.NOISE, Mount.SHOULDER, ("laeq", "lceq", "lcpeak")),
    SensorRole.CLIMATE: (
        Kind.CLIMATE,
        Mount.FIXED,
        ("air_temperature", "relative_humidity", "globe_temperature"),
    ),
}


def plant_sensors(scenario: Scenario, workstation: str | None = None) -> tuple[PlantSensor, ...]:
    """All sensors of the plant, or of one workstation, in site file order."""
    periods = {
        Kind.POSTURE: 1_000_000_000 // scenario.posture_hz,
        Kind.NOISE: 1_000_000_000,
        Kind.CLIMATE: scenario.climate_period_s * 1_000_000_000,
    }
    return tuple(
        PlantSensor(f"{place.id}-{role.value}", role, kind, mount, place.id, periods[kind], channels)
        for place in scenario.workstations
        if workstation in (None, place.id)
        for role, (kind, mount, channels) in _DEVICES.items()
    )


def wearers_of(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Pseudonyms of each crew."""
    numbers = iter(range(1, 1 + sum(scenario.crews.values())))
    return {
        crew: tuple(f"w{next(numbers):02d}" for _ in range(size)) for crew, size in scenario.crews.items()
    }


def working_dates(scenario: Scenario, start: date) -> tuple[date, ...]:
    """Site dates of the scenario's days: the first working days on or after `start`."""
    found: list[date] = []
    day = start
    while len(found) < scenario.days:
        if day.weekday() in scenario.weekdays:
            found.append(day)
        day += timedelta(days=1)
    return tuple(found)


def work_days(scenario: Scenario, seed: int, start: date) -> Iterator[WorkDay]:
    """Every worker-day of the scenario, day by day, workstations in site file order."""
    for index, day in enumerate(working_dates(scenario, start)):
        for place in scenario.workstations:
            yield plan_day(scenario, seed, place, index, day)


def plan_day(scenario: Scenario, seed: int, place: WorkstationSpec, index: int, day: date) -> WorkDay:
    """Plan one worker-day; it depends on the seed, the workstation and the day's index only."""
    crew = wearers_of(scenario)[place.crew]
    seat = [other.id for other in scenario.workstations if other.crew == place.crew].index(place.id)
    wearer = crew[(seat + index) % len(crew)]
    worker = generator(seed, "worker", wearer)
    habits = worker.standard_normal(2)
    today = generator(seed, place.id, index, "plan")
    variation = scenario.variation
    return WorkDay(
        scenario=scenario,
        seed=seed,
        workstation=place,
        index=index,
        date=day,
        start_ns=_site_ns(scenario, day, scenario.shift_start),
        end_ns=_site_ns(scenario, day, scenario.shift_end),
        wearer=wearer,
        blocks=_blocks(scenario, place, today),
        level_offset_db=float(
            variation.worker_level_db * habits[0] + variation.day_level_db * today.standard_normal()
        ),
        angle_offset_deg=float(variation.worker_angle_deg * habits[1]),
    )


def _site_ns(scenario: Scenario, day: date, at: time) -> int:
    moment = datetime.combine(day, at, tzinfo=ZoneInfo(scenario.timezone))
    return int(moment.timestamp()) * 1_000_000_000


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _blocks(scenario: Scenario, place: WorkstationSpec, rng: np.random.Generator) -> tuple[Block, ...]:
    """Tasks in turns, in whole minutes, cut by the breaks."""
    start, end = _minutes(scenario.shift_start), _minutes(scenario.shift_end)
    breaks = [(_minutes(first) - start, _minutes(last) - start) for first, last in scenario.breaks]
    length = end - start
    working = length - sum(last - first for first, last in breaks)
    planned = np.array([task.minutes for task in place.tasks])
    shares = planned * np.exp(rng.standard_normal(planned.size) * scenario.variation.task_minutes)
    turns = np.repeat(shares[None, :] / shares.sum() / _PIECES_PER_TASK, _PIECES_PER_TASK, axis=0)
    turns *= rng.uniform(0.8, 1.2, turns.shape)
    edges = np.rint(np.concatenate([[0.0], np.cumsum(turns.ravel() / turns.sum())]) * working).astype(int)
    order = [task for _ in range(_PIECES_PER_TASK) for task in place.tasks]

    blocks = [Block(first * 60, last * 60, None) for first, last in breaks]
    for task, first, last in zip(order, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        blocks.extend(Block(a * 60, b * 60, task) for a, b in _around_breaks(first, last, breaks))
    return tuple(sorted(blocks, key=lambda block: block.start_s))


def _around_breaks(first: int, last: int, breaks: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Turn ``[first, last)`` of working minutes into minutes of the shift; a break splits it."""
    for start, end in breaks:
        if last <= start:
            break
        if first < start:
            yield first, start
            first = start
        first, last = first + end - start, last + end - start
    if first < last:
        yield first, last
