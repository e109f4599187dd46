"""Workers' accounts beside sensor windows: seen, missed, not measured, and what a report may not show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from indicators.accounts.matching import AccountState, account_results, judge_window
from indicators.accounts.minutes import SensorMinutes
from indicators.model import Audience
from indicators.reduction.service import reduce_partitions
from indicators.weekly import to_period
from sensors.periods import DatePeriod
from sensors.quantities import Kind
from tests.indicators.conftest import MONDAY, Plant

MINUTE = 60_000_000_000


def noise(values: NDArray[np.float64], kind: Kind = Kind.NOISE, quantity: str = "laeq") -> SensorMinutes:
    times = np.arange(values.size, dtype=np.int64) * MINUTE
    return SensorMinutes("n1", kind, worn=False, quantity=quantity, unit="", times_ns=times, values=values)


def test_a_loud_quarter_of_an_hour_stands_out_and_a_usual_one_does_not() -> None:
    level = np.full(300, 78.0)
    level[120:135] = 92.0
    loud = judge_window(noise(level), 120 * MINUTE, 135 * MINUTE)
    quiet = judge_window(noise(level), 200 * MINUTE, 215 * MINUTE)
    assert loud is not None
    assert quiet is not None
    assert loud.value == pytest.approx(92.0)
    assert loud.usual == pytest.approx(78.0)
    assert loud.stands_out is True
    assert quiet.stands_out is False


def test_a_difference_within_the_instrument_does_not_stand_out() -> None:
    level = np.full(300, 78.0)
    level[120:135] = 80.5
    found = judge_window(noise(level), 120 * MINUTE, 135 * MINUTE)
    assert found is not None
    assert found.stands_out is False


def test_cold_stands_out_as_heat_does() -> None:
    air = np.full(300, 6.0)
    air[120:135] = 2.0
    found = judge_window(noise(air, Kind.CLIMATE, "air_temperature"), 120 * MINUTE, 135 * MINUTE)
    assert found is not None
    assert found.stands_out is True


def test_too_little_to_compare_with_is_said() -> None:
    found = judge_window(noise(np.full(60, 78.0)), 20 * MINUTE, 35 * MINUTE)
    assert found is not None
    assert (found.usual, found.stands_out) == (None, None)


def test_stretches_do_not_reach_over_a_gap() -> None:
    sensor = noise(np.arange(20.0), Kind.CLIMATE, "air_temperature")
    holed = replace(sensor, times_ns=np.delete(sensor.times_ns, 10), values=np.delete(sensor.values, 10))
    assert holed.stretches(4).tolist() == [1.5, 5.5, 12.5, 16.5]


SITUATIONS = """from,to,workstation,text,borg,factor
2026-11-16T08:10,2026-11-16T08:20,press-1,"loud, <b>very</b>",7,noise
2026-11-16T08:10,,press-1,a draught,,climate
2026-11-16T06:00,,press-1,before anybody measured,,
2026-11-09T08:10,,press-1,last week,,
"""


@pytest.mark.parametrize(
    ("audience", "states"),
    [
        (Audience.REPORT, [AccountState.NOT_MEASURED, AccountState.RESERVED, AccountState.NOT_SEEN]),
        (Audience.ANALYST, [AccountState.NOT_MEASURED, AccountState.NOT_SEEN, AccountState.NOT_SEEN]),
    ],
)
def test_the_window_of_a_worn_sensor_is_for_the_analyst(
    reduced_plant: Plant, audience: Audience, states: list[AccountState]
) -> None:
    (reduced_plant.folder / "situations.csv").write_text(SITUATIONS, encoding="utf-8")
    book = reduced_plant.book
    reduce_partitions(book, reduced_plant.store, MONDAY, MONDAY)
    found = account_results(book, reduced_plant.store, to_period(book, DatePeriod(MONDAY, MONDAY)), audience)
    assert [item.state for item in found] == states
    worn = found[1]
    assert worn.situation.borg == 7.0
    assert bool(worn.windows) is (audience is Audience.ANALYST)
    assert {window.quantity for window in found[2].windows} == {"air_temperature"}
