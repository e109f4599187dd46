from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics import (
    difference_in_differences,
    expected_regression,
    half_width,
    nested_mean,
    to_settle,
    tolerance_test,
    upper_tolerance_factor,
)
from sensors.errors import MethodError


def test_tolerance_factors_are_those_of_the_printed_table() -> None:
    sizes = [3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30]
    at_70 = [2.809, 2.453, 2.286, 2.187, 2.120, 2.072, 2.035, 2.005, 1.961, 1.917, 1.870, 1.820]
    at_95 = [7.656, 5.144, 4.203, 3.708, 3.399, 3.187, 3.031, 2.911, 2.736, 2.566, 2.396, 2.220]
    assert upper_tolerance_factor(sizes) == pytest.approx(at_70, abs=6e-4)
    assert upper_tolerance_factor(sizes, confidence=0.95) == pytest.approx(at_95, abs=6e-4)


def test_half_widths_are_those_of_the_printed_table() -> None:
    workers, days = [3, 3, 5, 5, 10, 10, 15], [1, 3, 2, 5, 1, 3, 2]
    assert half_width(5.0, 8.0, workers, days) == pytest.approx(
        [10.7, 7.7, 6.6, 5.4, 5.8, 4.2, 3.8], abs=0.06
    )


def test_ten_people_once_are_nearly_as_good_as_five_people_five_times() -> None:
    assert half_width(5.0, 8.0, 10, 1) < 1.1 * half_width(5.0, 8.0, 5, 5)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: upper_tolerance_factor(1), "too_few"),
        (lambda: upper_tolerance_factor(6, coverage=1.0), "out_of_range"),
        (lambda: upper_tolerance_factor(6, confidence=0.0), "out_of_range"),
        (lambda: half_width(-1.0, 1.0, 3, 3), "not_positive"),
        (lambda: half_width(1.0, 1.0, 0, 3), "too_few"),
        (lambda: nested_mean([[1.0]], ["a"]), "bad_shape"),
        (lambda: nested_mean([1.0, 2.0], ["a"]), "bad_shape"),
        (lambda: nested_mean([np.nan], ["a"]), "no_days"),
        (lambda: nested_mean([], []), "no_days"),
        (lambda: nested_mean([np.inf], ["a"]), "infinite"),
        (lambda: tolerance_test([np.nan], 1.0), "no_days"),
        (lambda: difference_in_differences([1.0], [2.0], control_before=[1.0]), "control_incomplete"),
        (lambda: difference_in_differences([], [2.0]), "no_days"),
    ],
)
def test_bad_input_is_refused_with_its_code(call: Callable[[], object], code: str) -> None:
    with pytest.raises(MethodError) as refused:
        call()
    assert refused.value.code == code


def test_days_without_wearers_give_the_plain_t_interval() -> None:
    values = [3.0, 4.0, 8.0, 5.0]
    found = nested_mean(values, [None] * 4)
    expected = stats.t.interval(0.90, 3, np.mean(values), stats.sem(values))
    assert found.mean - found.half_width() == pytest.approx(expected[0])
    assert found.mean + found.half_width() == pytest.approx(expected[1])
    assert (found.days, found.wearers) == (4, 0)


def test_one_day_per_wearer_is_the_t_interval_over_wearers() -> None:
    values = [3.0, 4.0, 8.0, 5.0]
    assert nested_mean(values, list("abcd")).half_width() == pytest.approx(
        nested_mean(values, [None] * 4).half_width()
    )


def test_equal_days_per_wearer_are_the_t_interval_over_wearer_means() -> None:
    rng = np.random.default_rng(1)
    table = rng.normal(50.0, 5.0, (4, 3))
    found = nested_mean(table.ravel(), [name for name in "abcd" for _ in range(3)])
    means = table.mean(axis=1)
    assert found.variance == pytest.approx(means.var(ddof=1) / 4)
    assert found.degrees_of_freedom == pytest.approx(3.0)


def test_many_days_of_one_wearer_do_not_pass_for_many_wearers() -> None:
    values = [10.0, 20.0, *[30.0 + 0.01 * step for step in range(40)]]
    wearers = ["a", "b", *["c"] * 40]
    assert nested_mean(values, wearers).half_width() > 5 * nested_mean(values, [None] * 42).half_width()


def test_one_wearer_gives_an_interval_over_days_and_says_so() -> None:
    found = nested_mean([1.0, 2.0, 3.0], ["a", "a", "a"])
    assert found.wearers == 1
    assert np.isfinite(found.variance)
    assert np.isnan(found.between_sd)


def test_one_day_has_no_interval() -> None:
    found = nested_mean([7.0], ["a"])
    assert np.isnan(found.half_width())
    assert found.mean == 7.0


def test_missing_days_are_left_out() -> None:
    whole = nested_mean([1.0, 2.0, 4.0], ["a", "b", "c"])
    with_gap = nested_mean([1.0, np.nan, 2.0, 4.0], ["a", "x", "b", "c"])
    assert with_gap == whole


def test_variance_components_are_found_again() -> None:
    rng = np.random.default_rng(5)
    wearers = 400
    values = np.repeat(rng.normal(0.0, 4.0, wearers), 5) + rng.normal(0.0, 2.0, wearers * 5)
    found = nested_mean(values, [f"w{index}" for index in range(wearers) for _ in range(5)])
    assert found.between_sd == pytest.approx(4.0, abs=0.4)
    assert found.within_sd == pytest.approx(2.0, abs=0.15)


@given(
    st.lists(st.floats(-100.0, 100.0), min_size=3, max_size=12),
    st.randoms(use_true_random=False),
)
def test_order_of_days_changes_nothing(values: list[float], shuffler: Random) -> None:
    wearers = [f"w{index % 3}" for index in range(len(values))]
    pairs = list(zip(values, wearers, strict=True))
    shuffler.shuffle(pairs)
    first = nested_mean(values, wearers)
    again = nested_mean([value for value, _ in pairs], [name for _, name in pairs])
    assert again.mean == pytest.approx(first.mean, abs=1e-9)
    assert again.variance == pytest.approx(first.variance, abs=1e-9)


@given(
    st.lists(st.floats(-50.0, 50.0), min_size=4, max_size=10),
    st.floats(-1000.0, 1000.0),
    st.floats(0.1, 100.0),
)
def test_shift_and_scale_carry_over(values: list[float], shift: float, scale: float) -> None:
    wearers = [f"w{index % 2}" for index in range(len(values))]
    one = nested_mean(values, wearers)
    other = nested_mean([scale * value + shift for value in values], wearers)
    assert other.mean == pytest.approx(scale * one.mean + shift, abs=1e-6)
    assert other.half_width() == pytest.approx(scale * one.half_width(), rel=1e-5, abs=1e-5)


def test_difference_of_two_sides_is_welchs() -> None:
    before, after = [10.0, 12.0, 11.0, 15.0], [7.0, 6.0, 9.0]
    found = difference_in_differences(before, after)
    expected = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.90)
    assert found.estimate == pytest.approx(np.mean(after) - np.mean(before))
    assert found.interval == pytest.approx((expected.low, expected.high))


def test_control_takes_the_common_change_away() -> None:
    before, after = [10.0, 12.0, 11.0], [15.0, 17.0, 16.0]
    found = difference_in_differences(before, after, before, after)
    assert found.estimate == pytest.approx(0.0)
    assert found.low < 0.0 < found.high
    assert found.days == (3, 3, 3, 3)
    alone = difference_in_differences(before, after)
    assert found.high - found.low > alone.high - alone.low


def test_one_day_a_side_has_no_interval() -> None:
    found = difference_in_differences([10.0], [12.0, 13.0])
    assert np.isnan([found.low, found.high]).all()


def test_wearers_widen_a_comparison() -> None:
    before = [1.0, 1.1, 0.9, 5.0, 5.1, 4.9]
    after = [2.0, 2.1, 1.9, 6.0, 6.1, 5.9]
    wearers = ["a", "a", "a", "b", "b", "b"]
    plain = difference_in_differences(before, after)
    nested = difference_in_differences(before, after, before_wearers=wearers, after_wearers=wearers)
    assert nested.high - nested.low > plain.high - plain.low


def test_difference_holds_the_truth_nine_times_in_ten() -> None:
    rng = np.random.default_rng(20)
    hits = 0
    for _ in range(2000):
        sides = [rng.normal(mean, 2.0, 4) for mean in (10.0, 13.0, 8.0, 9.0)]
        found = difference_in_differences(*sides)
        hits += found.low <= 2.0 <= found.high
    assert 0.87 <= hits / 2000 <= 0.93


def test_en_689_needs_six_measurements() -> None:
    assert tolerance_test([70.0, 71.0, 72.0, 71.0, 70.5], 90.0).compliant is None
    assert tolerance_test([70.0, 71.0, 72.0, 71.0, 70.5, 71.5], 90.0).compliant is True
    assert tolerance_test([70.0, 71.0, 72.0, 71.0, 70.5, 71.5], 71.0).compliant is False


def test_en_689_is_decided_by_the_margin_against_the_factor() -> None:
    values = np.array([80.0, 82.0, 79.0, 81.0, 80.5, 81.5])
    factor = float(upper_tolerance_factor(6))
    edge = values.mean() + factor * values.std(ddof=1)
    assert tolerance_test(values, edge + 1e-6).compliant is True
    assert tolerance_test(values, edge - 1e-6).compliant is False
    assert tolerance_test(values, edge).upper_limit == pytest.approx(edge)


def test_en_689_without_spread_compares_with_the_value_itself() -> None:
    assert tolerance_test([80.0] * 6, 85.0).margin == np.inf
    assert tolerance_test([90.0] * 6, 85.0).compliant is False


def test_en_689_with_a_95th_percentile_at_the_limit_is_passed_by_3_in_10() -> None:
    rng = np.random.default_rng(8)
    limit = stats.norm.ppf(0.95)
    passed = sum(bool(tolerance_test(rng.normal(0.0, 1.0, 6), limit).compliant) for _ in range(3000))
    assert passed / 3000 == pytest.approx(0.30, abs=0.03)


def test_settled_means_need_nothing_more() -> None:
    found = to_settle(nested_mean([10.0, 10.5, 9.5, 10.2], list("abcd")), 20.0)
    assert (found.extra_wearers, found.extra_days) == (0, 0)


def test_further_wearers_settle_what_is_open() -> None:
    values = [84.0, 87.0, 82.0, 86.0]
    known = nested_mean(values, list("abcd"))
    found = to_settle(known, 86.5)
    assert found.extra_wearers is not None
    assert found.extra_wearers > 0
    deviation = np.std(values, ddof=1)
    enough, short = 4 + found.extra_wearers, 3 + found.extra_wearers
    reach = stats.t.ppf(0.95, [enough - 1, short - 1]) * deviation / np.sqrt([enough, short])
    assert reach[0] < found.distance <= reach[1]


def test_more_days_of_the_same_wearers_cannot_beat_the_spread_between_them() -> None:
    values = [0.0, 0.2, 0.1, 10.0, 10.2, 10.1, 5.0, 5.2, 5.1]
    found = to_settle(nested_mean(values, [name for name in "abc" for _ in range(3)]), 7.0)
    assert found.extra_days is None
    assert found.extra_wearers is not None


def test_mean_on_the_limit_cannot_be_settled() -> None:
    known = nested_mean([1.0, 2.0, 3.0], [None] * 3)
    assert to_settle(known, 2.0).extra_days is None
    assert to_settle(nested_mean([1.0], [None]), 2.0).extra_days is None


def test_an_extreme_pick_falls_back_by_itself() -> None:
    assert expected_regression(90.0, 80.0, 3.0, 3.0) == pytest.approx(-5.0)
    assert expected_regression(90.0, 80.0, 3.0, 0.0) == 0.0
    assert expected_regression(90.0, 80.0, 0.0, 0.0) == 0.0


def test_expected_regression_is_what_a_simulation_shows() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(80.0, 2.0, 20000)
    first, second = truth + rng.normal(0.0, 3.0, (2, 20000))
    extreme = first > 86.0
    told = np.mean([expected_regression(value, 80.0, 2.0, 3.0) for value in first[extreme]])
    assert np.mean(second[extreme] - first[extreme]) == pytest.approx(told, abs=0.15)
