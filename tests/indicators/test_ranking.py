from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from indicators.ranking import rank, rank_stability
from sensors.errors import MethodError

NAN = math.nan


def test_a_breached_station_comes_first_where_a_mean_would_hide_it() -> None:
    ratios = [[0.9, 0.8, 0.9, 0.9], [1.6, 0.3, 0.3, 0.2], [NAN, 0.2, 0.95, NAN]]
    found = rank(ratios)
    assert found.order.tolist() == [1, 2, 0]
    assert found.count_over.tolist() == [0, 1, 0]
    assert found.worst_factor.tolist() == [0, 0, 2]
    assert np.nanmean(ratios[1]) < np.nanmean(ratios[0])


def test_ties_are_broken_by_the_next_largest() -> None:
    assert rank([[1.5, 0.2, 0.9], [1.5, 0.8, 0.3], [0.1, 1.5, 1.2]]).order.tolist() == [2, 0, 1]


def test_full_ties_keep_the_order_of_the_input() -> None:
    assert rank([[0.5, 0.6], [0.6, 0.5], [0.5, 0.6]]).order.tolist() == [0, 1, 2]


def test_unknown_is_not_zero_and_never_worse_than_known() -> None:
    found = rank([[NAN, NAN], [0.0, NAN], [0.0, 0.0]])
    assert found.order.tolist() == [2, 1, 0]
    assert found.worst_factor.tolist() == [-1, 0, 0]


def test_a_ratio_of_one_is_over() -> None:
    assert rank([[1.0, 0.999, NAN]]).count_over.tolist() == [1]


def test_infinite_ratios_come_first() -> None:
    assert rank([[3.0], [math.inf]]).order.tolist() == [1, 0]


def test_no_workstation_is_no_order() -> None:
    assert rank(np.zeros((0, 3))).order.tolist() == []
    assert rank(np.zeros((2, 0))).worst_factor.tolist() == [-1, -1]


@pytest.mark.parametrize(("ratios", "code"), [([1.0, 2.0], "bad_shape"), ([[-0.1]], "negative_ratio")])
def test_bad_ratios_are_refused(ratios: object, code: str) -> None:
    with pytest.raises(MethodError) as refused:
        rank(np.asarray(ratios))
    assert refused.value.code == code


table = arrays(np.float64, (5, 3), elements=st.one_of(st.floats(0.0, 4.0), st.just(NAN)))


@given(table)
def test_order_is_a_permutation_by_falling_maximum(ratios: NDArray[np.float64]) -> None:
    order = rank(ratios).order
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    largest = np.where(np.isnan(ratios), -1.0, ratios).max(axis=1)[order]
    assert (np.diff(largest) <= 0).all()


@given(table, st.permutations(range(3)))
def test_the_order_of_factors_changes_nothing(ratios: NDArray[np.float64], columns: list[int]) -> None:
    assert rank(ratios).order.tolist() == rank(ratios[:, columns]).order.tolist()


@given(table, st.integers(0, 4), st.integers(0, 2))
def test_getting_worse_never_improves_a_rank(ratios: NDArray[np.float64], station: int, factor: int) -> None:
    before = rank(ratios).order.tolist().index(station)
    worse = ratios.copy()
    worse[station, factor] = 9.0
    assert rank(worse).order.tolist().index(station) <= before


def test_a_workstation_worst_in_everything_stays_first_under_any_weights() -> None:
    ratios = [[2.0, 2.0, 2.0]] + [[0.5, 0.6, 0.7]] * 5
    found = rank_stability(ratios)
    assert found.top == 3
    assert found.share[0] == 1.0


def test_a_rank_that_rests_on_one_factor_moves_with_its_weight() -> None:
    ratios = np.array([[1.6, 0.1, 0.1], [0.1, 1.4, 0.1], [0.2, 0.2, 0.2], [0.1, 0.1, 0.1], [np.nan] * 3])
    found = rank_stability(ratios)
    assert found.top == 2
    assert 0.5 < found.share[0] < 1.0
    assert found.share[2] > 0.0
    assert np.isnan(found.share[4])
    assert np.nansum(found.share) == pytest.approx(2.0)
    np.testing.assert_array_equal(found.share, rank_stability(ratios).share)


def test_stability_with_two_factors_is_the_share_of_weights_that_keep_the_order() -> None:
    # 2·w against 1·(2 − w), w uniform on 0…2: the first leads while w > 2/3, that is two times in three.
    found = rank_stability([[2.0, np.nan], [np.nan, 1.0]], draws=1000)
    assert found.top == 1
    assert found.share[0] == pytest.approx(2 / 3, abs=0.04)
