"""Time base, even grid and low-pass: nothing silently repaired, nothing filtered across a gap."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from analysis.signal import low_pass, seconds_to_ns, time_base, uniform, usable_cutoff_hz
from sensors.errors import MethodError

PERIOD = 20_000_000


def even(number: int, period: int = PERIOD, start: int = 1_700_000_000_000_000_000) -> NDArray[np.int64]:
    return start + np.arange(number, dtype=np.int64) * period


def test_order_and_duplicates_are_put_right_and_counted() -> None:
    times = even(100)
    shuffled = np.concatenate([times[50:], times[:50], times[10:12]])
    base = time_base(shuffled)
    assert (base.times_ns == times).all()
    assert base.duplicates == 2
    assert base.unordered == 2
    assert base.index[10] == 100
    assert base.index[0] == 50


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(30)), st.lists(st.integers(0, 29), max_size=5))
def test_any_order_gives_the_same_time_base(order: list[int], again: list[int]) -> None:
    times = even(30)
    base = time_base(times[[*order, *again]])
    assert (base.times_ns == times).all()
    assert base.period_ns == PERIOD
    assert base.duplicates == len(again)


def test_rate_comes_from_the_times_not_from_the_label() -> None:
    assert time_base(even(500, 10_204_082)).rate_hz == pytest.approx(98.0, abs=0.01)
    assert time_base(even(500, 10_204_082), declared_period_s=0.02).rate_hz == pytest.approx(98.0, abs=0.01)
    assert time_base(even(500, 10_204_082), declared_period_s=0.01).period_ns == 10_000_000
    assert time_base(even(20, 60_000_000_000)).period_ns == 60_000_000_000


@pytest.mark.parametrize(
    ("period", "hole", "gaps"), [(PERIOD, 1.0, 0), (PERIOD, 1.01, 1), (400_000_000, 1.9, 0)]
)
def test_a_gap_is_longer_than_a_second_and_five_periods(period: int, hole: float, gaps: int) -> None:
    times = even(200, period)
    times[100:] += round(hole * 1e9) - period
    base = time_base(times)
    assert base.gaps == gaps
    assert base.starts.tolist() == ([0, 100, 200] if gaps else [0, 200])


@pytest.mark.parametrize(
    ("times", "code"),
    [
        (np.zeros(0, np.int64), "empty"),
        (even(1), "too_few_samples"),
        (np.repeat(even(1), 5), "too_few_samples"),
        (np.arange(5.0), "wrong_shape"),
        (even(4).reshape(2, 2), "wrong_shape"),
    ],
)
def test_unusable_times_are_refused(times: Any, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        time_base(times)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("times", "code"), [([np.nan], "missing_time"), ([np.inf], "infinite"), ([[0.0]], "wrong_shape")]
)
def test_unusable_seconds_are_refused(times: Any, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        seconds_to_ns(times)
    assert caught.value.code == code


def test_even_segments_are_taken_as_they_are() -> None:
    columns = np.random.default_rng(0).normal(size=(3, 200))
    signal = uniform(time_base(even(200)), columns)
    assert signal.resampled == 0
    assert signal.columns is columns


def test_uneven_segments_are_interpolated_within_themselves_only() -> None:
    rng = np.random.default_rng(1)
    jitter = np.sort(rng.integers(-4_000_000, 4_000_000, 400))
    times = even(400) + rng.permutation(jitter)
    times[200:] += 5_000_000_000
    base = time_base(times)
    values = np.stack([(times - times[0]) / 1e9] * 3)
    signal = uniform(base, values)
    assert signal.resampled == 2
    assert base.gaps == 1
    assert (np.diff(signal.times_ns)[np.diff(signal.times_ns) < 1_000_000_000] == PERIOD).all()
    assert (signal.times_ns % PERIOD == 0).all()
    # A straight line is kept by linear interpolation, and no sample lies in the gap.
    assert signal.columns[0] == pytest.approx((signal.times_ns - times[0]) / 1e9, abs=1e-9)
    inside = (signal.times_ns > times[199]) & (signal.times_ns < times[200])
    assert not inside.any()


def test_columns_must_fit_the_times() -> None:
    with pytest.raises(MethodError) as caught:
        uniform(time_base(even(10)), np.zeros((3, 9)))
    assert caught.value.code == "wrong_shape"


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("number", [30, 1000])
def test_low_pass_is_scipys_zero_phase_filter(order: int, number: int) -> None:
    columns = np.random.default_rng(2).normal(size=(3, number))
    expected = sosfiltfilt(butter(order, 5.0, fs=50.0, output="sos"), columns, axis=1)
    assert np.abs(low_pass(columns, 50.0, 5.0, order) - expected).max() < 1e-12


def test_segments_are_filtered_apart_and_short_ones_survive() -> None:
    columns = np.random.default_rng(3).normal(size=(1, 307))
    starts = np.array([0, 100, 101, 103, 307])
    whole = low_pass(columns, 50.0, starts=starts)
    for first, last in pairwise(starts.tolist()):
        assert (whole[:, first:last] == low_pass(columns[:, first:last], 50.0)).all()
    assert whole[0, 100] == columns[0, 100]


def test_a_constant_passes_unchanged_and_a_shift_by_a_gap_does_not_ring() -> None:
    columns = np.concatenate([np.full((1, 200), 1.0), np.full((1, 200), -1.0)], axis=1)
    filtered = low_pass(columns, 50.0, starts=np.array([0, 200, 400]))
    assert np.abs(filtered - columns).max() < 1e-12


def test_filter_gain_at_its_cutoff_is_a_half_in_both_directions_together() -> None:
    times = np.arange(5000) / 100.0
    wave = np.sin(2 * np.pi * 5.0 * times)[None, :]
    filtered = low_pass(wave, 100.0, 5.0)[0, 1000:4000]
    assert np.abs(filtered).max() == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize(
    ("columns", "rate", "cutoff", "code"),
    [
        (np.zeros(10), 50.0, 5.0, "wrong_shape"),
        (np.zeros((1, 10)), 10.0, 5.0, "cutoff_too_high"),
        (np.full((1, 10), np.nan), 50.0, 5.0, "missing_value"),
        (np.full((1, 10), np.inf), 50.0, 5.0, "missing_value"),
    ],
)
def test_unusable_filters_are_refused(columns: Any, rate: float, cutoff: float, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        low_pass(columns, rate, cutoff)
    assert caught.value.code == code


def test_slow_sensors_have_no_low_pass() -> None:
    assert usable_cutoff_hz(10.0) is None
    assert usable_cutoff_hz(25.0) == 5.0
