"""The site file of a simulated plant, and the log that says who wore which sensor when."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sensors.command_line import write_atomic
from sensors.quantities import Kind
from simulators.plant import WorkDay, plant_sensors, work_days, working_dates
from simulators.scenario import Scenario, SensorRole, said
from simulators.signals_posture import mounting
from simulators.toml_text import array_of_tables, table

__all__ = ["SiteOptions", "write_site"]

SHIFT = "day"
_HEADING = {
    "fr": "# Site simulé par Vigiposte : scénario « {scenario} », graine {seed}. Aucune personne réelle.\n",
    "en": '# Site simulated by Vigiposte: scenario "{scenario}", seed {seed}. No real person.\n',
}
_PURPOSE = {"fr": "Démonstration avec des données simulées", "en": "Demonstration with simulated data"}
_PROTECTOR = {"fr": "Bouchons d'oreille", "en": "Ear plugs"}
_SHIFT_LABEL = {"fr": "équipe de jour", "en": "day shift"}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ROSTER = "day-team"
_CALIBRATED_BEFORE_SHIFT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """What a site file says besides the plant itself."""

    language: Literal["fr", "en"] = "fr"
    mqtt_url: str = "mqtt://127.0.0.1:1883"
    store_url: str = "lake:./lake"


def write_site(
    scenario: Scenario, seed: int, start: date, folder: Path, options: SiteOptions | None = None
) -> Path:
    """Write ``site.toml`` and ``assignments.csv`` of a simulated plant into `folder`.

    Returns
    -------
    Path
        The site file.
    """
    days = list(work_days(scenario, seed, start))
    text = _site_text(scenario, seed, start, days, options or SiteOptions())
    write_atomic(folder / "assignments.csv", _assignments(scenario, days))
    return write_atomic(folder / "site.toml", text)


def _site_text(scenario: Scenario, seed: int, start: date, days: list[WorkDay], options: SiteOptions) -> str:
    language = options.language
    dates = working_dates(scenario, start)
    sensors = plant_sensors(scenario)
    placed_from = datetime.combine(dates[0], time())
    parts = [
        _HEADING[language].format(scenario=scenario.id, seed=seed),
        "schema = 1\n\n",
        table(
            "site",
            {
                "id": scenario.site,
                "label": said(scenario.label, language),
                "timezone": scenario.timezone,
                "language": language,
            },
        ),
        table("mqtt", {"url": options.mqtt_url}),
        table("store", {"url": options.store_url}),
        array_of_tables(
            "campaigns",
            [
                {
                    "id": "simulation",
                    "from": dates[0],
                    "to": dates[-1],
                    "purpose": _PURPOSE[language],
                    "simulation": True,
                }
            ],
        ),
        array_of_tables("shifts", [_shift(scenario, language)]),
        array_of_tables("rosters", [{"id": _ROSTER, "cycle": [SHIFT], "days_per_year": 218}]),
        array_of_tables(
            "groups",
            [
                {
                    "id": crew,
                    "workstations": [place.id for place in scenario.workstations if place.crew == crew],
                    "workers": size,
                    "roster": _ROSTER,
                }
                for crew, size in scenario.crews.items()
            ],
        ),
        array_of_tables("workstations", list(_workstations(scenario, language))),
        array_of_tables("tasks", list(_tasks(scenario, language))),
        array_of_tables("protectors", list(_protectors(scenario, language))),
        array_of_tables(
            "sensors",
            [
                {
                    "id": sensor.id,
                    "kind": sensor.kind.value,
                    "model": "simulated",
                    "instrument_class": "dosimeter" if sensor.kind is Kind.NOISE else None,
                    "channels": [*sensor.channels, *(["battery"] if scenario.battery else [])],
                    "period_s": sensor.period_ns / 1e9,
                    "range_g": 8.0 if sensor.kind is Kind.POSTURE else None,
                    "origin": "simulated",
                }
                for sensor in sensors
            ],
        ),
        array_of_tables(
            "placements",
            [
                {
                    "sensor": sensor.id,
                    "workstation": sensor.workstation,
                    "mount": sensor.mount.value,
                    "from": placed_from,
                    "height_m": 1.1 if sensor.kind is Kind.CLIMATE else None,
                }
                for sensor in sensors
            ],
        ),
        array_of_tables("calibrations", list(_calibrations(scenario, days))),
        table("floor", {"size_m": [40.0, 20.0]}),
    ]
    return "".join(parts)


def _shift(scenario: Scenario, language: Literal["fr", "en"]) -> Mapping[str, Any]:
    return {
        "id": SHIFT,
        "label": _SHIFT_LABEL[language],
        "start": f"{scenario.shift_start:%H:%M}",
        "end": f"{scenario.shift_end:%H:%M}",
        "breaks": [[f"{first:%H:%M}", f"{last:%H:%M}"] for first, last in scenario.breaks],
        "days": [_WEEKDAYS[day] for day in scenario.weekdays],
    }


def _workstations(scenario: Scenario, language: Literal["fr", "en"]) -> Iterator[Mapping[str, Any]]:
    for place in scenario.workstations:
        yield {
            "id": place.id,
            "label": said(place.label, language),
            "family": said(place.family, language),
            "shifts": [SHIFT],
            "hours_per_year": place.hours_per_year,
            "metabolic_class": place.metabolic_class,
            "acclimatised": False,
            "protector": place.protector,
            "position_m": list(place.position_m),
            "indoor_process": place.indoor_process,
        }


def _tasks(scenario: Scenario, language: Literal["fr", "en"]) -> Iterator[Mapping[str, Any]]:
    for place in scenario.workstations:
        for task in place.tasks:
            yield {
                "id": f"{place.id}-{task.id}",
                "workstation": place.id,
                "label": said(task.label, language),
                "hours": round(task.minutes / 60.0, 2),
            }


def _protectors(scenario: Scenario, language: Literal["fr", "en"]) -> Iterator[Mapping[str, Any]]:
    for name in dict.fromkeys(place.protector for place in scenario.workstations if place.protector):
        yield {
            "id": name,
            "label": _PROTECTOR[language],
            "h_db": 30.0,
            "m_db": 24.0,
            "l_db": 22.0,
            "snr_db": 27.0,
        }


def _calibrations(scenario: Scenario, days: list[WorkDay]) -> Iterator[Mapping[str, Any]]:
    """Each morning before the shift: two postures of every accelerometer, the check of every microphone."""
    zone = ZoneInfo(scenario.timezone)
    for day in days:
        at = datetime.fromtimestamp(day.start_ns / 1e9, UTC).astimezone(zone) - _CALIBRATED_BEFORE_SHIFT
        common = {"at": at.replace(tzinfo=None)}
        for role in (SensorRole.TRUNK, SensorRole.ARM):
            sensor = f"{day.workstation.id}-{role.value}"
            worn = mounting(day, role)
            yield {
                "id": f"{sensor}-{day.date}",
                "sensor": sensor,
                **common,
                "kind": "two_postures",
                "upright": list(worn.upright_g),
                "lean": list(worn.lean_g),
            }
        sensor = f"{day.workstation.id}-{SensorRole.NOISE.value}"
        yield {
            "id": f"{sensor}-{day.date}",
            "sensor": sensor,
            **common,
            "kind": "microphone",
            "level_before_db": 94.0,
            "level_after_db": 94.1,
        }


def _assignments(scenario: Scenario, days: list[WorkDay]) -> str:
    """``from,to,sensor,wearer,workstation,task``: a row a worn sensor and day; for noise, a row a task."""
    buffer = io.StringIO()
    rows = csv.writer(buffer, lineterminator="\n")
    rows.writerow(["from", "to", "sensor", "wearer", "workstation", "task"])
    zone = ZoneInfo(scenario.timezone)

    def site_time(day: WorkDay, second: int) -> str:
        moment = datetime.fromtimestamp(day.start_ns / 1e9 + second, UTC).astimezone(zone)
        return moment.replace(tzinfo=None).isoformat(timespec="minutes")

    for day in days:
        place = day.workstation.id
        for role in (SensorRole.TRUNK, SensorRole.ARM, SensorRole.NOISE):
            pieces = [(0, day.duration_s, "")]
            if role is SensorRole.NOISE and scenario.task_log:
                pieces = [
                    (block.start_s, block.end_s, f"{place}-{block.task.id}" if block.task else "")
                    for block in day.blocks
                ]
            for first, last, task in pieces:
                begin, end = site_time(day, first), site_time(day, last)
                rows.writerow([begin, end, f"{place}-{role.value}", day.wearer, place, task])
    return buffer.getvalue()
