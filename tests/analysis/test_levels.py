"""Decibel arithmetic: properties that hold for any levels, and what bad input gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis import levels
from sensors.errors import MethodError

LEVELS = st.floats(-10.0, 160.0)
ROWS = hnp.arrays(np.float64, st.integers(1, 40), elements=LEVELS)


@given(ROWS)
def test_the_energy_mean_lies_between_mean_and_maximum(row: np.ndarray) -> None:
    mean = float(levels.energy_mean(row))
    assert float(np.mean(row)) - 1e-9 <= mean <= float(row.max()) + 1e-9


@given(ROWS, st.randoms())
def test_order_does_not_matter(row: np.ndarray, random: Any) -> None:
    shuffled = row.copy()
    random.shuffle(shuffled)
    assert float(levels.energy_mean(shuffled)) == pytest.approx(float(levels.energy_mean(row)), abs=1e-9)
    assert float(levels.energy_sum(shuffled)) == pytest.approx(float(levels.energy_sum(row)), abs=1e-9)


@given(ROWS, st.floats(-30.0, 30.0))
def test_a_gain_moves_every_result_by_itself(row: np.ndarray, gain_db: float) -> None:
    for result in (levels.energy_mean, levels.energy_sum):
        assert float(result(row + gain_db)) == pytest.approx(float(result(row)) + gain_db, abs=1e-9)
    assert float(levels.exceeded_level(row + gain_db, 10)) == pytest.approx(
        float(levels.exceeded_level(row, 10)) + gain_db, abs=1e-9
    )


@given(ROWS, ROWS)
def test_means_of_parts_weighted_by_their_length_give_the_mean_of_the_whole(
    one: np.ndarray, other: np.ndarray
) -> None:
    parts = [float(levels.energy_mean(one)), float(levels.energy_mean(other))]
    whole = float(levels.energy_mean(np.concatenate([one, other])))
    assert float(levels.energy_mean(parts, [one.size, other.size])) == pytest.approx(whole, abs=1e-9)


@given(ROWS, st.floats(0.001, 1000.0))
def test_the_unit_of_the_weights_does_not_matter(row: np.ndarray, factor: float) -> None:
    weights = np.arange(1, row.size + 1, dtype=np.float64)
    assert float(levels.energy_mean(row, weights * factor)) == pytest.approx(
        float(levels.energy_mean(row, weights)), abs=1e-9
    )


@given(ROWS, st.integers(0, 39))
def test_a_missing_level_weighs_nothing(row: np.ndarray, place: int) -> None:
    gap = np.insert(row, min(place, row.size), np.nan)
    assert float(levels.energy_mean(gap)) == pytest.approx(float(levels.energy_mean(row)), abs=1e-9)
    assert np.isnan(levels.energy_sum(gap))


@given(ROWS)
def test_exceeded_levels_fall_with_their_percentage(row: np.ndarray) -> None:
    found = levels.exceeded_level(row, [0, 10, 50, 90, 100])
    assert (np.diff(found) <= 1e-9).all()
    assert found[0] == row.max()
    assert found[-1] == row.min()


@given(hnp.arrays(np.float64, (3, 7), elements=LEVELS))
def test_axes_agree_with_loops(table: np.ndarray) -> None:
    assert levels.energy_mean(table, axis=0) == pytest.approx(
        [float(levels.energy_mean(column)) for column in table.T]
    )
    assert levels.energy_sum(table, axis=-1) == pytest.approx(
        [float(levels.energy_sum(row)) for row in table]
    )


def test_exposures_of_equal_energy_are_equal() -> None:
    assert float(levels.sound_exposure_pa2h(85, 8)) == pytest.approx(
        float(levels.sound_exposure_pa2h(85 + 10 * np.log10(8), 1))
    )


def test_very_loud_and_very_quiet_levels_stay_finite() -> None:
    assert float(levels.energy_sum([4000.0, 4000.0])) == pytest.approx(4003.0103)
    assert float(levels.energy_mean([-4000.0, -4000.0])) == pytest.approx(-4000.0)


def test_rows_without_any_level_are_missing_and_leave_the_others_alone() -> None:
    table = [[60.0, 60.0], [np.nan, np.nan]]
    assert np.isnan(levels.energy_mean(table)).tolist() == [False, True]
    found = levels.exceeded_level(table, [10, 50])
    assert found.shape == (2, 2)
    assert np.isnan(found[:, 1]).all()
    assert not np.isnan(found[:, 0]).any()
    assert np.isnan(levels.exceeded_level([np.nan], 50))


def test_weighting_between_midbands_follows_the_analytic_curve() -> None:
    # 55 Hz is no nominal midband: it must fall between its neighbours and not on one of them.
    low, middle, high = (float(value) for value in levels.weighting_db([50, 55, 63]))
    assert low < middle < high
    assert levels.weighting_db([100, 200], "Z").tolist() == [0.0, 0.0]


BAD: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (levels.energy_mean, {"levels_db": []}, "empty"),
    (levels.energy_mean, {"levels_db": [80.0, np.inf]}, "infinite"),
    (levels.energy_mean, {"levels_db": [80.0, -np.inf]}, "infinite"),
    (levels.energy_mean, {"levels_db": ["loud"]}, "not_numeric"),
    (levels.energy_mean, {"levels_db": [[80.0], [80.0, 81.0]]}, "not_numeric"),
    (levels.energy_mean, {"levels_db": [80.0, 81.0], "weights": [1.0, 2.0, 3.0]}, "wrong_shape"),
    (levels.energy_mean, {"levels_db": [80.0, 81.0], "weights": [1.0, -2.0]}, "not_positive"),
    (levels.energy_mean, {"levels_db": [80.0, 81.0], "axis": 2}, "wrong_shape"),
    (levels.energy_sum, {"levels_db": []}, "empty"),
    (levels.exceeded_level, {"levels_db": [80.0], "percent": -1}, "out_of_validity"),
    (levels.exceeded_level, {"levels_db": [80.0], "percent": np.nan}, "out_of_validity"),
    (levels.weighting_db, {"frequencies_hz": 5.0}, "out_of_validity"),
    (levels.weighting_db, {"frequencies_hz": 1000.0, "curve": "D"}, "unknown_curve"),
    (levels.weighted_level, {"band_levels_db": 80.0, "frequencies_hz": 1000.0}, "wrong_shape"),
    (levels.sound_exposure_level, {"laeq_db": 80.0, "duration_s": -1.0}, "not_positive"),
    (levels.sound_exposure_pa2h, {"laeq_db": [80.0, 81.0], "duration_h": [1.0, 2.0, 3.0]}, "wrong_shape"),
    (levels.peak_level, {"pressure_pa": 0.0}, "not_positive"),
]


@pytest.mark.parametrize(("function", "arguments", "code"), BAD)
def test_bad_input_gets_a_code(function: Callable[..., Any], arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(MethodError) as caught:
        function(**arguments)
    assert caught.value.code == code
    assert caught.value.what


def test_one_level_and_a_constant_are_their_own_mean() -> None:
    assert float(levels.energy_mean(72.5)) == pytest.approx(72.5)
    assert float(levels.energy_mean([72.5] * 100)) == pytest.approx(72.5)
    assert float(levels.exceeded_level(72.5, 90)) == 72.5
