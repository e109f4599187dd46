from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indicators.intervals import (
    ONE_SIDED_95,
    Scale,
    instrument_interval,
    missing_share_interval,
    tolerance_notes,
    usual,
)
from indicators.model import Interval
from sensors.errors import MethodError

Column = NDArray[np.float64]

# Days of each wearer: one day each, equal days, unequal days, few wearers, many.
DESIGNS: list[Sequence[int]] = [[1] * 5, [2] * 5, [3, 2, 2, 1, 1], [2, 2, 2], [1] * 10]


def _identity(values: Column) -> Column:
    return values


def _percent(values: Column) -> Column:
    return np.asarray(100.0 / (1.0 + np.exp(-values)))


def _exponential(values: Column) -> Column:
    return np.asarray(np.exp(values))


@pytest.mark.parametrize(
    ("scale", "link", "mean", "between", "within"),
    [
        (Scale.IDENTITY, _identity, 25.0, 1.0, 2.0),
        (Scale.IDENTITY, _identity, 25.0, 2.0, 1.0),
        (Scale.ENERGY_DB, _identity, 85.0, 1.5, 2.0),
        (Scale.ENERGY_DB, _identity, 85.0, 0.5, 1.0),
        (Scale.PERCENT, _percent, -2.0, 0.3, 0.4),
        (Scale.PERCENT, _percent, 0.0, 0.4, 0.5),
        (Scale.NON_NEGATIVE, _exponential, 1.0, 0.2, 0.3),
    ],
)
def test_nine_intervals_in_ten_hold_the_truth(
    scale: Scale, link: Callable[[Column], Column], mean: float, between: float, within: float
) -> None:
    """2,000 plants at the level of days, over all designs; the truth is the mean over all possible days."""
    rng = np.random.default_rng([2026, round(mean * 10) + 100, round(between * 10), round(within * 10)])
    if scale is Scale.ENERGY_DB:
        truth = mean + math.log(10.0) / 20.0 * (between**2 + within**2)
    else:
        draws = np.random.default_rng(1).normal(mean, math.hypot(between, within), 1_000_000)
        truth = float(np.mean(link(draws)))
    hits = 0
    for plant in range(2000):
        design = DESIGNS[plant % len(DESIGNS)]
        names = [f"w{index}" for index, days in enumerate(design) for _ in range(days)]
        wearer = np.repeat(rng.normal(0.0, between, len(design)), design)
        values = link(mean + wearer + rng.normal(0.0, within, len(names)))
        interval = usual(values, names, scale=scale).interval
        assert interval is not None
        hits += interval.low <= truth <= interval.high
    assert 0.87 <= hits / 2000 <= 0.93


def test_fixed_sensors_are_judged_by_their_days() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(1000):
        found = usual(rng.normal(22.0, 1.0, 6), [None] * 6)
        assert found.interval is not None
        hits += found.interval.low <= 22.0 <= found.interval.high
    assert 0.87 <= hits / 1000 <= 0.93
    assert found.n_wearers == 0


def test_levels_are_averaged_as_energy() -> None:
    found = usual([60.0, 80.0], ["a", "b"], scale=Scale.ENERGY_DB)
    assert found.value == pytest.approx(77.033, abs=0.001)


def test_other_values_are_averaged_as_they_are() -> None:
    for scale in (Scale.IDENTITY, Scale.PERCENT, Scale.NON_NEGATIVE):
        assert usual([10.0, 20.0, 60.0], list("abc"), scale=scale).value == pytest.approx(30.0)
    assert usual([0.1, 0.2, 0.6], list("abc"), scale=Scale.SHARE).value == pytest.approx(0.3)


def test_one_worker_day_has_a_value_and_no_interval() -> None:
    found = usual([12.0], ["a"], scale=Scale.PERCENT)
    assert (found.value, found.interval, found.n_days) == (12.0, None, 1)
    assert [note.code for note in found.notes] == ["one_worker_day"]


def test_one_wearer_is_said() -> None:
    found = usual([10.0, 12.0, 11.0], ["a", "a", "a"])
    assert found.interval is not None
    assert [note.code for note in found.notes] == ["one_wearer"]
    assert usual([10.0, 12.0], [None, None]).notes == ()


def test_equal_days_give_a_point_and_say_so() -> None:
    for scale in Scale:
        found = usual([0.0, 0.0, 0.0], list("abc"), scale=scale)
        assert found.interval == Interval(0.0, 0.0)
        assert [note.code for note in found.notes] == ["no_variation"]


def test_full_shares_stay_within_their_ends() -> None:
    found = usual([100.0, 100.0 + 1e-12], ["a", "b"], scale=Scale.PERCENT)
    assert found.interval is not None
    assert found.interval.high <= 100.0


def test_one_empty_day_does_not_blow_the_interval_up() -> None:
    found = usual([0.0, 12.0, 15.0, 11.0, 14.0], list("abcde"), scale=Scale.PERCENT)
    assert found.interval is not None
    assert 0.0 < found.interval.low < found.value < found.interval.high < 50.0


def test_missing_days_count_as_nothing() -> None:
    found = usual([10.0, math.nan, 14.0, 12.0], ["a", "x", "b", "c"])
    assert (found.n_days, found.n_wearers) == (3, 3)
    assert found.value == pytest.approx(12.0)


def test_more_wearers_say_more_than_more_days_of_one() -> None:
    values = [10.0, 14.0, 18.0, 12.0, 16.0, 20.0]
    many = usual(values, list("abcdef")).interval
    few = usual(values, ["a", "a", "a", "b", "b", "b"]).interval
    assert many is not None
    assert few is not None
    assert few.high - few.low > many.high - many.low


def test_a_common_uncertainty_is_added_in_quadrature() -> None:
    plain = usual([20.0, 21.0, 22.0], [None] * 3).interval
    wider = usual([20.0, 21.0, 22.0], [None] * 3, systematic_u=0.5).interval
    assert plain is not None
    assert wider is not None
    expected = math.hypot((plain.high - plain.low) / 2, ONE_SIDED_95 * 0.5)
    assert (wider.high - wider.low) / 2 == pytest.approx(expected)


def test_a_common_uncertainty_widens_a_share_on_its_own_scale() -> None:
    plain = usual([20.0, 21.0, 22.0], list("abc"), scale=Scale.PERCENT).interval
    wider = usual([20.0, 21.0, 22.0], list("abc"), scale=Scale.PERCENT, systematic_u=3.0).interval
    assert plain is not None
    assert wider is not None
    assert wider.low < plain.low < plain.high < wider.high
    assert wider.low > 0.0


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([-1.0, 5.0], Scale.PERCENT),
        ([101.0, 5.0], Scale.PERCENT),
        ([1.1], Scale.SHARE),
        ([-0.1], Scale.NON_NEGATIVE),
    ],
)
def test_values_outside_their_scale_are_refused(values: list[float], scale: Scale) -> None:
    with pytest.raises(MethodError) as refused:
        usual(values, ["a"] * len(values), scale=scale)
    assert refused.value.code == "out_of_range"


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(MethodError) as refused:
        usual([math.nan], ["a"])
    assert refused.value.code == "no_days"


@given(
    st.lists(st.floats(0.0, 100.0), min_size=2, max_size=8),
    st.sampled_from([Scale.PERCENT, Scale.NON_NEGATIVE, Scale.IDENTITY, Scale.ENERGY_DB]),
    st.integers(1, 4),
)
def test_the_interval_holds_the_estimate_and_stays_on_its_scale(
    values: list[float], scale: Scale, wearers: int
) -> None:
    names = [f"w{index % wearers}" for index in range(len(values))]
    found = usual(values, names, scale=scale)
    assert found.interval is not None
    slack = 1e-9 * (1.0 + abs(found.value))
    assert found.interval.low - slack <= found.value <= found.interval.high + slack
    if scale is Scale.PERCENT:
        assert found.interval.low >= 0.0
        assert found.interval.high <= 100.0
    if scale is Scale.NON_NEGATIVE:
        assert found.interval.low >= 0.0


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8))
def test_percent_and_share_are_one_scale(shares: list[float]) -> None:
    names = [f"w{index}" for index in range(len(shares))]
    one = usual(shares, names, scale=Scale.SHARE).interval
    other = usual([100.0 * share for share in shares], names, scale=Scale.PERCENT).interval
    assert one is not None
    assert other is not None
    assert other.low == pytest.approx(100.0 * one.low, abs=1e-6)
    assert other.high == pytest.approx(100.0 * one.high, abs=1e-6)


def test_the_interval_of_an_instrument_is_iso_9612s() -> None:
    found = instrument_interval(85.0, math.hypot(1.5, 1.0))
    assert (found.low, found.high) == pytest.approx((82.03, 87.97), abs=0.01)


@pytest.mark.parametrize(
    ("percent", "coverage", "expected"),
    [
        (20.0, 1.0, (20.0, 20.0)),
        (20.0, 0.9, (18.0, 28.0)),
        (0.0, 0.8, (0.0, 20.0)),
        (100.0, 0.8, (80.0, 100.0)),
        (50.0, 0.0, (0.0, 100.0)),
        (50.0, 1.2, (50.0, 50.0)),
    ],
)
def test_missing_time_could_all_have_been_bad_or_good(
    percent: float, coverage: float, expected: tuple[float, float]
) -> None:
    found = missing_share_interval(percent, coverage)
    assert (found.low, found.high) == pytest.approx(expected)


def test_single_days_are_told_by_their_upper_tolerance_limit() -> None:
    levels = [84.0, 85.0, 86.0, 84.5, 85.5, 85.0]
    (note,) = tolerance_notes(levels, "dB(A)", scale=Scale.ENERGY_DB)
    # EN 689:2018 annex F, n = 6: U_T = 2.187.
    assert note.params["value"] == pytest.approx(np.mean(levels) + 2.187 * np.std(levels, ddof=1), abs=0.06)
    assert note.params["n"] == 6
    assert tolerance_notes(levels[:5], "dB(A)", scale=Scale.ENERGY_DB) == ()


def test_the_tolerance_limit_of_a_share_stays_a_share() -> None:
    shares = [0.0, 10.0, 55.0, 90.0, 99.0, 100.0, 70.0]
    (note,) = tolerance_notes(shares, "%", scale=Scale.PERCENT)
    assert max(shares[:3]) < float(note.params["value"]) <= 100.0
    inside = np.array([20.0, 25.0, 30.0, 22.0, 27.0, 24.0])
    logits = np.log(inside / (100.0 - inside))
    edge = logits.mean() + 2.187 * logits.std(ddof=1)
    (note,) = tolerance_notes(inside.tolist(), "%", scale=Scale.PERCENT)
    assert note.params["value"] == pytest.approx(100 / (1 + np.exp(-edge)), abs=0.06)
    assert tolerance_notes([0.0] * 8, "%", scale=Scale.PERCENT) == ()
