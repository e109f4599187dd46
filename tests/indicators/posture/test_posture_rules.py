"""ISO 11226, Lund, RAMP and the Revised Strain Index, and the worked examples that `validate` replays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from indicators.posture.rules import (
    ActionLevel,
    StaticVerdict,
    action_level,
    revised_strain_index,
    static_hold_limit_s,
    static_postures,
)
from indicators.validation import Case, Status, run_case, shipped_cases
from sensors.errors import MethodError

OURS = ("analysis.posture.", "analysis.exposure.", "indicators.posture.rules.")
CASES = [case for case in shipped_cases() if case.function.startswith(OURS)]


def held(degrees: float, seconds: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    before, rate = 500, 50.0
    angles = np.zeros(2 * before + round(seconds * rate))
    angles[before:-before] = degrees
    return angles, np.arange(angles.size) / rate


@pytest.mark.parametrize(
    ("part", "angles", "seconds"),
    [
        ("trunk", [0, 19.9, 20, 40, 60, 60.1, -5], [np.inf, np.inf, 240, 150, 60, 0, 0]),
        ("upper_arm", [20, 40, 60], [180, 120, 60]),
        ("head", [24, 25, 55, 85, 86], [np.inf, 480, 270, 60, 0]),
    ],
)
def test_hold_limits_fall_on_a_line(part: str, angles: list[float], seconds: list[float]) -> None:
    assert static_hold_limit_s(part, angles) == pytest.approx(seconds)
    assert np.isnan(static_hold_limit_s(part, np.nan))


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(149.0, StaticVerdict.ACCEPTABLE), (151.0, StaticVerdict.TOO_LONG)]
)
def test_a14_holding_forty_degrees(seconds: float, verdict: StaticVerdict) -> None:
    found = [row for row in static_postures(*held(40.0, seconds), "trunk") if row.angle_deg > 20]
    assert [row.verdict for row in found] == [verdict]
    assert found[0].duration_s == pytest.approx(seconds)
    assert found[0].limit_s == pytest.approx(150.0)


def test_a15_a_posture_is_static_from_four_seconds() -> None:
    assert all(row.angle_deg < 20 for row in static_postures(*held(65.0, 3.9), "trunk"))
    found = [row for row in static_postures(*held(65.0, 4.1), "trunk") if row.angle_deg > 20]
    assert [row.verdict for row in found] == [StaticVerdict.NOT_RECOMMENDED]


def test_a_degree_behind_the_reference_is_upright() -> None:
    times = np.arange(1000) / 50.0
    (upright,) = static_postures(np.full(1000, -0.8), times, "trunk")
    (bent_back,) = static_postures(np.full(1000, -12.0), times, "trunk")
    assert upright.verdict is StaticVerdict.ACCEPTABLE
    assert bent_back.verdict is StaticVerdict.NOT_RECOMMENDED


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (("lund", "upper_arm", "ge60_share", 100 * 48.0 / 480), ActionLevel.AT),
        (("lund", "upper_arm", "ge60_share", 100 * 47.9 / 480), ActionLevel.BELOW),
        (("lund", "upper_arm", "ge60_share", 10.01), ActionLevel.ABOVE),
        (("lund", "upper_arm", "ge30_share", 100 * 240 / 480), ActionLevel.AT),
        (("lund", "upper_arm", "velocity_p50", 60.5), ActionLevel.ABOVE),
        (("lund", "wrist", "velocity_p50", 19.0), ActionLevel.BELOW),
        (("ramp", "trunk", "ge45_min", 29.9), ActionLevel.GREEN),
        (("ramp", "trunk", "ge45_min", 30.0), ActionLevel.AMBER),
        (("ramp", "trunk", "ge45_min", 60.0), ActionLevel.RED),
        (("ramp", "trunk", "ge20_min", 30.0 + 30.0), ActionLevel.AMBER),
        (("ramp", "trunk", "ge20_min", 120.0), ActionLevel.RED),
        (("ramp", "head", "extension_min", 5.0), ActionLevel.AMBER),
        (("ramp", "upper_arm", "ge90_min", float("nan")), ActionLevel.NOT_MEASURED),
    ],
)
def test_a18_a19_action_levels(arguments: tuple[Any, ...], level: ActionLevel) -> None:
    assert action_level(*arguments) is level


@pytest.mark.parametrize(
    ("inputs", "index"),
    [
        ((0.2, 5, 3, 5, 4), 3.75),
        ((0.2, 5, 3, -5, 4), 3.96),
        ((0.4, 6, 3, -10, 4), 9.50),
        ((0.4, 6, 3, 40, 4), 9.50 / (1.2 * np.exp(0.09) - 0.2) * 1.028),
        ((0.2, 5, 3, 5, 0.01), 3.75 / 0.7698 * 0.20),
    ],
)
def test_a24_revised_strain_index(inputs: tuple[float, ...], index: float) -> None:
    assert float(revised_strain_index(*inputs)) == pytest.approx(index, abs=0.01)


def test_strain_index_is_continuous_where_its_pieces_meet() -> None:
    for where, low, high in (
        (0, 0.4, 0.4 + 1e-9),
        (1, 90.0, 90.0 + 1e-9),
        (2, 60.0, 60.0 + 1e-9),
        (3, 30.0, 30.0 + 1e-9),
        (3, 0.0, -1e-9),
    ):
        inputs = [[0.3, 10.0, 5.0, 5.0, 4.0] for _ in range(2)]
        inputs[0][where], inputs[1][where] = low, high
        first, second = (float(revised_strain_index(*row)) for row in inputs)
        assert first == pytest.approx(second, rel=0.01)


@pytest.mark.parametrize(
    ("call", "arguments", "code"),
    [
        (static_hold_limit_s, ("knee", 30), "unknown_body_part"),
        (static_hold_limit_s, ("trunk", 200), "out_of_validity"),
        (static_hold_limit_s, ("trunk", np.inf), "infinite"),
        (static_postures, ([0.0], [0.0], "trunk"), "too_few_samples"),
        (static_postures, ([0.0, 1.0], [1.0, 0.0], "trunk"), "times_not_increasing"),
        (action_level, ("lund", "trunk", "ge20_min", 1.0), "unknown_action_level"),
        (action_level, ("ramp", "trunk", "ge20_min", -1.0), "out_of_validity"),
        (revised_strain_index, (1.2, 5, 3, 5, 4), "out_of_validity"),
        (revised_strain_index, (0.2, 5, 3, 5, 25), "out_of_validity"),
        (revised_strain_index, ("x", 5, 3, 5, 4), "not_numeric"),
    ],
)
def test_what_the_rules_do_not_cover_is_refused(call: Any, arguments: tuple[Any, ...], code: str) -> None:
    with pytest.raises(MethodError) as caught:
        call(*arguments)
    assert caught.value.code == code


def test_there_are_published_cases_and_more_of_our_own() -> None:
    assert {"published.json", "posture.json"} <= {case.file for case in CASES}
    assert sum(case.file == "posture.json" for case in CASES) >= 25


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_worked_example(case: Case) -> None:
    result = run_case(case)
    assert result.status is Status.PASSED, result.message
