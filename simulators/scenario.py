"""What a simulated plant is made of: workstations, tasks, climates, variation and faults as frozen tables.

A scenario is a TOML file, or the name of one that ships in ``simulators/scenarios``. ``extends = "demo"``
starts from another scenario; the tables given then replace or complete its own (workstations are matched by
``id``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import time
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sensors.errors import ConfigurationError, UnknownNameError

__all__ = [
    "ClimateSpec",
    "FaultKind",
    "FaultSpec",
    "Imperfections",
    "PostureMode",
    "Scenario",
    "SensorRole",
    "TaskSpec",
    "Variation",
    "WorkstationSpec",
    "load_scenario",
    "said",
    "scenario_names",
]

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")]
Label = Mapping[Literal["fr", "en"], str]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = "no such time zone"
        raise ValueError(message) from None
    return name


def _whole_minute(at: time) -> time:
    if at.second or at.microsecond or at.tzinfo is not None:
        message = "a site time in whole minutes"
        raise ValueError(message)
    return at


Minute = Annotated[time, AfterValidator(_whole_minute)]


def said(label: Label, language: Literal["fr", "en"]) -> str:
    """Label in this language, or in the one it has."""
    return label.get(language) or next(iter(label.values()), "")


class SensorRole(StrEnum):
    """Which of a workstation's four sensors."""

    TRUNK = "trunk"
    ARM = "arm"
    NOISE = "noise"
    CLIMATE = "climate"


class FaultKind(StrEnum):
    """What can go wrong with a sensor on purpose."""

    DROP_OUT = "drop_out"
    STUCK = "stuck"
    CLOCK_SKEW = "clock_skew"
    DUPLICATES = "duplicates"
    LATE = "late"
    SLIPPED = "slipped"
    ON_BENCH = "on_bench"
    LOW_BATTERY = "low_battery"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PostureMode(_Table):
    """One posture of a task: held around `angle_deg`, for about `hold_s`, during `weight` of its time."""

    angle_deg: float = Field(ge=-60, le=175)
    spread_deg: float = Field(default=4.0, ge=0, le=30)
    hold_s: float = Field(default=6.0, ge=1.5, le=600)
    weight: float = Field(gt=0)


class TaskSpec(_Table):
    """A task: its planned minutes a shift, its noise and its postures."""

    id: Identifier
    label: Label
    minutes: float = Field(gt=0, le=1440)
    laeq_db: float = Field(ge=20, le=130)
    fluctuation_db: float = Field(default=2.5, ge=0, le=10)
    c_minus_a_db: float = Field(default=2.0, ge=-2, le=20)
    impulses_per_hour: float = Field(default=0.0, ge=0, le=3600)
    impulse_peak_db: float = Field(default=115.0, ge=80, le=160)
    impulse_spread_db: float = Field(default=2.0, ge=0, le=10)
    trunk: tuple[PostureMode, ...] = Field(min_length=1)
    arm: tuple[PostureMode, ...] = Field(min_length=1)


class ClimateSpec(_Table):
    """The air around a workstation: a daily course, slow fluctuation, and door openings of a cold store."""

    air_c: float = Field(ge=-40, le=60)
    swing_c: float = Field(default=1.0, ge=0, le=15)
    humidity_percent: float = Field(default=45.0, ge=5, le=98)
    globe_excess_c: float = Field(default=0.5, ge=0, le=40)
    openings_per_hour: float = Field(default=0.0, ge=0, le=30)
    opening_rise_c: float = Field(default=0.0, ge=0, le=15)


class WorkstationSpec(_Table):
    """A workstation of the plant; `crew` wearers rotate over all workstations of the same crew."""

    id: Identifier
    label: Label
    family: Label
    crew: Identifier
    position_m: tuple[float, float]
    hours_per_year: float = Field(default=1500, gt=0, le=8784)
    metabolic_class: Literal["rest", "low", "moderate", "high", "very_high"] = "moderate"
    indoor_process: bool = False
    protector: str | None = None
    climate: ClimateSpec
    tasks: tuple[TaskSpec, ...] = Field(min_length=1)


class Variation(_Table):
    """Standard deviations between workers and between days."""

    worker_level_db: float = Field(default=1.0, ge=0)
    day_level_db: float = Field(default=0.7, ge=0)
    worker_angle_deg: float = Field(default=1.5, ge=0)
    worker_mix: float = Field(default=0.12, ge=0, le=1)
    day_air_c: float = Field(default=0.4, ge=0)
    task_minutes: float = Field(default=0.10, ge=0, le=0.5)


class Imperfections(_Table):
    """What the sensors add to the truth; all zero means noise-free sensors."""

    acc_noise_g: float = Field(default=0.004, ge=0, le=0.1)
    movement_g: float = Field(default=0.015, ge=0, le=0.2)
    calibration_noise_g: float = Field(default=0.002, ge=0, le=0.05)
    level_offset_db: float = Field(default=0.15, ge=0, le=3)
    level_resolution_db: float = Field(default=0.1, ge=0, le=1)
    temperature_noise_c: float = Field(default=0.03, ge=0, le=2)
    humidity_noise_percent: float = Field(default=0.3, ge=0, le=5)


class FaultSpec(_Table):
    """One fault: which sensor, on which day of the scenario (0 = first), from when and for how long.

    ``amount`` is seconds for clock skew and lateness, degrees for a slip, the share of messages sent twice
    for duplicates and the percentage left for a low battery; drop-out, stuck and bench need none.
    """

    kind: FaultKind
    workstation: Identifier
    sensor: SensorRole
    day: int = Field(default=0, ge=0, le=366)
    start: Minute
    minutes: float = Field(gt=0, le=1440)
    amount: float = 0.0


class Scenario(_Table):
    """A whole simulated plant."""

    id: Identifier
    label: Label
    site: Identifier = "demo-plant"
    timezone: Annotated[str, AfterValidator(_known_zone)] = "Europe/Paris"
    days: int = Field(default=5, ge=1, le=366)
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = Field(default=(0, 1, 2, 3, 4), min_length=1)
    shift_start: Minute = time(8)
    shift_end: Minute = time(16)
    breaks: tuple[tuple[Minute, Minute], ...] = ((time(10), time(10, 15)), (time(12, 30), time(12, 50)))
    posture_hz: Literal[25, 50] = 25
    climate_period_s: Literal[10, 20, 30, 60] = 60
    battery: bool = True
    battery_period_s: int = Field(default=0, ge=0, le=86400)
    task_log: bool = True
    crews: Mapping[str, int]
    variation: Variation = Variation()
    sensors: Imperfections = Imperfections()
    faults: tuple[FaultSpec, ...] = ()
    workstations: tuple[WorkstationSpec, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        known = {workstation.id for workstation in self.workstations}
        if len(known) != len(self.workstations):
            message = "two workstations share one id"
            raise ValueError(message)
        for workstation in self.workstations:
            if workstation.crew not in self.crews:
                known_crews = sorted(self.crews)
                message = f"{workstation.id} names the crew {workstation.crew!r}; known: {known_crews}"
                raise ValueError(message)
        for crew, size in self.crews.items():
            seats = sum(workstation.crew == crew for workstation in self.workstations)
            if size < seats:
                message = f"crew {crew} has {size} people for {seats} workstations at once"
                raise ValueError(message)
        for fault in self.faults:
            if fault.workstation not in known:
                message = f"a fault names the workstation {fault.workstation!r}; known: {sorted(known)}"
                raise ValueError(message)
            if fault.day >= self.days:
                message = f"a fault on day {fault.day}; the scenario has days 0 to {self.days - 1}"
                raise ValueError(message)
        if self.shift_end <= self.shift_start:
            message = "a simulated shift ends after it starts, on the same date"
            raise ValueError(message)
        last = self.shift_start
        for start, end in self.breaks:
            if not last <= start < end <= self.shift_end:
                message = f"the break {start}–{end} lies outside the shift or overlaps another"
                raise ValueError(message)
            last = end
        return self


def scenario_names() -> tuple[str, ...]:
    """Names of the scenarios that ship with the project."""
    folder = files("simulators").joinpath("scenarios")
    return tuple(
        sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
    )


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Load a scenario by name or from a TOML file.

    Raises
    ------
    UnknownNameError
        Neither a shipped name nor a file.
    ConfigurationError
        The file is not TOML or breaks a rule of the scenario tables.
    """
    try:
        return Scenario.model_validate(_raw(str(name_or_path), ()))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "scenario"
        raise ConfigurationError(
            f"scenario {name_or_path}: {key}",
            value=None if isinstance(first.get("input"), Mapping) else first.get("input"),
            rule=first["msg"],
            remedy="correct the key; simulators/scenarios/demo.toml shows every one",
            code="scenario",
        ) from None


def _raw(name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    table = _read(name)
    base_name = table.pop("extends", None)
    if base_name is None:
        return table
    if base_name in seen:
        raise ConfigurationError(
            f"scenario {name}: extends", value=base_name, rule="no scenario extends itself", code="scenario"
        )
    return _merge(_raw(str(base_name), (*seen, name)), table)


def _merge(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in table.items():
        if key == "workstations":
            own = {row.get("id"): row for row in value}
            kept = [_merge(row, own.pop(row.get("id"), {})) for row in base.get(key, [])]
            merged[key] = kept + list(own.values())
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _merge(base[key], value)
        else:
            merged[key] = value
    return merged


def _read(name: str) -> dict[str, Any]:
    try:
        if name in scenario_names():
            return tomllib.loads(
                files("simulators").joinpath(f"scenarios/{name}.toml").read_text(encoding="utf-8")
            )
        path = Path(name)
        if not path.is_file():
            raise UnknownNameError(
                "no such scenario",
                value=name,
                rule="a TOML file or the name of a shipped scenario",
                remedy=f"known: {', '.join(scenario_names())}",
                code="unknown_scenario",
            )
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"scenario {name} is not valid TOML",
            rule=str(error),
            remedy="correct the line named",
            code="scenario",
        ) from None
