"""Projection to the year: intervals keep their promise, equal days are not certainty, union is no sum."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.projection import (
    crossing_date,
    event_total,
    prorated,
    reaching_total,
    year_total,
)
from sensors.errors import MethodError


def test_interval_holds_the_years_total_in_nine_plants_of_ten() -> None:
    generator = np.random.default_rng(20261123)
    held, plants, worked = 0, 2000, 218
    for _ in range(plants):
        share = generator.uniform(0.2, 0.8)
        year = 8.0 * np.clip(generator.normal(share, 0.08, worked), 0, 1)
        measured = generator.choice(year, int(generator.integers(4, 12)), replace=False)
        result = year_total(measured, worked, daily_maximum=8.0)
        held += result.low <= year.sum() <= result.high
    assert 0.87 <= held / plants <= 0.93


def test_hand_computed_total() -> None:
    result = year_total([4.0, 5.0, 3.0, 4.0], 200, daily_maximum=8.0)
    # mean 4, s = 0.8165, t(0.95, 3) = 2.3534, correction sqrt(1 - 4/200) = 0.98995
    half = 200 * 2.3534 * 0.8165 / 2 * 0.98995
    assert result.value == pytest.approx(800.0)
    assert result.low == pytest.approx(800 - half, abs=0.1)
    assert result.high == pytest.approx(800 + half, abs=0.1)


def test_five_days_without_exposure_do_not_prove_a_year_without() -> None:
    result = year_total([0.0] * 5, 218, daily_maximum=8.0)
    assert result.value == 0.0
    assert result.low == 0.0
    assert 200 < result.high < 218 * 8


def test_the_whole_year_measured_leaves_no_doubt() -> None:
    days = np.linspace(0, 6, 218)
    result = year_total(days, 218, daily_maximum=8.0)
    assert result.low == pytest.approx(result.high) == pytest.approx(days.sum())


def test_one_day_has_no_interval() -> None:
    assert np.isnan(year_total([3.0], 218).low)


@given(st.lists(st.floats(0, 8), min_size=2, max_size=30), st.permutations(range(30)))
def test_order_and_missing_days_do_not_matter(values: list[float], order: list[int]) -> None:
    shuffled = [values[index] for index in order if index < len(values)]
    plain, other = year_total(values, 218), year_total([*shuffled, float("nan")], 218)
    assert other.value == pytest.approx(plain.value)
    assert other.low == pytest.approx(plain.low, abs=1e-6)
    assert plain.low <= plain.value + 1e-9
    assert plain.value <= plain.high + 1e-9


def test_proration_of_2023() -> None:
    year = (date(2023, 1, 1), date(2023, 12, 31))
    assert prorated(120, 100, date(2023, 9, 1), *year) == 113
    assert prorated(50, 30, date(2023, 9, 1), *year) == 43
    assert prorated(120, 100, date(2023, 9, 1), date(2023, 1, 1), date(2023, 8, 31)) == 120
    assert prorated(120, 100, date(2023, 9, 1), date(2023, 9, 1), date(2023, 12, 31)) == 100


def test_crossing_is_inclusive() -> None:
    days = [date(2026, 1, 1) + timedelta(days=index) for index in range(218)]
    assert crossing_date(9.0, 900.0, days) == days[99]
    assert crossing_date(4.0, 900.0, days) is None
    assert crossing_date(0.0, 900.0, days) is None


@pytest.mark.parametrize(
    ("values", "days", "code"),
    [
        ([], 218, "no_days"),
        ([float("nan")], 218, "no_days"),
        ([[1.0]], 218, "bad_shape"),
        ([-1.0, 2.0], 218, "out_of_range"),
        ([float("inf"), 2.0], 218, "out_of_range"),
        ([1.0, 2.0], 0, "out_of_range"),
        ([1.0, 2.0], 400, "out_of_range"),
    ],
)
def test_refusals(values: list[float], days: float, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        year_total(values, days)
    assert caught.value.code == code


@pytest.mark.parametrize("distance", [-1.5, -0.3, 0.4, 1.2])
def test_reaching_interval_holds_the_true_share(distance: float) -> None:
    generator = np.random.default_rng(8)
    truth = 8.0 * 218 * float(1 - stats.norm.cdf(-distance))
    held, trials = 0, 500
    for _ in range(trials):
        result = reaching_total(81 + 2 * distance + generator.normal(0, 2, 8), 81.0, 8.0, 218)
        held += result.low <= truth <= result.high
    assert 0.86 <= held / trials <= 0.96


def test_days_far_below_the_level_settle() -> None:
    quiet = reaching_total([70.0, 71.0, 69.5, 70.5, 71.5], 81.0, 8.0, 218)
    assert quiet.value == 0.0
    assert quiet.high < 100
    near = reaching_total([78.0, 80.5, 77.5, 80.0, 79.0], 81.0, 8.0, 218)
    assert near.value == 0.0
    assert near.high > 600


def test_reaching_counts_the_level_itself() -> None:
    assert reaching_total([81.0, 81.0, 80.0], 81.0, 8.0, 300).value == pytest.approx(1600.0)


def test_no_event_in_five_days_is_three_at_most_by_poisson() -> None:
    result = event_total([0, 0, 0, 0, 0], 218)
    assert result.value == 0.0
    assert result.high == pytest.approx(218 / 5 * 2.9957, rel=1e-3)


def test_event_interval_holds_the_true_rate() -> None:
    generator = np.random.default_rng(9)
    held = 0
    for _ in range(500):
        result = event_total(generator.poisson(1.5, 6), 218)
        held += result.low <= 1.5 * 218 <= result.high
    assert held / 500 >= 0.87
