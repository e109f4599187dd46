from __future__ import annotations

from datetime import UTC, date, datetime, time

import numpy as np
import pytest

from simulators.devices import sensor_day, sensor_days
from simulators.plant import plan_day, plant_sensors, work_days, working_dates
from simulators.scenario import Scenario, SensorRole


def _columns(scenario: Scenario, seed: int, start: date) -> dict[str, bytes]:
    return {
        f"{own.sensor.id} {own.day.index} {name}": column.tobytes()
        for own in sensor_days(scenario, seed, start)
        for name, column in own.readings.channels.items()
    }


def test_same_seed_gives_the_same_bytes_and_another_seed_others(hour: Scenario, monday: date) -> None:
    first, again = _columns(hour, 7, monday), _columns(hour, 7, monday)
    other = _columns(hour, 8, monday)
    assert first == again
    assert all(first[key] != other[key] for key in first)


def test_a_day_alone_equals_that_day_in_the_week(hour: Scenario, monday: date) -> None:
    week = hour.model_copy(update={"days": 3})
    wednesday = list(work_days(week, 3, monday))[-1]
    alone = plan_day(week, 3, week.workstations[1], 2, wednesday.date)
    assert alone == wednesday
    sensors = plant_sensors(week, wednesday.workstation.id)
    in_week = [own for own in sensor_days(week, 3, monday) if own.day.index == 2][-4:]
    for sensor, other in zip(sensors, in_week, strict=True):
        own = sensor_day(alone, sensor)
        assert np.array_equal(own.readings.times_ns, other.readings.times_ns)
        for name, column in own.readings.channels.items():
            assert column.tobytes() == other.readings.channels[name].tobytes()


def test_a_seed_gives_the_same_plant_in_any_week(hour: Scenario, monday: date) -> None:
    assert _columns(hour, 1, monday) == _columns(hour, 1, date(2026, 6, 1))


@pytest.mark.parametrize("seed", range(5))
def test_blocks_cover_the_shift_once_and_breaks_stand_where_planned(
    demo: Scenario, monday: date, seed: int
) -> None:
    for day in work_days(demo, seed, monday):
        edges = [0, *(block.end_s for block in day.blocks)]
        assert [block.start_s for block in day.blocks] == edges[:-1]
        assert edges[-1] == day.duration_s == 8 * 3600
        assert all(block.start_s % 60 == 0 and block.end_s > block.start_s for block in day.blocks)
        breaks = [(block.start_s, block.end_s) for block in day.blocks if block.task is None]
        assert breaks == [(7200, 8100), (16200, 17400)]
        assert {block.task.id for block in day.blocks if block.task} == {
            task.id for task in day.workstation.tasks
        }


def test_five_people_rotate_over_five_workstations_and_two_share_the_sixth(
    demo: Scenario, monday: date
) -> None:
    days = list(work_days(demo, 1, monday))
    for place in demo.workstations:
        seen = [day.wearer for day in days if day.workstation.id == place.id]
        assert len(set(seen)) == demo.crews[place.crew]
    for index in range(5):
        today = [day.wearer for day in days if day.index == index]
        assert len(set(today)) == len(today), "nobody is at two workstations at once"


def test_days_are_working_days_and_shifts_are_site_time(demo: Scenario) -> None:
    friday = date(2026, 10, 23)
    assert working_dates(demo, friday) == (
        friday,
        date(2026, 10, 26),
        date(2026, 10, 27),
        date(2026, 10, 28),
        date(2026, 10, 29),
    )
    starts = {day.date: day.start_ns for day in work_days(demo, 1, friday)}
    summer, winter = starts[friday], starts[date(2026, 10, 26)]
    assert datetime.fromtimestamp(summer / 1e9, UTC).time() == time(6)
    assert datetime.fromtimestamp(winter / 1e9, UTC).time() == time(7)


def test_sensors_have_the_promised_rates(demo: Scenario) -> None:
    sensors = plant_sensors(demo)
    assert len(sensors) == 24
    by_role = {sensor.role: sensor for sensor in sensors}
    assert by_role[SensorRole.TRUNK].period_ns == 40_000_000
    assert by_role[SensorRole.NOISE].period_ns == 1_000_000_000
    assert by_role[SensorRole.CLIMATE].period_ns == 60_000_000_000
    assert not by_role[SensorRole.CLIMATE].mount.worn
    assert by_role[SensorRole.NOISE].mount.worn
