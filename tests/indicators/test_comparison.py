"""Before and after: real changes are found, nothing is claimed too early, small groups stay hidden."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from indicators.comparison import Change, ChangeVerdict, compare
from indicators.model import Audience, Factor, Period
from indicators.worker_days.values import DayValue, Measured

PERIOD = Period(date(2026, 11, 2), date(2026, 11, 6), 0, 1, "Europe/Paris")


def measured(
    values: Sequence[float] | NDArray[np.float64],
    *,
    wearers: int = 5,
    place: str = "press-1",
    setting: str = "A",
    indicator: str = "lex_8h",
    worn: bool = True,
) -> Measured:
    start = date(2026, 11, 2)
    return Measured(
        place,
        PERIOD,
        tuple(
            DayValue(
                indicator,
                Factor.NOISE,
                "dB(A)",
                start + timedelta(days=index),
                "day",
                f"w{index % wearers}" if worn else None,
                float(value),
                worn,
                setting,
            )
            for index, value in enumerate(values)
        ),
    )


def change(
    before: Measured,
    after: Measured,
    controls: Sequence[Measured] | None = None,
    *,
    audience: Audience = Audience.REPORT,
    family: dict[str, list[float]] | None = None,
) -> Change:
    return compare(before, after, controls, group_size=5, audience=audience, family=family).changes[0]


NOISE = np.array([-0.6, 0.4, 0.1, -0.3, 0.5])


def test_a_real_reduction_is_found_and_is_better() -> None:
    found = change(measured(90 + NOISE), measured(85 - NOISE))
    assert found.verdict is ChangeVerdict.LOWER
    assert found.better is True
    assert found.difference == pytest.approx(-5 - 2 * NOISE.mean())
    assert found.interval is not None
    assert found.interval.high < 0


def test_a_rise_is_worse() -> None:
    found = change(measured(80 + NOISE), measured(85 + NOISE))
    assert found.verdict is ChangeVerdict.HIGHER
    assert found.better is False


def test_noise_is_no_change() -> None:
    found = change(measured(85 + NOISE), measured(85.1 - NOISE))
    assert found.verdict is ChangeVerdict.NO_DIFFERENCE_SHOWN
    assert found.better is None


def test_what_the_control_did_too_is_no_effect() -> None:
    control = [measured(80 + NOISE, place="press-2"), measured(75 - NOISE, place="press-2")]
    found = change(measured(90 + NOISE), measured(85 - NOISE), control)
    assert found.verdict is ChangeVerdict.NO_DIFFERENCE_SHOWN
    assert found.difference == pytest.approx(0.0)
    assert "no_control" not in {note.code for note in found.notes}


def test_a_short_control_is_left_out_and_said() -> None:
    control = [measured([80.0] * 2, wearers=2, worn=False), measured([80.0] * 5, worn=False)]
    found = change(measured(90 + NOISE, worn=False), measured(85 - NOISE, worn=False), control)
    assert "control_too_short" in {note.code for note in found.notes}
    assert found.verdict is ChangeVerdict.LOWER


def test_two_days_are_too_early() -> None:
    found = change(measured(90 + NOISE, worn=False), measured([80.0, 80.5], worn=False))
    assert found.verdict is ChangeVerdict.TOO_EARLY
    assert found.notes[0].params["after"] == 2


def test_another_sensor_is_no_comparison() -> None:
    found = change(measured(90 + NOISE), measured(80 + NOISE, setting="B"))
    assert found.verdict is ChangeVerdict.NOT_COMPARABLE
    assert found.interval is None


def test_four_wearers_are_withheld_from_the_report_and_shown_to_the_analyst() -> None:
    sides = (measured([90.0, 91.0, 90.5, 90.2], wearers=4), measured(85 + NOISE))
    hidden = change(*sides)
    assert hidden.verdict is ChangeVerdict.WITHHELD
    assert hidden.before is None
    assert hidden.after is None
    assert hidden.difference is None
    shown = change(*sides, audience=Audience.ANALYST)
    assert shown.verdict is ChangeVerdict.LOWER


def test_a_small_control_is_withheld_too() -> None:
    control = [measured([80.0] * 4, wearers=4), measured(80 + NOISE)]
    assert change(measured(90 + NOISE), measured(85 + NOISE), control).verdict is ChangeVerdict.WITHHELD


def test_fixed_sensors_need_no_group() -> None:
    found = change(measured(90 + NOISE, worn=False), measured(85 - NOISE, worn=False))
    assert found.verdict is ChangeVerdict.LOWER


def test_an_extreme_start_falls_back_by_itself() -> None:
    wild = np.array([-6.0, 7.0, 2.0, -4.0, 5.0])
    family = {"lex_8h": [80.0, 80.5, 79.5, 80.2]}
    found = change(measured(88 + wild, worn=False), measured(81 + wild, worn=False), family=family)
    assert "regression_to_the_mean_likely" in {note.code for note in found.notes}
    calm = change(measured(80.4 + NOISE, worn=False), measured(75 + NOISE, worn=False), family=family)
    assert "regression_to_the_mean_likely" not in {note.code for note in calm.notes}


def test_lower_may_be_worse_where_cold_counts() -> None:
    found = change(
        measured(5 + NOISE, indicator="air_temperature_le5_h", worn=False),
        measured(2 + NOISE, indicator="air_temperature_le5_h", worn=False),
    )
    assert found.verdict is ChangeVerdict.LOWER
    assert found.better is not None


def test_the_interval_holds_the_true_change_in_nine_cases_of_ten() -> None:
    generator = np.random.default_rng(5)
    held = 0
    for _ in range(600):
        people = generator.normal(0, 1.5, 10)
        sides = [
            level + people[slice(first, first + 5)] + generator.normal(0, 1.0, 5)
            for level, first in ((90, 0), (86, 5))
        ]
        found = change(measured(sides[0]), measured(sides[1]))
        assert found.interval is not None
        held += found.interval.low <= -4 <= found.interval.high
    assert 0.87 <= held / 600 <= 0.94
