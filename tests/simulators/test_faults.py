from __future__ import annotations

from datetime import date, time

import numpy as np
import pytest

from simulators.devices import SensorDay, sensor_day, truth_document
from simulators.messages import Message, sensor_messages
from simulators.plant import plant_sensors, work_days
from simulators.scenario import FaultKind, FaultSpec, Scenario, SensorRole, load_scenario
from simulators.signals_posture import mounting

_MINUTE_NS = 60_000_000_000
_ROLES = {role: place for place, role in enumerate(SensorRole)}


def _day(scenario: Scenario, monday: date, role: SensorRole, *faults: FaultSpec) -> SensorDay:
    faulty = scenario.model_copy(update={"faults": faults})
    day = next(work_days(faulty, 1, monday))
    return sensor_day(day, plant_sensors(faulty, day.workstation.id)[_ROLES[role]])


def _fault(kind: FaultKind, role: SensorRole, minutes: float = 10, amount: float = 0.0) -> FaultSpec:
    return FaultSpec(
        kind=kind, workstation="press-1", sensor=role, start=time(8, 10), minutes=minutes, amount=amount
    )


def _minute(own: SensorDay) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return (own.readings.times_ns - own.day.start_ns) // _MINUTE_NS


def test_faults_never_change_the_truth(hour: Scenario, monday: date) -> None:
    for kind in FaultKind:
        whole = _day(hour, monday, SensorRole.TRUNK)
        faulty = _day(hour, monday, SensorRole.TRUNK, _fault(kind, SensorRole.TRUNK, amount=0.5))
        assert faulty.truth == whole.truth


def test_drop_out_leaves_a_hole(hour: Scenario, monday: date) -> None:
    own = _day(hour, monday, SensorRole.NOISE, _fault(FaultKind.DROP_OUT, SensorRole.NOISE))
    assert set(_minute(own).tolist()) == set(range(60)) - set(range(10, 20))
    minutes = [(message.due_ns - own.day.start_ns) // _MINUTE_NS for message in _readings(own)]
    assert len(minutes) == 50


def test_stuck_repeats_one_value(hour: Scenario, monday: date) -> None:
    own = _day(hour, monday, SensorRole.NOISE, _fault(FaultKind.STUCK, SensorRole.NOISE))
    inside = (_minute(own) >= 10) & (_minute(own) < 20)
    assert np.unique(own.readings.channels["laeq"][inside]).size == 1
    assert np.unique(own.readings.channels["laeq"][~inside]).size > 20


def test_clock_skew_moves_times_only(hour: Scenario, monday: date) -> None:
    whole = _day(hour, monday, SensorRole.CLIMATE)
    skewed = _day(
        hour,
        monday,
        SensorRole.CLIMATE,
        FaultSpec(
            kind=FaultKind.CLOCK_SKEW,
            workstation="press-1",
            sensor=SensorRole.CLIMATE,
            start=time(8),
            minutes=60,
            amount=95,
        ),
    )
    assert np.unique(skewed.readings.times_ns - whole.readings.times_ns).tolist() == [95_000_000_000]
    assert np.array_equal(
        skewed.readings.channels["air_temperature"], whole.readings.channels["air_temperature"]
    )


def test_a_slip_turns_the_sensor_about_the_left_right_axis(hour: Scenario, monday: date) -> None:
    still = hour.model_copy(update={"sensors": load_scenario("noise_free").sensors})
    whole = _day(still, monday, SensorRole.TRUNK)
    own = _day(still, monday, SensorRole.TRUNK, _fault(FaultKind.SLIPPED, SensorRole.TRUNK, amount=35))
    rotation = mounting(own.day, SensorRole.TRUNK).rotation
    inside = (_minute(own) >= 10) & (_minute(own) < 20)

    def flexion(of: SensorDay) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        body = rotation.T @ np.stack([of.readings.channels[f"acc_{axis}"] for axis in "xyz"])
        return np.asarray(np.degrees(np.arctan2(body[2], body[0])), dtype=np.float64)

    change = flexion(own) - flexion(whole)
    assert change[inside] == pytest.approx(35.0, abs=0.01)
    assert change[~inside] == pytest.approx(0.0, abs=0.01)


def test_left_on_the_bench_feels_gravity_only(hour: Scenario, monday: date) -> None:
    own = _day(hour, monday, SensorRole.ARM, _fault(FaultKind.ON_BENCH, SensorRole.ARM))
    inside = (_minute(own) >= 10) & (_minute(own) < 20)
    axes = np.stack([own.readings.channels[f"acc_{axis}"] for axis in "xyz"])
    assert (axes[:, inside].T == [0.0, 0.0, 1.0]).all()


def test_low_battery_reports_its_charge_and_falls_silent(hour: Scenario, monday: date) -> None:
    often = hour.model_copy(update={"battery_period_s": 300})
    own = _day(
        often, monday, SensorRole.ARM, _fault(FaultKind.LOW_BATTERY, SensorRole.ARM, minutes=20, amount=4)
    )
    charges = [percent for _, percent in own.battery]
    assert charges[0] > 90.0
    assert charges == sorted(charges, reverse=True)
    assert charges[-1] == 4.0
    assert _minute(own).max() == 29


def _readings(own: SensorDay) -> list[Message]:
    return [message for message in sensor_messages(own) if b"battery" not in message.payload]


def test_duplicates_are_the_same_message_twice(hour: Scenario, monday: date) -> None:
    whole = _readings(_day(hour, monday, SensorRole.NOISE))
    fault = _fault(FaultKind.DUPLICATES, SensorRole.NOISE, minutes=50, amount=0.5)
    doubled = _readings(_day(hour, monday, SensorRole.NOISE, fault))
    assert 10 < len(doubled) - len(whole) < 40
    assert list(dict.fromkeys(doubled)) == whole


def test_late_messages_come_late_and_whole(hour: Scenario, monday: date) -> None:
    whole = _readings(_day(hour, monday, SensorRole.NOISE))
    late = _readings(
        _day(hour, monday, SensorRole.NOISE, _fault(FaultKind.LATE, SensorRole.NOISE, amount=1200))
    )
    assert [message.payload for message in late] != [message.payload for message in whole]
    assert {message.payload for message in late} == {message.payload for message in whole}
    dues = [message.due_ns for message in late]
    assert dues == sorted(dues)


def test_every_fault_is_written_beside_the_truth(monday: date, hour: Scenario) -> None:

    faulty = hour.model_copy(update={"faults": (_fault(FaultKind.STUCK, SensorRole.ARM),)})
    assert truth_document(faulty, 1, monday)["faults"] == [
        {
            "kind": "stuck",
            "sensor": "press-1-arm",
            "day": 0,
            "start": "08:10",
            "minutes": 10.0,
            "amount": 0.0,
        }
    ]
