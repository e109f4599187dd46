from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis.decimate import find_gaps, min_max
from sensors.errors import MethodError

S = 1_000_000_000


def series(n: int, step_s: int = 1) -> np.ndarray:
    return np.arange(n, dtype=np.int64) * step_s * S


def test_a_short_series_is_shown_as_it_is_with_a_hole_in_each_gap() -> None:
    times = np.array([0, 1, 2, 50, 51], np.int64) * S
    shown = min_max(times, np.arange(5.0), start_ns=0, end_ns=52 * S, buckets=100, max_gap_ns=2 * S)
    assert shown.gaps_ns.tolist() == [[4 * S, 50 * S]]
    assert np.isnan(shown.middle[3])
    np.testing.assert_array_equal(shown.times_ns, np.array([0, 1, 2, 4, 50, 51]) * S)


def test_a_nan_stretch_is_a_gap_too() -> None:
    values = np.arange(20.0)
    values[5:15] = np.nan
    shown = min_max(series(20), values, start_ns=0, end_ns=20 * S, buckets=50, max_gap_ns=2 * S)
    assert shown.gaps_ns.tolist() == [[6 * S, 15 * S]]


def test_gap_buckets_are_emitted_and_the_last_partial_bucket_is_kept() -> None:
    times = np.concatenate((series(100), 300 * S + series(105)))
    shown = min_max(times, np.ones(205), start_ns=0, end_ns=405 * S, buckets=40, max_gap_ns=2 * S)
    assert shown.times_ns.size <= 40
    assert int(shown.counts.sum()) == 205
    assert np.isnan(shown.middle).sum() >= 17
    assert not np.isnan(shown.middle[-1])


def test_extremes_survive_and_nan_does_not_win() -> None:
    values = np.zeros(10_000)
    values[1234], values[8765], values[1235] = 99.0, -99.0, np.nan
    shown = min_max(series(10_000), values, start_ns=0, end_ns=10_000 * S, buckets=100, max_gap_ns=5 * S)
    assert np.nanmax(shown.high) == 99.0
    assert np.nanmin(shown.low) == -99.0
    assert shown.gaps_ns.size == 0


def test_levels_are_averaged_by_energy() -> None:
    values = np.tile([80.0, 90.0], 500)
    shown = min_max(
        series(1000), values, start_ns=0, end_ns=1000 * S, buckets=10, max_gap_ns=S * 2, energy=True
    )
    np.testing.assert_allclose(shown.middle, 10 * np.log10((1e8 + 1e9) / 2))


def test_nothing_measured_is_one_gap() -> None:
    shown = min_max(series(0), np.zeros(0), start_ns=0, end_ns=10 * S, buckets=5, max_gap_ns=S)
    assert shown.gaps_ns.tolist() == [[0, 10 * S]]
    assert np.isnan(shown.middle).all()


def test_readings_outside_the_window_do_not_count() -> None:
    shown = min_max(
        series(100), np.arange(100.0), start_ns=10 * S, end_ns=20 * S, buckets=5, max_gap_ns=2 * S
    )
    assert np.nanmin(shown.low) == 10.0
    assert np.nanmax(shown.high) == 19.0


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"end_ns": 0}, "empty_window"), ({"values": np.zeros(3)}, "shape"), ({"buckets": 0}, "buckets")],
)
def test_wrong_calls_have_a_code(changes: dict[str, object], code: str) -> None:
    arguments: dict[str, object] = {
        "values": np.zeros(5),
        "start_ns": 0,
        "end_ns": 5 * S,
        "buckets": 5,
        "max_gap_ns": S,
    } | changes
    with pytest.raises(MethodError) as caught:
        min_max(series(5), **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code


@settings(max_examples=60, deadline=None)
@given(
    values=hnp.arrays(np.float64, st.integers(0, 300), elements=st.floats(0, 140) | st.just(float("nan"))),
    buckets=st.integers(1, 60),
)
def test_every_finite_reading_is_counted_once_and_bounded(values: np.ndarray, buckets: int) -> None:
    shown = min_max(
        series(values.size),
        values,
        start_ns=0,
        end_ns=301 * S,
        buckets=buckets,
        max_gap_ns=3 * S,
        energy=True,
    )
    assert int(shown.counts.sum()) == int(np.isfinite(values).sum())
    seen = shown.counts > 0
    assert (shown.low[seen] <= shown.middle[seen] + 1e-9).all()
    assert (shown.middle[seen] <= shown.high[seen] + 1e-9).all()
    assert np.isnan(shown.middle[~seen]).all()
    if np.isfinite(values).any():
        assert np.nanmax(shown.high) == np.nanmax(values)


def test_gaps_never_overlap_a_reading() -> None:
    times = np.array([0, 3, 4, 20, 21, 40], np.int64) * S
    for start, end in find_gaps(times, 0, 60 * S, 2 * S):
        assert not ((times >= start) & (times < end)).any()


def test_a_week_at_one_hertz_is_thinned_at_once() -> None:
    times = series(604_800)
    values = 80 + 10 * np.sin(np.arange(604_800) / 500)
    started = time.perf_counter()
    shown = min_max(
        times, values, start_ns=0, end_ns=604_800 * S, buckets=1150, max_gap_ns=2 * S, energy=True
    )
    assert time.perf_counter() - started < 0.5
    assert shown.times_ns.size <= 1150
