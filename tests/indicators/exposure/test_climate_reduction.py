"""Minute rows of climate: any cut gives the same bytes; WBGT reading by reading, by the best method."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import thermal
from analysis.thermal import WbgtMethod
from indicators.model import Span, WorkerDay
from indicators.reduction import climate
from indicators.reduction.minutes import MINUTE_NS, padding_ns
from sensors.quantities import Kind
from sensors.readings import Flag, ReadingBatch
from sensors.site_model import Mount, Sensor

START = 1_795_000_020_000_000_000 // MINUTE_NS * MINUTE_NS
SECOND = 1_000_000_000


def sensor(period_s: float | None = None, diameter_m: float = 0.15) -> Sensor:
    return Sensor(id="air", kind=Kind.CLIMATE, period_s=period_s, globe_diameter_m=diameter_m)


def batch(times: np.ndarray, flags: np.ndarray | None = None, **channels: np.ndarray) -> ReadingBatch:
    bits = np.zeros(times.size) if flags is None else flags
    return ReadingBatch("site", "air", Kind.CLIMATE, times.astype(np.int64), channels, bits.astype(np.uint16))


def reduced(readings: ReadingBatch, start: int, end: int, device: Sensor | None = None) -> pa.Table:
    return climate.reduce_minutes(
        readings,
        sensor=device or sensor(),
        mount=Mount.FIXED,
        calibration=None,
        start_ns=start,
        end_ns=end,
    )


def one_day(readings: ReadingBatch, minutes: int, device: Sensor | None = None) -> climate.ClimateDay:
    end = START + minutes * MINUTE_NS
    day = WorkerDay(
        "site",
        "oven",
        "morning",
        date(2026, 11, 16),
        Kind.CLIMATE,
        "air",
        Mount.FIXED,
        None,
        START,
        end,
        (Span(START, end),),
        (),
        end - START,
    )
    return climate.merge(reduced(readings, START, end, device), day)


def regular(count: int, step_s: int = 60) -> np.ndarray:
    return START + np.arange(count) * step_s * SECOND


def wbgt_of(day: climate.ClimateDay) -> float:
    return float(day.minute_wbgt_sum.sum() / (day.wbgt_ns * 1e-9))


@st.composite
def recordings(draw: st.DrawFn) -> tuple[ReadingBatch, Sensor, int]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    period_s = draw(st.sampled_from([10.0, 60.0, 90.0, 300.0]))
    minutes = draw(st.integers(2, 20))
    count = round(minutes * 60 / period_s) + 8
    steps = rng.choice([1.0, 1.0, 0.5, 3.0], count) * period_s * SECOND
    times = START - 3 * round(period_s * SECOND) + np.cumsum(np.rint(steps)).astype(np.int64)
    columns = {
        "air_temperature": 25 + 8 * rng.standard_normal(count),
        "relative_humidity": rng.uniform(0, 100, count),
        "globe_temperature": 30 + 8 * rng.standard_normal(count),
        "natural_wet_bulb_temperature": 20 + 3 * rng.standard_normal(count),
        "air_speed": rng.uniform(0, 2, count),
    }
    for column in columns.values():
        column[rng.random(count) < 0.3] = np.nan
    flags = np.where(rng.random(count) < 0.05, int(Flag.STUCK), 0)
    return batch(times, flags, **columns), sensor(period_s, draw(st.sampled_from([0.15, 0.04]))), minutes


def cut(readings: ReadingBatch, start: int, end: int, device: Sensor) -> ReadingBatch:
    pad = padding_ns(device, "air_temperature")
    inside = (readings.times_ns >= start - pad) & (readings.times_ns < end + pad)
    return batch(
        readings.times_ns[inside],
        readings.flags[inside],
        **{name: np.asarray(column[inside]) for name, column in readings.channels.items()},
    )


@settings(max_examples=60, deadline=None)
@given(recordings(), st.data())
def test_any_cut_of_the_data_gives_the_same_bytes(
    recorded: tuple[ReadingBatch, Sensor, int], data: st.DataObject
) -> None:
    readings, device, minutes = recorded
    end = START + minutes * MINUTE_NS
    inner = data.draw(st.sets(st.integers(1, minutes - 1), max_size=3))
    edges = [START, *(START + step * MINUTE_NS for step in sorted(inner)), end]
    parts = [reduced(cut(readings, low, high, device), low, high, device) for low, high in pairwise(edges)]
    whole = reduced(readings, START, end, device)
    assert pa.concat_tables(parts).combine_chunks().equals(whole.combine_chunks())


def test_a_cut_sees_the_old_reading_that_the_reading_before_the_cut_is_combined_with() -> None:
    """A wet bulb almost a period old decides how the next message, held into the window, is judged."""
    nan = np.nan
    device = sensor(90.0, 0.15)
    times = START + np.array([0, 80, 170]) * SECOND
    readings = batch(
        times,
        air_temperature=np.array([nan, 25.0, 25.0]),
        relative_humidity=np.array([nan, 50.0, 50.0]),
        globe_temperature=np.array([nan, 30.0, 30.0]),
        natural_wet_bulb_temperature=np.array([20.0, nan, nan]),
    )
    end = START + 4 * MINUTE_NS
    whole = reduced(readings, START, end, device)
    middle = START + 2 * MINUTE_NS
    parts = [
        reduced(cut(readings, low, high, device), low, high, device)
        for low, high in ((START, middle), (middle, end))
    ]
    assert pa.concat_tables(parts).combine_chunks().equals(whole.combine_chunks())


def test_both_boundaries_of_the_law_are_included() -> None:
    air = np.array([5.0, 5.001, 4.999, 30.0, 29.999, 30.001])
    day = one_day(batch(regular(6), air_temperature=air), 6)
    assert (day.cold_ns, day.hot_ns) == (2 * MINUTE_NS, 2 * MINUTE_NS)
    assert (day.air_min_c, day.air_max_c) == (4.999, 30.001)
    assert int(day.histogram_ns.sum()) == day.ns["air"] == 6 * MINUTE_NS
    assert int(day.histogram_ns[30 - climate.HISTOGRAM_LOW_C]) == 2 * MINUTE_NS


@pytest.mark.parametrize(
    ("channels", "method"),
    [
        (("natural_wet_bulb_temperature", "globe_temperature"), WbgtMethod.MEASURED),
        (
            ("air_temperature", "relative_humidity", "globe_temperature", "air_speed"),
            WbgtMethod.ESTIMATED_WET_BULB,
        ),
        (
            ("air_temperature", "relative_humidity", "globe_temperature"),
            WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED,
        ),
        (("air_temperature", "relative_humidity"), WbgtMethod.SHADE_ESTIMATE),
    ],
)
def test_wbgt_takes_the_best_method_that_the_channels_allow(
    channels: tuple[str, ...], method: WbgtMethod
) -> None:
    values = {
        "air_temperature": 30.0,
        "relative_humidity": 50.0,
        "globe_temperature": 40.0,
        "natural_wet_bulb_temperature": 24.0,
        "air_speed": 1.0,
    }
    day = one_day(batch(regular(10), **{name: np.full(10, values[name]) for name in channels}), 10)
    expected = {
        WbgtMethod.MEASURED: 0.7 * 24 + 0.3 * 40,
        WbgtMethod.ESTIMATED_WET_BULB: 0.7 * float(thermal.natural_wet_bulb_estimate_c(30, 50, 40, 1.0)) + 12,
        WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED: 0.7 * float(thermal.natural_wet_bulb_estimate_c(30, 50, 40))
        + 12,
        WbgtMethod.SHADE_ESTIMATE: float(thermal.wbgt_shade_estimate_c(30, 50)),
    }
    assert wbgt_of(day) == pytest.approx(expected[method], abs=1e-9)
    assert {code: held for code, held in day.wbgt_method_ns.items() if held} == {method: 10 * MINUTE_NS}
    assert day.wbgt_coverage == 1.0


def test_channels_that_come_at_different_times_are_held_for_one_period() -> None:
    times = np.sort(np.concatenate([regular(10), regular(10) + 30 * SECOND]))
    air = np.where(np.arange(20) % 2 == 0, 30.0, np.nan)
    humidity = np.where(np.arange(20) % 2 == 1, 50.0, np.nan)
    day = one_day(batch(times, air_temperature=air, relative_humidity=humidity), 10)
    assert day.ns["air"] == 10 * MINUTE_NS
    # The first humidity comes half a minute late; from then on both are known.
    assert day.wbgt_ns == 10 * MINUTE_NS - 30 * SECOND
    assert wbgt_of(day) == pytest.approx(float(thermal.wbgt_shade_estimate_c(30, 50)))


def test_a_lost_channel_is_not_held_beyond_its_period() -> None:
    air = np.full(10, 30.0)
    humidity = np.where(np.arange(10) < 4, 50.0, np.nan)
    day = one_day(batch(regular(10), air_temperature=air, relative_humidity=humidity), 10)
    assert (day.ns["air"], day.wbgt_ns) == (10 * MINUTE_NS, 4 * MINUTE_NS)


def test_a_small_globe_is_read_as_one_of_the_standard() -> None:
    channels = {
        "air_temperature": np.full(10, 30.0),
        "relative_humidity": np.full(10, 50.0),
        "globe_temperature": np.full(10, 40.0),
    }
    small = one_day(batch(regular(10), **channels), 10, sensor(diameter_m=0.04))
    assert wbgt_of(small) > wbgt_of(one_day(batch(regular(10), **channels), 10)) + 0.5


def test_air_too_cold_for_a_wet_bulb_has_a_temperature_and_no_wbgt() -> None:
    day = one_day(
        batch(regular(10), air_temperature=np.full(10, -50.0), relative_humidity=np.full(10, 50.0)), 10
    )
    assert (day.ns["air"], day.wbgt_ns) == (10 * MINUTE_NS, 0)


def test_stuck_readings_are_missing_and_counted() -> None:
    flags = np.where(np.arange(10) < 5, int(Flag.STUCK), 0)
    day = one_day(batch(regular(10), flags, air_temperature=np.full(10, 21.0)), 10)
    assert (day.ns["air"], day.stuck_ns) == (5 * MINUTE_NS, 5 * MINUTE_NS)


def test_an_empty_batch_gives_an_empty_table_of_the_same_shape() -> None:
    rows = reduced(batch(np.zeros(0)), START, START + MINUTE_NS)
    assert rows.num_rows == 0
    assert rows.schema.equals(climate.SCHEMA)
    day = one_day(batch(np.zeros(0)), 3)
    assert (day.coverage, day.wbgt_coverage) == (0.0, 0.0)
    assert np.isnan(day.air_min_c)
