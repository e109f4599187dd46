"""Minute rows of noise: any cut of the data gives the same bytes, and their sums are those of the
readings."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.levels import energy_mean, exceeded_level
from indicators.model import Span, WorkerDay
from indicators.noise.shares import distribution
from indicators.reduction import noise
from indicators.reduction.minutes import MINUTE_NS, padding_ns
from sensors.errors import UsageError
from sensors.quantities import OCTAVES_HZ, Kind
from sensors.readings import Flag, ReadingBatch
from sensors.site_model import Mount, Sensor

START = 1_795_000_020_000_000_000 // MINUTE_NS * MINUTE_NS
SECOND = 1_000_000_000


def sensor(period_s: float | None = None) -> Sensor:
    return Sensor(id="dosi", kind=Kind.NOISE, period_s=period_s)


def batch(times: np.ndarray, flags: np.ndarray | None = None, **channels: np.ndarray) -> ReadingBatch:
    bits = np.zeros(times.size) if flags is None else flags
    return ReadingBatch("site", "dosi", Kind.NOISE, times.astype(np.int64), channels, bits.astype(np.uint16))


def reduced(readings: ReadingBatch, start: int, end: int, device: Sensor | None = None) -> pa.Table:
    return noise.reduce_minutes(
        readings,
        sensor=device or sensor(),
        mount=Mount.SHOULDER,
        calibration=None,
        start_ns=start,
        end_ns=end,
    )


def worker_day(start: int, end: int, *spans: Span) -> WorkerDay:
    return WorkerDay(
        "site",
        "press",
        "morning",
        date(2026, 11, 16),
        Kind.NOISE,
        "dosi",
        Mount.SHOULDER,
        "w1",
        start,
        end,
        spans or (Span(start, end),),
        (),
        end - start,
    )


def cut(readings: ReadingBatch, start: int, end: int, device: Sensor) -> ReadingBatch:
    """What a store hands over for a window: its rows and the padding around them."""
    pad = padding_ns(device, "laeq")
    inside = (readings.times_ns >= start - pad) & (readings.times_ns < end + pad)
    return ReadingBatch(
        readings.site,
        readings.sensor,
        readings.kind,
        readings.times_ns[inside],
        {name: column[inside] for name, column in readings.channels.items()},
        readings.flags[inside],
    )


@st.composite
def recordings(draw: st.DrawFn) -> tuple[ReadingBatch, Sensor, int]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    period_s = draw(st.sampled_from([0.125, 0.5, 1.0, 7.0, 60.0, 130.0]))
    minutes = draw(st.integers(2, 9))
    count = round(minutes * 60 / period_s) + 8
    steps = rng.choice([1.0, 1.0, 1.0, 0.4, 2.5], count) * period_s * SECOND
    times = START - 4 * round(period_s * SECOND) + np.cumsum(np.rint(steps)).astype(np.int64)
    laeq = 80 + 8 * rng.standard_normal(count)
    lcpeak = np.where(rng.random(count) < 0.1, 137.0, laeq + 20)
    for column in (laeq, lcpeak):
        column[rng.random(count) < 0.1] = np.nan
    flags = np.where(rng.random(count) < 0.05, int(Flag.STUCK), 0)
    bands = {"octave_63": laeq - 9, "octave_1000": np.where(rng.random(count) < 0.3, np.nan, laeq - 2)}
    readings = batch(times, flags, laeq=laeq, lceq=laeq + 3, lcpeak=lcpeak, **bands)
    return readings, sensor(period_s), minutes


@settings(max_examples=60, deadline=None)
@given(recordings(), st.data())
def test_any_cut_of_the_data_gives_the_same_bytes(
    recorded: tuple[ReadingBatch, Sensor, int], data: st.DataObject
) -> None:
    readings, device, minutes = recorded
    end = START + minutes * MINUTE_NS
    whole = reduced(readings, START, end, device)
    inner = data.draw(st.sets(st.integers(1, minutes - 1), max_size=3))
    edges = [START, *(START + step * MINUTE_NS for step in sorted(inner)), end]
    parts = [reduced(cut(readings, low, high, device), low, high, device) for low, high in pairwise(edges)]
    assert pa.concat_tables(parts).combine_chunks().equals(whole.combine_chunks())


@settings(max_examples=60, deadline=None)
@given(recordings(), st.randoms())
def test_merging_knows_no_order_and_adds_exactly(
    recorded: tuple[ReadingBatch, Sensor, int], random: Any
) -> None:
    readings, device, minutes = recorded
    end = START + minutes * MINUTE_NS
    rows = reduced(readings, START, end, device)
    day = worker_day(START, end)
    order = list(range(rows.num_rows))
    random.shuffle(order)
    one, other = noise.merge(rows, day), noise.merge(rows.take(pa.array(order, pa.int64())), day)
    assert (one.laeq_ns, one.laeq_energy, one.lceq_energy) == (
        other.laeq_ns,
        other.laeq_energy,
        other.lceq_energy,
    )
    assert one.octaves.held_ns.tolist() == other.octaves.held_ns.tolist()
    assert one.octaves.energy.tolist() == other.octaves.energy.tolist()
    assert one.histogram_ns.tolist() == other.histogram_ns.tolist()
    assert int(one.histogram_ns.sum()) == one.laeq_ns
    assert one.peaks.times_ns.tolist() == other.peaks.times_ns.tolist()
    again = noise.merge(pa.concat_tables([rows, rows]), day)
    assert again.laeq_energy == one.laeq_energy


def test_a_second_by_second_day_gives_the_levels_of_its_readings() -> None:
    rng = np.random.default_rng(7)
    count = 8 * 3600
    times = START + np.arange(count) * SECOND
    laeq = 82 + 6 * rng.standard_normal(count)
    rows = reduced(batch(times, laeq=laeq, lcpeak=laeq + 20), START, START + count * SECOND)
    day = noise.merge(rows, worker_day(START, START + count * SECOND))
    assert rows.num_rows == 480
    assert day.coverage == 1.0
    level = 10 * np.log10(day.laeq_energy / (day.laeq_ns * 1e-9))
    assert level == pytest.approx(float(energy_mean(laeq)), abs=1e-9)
    assert day.lcpeak_max_db == float((laeq + 20).max())
    found = distribution([day], 1.0)
    for percent in (10, 50, 90):
        assert found[f"l{percent}_db"] == pytest.approx(float(exceeded_level(laeq, percent)), abs=0.1)
    bands = found["bands"]
    assert isinstance(bands, list)
    assert sum(band["share_percent"] for band in bands) == pytest.approx(100.0)


def test_octave_levels_keep_their_energy_and_their_own_time() -> None:
    times = START + np.arange(600) * SECOND
    level = np.where(np.arange(600) < 300, 90.0, 80.0)
    half = np.where(np.arange(600) < 300, 70.0, np.nan)
    rows = reduced(batch(times, laeq=level, octave_125=half, octave_1000=level), START, START + 600 * SECOND)
    day = noise.merge(rows, worker_day(START, START + 600 * SECOND))
    heard = dict(zip(OCTAVES_HZ, (day.octaves.held_ns / SECOND).tolist(), strict=True))
    assert heard == {63: 0, 125: 300, 250: 0, 500: 0, 1000: 600, 2000: 0, 4000: 0, 8000: 0}
    assert day.octaves.energy[OCTAVES_HZ.index(125)] == pytest.approx(300 * 10**7)
    assert day.octaves.energy[OCTAVES_HZ.index(1000)] == pytest.approx(300 * (10**9 + 10**8))
    silent = reduced(batch(times, laeq=level), START, START + 600 * SECOND)
    assert silent.column("octave_ns").to_pylist() == [[]] * 10
    assert noise.merge(silent, worker_day(START, START + 600 * SECOND)).octaves.held_ns.tolist() == [0] * 8


def test_gaps_are_missing_time_and_not_silence() -> None:
    times = np.concatenate([np.arange(600), np.arange(1800, 2400)]) * SECOND + START
    rows = reduced(batch(times, laeq=np.full(1200, 90.0)), START, START + 2400 * SECOND)
    day = noise.merge(rows, worker_day(START, START + 2400 * SECOND))
    assert day.coverage == 0.5
    assert 10 * np.log10(day.laeq_energy / (day.laeq_ns * 1e-9)) == pytest.approx(90.0)


def test_readings_longer_than_a_minute_are_shared_out_to_the_nanosecond() -> None:
    device = sensor(150.0)
    times = START + 45 * SECOND + np.arange(4) * 150 * SECOND
    rows = reduced(batch(times, laeq=np.array([60.0, 70.0, 80.0, 90.0])), START, START + 660 * SECOND, device)
    assert rows.column("laeq_ns").to_pylist()[:4] == [15 * SECOND, 60 * SECOND, 60 * SECOND, 60 * SECOND]
    assert sum(rows.column("laeq_ns").to_pylist()) == 600 * SECOND


def test_only_minutes_wholly_inside_a_span_count() -> None:
    count = 600
    times = START + np.arange(count) * SECOND
    rows = reduced(batch(times, laeq=np.full(count, 80.0)), START, START + count * SECOND)
    spans = (
        Span(START + 30 * SECOND, START + 200 * SECOND, "cut"),
        Span(START + 300 * SECOND, START + 600 * SECOND, None),
    )
    day = noise.merge(rows, worker_day(START, START + count * SECOND, *spans))
    assert ((day.minutes_ns - START) // MINUTE_NS).tolist() == [1, 2, 5, 6, 7, 8, 9]
    assert day.minute_span.tolist() == [0, 0, 1, 1, 1, 1, 1]


def test_stuck_readings_are_missing_and_counted() -> None:
    times = START + np.arange(120) * SECOND
    flags = np.where(np.arange(120) < 60, int(Flag.STUCK), 0)
    day = noise.merge(
        reduced(batch(times, flags, laeq=np.full(120, 48.0)), START, START + 120 * SECOND),
        worker_day(START, START + 120 * SECOND),
    )
    assert (day.laeq_ns, day.stuck_ns) == (60 * SECOND, 60 * SECOND)


def test_sound_that_never_moves_raises_a_suspicion() -> None:
    times = START + np.arange(300) * SECOND
    levels = np.where(np.arange(300) < 180, 62.0, 62.0 + np.arange(300) % 3)
    day = noise.merge(
        reduced(batch(times, laeq=levels), START, START + 300 * SECOND),
        worker_day(START, START + 300 * SECOND),
    )
    assert day.constant_ns == 180 * SECOND


def peaks_of(seconds: list[int], *, rise: bool, level: float = 138.0) -> noise.NoiseDay:
    times = START + np.arange(600) * SECOND
    laeq = np.full(600, 85.0) + 0.1 * (np.arange(600) % 5)
    lcpeak = np.full(600, 105.0)
    lcpeak[seconds] = level
    if rise:
        laeq[seconds] = 104.0
    rows = reduced(batch(times, laeq=laeq, lcpeak=lcpeak), START, START + 600 * SECOND)
    return noise.merge(rows, worker_day(START, START + 600 * SECOND))


def test_peaks_within_a_second_are_one_event_even_across_minutes() -> None:
    day = peaks_of([10, 11, 12, 59, 60, 300], rise=True)
    assert noise.peak_events([day], 137.0, inclusive=True) == noise.PeakEvents(3, 0)
    assert noise.peak_events([day], 138.0, inclusive=False) == noise.PeakEvents(0, 0)
    assert noise.peak_events([day, day], 138.0, inclusive=True).count == 6


def test_a_lone_peak_without_a_rise_of_the_level_is_suspected_to_be_a_knock() -> None:
    assert noise.peak_events([peaks_of([100], rise=False)], 137.0, inclusive=True) == noise.PeakEvents(1, 1)
    assert noise.peak_events([peaks_of([100], rise=True)], 137.0, inclusive=True) == noise.PeakEvents(1, 0)
    in_a_row = peaks_of([100, 101], rise=False)
    assert noise.peak_events([in_a_row], 137.0, inclusive=True) == noise.PeakEvents(1, 0)


def test_without_level_readings_a_knock_cannot_be_told() -> None:
    times = START + np.arange(60) * SECOND
    lcpeak = np.full(60, 100.0)
    lcpeak[30] = 139.0
    rows = reduced(batch(times, lcpeak=lcpeak), START, START + 60 * SECOND)
    day = noise.merge(rows, worker_day(START, START + 60 * SECOND))
    assert noise.peak_events([day], 137.0, inclusive=True) == noise.PeakEvents(1, 0)
    assert day.coverage == 0.0


def test_an_empty_batch_gives_an_empty_table_of_the_same_shape() -> None:
    rows = reduced(batch(np.zeros(0)), START, START + MINUTE_NS)
    assert rows.num_rows == 0
    assert rows.schema.equals(noise.SCHEMA)
    day = noise.merge(rows, worker_day(START, START + MINUTE_NS))
    assert (day.laeq_ns, day.coverage) == (0, 0.0)
    assert np.isnan(day.lcpeak_max_db)


@pytest.mark.parametrize(
    ("times", "start", "code"),
    [
        (START + np.array([5, 4, 3]) * SECOND, START, "not_rising"),
        (START + np.array([3, 3, 4]) * SECOND, START, "not_rising"),
        (START + np.array([3, 4, 5]) * SECOND, START + 1, "not_whole_minutes"),
    ],
)
def test_time_that_does_not_rise_and_odd_windows_are_refused(
    times: np.ndarray, start: int, code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        reduced(batch(times, laeq=np.full(3, 80.0)), start, START + MINUTE_NS)
    assert caught.value.code == code


def test_single_precision_from_the_wire_is_summed_in_double() -> None:
    times = START + np.arange(60) * SECOND
    levels = np.linspace(60.0, 90.0, 60)
    one = reduced(batch(times, laeq=levels.astype(np.float32)), START, START + MINUTE_NS)
    other = reduced(batch(times, laeq=levels.astype(np.float32).astype(np.float64)), START, START + MINUTE_NS)
    assert one.equals(other)
