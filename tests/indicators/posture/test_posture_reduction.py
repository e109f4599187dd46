"""Minutes of posture: exact against the pure functions, the same for every split, honest about bad data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from analysis.exposure import (
    events_per_minute,
    exposure_variation,
    longest_hold_s,
    percentiles,
    time_in_bands,
)
from analysis.posture import angular_velocity_deg_s, frame_angles_deg
from analysis.posture_calibration import Reference, body_frame
from analysis.signal import low_pass
from indicators.posture.angles import histogram_percentiles
from indicators.posture.seconds import DaysSeconds
from indicators.reduction.posture import SCHEMA, PostureDay, frame_of, merge, reduce_minutes
from indicators.reduction.posture_bins import velocity_bin, velocity_edges_deg_s
from sensors.errors import MethodError
from sensors.readings import Flag, ReadingBatch
from sensors.site_model import Mount, Sensor

if TYPE_CHECKING:
    from tests.indicators.posture.conftest import Bench
else:
    Bench = Any

FloatArray = NDArray[np.float64]

HOUR_S = 3600.0


def work(bench: Bench, seconds: float) -> FloatArray:
    """Bending, leaning aside and walking, with noise."""
    t = bench.times(seconds)
    flexion = 15 + 25 * np.sin(2 * np.pi * t / 37) + 15 * np.sin(2 * np.pi * t / 7.3) + 12 * np.sin(t / 97)
    acc = bench.acceleration(flexion, 8 * np.sin(2 * np.pi * t / 11))
    acc[2] += 0.25 * np.sin(2 * np.pi * 1.9 * t) * (np.sin(2 * np.pi * t / 300) > 0.7)
    return acc


def cut(readings: ReadingBatch, keep: NDArray[np.bool_]) -> ReadingBatch:
    return ReadingBatch(
        readings.site,
        readings.sensor,
        readings.kind,
        readings.times_ns[keep],
        {name: column[keep] for name, column in readings.channels.items()},
    )


def same(first: PostureDay, second: PostureDay) -> bool:
    for entry in dataclasses.fields(PostureDay):
        one, two = getattr(first, entry.name), getattr(second, entry.name)
        if isinstance(one, np.ndarray):
            if not np.array_equal(one, two):
                return False
        elif isinstance(one, dict):
            if one.keys() != two.keys() or any(not np.array_equal(one[key], two[key]) for key in one):
                return False
        elif one != two and not (isinstance(one, float) and np.isnan(one) and np.isnan(two)):
            return False
    return True


@pytest.fixture
def gappy(bench: Bench) -> ReadingBatch:
    """An hour with a gap inside a minute and one that begins on a minute."""
    readings = bench.readings(work(bench, HOUR_S))
    keep = np.ones(len(readings), bool)
    keep[20_010:21_000] = False
    keep[30_000:30_040] = False
    return cut(readings, keep)


def test_counts_are_those_of_the_pure_functions(bench: Bench, gappy: ReadingBatch) -> None:
    day = merge(bench.minutes(gappy, HOUR_S), bench.worker_day(HOUR_S))
    seconds = (gappy.times_ns - bench.start_ns) / 1e9
    starts = np.concatenate([[0], np.flatnonzero(np.diff(seconds) > 1.0) + 1, [seconds.size]]).astype(np.intp)
    acc = np.stack([gappy.channels[f"acc_{axis}"] for axis in "xyz"]).astype(np.float64)
    smooth = low_pass(acc, 25.0, starts=starts)
    theta, flexion, lateral = frame_angles_deg(smooth.T, body_frame((1, 0, 0), (0.766, 0, 0.643)))
    assert flexion is not None
    assert lateral is not None
    assert day.valid_ns == day.work_ns == seconds.size * 40_000_000
    for k in (20, 45, 60):
        expected = time_in_bands(flexion, seconds, [-180, k, 180], 1.0)[1]
        assert day.flexion_at_least_ns(k) / 1e9 == pytest.approx(expected, abs=1e-6)
        per_minute = events_per_minute(flexion, seconds, k, 5, 1.0)
        assert day.events[f"flexion_{k}"] == round(per_minute * day.valid_ns / 60e9)
    # Seconds of UTC here, seconds from the start of each segment there.
    longest = longest_hold_s(flexion, seconds, 20, 1.0)
    assert DaysSeconds([day]).longest_hold_s("flexion_ge20") == pytest.approx(longest, abs=1.0)
    for histogram, angle, lowest in (
        (day.inclination_ns, theta, 0),
        (day.flexion_ns, flexion, -180),
        (day.lateral_ns, lateral, -180),
    ):
        counts = np.bincount((np.floor(angle + 1e-9) - lowest).astype(int), minlength=histogram.size)
        assert np.array_equal(histogram, counts * 40_000_000)
    table = exposure_variation(
        flexion, seconds, [-180, 0, 15, 30, 45, 60, 90, 180], [0, 1, 3, 7, 15, 31, np.inf], 1.0
    )
    assert 100 * day.eva_ns / day.eva_ns.sum() == pytest.approx(table, abs=1e-9)
    assert day.eva_ns.sum() == day.valid_ns
    speed = angular_velocity_deg_s(smooth.T, seconds)
    counts = np.bincount(velocity_bin(speed[~np.isnan(speed)]), minlength=241) * 40_000_000
    assert np.array_equal(day.velocity_ns, counts)
    expected = percentiles(flexion, seconds, [10, 50, 90], 1.0)
    assert histogram_percentiles(day.flexion_ns[None], [10, 50, 90], -180)[0] == pytest.approx(
        expected, abs=0.5
    )


@pytest.mark.parametrize("cuts", [(0, 30, 60), (0, 1, 2, 17, 43, 44, 60), tuple(range(0, 61, 5))])
def test_every_split_merges_to_the_same_day(bench: Bench, gappy: ReadingBatch, cuts: Sequence[int]) -> None:
    whole = merge(bench.minutes(gappy, HOUR_S), bench.worker_day(HOUR_S))
    parts = []
    for first, last in pairwise(cuts):
        begin, end = (bench.start_ns + minute * 60_000_000_000 for minute in (first, last))
        near = (gappy.times_ns >= begin - 10_000_000_000) & (gappy.times_ns < end + 10_000_000_000)
        parts.append(bench.minutes(cut(gappy, near), 60.0 * (last - first), first_s=60.0 * first))
    assert same(whole, merge(pa.concat_tables(parts[::-1]), bench.worker_day(HOUR_S)))


def test_a21_eight_hours_are_one_shift_to_the_last_nanosecond(bench: Bench) -> None:
    readings = bench.readings(work(bench, 8 * HOUR_S))
    whole = bench.minutes(readings, 8 * HOUR_S)
    hours = []
    for hour in range(8):
        begin, end = (bench.start_ns + (hour + plus) * 3_600_000_000_000 for plus in (0, 1))
        near = (readings.times_ns >= begin - 10_000_000_000) & (readings.times_ns < end + 10_000_000_000)
        hours.append(bench.minutes(cut(readings, near), HOUR_S, first_s=hour * HOUR_S))
    assert pa.concat_tables(hours).combine_chunks().equals(whole.combine_chunks())
    day = merge(whole, bench.worker_day(8 * HOUR_S))
    assert day.valid_ns == 8 * 3_600_000_000_000
    assert day.coverage == 1.0


@pytest.mark.parametrize("k", [0, 20, 30, 40, 45, 50, 60, 90])
def test_a1_exact_thresholds_survive_filter_and_mounting(quiet_bench: Bench, k: int) -> None:
    rng = np.random.default_rng(k)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    acc = turn @ quiet_bench.acceleration(np.full(1500, float(k)))
    calibration = quiet_bench.calibration(
        upright=tuple(turn @ [1.0, 0.0, 0.0]), lean=tuple(turn @ [np.cos(0.7), 0.0, np.sin(0.7)])
    )
    day = quiet_bench.day(acc, calibration=calibration)
    assert day.inclination_at_least_ns(k) == day.flexion_at_least_ns(k) == day.valid_ns == 60_000_000_000
    assert day.inclination_at_least_ns(k + 1) == day.flexion_at_least_ns(k + 1) == 0


def test_order_duplicates_and_missing_rows_do_not_matter(bench: Bench, gappy: ReadingBatch) -> None:
    rng = np.random.default_rng(3)
    order = rng.permutation(np.append(np.arange(len(gappy)), rng.integers(0, len(gappy), 500)))
    channels = {name: column[order].astype(np.float64) for name, column in gappy.channels.items()}
    times = np.append(gappy.times_ns[order], gappy.times_ns[:50] + 7_000_000)
    holes = {name: np.append(column, np.full(50, np.nan)) for name, column in channels.items()}
    mixed = ReadingBatch("atelier", "imu", gappy.kind, times, holes)
    assert bench.minutes(mixed, HOUR_S).equals(bench.minutes(gappy, HOUR_S))


def test_a11_jitter_and_loss_change_little(bench: Bench) -> None:
    rng = np.random.default_rng(4)
    acc = work(bench, HOUR_S)
    plain = bench.day(acc)
    times = bench.start_ns + np.arange(acc.shape[1]) * 40_000_000
    times = times + rng.integers(-1_600_000, 1_600_000, times.size)
    moved = np.stack([np.interp(times, bench.readings(acc).times_ns, row) for row in acc])
    keep = rng.random(times.size) > 0.01
    day = merge(bench.minutes(bench.readings(moved[:, keep], times[keep]), HOUR_S), bench.worker_day(HOUR_S))
    assert day.valid_ns == pytest.approx(plain.valid_ns, rel=0.005)
    for k in (20, 45):
        share = day.flexion_at_least_ns(k) / day.valid_ns
        assert share == pytest.approx(plain.flexion_at_least_ns(k) / plain.valid_ns, rel=0.01)


def test_events_that_begin_on_a_minute_are_counted_once(quiet_bench: Bench) -> None:
    t = quiet_bench.times(600.0)
    flexion = np.where((t - 30.0) % 60.0 < 30.0, 10.0, 50.0)
    flexion[(t >= 299.0) & (t < 300.0)] = 42.0
    day = quiet_bench.day(quiet_bench.acceleration(flexion))
    assert day.events == {"flexion_20": 9, "flexion_45": 9, "flexion_60": 0}
    assert day.minute_events["flexion_45"].sum() == 9


def test_a_hold_over_minutes_stays_whole(quiet_bench: Bench) -> None:
    t = quiet_bench.times(600.0)
    flexion = np.where((t >= 100.0) & (t < 400.0), 65.0, 5.0)
    day = quiet_bench.day(quiet_bench.acceleration(flexion))
    assert DaysSeconds([day]).longest_hold_s("flexion_ge60") == 300.0
    assert int(np.bitwise_count(day.masks["flexion_ge60"]).sum()) == 300
    # Level 60–90°, longest class; the low-pass gives the two flanks away.
    assert day.eva_ns[5, -1] / 1e9 == pytest.approx(300.0, abs=0.2)


def test_without_reference_only_velocity_and_quality_are_kept(bench: Bench) -> None:
    day = bench.day(work(bench, 600.0), bare=True)
    assert day.reference is Reference.NONE
    assert not day.splits
    assert not day.inclination_ns.any()
    assert day.velocity_ns.sum() > 0
    assert day.events == {}
    assert set(day.masks) == {"present", "moving"}
    assert day.valid_ns == 600_000_000_000


def test_upright_alone_gives_inclination_and_no_direction(bench: Bench) -> None:
    acc = work(bench, 600.0)
    day = bench.day(acc, calibration=bench.calibration(kind="upright_only", lean=None))
    full = bench.day(acc)
    assert day.reference is Reference.UPRIGHT_ONLY
    assert np.array_equal(day.inclination_ns, full.inclination_ns)
    assert not day.splits
    assert "inclination_ge45" in day.masks
    assert "flexion_ge45" not in day.masks


def test_an_arm_is_described_by_inclination(bench: Bench) -> None:
    day = bench.day(work(bench, 600.0), mount=Mount.UPPER_ARM_DOMINANT)
    assert {"inclination_20", "inclination_30", "inclination_60", "inclination_90"} == set(day.events)
    assert day.splits


def test_estimated_references_say_so(bench: Bench) -> None:
    day = bench.day(work(bench, 120.0), calibration=bench.calibration(kind="estimated", error_deg=6.0))
    assert day.reference is Reference.ESTIMATED
    assert day.error_deg == 6.0
    frame = frame_of(bench.calibration(kind="estimated", error_deg=6.0))
    assert frame is not None
    assert frame.splits


def test_breaks_leave_the_working_time_and_stay_in_the_shift(quiet_bench: Bench) -> None:
    t = quiet_bench.times(1200.0)
    flexion = np.where((t >= 600.0) & (t < 900.0), 70.0, 5.0)
    acc = quiet_bench.acceleration(flexion)
    day = quiet_bench.day(acc, breaks=[(600.0, 900.0)])
    assert (day.valid_ns, day.work_ns, day.break_ns) == (1_200_000_000_000, 900_000_000_000, 300_000_000_000)
    assert day.flexion_at_least_ns(60) / 1e9 == pytest.approx(0.0, abs=0.1)
    assert day.flexion_ns[240:].sum() / 1e9 == pytest.approx(300.0, abs=0.2)
    assert day.minutes_ns.size == 15
    assert day.coverage == 1.0


def test_only_whole_minutes_inside_spans_count(quiet_bench: Bench) -> None:
    acc = quiet_bench.acceleration(np.full(25 * 600, 30.0))
    day = quiet_bench.day(acc, spans=[(30.0, 200.0), (240.0, 300.0)])
    assert day.valid_ns == 3 * 60_000_000_000
    assert day.coverage == pytest.approx(0.3)
    assert [int(m - quiet_bench.start_ns) // 60_000_000_000 for m in day.minutes_ns] == [1, 2, 4]


def test_a_sensor_left_lying_is_not_worn(bench: Bench) -> None:
    acc = work(bench, 4 * HOUR_S)
    half = acc.shape[1] // 2
    rng = np.random.default_rng(8)
    acc[:, half:] = np.array([[0.0], [0.0], [1.0]]) + rng.normal(0.0, 0.002, (3, half))
    day = bench.day(acc)
    assert day.quality.off_ns == 2 * 3_600_000_000_000
    assert day.coverage == pytest.approx(0.5)
    assert day.flexion_at_least_ns(60) / day.valid_ns < 0.1
    short = acc[:, : half + 25 * 1200]
    assert bench.day(short).quality.bench_ns == 1200_000_000_000
    tilted = short.copy()
    tilted[:, half:] = np.array([[0.7], [0.1], [0.7]]) + rng.normal(0.0, 0.002, (3, 25 * 1200))
    still = bench.day(tilted)
    assert still.quality.quiet_ns == 1200_000_000_000
    assert still.quality.bench_ns == still.quality.off_ns == 0


def test_stuck_clipped_and_fast_samples_are_counted(bench: Bench) -> None:
    acc = work(bench, 600.0)
    acc[:, 1500:3000] = acc[:, 1500:1501]
    acc[0, 4500:4750] = 8.0
    t = bench.times(120.0)
    acc[1, 6000:9000] += 0.4 * np.sin(2 * np.pi * 2.0 * t)
    day = bench.day(acc)
    assert day.quality.stuck_ns == pytest.approx(60e9, abs=2.1e9)
    assert day.quality.clipped_ns == 10_000_000_000
    assert day.quality.dynamic_ns > 90e9
    calm = bench.day(bench.acceleration(np.full(25 * 600, 20.0)))
    assert calm.quality.dynamic_ns == 0


def test_a_slipped_sensor_is_suspected(bench: Bench) -> None:
    t = bench.times(2 * HOUR_S)
    flexion = 10 + 8 * np.sin(t / 2)
    assert bench.day(bench.acceleration(flexion)).quality.slip_deg < 3
    slipped = bench.day(bench.acceleration(flexion + np.where(t > HOUR_S, 30.0, 0.0)))
    assert slipped.quality.slip_deg == pytest.approx(30.0, abs=5.0)


def test_float32_from_the_wire_is_taken(bench: Bench) -> None:
    acc = work(bench, 600.0)
    readings = bench.readings(acc.astype(np.float32))
    wide = bench.day(acc)
    day = merge(bench.minutes(readings, 600.0), bench.worker_day(600.0))
    assert day.flexion_at_least_ns(20) / day.valid_ns == pytest.approx(
        wide.flexion_at_least_ns(20) / wide.valid_ns, abs=1e-3
    )


def test_rows_that_ingest_marked_stuck_are_left_out(bench: Bench) -> None:
    readings = bench.readings(work(bench, 600.0))
    flags = np.zeros(len(readings), np.uint16)
    flags[3000:6000] = Flag.STUCK
    marked = dataclasses.replace(readings, flags=flags)
    day = merge(bench.minutes(marked, 600.0), bench.worker_day(600.0))
    assert day.valid_ns == 480_000_000_000


@pytest.mark.parametrize("missing", ["acc_x", "acc_y", "acc_z"])
def test_two_axes_are_not_enough(bench: Bench, missing: str) -> None:
    readings = bench.readings(work(bench, 120.0))
    channels = {name: column for name, column in readings.channels.items() if name != missing}
    poor = ReadingBatch("atelier", "imu", readings.kind, readings.times_ns, channels)
    assert bench.minutes(poor, 120.0).num_rows == 0


def test_nothing_measured_is_an_empty_day(bench: Bench) -> None:
    empty = bench.readings(np.zeros((3, 0)))
    table = bench.minutes(empty, 600.0)
    assert table.schema.equals(SCHEMA)
    assert table.num_rows == 0
    day = merge(table, bench.worker_day(600.0))
    assert day.coverage == 0.0
    assert day.valid_ns == 0
    assert day.reference is Reference.NONE
    for rows in (np.full((3, 100), np.nan), np.full((3, 100), np.inf), np.ones((3, 1))):
        assert bench.minutes(bench.readings(rows), 600.0).num_rows == 0


def test_rows_of_two_calibrations_are_never_pooled(bench: Bench) -> None:
    readings = bench.readings(work(bench, 120.0))
    tables = [bench.minutes(readings, 60.0), bench.minutes(readings, 60.0, first_s=60.0, bare=True)]
    with pytest.raises(MethodError) as caught:
        merge(pa.concat_tables(tables), bench.worker_day(120.0))
    assert caught.value.code == "references_mixed"


def test_windows_are_whole_minutes(bench: Bench) -> None:
    with pytest.raises(MethodError) as caught:
        bench.minutes(bench.readings(work(bench, 60.0)), 59.0)
    assert caught.value.code == "bad_window"


def test_a_slow_sensor_is_not_filtered_and_says_so() -> None:
    times = 1_794_985_200_000_000_000 + np.arange(1200, dtype=np.int64) * 500_000_000
    from sensors.quantities import Kind

    readings = ReadingBatch(
        "atelier",
        "imu",
        Kind.POSTURE,
        times,
        {"acc_x": np.ones(1200), "acc_y": np.zeros(1200), "acc_z": np.zeros(1200)},
    )
    table = reduce_minutes(
        readings,
        sensor=Sensor(id="imu", kind=Kind.POSTURE),
        mount=Mount.UPPER_BACK,
        calibration=None,
        start_ns=int(times[0]) // 60_000_000_000 * 60_000_000_000,
        end_ns=int(times[0]) // 60_000_000_000 * 60_000_000_000 + 600_000_000_000,
    )
    assert np.isnan(table.column("lowpass_hz").to_numpy()).all()
    assert table.column("valid_ns").to_pylist() == [60_000_000_000] * 10


def test_velocity_edges_hold_the_bounds_that_matter() -> None:
    edges = velocity_edges_deg_s()
    for bound in (5.0, 60.0):
        assert np.abs(edges - bound).min() < 1e-9
        assert edges[velocity_bin(np.array([bound]))[0]] == pytest.approx(bound)
    assert (np.diff(edges) > 0).all()
