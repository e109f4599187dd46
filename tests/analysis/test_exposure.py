"""Exposure over time: bands, percentiles, variation, holds, events and coverage against worked signals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.exposure import (
    coverage,
    events_per_minute,
    exposure_variation,
    longest_hold_s,
    percentiles,
    time_in_bands,
)
from analysis.posture_runs import majority, run_bounds
from sensors.errors import MethodError

FloatArray = NDArray[np.float64]

LEVELS = [0, 15, 30, 45, 60, 90, 180]
DURATIONS = [0, 1, 3, 7, 15, 31, np.inf]


def at(rate: float, seconds: float) -> FloatArray:
    return np.arange(round(rate * seconds)) / rate


def share_above(values: FloatArray, times: FloatArray, threshold: float) -> float:
    parts = time_in_bands(values, times, [-180.0, threshold, 180.0], 1.0)
    return float(100 * parts[1] / parts.sum())


def square(period_s: float, seconds: float) -> tuple[FloatArray, FloatArray]:
    times = at(10.0, seconds)
    return np.where(times % period_s < period_s / 2, 10.0, 50.0), times


def test_a2_ramp() -> None:
    times = at(50.0, 100.0)
    ramp = 90.0 * times / 100.0
    assert [share_above(ramp, times, k) for k in (30, 45, 60)] == pytest.approx([66.7, 50.0, 33.3], abs=0.2)
    assert percentiles(ramp, times, [10, 50, 90], 1.0) == pytest.approx([9, 45, 81], abs=0.05)


def test_a3_sine() -> None:
    times = at(50.0, 95 / 0.2371)
    theta = 30.0 + 30.0 * np.sin(2 * np.pi * 0.2371 * times)
    assert [share_above(theta, times, k) for k in (30, 45)] == pytest.approx([50.0, 33.3], abs=0.3)
    assert percentiles(theta, times, [10, 50, 90], 1.0) == pytest.approx([1.47, 30.0, 58.53], abs=0.05)


@pytest.mark.parametrize("k", [20.0, 30.0, 45.0, 60.0, 90.0])
def test_a_threshold_is_reached_exactly(k: float) -> None:
    times = at(10.0, 10.0)
    assert share_above(np.full(100, k), times, k) == 100.0
    assert share_above(np.full(100, k - 1e-8), times, k) == 0.0
    assert longest_hold_s(np.full(100, k), times, k, 1.0) == pytest.approx(10.0)


def test_a10_a_gap_belongs_to_nothing() -> None:
    times = np.concatenate([at(10.0, 600.0), 1200.0 + at(10.0, 600.0)])
    values = np.concatenate([np.full(6000, 50.0), np.zeros(6000)])
    assert share_above(values, times, 45.0) == pytest.approx(50.0)
    assert time_in_bands(values, times, [-1, 180], 1.0).sum() == pytest.approx(1200.0)
    assert coverage(times, 0.0, 1800.0, 0.1) == pytest.approx(2 / 3)
    values[6000:] = 50.0
    assert longest_hold_s(values, times, 45.0, 1.0) == pytest.approx(600.0)
    table = exposure_variation(values, times, [0, 45, 180], [0, 601, np.inf], 1.0)
    assert table.tolist() == [[0.0, 0.0], [100.0, 0.0]]


def test_no_bend_is_counted_across_a_gap() -> None:
    times = np.concatenate([at(10.0, 60.0), 100.0 + at(10.0, 60.0)])
    values = np.repeat([10.0, 50.0], 600)
    assert events_per_minute(values, times, 45, 5, 1.0) == 0.0


def test_a12_two_bends_a_minute() -> None:
    assert events_per_minute(*square(30.0, 600.0), 45, 5, 1.0) == 2.0
    assert events_per_minute(*square(60.0 / 1.9, 600.0), 45, 5, 1.0) == pytest.approx(1.9, abs=1e-9)


def test_a13_noise_at_the_threshold_is_not_a_series_of_bends() -> None:
    times = at(50.0, 600.0)
    noisy = 20.0 + np.random.default_rng(5).normal(0.0, 1.0, times.size)
    assert share_above(noisy, times, 20.0) == pytest.approx(50.0, abs=1.0)
    assert events_per_minute(noisy, times, 20, 5, 1.0) * 10.0 <= 1.0
    assert events_per_minute(noisy, times, 20, 0, 1.0, min_dwell_s=0.0) > 100.0


def test_short_visits_are_no_movements() -> None:
    times = at(50.0, 60.0)
    values = np.zeros(times.size)
    for second, length in ((10.0, 0.4), (20.0, 0.5), (30.0, 3.0)):
        values[(times >= second) & (times < second + length - 1e-9)] = 50.0
    assert events_per_minute(values, times, 45, 5, 1.0) == 2.0
    assert events_per_minute(values, times, 45, 5, 1.0, min_dwell_s=0.0) == 3.0


def test_a16_short_dips_do_not_end_a_hold() -> None:
    times = at(1.0, 60.0)
    values = np.where(times % 10 == 9, 50.0, 70.0)
    assert 59.0 <= longest_hold_s(values, times, 60, 5.0) <= 60.0
    assert longest_hold_s(values, times, 60, 5.0, smooth_s=0) == 9.0
    assert longest_hold_s(values, times, 80, 5.0) == 0.0


def test_a17_variation_counts_whole_runs() -> None:
    times = at(1.0, 100.0)
    values = np.where(times % 10 < 3, 50.0, 10.0)
    table = exposure_variation(values, times, LEVELS, DURATIONS, 5.0)
    assert table[3, 2] == pytest.approx(30.0)
    assert table[0, 3] == pytest.approx(70.0)
    assert table.sum() == pytest.approx(100.0)


def test_a11_rate_jitter_and_loss_change_little() -> None:
    rng = np.random.default_rng(9)

    def angle(times: FloatArray) -> FloatArray:
        return np.asarray(35.0 + 30.0 * np.sin(times / 3.1) + 10.0 * np.sin(times / 1.3))

    reference = at(50.0, 1200.0)
    base = (
        share_above(angle(reference), reference, 45.0),
        percentiles(angle(reference), reference, [10, 50, 90], 1.0),
        events_per_minute(angle(reference), reference, 45, 5, 1.0),
        longest_hold_s(angle(reference), reference, 45, 1.0),
    )
    for rate in (25.0, 50.0, 100.0):
        times = at(rate, 1200.0)
        times = np.sort(times + rng.uniform(-0.02, 0.02, times.size) / rate)
        times = times[rng.random(times.size) > 0.01]
        values = angle(times)
        assert share_above(values, times, 45.0) == pytest.approx(base[0], rel=0.005)
        assert percentiles(values, times, [10, 50, 90], 1.0) == pytest.approx(base[1], rel=0.005, abs=0.1)
        assert events_per_minute(values, times, 45, 5, 1.0) == pytest.approx(base[2], rel=0.005)
        assert longest_hold_s(values, times, 45, 1.0) == pytest.approx(base[3], abs=1.0)


series = st.lists(
    st.tuples(st.floats(0.01, 3.0), st.one_of(st.floats(-170.0, 170.0), st.just(float("nan")))),
    min_size=2,
    max_size=60,
)


@settings(max_examples=120, deadline=None)
@given(series, st.lists(st.floats(-179.0, 179.0), min_size=1, max_size=6, unique=True))
def test_bands_and_variation_keep_the_valid_time(rows: list[tuple[float, float]], cuts: list[float]) -> None:
    steps, values = np.array(rows).T
    times = np.cumsum(steps)
    edges = np.array([-180.0, *sorted(cuts), 180.0])
    if (np.diff(edges) <= 0).any():
        return
    whole = time_in_bands(values, times, [-180.0, 180.0], 1.0)
    parts = time_in_bands(values, times, edges, 1.0)
    table = exposure_variation(values, times, edges, DURATIONS, 1.0)
    if np.isnan(values).all():
        assert np.isnan(whole).all()
        assert np.isnan(parts).all()
        assert np.isnan(table).all()
        return
    assert parts.sum() == pytest.approx(whole.sum())
    assert table.sum() == pytest.approx(100.0)
    assert 100 * parts / parts.sum() == pytest.approx(table.sum(axis=1), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(series, st.floats(-100.0, 100.0), st.floats(0.1, 10.0))
def test_shift_and_unit_of_values_and_time_origin_do_not_matter(
    rows: list[tuple[float, float]], shift: float, gain: float
) -> None:
    steps, values = np.array(rows).T
    # Values that differ by less than the arithmetic resolves would change places.
    values, times = np.round(values, 3), np.cumsum(steps)
    ranks = percentiles(values, times, [5, 50, 95], 1.0)
    assert percentiles(gain * values + shift, times + 1e6, [5, 50, 95], 1.0) == pytest.approx(
        gain * ranks + shift, rel=1e-5, abs=1e-5, nan_ok=True
    )


def test_percentiles_with_equal_weights_are_numpys() -> None:
    values = np.random.default_rng(4).normal(size=101)
    found = percentiles(values, np.arange(101.0), np.arange(0, 101, 5), 5.0)
    assert found == pytest.approx(np.percentile(values, np.arange(0, 101, 5)))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40), st.sampled_from([1, 3, 5, 7])
)
def test_majority_is_the_median_of_a_window_that_shrinks_at_breaks(
    rows: list[tuple[bool, bool]], width: int
) -> None:
    on, breaks = (np.array(column) for column in zip(*rows, strict=True))
    starts = np.flatnonzero(np.append(True, breaks[1:]))
    expected = np.zeros(on.size, bool)
    for first, last in zip(starts, np.append(starts[1:], on.size), strict=True):
        for place in range(first, last):
            reach = min(place - first, last - 1 - place, width // 2)
            expected[place] = np.median(on[place - reach : place + reach + 1].astype(float)) > 0.5
    assert (majority(on, width, breaks) == expected).all()


def test_runs_end_at_breaks() -> None:
    first, last = run_bounds(np.array([1, 1, 2, 2]), np.array([True, True, False, False]))
    assert first.tolist() == [0, 1, 2]
    assert last.tolist() == [1, 2, 4]


GOOD: dict[str, Any] = {"values": [1.0, 2.0, 3.0], "times_s": [0.0, 1.0, 2.0], "max_gap_s": 5.0}
CALLS: dict[Any, dict[str, Any]] = {
    time_in_bands: {"edges": [0, 10]},
    percentiles: {"percents": [50]},
    exposure_variation: {"level_edges": [0, 10], "duration_edges_s": [0, np.inf]},
    longest_hold_s: {"threshold": 2.0},
    events_per_minute: {"threshold": 2.0, "hysteresis": 0.5},
}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"values": [], "times_s": []}, "empty"),
        ({"values": [1.0], "times_s": [0.0]}, "too_few_samples"),
        ({"values": [[1.0, 2.0]], "times_s": [[0.0, 1.0]]}, "wrong_shape"),
        ({"times_s": [0.0, 1.0]}, "wrong_shape"),
        ({"values": [1.0, np.inf, 2.0]}, "infinite"),
        ({"times_s": [0.0, np.inf, 2.0]}, "infinite"),
        ({"times_s": [0.0, np.nan, 2.0]}, "missing_time"),
        ({"times_s": [2.0, 1.0, 0.0]}, "times_not_increasing"),
        ({"times_s": [0.0, 1.0, 1.0]}, "times_not_increasing"),
        ({"values": ["a", "b", "c"]}, "not_numeric"),
        ({"max_gap_s": 0.0}, "bad_gap"),
    ],
)
def test_bad_series_are_refused(call: Any, wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(MethodError) as caught:
        call(**{**GOOD, **CALLS[call], **wrong})
    assert caught.value.code == code


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_all_missing_is_not_measured(call: Any) -> None:
    found = call(**{**GOOD, **CALLS[call], "values": [np.nan] * 3})
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("call", "wrong", "code"),
    [
        (time_in_bands, {"edges": [5]}, "bad_edges"),
        (time_in_bands, {"edges": [5, 5]}, "bad_edges"),
        (time_in_bands, {"edges": [0, 2]}, "value_outside_edges"),
        (time_in_bands, {"edges": [2, 9]}, "value_outside_edges"),
        (percentiles, {"percents": [101]}, "bad_percent"),
        (exposure_variation, {"duration_edges_s": [0, 1]}, "value_outside_edges"),
        (longest_hold_s, {"threshold": np.nan}, "bad_threshold"),
        (longest_hold_s, {"smooth_s": -1}, "bad_smoothing"),
        (events_per_minute, {"hysteresis": -1}, "bad_hysteresis"),
    ],
)
def test_bad_questions_are_refused(call: Any, wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(MethodError) as caught:
        call(**{**GOOD, **CALLS[call], **wrong})
    assert caught.value.code == code


def test_coverage_is_a_union_in_any_order() -> None:
    assert coverage([5.0, 0.0, 0.5, 0.5], 0.0, 10.0, 1.0) == pytest.approx(0.25)
    assert coverage([-0.5, 9.5, 100.0], 0.0, 10.0, 1.0) == pytest.approx(0.1)
    assert coverage([], 0.0, 10.0, 1.0) == 0.0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (([[0.0]], 0.0, 1.0, 1.0), "wrong_shape"),
        (([np.nan], 0.0, 1.0, 1.0), "missing_time"),
        (([0.0], 1.0, 1.0, 1.0), "bad_window"),
        (([0.0], 0.0, 1.0, 0.0), "bad_period"),
    ],
)
def test_bad_coverage_is_refused(arguments: tuple[Any, ...], code: str) -> None:
    with pytest.raises(MethodError) as caught:
        coverage(*arguments)
    assert caught.value.code == code
