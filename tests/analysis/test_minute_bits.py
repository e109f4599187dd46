"""Seconds as bits of words give what the same seconds give one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.minute_bits import (
    Timeline,
    at_least,
    earlier,
    later,
    median_5s,
    starts,
    unpack,
)
from analysis.posture_runs import majority, run_bounds

BoolArray = NDArray[np.bool_]
MINUTE_NS = 60_000_000_000


class Seconds:
    """Random seconds of a day with missing minutes, missing seconds and runs of all lengths."""

    def __init__(self, seed: int, minutes: int) -> None:
        random = np.random.default_rng(seed)
        numbers = np.sort(random.choice(2 * minutes, minutes, replace=False))
        self.minutes_ns = numbers.astype(np.int64) * MINUTE_NS
        self.present = self._runs(random, minutes, 40.0) | (random.random(60 * minutes) < 0.5)
        self.on = self._runs(random, minutes, float(random.choice([2.0, 20.0, 200.0]))) & self.present
        follows = np.zeros(60 * minutes, np.bool_)
        follows[1:] = True
        follows[::60] = np.append(False, np.diff(numbers) == 1)
        follows[1:] &= self.present[1:] == self.present[:-1]
        self.breaks = ~follows
        self.timeline = Timeline.of(self.minutes_ns)

    @staticmethod
    def _runs(random: np.random.Generator, minutes: int, mean_s: float) -> BoolArray:
        lengths = random.geometric(1.0 / mean_s, 60 * minutes)
        return np.repeat(np.arange(lengths.size) % 2 == 0, lengths)[: 60 * minutes]

    def words(self, on: BoolArray) -> NDArray[np.uint64]:
        bits = np.zeros((on.size // 60, 64), np.bool_)
        bits[:, :60] = on.reshape(-1, 60)
        masks = np.packbits(bits, axis=1, bitorder="little").view("<u8").ravel().astype(np.uint64)
        found: NDArray[np.uint64] = self.timeline.words(masks)[0]
        return found

    def seconds(self, words: NDArray[np.uint64]) -> BoolArray:
        return unpack(words[self.timeline.places])


days = st.builds(Seconds, st.integers(0, 2**32 - 1), st.integers(1, 40))


@given(days, st.sampled_from([1, 2, 3, 5, 59, 60, 61, 118, 119, 120, 240]))
def test_long_runs_are_those_counted_second_by_second(day: Seconds, least_s: int) -> None:
    first, last = run_bounds(day.on, day.breaks)
    long = day.on[first] & (last - first >= least_s)
    expected = np.repeat(long, last - first)
    found = at_least(day.words(day.on), least_s)
    assert np.array_equal(day.seconds(found), expected)
    assert day.timeline.count(found).tolist() == [expected.sum()]
    assert day.timeline.count(starts(found)).tolist() == [long.sum()]


@given(days)
def test_the_longest_run_and_the_median_are_those_counted_second_by_second(day: Seconds) -> None:
    words, present = day.words(day.on), day.words(day.present)
    held = majority(day.on, 5, day.breaks) & day.present
    assert np.array_equal(day.seconds(median_5s(words, present)), held)
    first, last = run_bounds(held, day.breaks)
    longest = day.timeline.longest_s(median_5s(words, present))
    assert longest.tolist() == [max((last - first)[held[first]], default=0)]


@given(days, st.integers(0, 600))
def test_moving_there_and_back_loses_only_what_leaves_the_timeline(day: Seconds, seconds: int) -> None:
    words = day.words(day.on)
    inside = earlier(later(words, seconds), seconds)
    assert not (inside & ~words).any()
    gone = later(earlier(words, seconds), seconds)
    kept = day.timeline.size * 60 - seconds
    assert unpack(gone).sum() == unpack(words)[: max(kept, 0)].sum()


def test_several_series_are_judged_together() -> None:
    day = Seconds(7, 20)
    pair = np.stack([day.words(day.on), day.words(day.present)])
    for row, together in zip(pair, at_least(pair, 7), strict=True):
        assert np.array_equal(at_least(row, 7), together)
    assert day.timeline.count(pair).tolist() == [[day.on.sum()], [day.present.sum()]]


@given(st.lists(days, min_size=1, max_size=4), st.sampled_from([1, 3, 60, 61, 130]))
def test_days_laid_one_after_another_are_those_judged_one_by_one(
    several: list[Seconds], least_s: int
) -> None:
    together = Timeline.of(*(day.minutes_ns for day in several))
    words = together.words(np.concatenate([day.words(day.on)[day.timeline.places] for day in several]))[0]
    held = at_least(words, least_s)
    alone = [at_least(day.words(day.on), least_s) for day in several]
    assert together.count(held).tolist() == [
        int(day.timeline.count(own)[0]) for day, own in zip(several, alone, strict=True)
    ]
    assert together.longest_s(words).tolist() == [
        int(day.timeline.longest_s(day.words(day.on))[0]) for day in several
    ]


def test_a_day_that_begins_where_another_ends_does_not_go_on_with_its_runs() -> None:
    minutes = np.arange(3) * MINUTE_NS
    full = np.full(6, 2**60 - 1, np.uint64)
    together = Timeline.of(minutes, np.zeros(0, np.int64), minutes + 3 * MINUTE_NS)
    words = together.words(full)[0]
    assert together.longest_s(words).tolist() == [180, 0, 180]
    assert together.count(at_least(words, 180)).tolist() == [180, 0, 180]
    assert not at_least(words, 181).any()


@pytest.mark.parametrize("seconds", [1, 60, 500])
def test_no_minutes_hold_nothing(seconds: int) -> None:
    timeline = Timeline.of(np.zeros(0, np.int64))
    empty = timeline.words(np.zeros(0, np.uint64))[0]
    assert timeline.count(at_least(empty, seconds)).tolist() == [0]
    assert timeline.longest_s(empty).tolist() == [0]
