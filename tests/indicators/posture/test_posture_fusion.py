"""Angles from accelerometer and gyroscope together, where the site file asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.posture_fusion import fusion_method
from indicators.context import AssessmentContext
from indicators.model import Scope
from indicators.posture.angles import histogram_percentiles
from indicators.posture.assessment import assess
from indicators.reduction.posture import merge, reduce_minutes
from indicators.reduction.posture_bins import ANGLE_OFFSET
from indicators.reduction.posture_day import PostureDay
from indicators.reduction.stamp import _basis
from sensors.errors import MethodError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_model import Mount, Sensor

pytest.importorskip("vqf")

SECONDS = 3600.0
FUSING = Sensor(id="imu", kind=Kind.POSTURE, range_g=8.0, fusion=True)


@pytest.fixture
def shaken(bench: Any) -> ReadingBatch:
    """A trunk held at 30° on a vehicle that shakes it sideways and forwards: it does not turn at all."""
    times = bench.times(SECONDS)
    acc = bench.acceleration(np.full(times.shape, 30.0))
    acc[2] += 0.5 * np.sin(2 * np.pi * 1.3 * times)
    acc[1] += 0.4 * np.sin(2 * np.pi * 0.9 * times)
    still = bench.readings(acc)
    turns = np.random.default_rng(3).normal(0.0, 0.1, acc.shape)
    channels = {f"gyr_{axis}": turns[row] for row, axis in enumerate("xyz")}
    found: ReadingBatch = replace(still, channels={**still.channels, **channels})
    return found


def day_of(bench: Any, readings: ReadingBatch, sensor: Sensor, **options: Any) -> PostureDay:
    table = reduce_minutes(
        readings,
        sensor=sensor,
        mount=Mount.UPPER_BACK,
        calibration=bench.calibration(),
        start_ns=bench.start_ns,
        end_ns=bench.start_ns + round(SECONDS * 1e9),
    )
    return merge(table, bench.worker_day(SECONDS, **options))


def spread_deg(day: PostureDay) -> float:
    low, high = percentiles_deg(day, 5, 95)
    return high - low


def percentiles_deg(day: PostureDay, *percents: float) -> list[float]:
    return [float(one) for one in histogram_percentiles(day.flexion_ns[None], percents, -ANGLE_OFFSET)[0]]


def test_the_gyroscope_takes_out_what_shaking_does_to_the_angle(bench: Any, shaken: ReadingBatch) -> None:
    alone = day_of(bench, shaken, bench.sensor)
    fused = day_of(bench, shaken, FUSING)
    assert spread_deg(alone) > 30.0
    assert spread_deg(fused) < 3.0
    assert histogram_percentiles(fused.flexion_ns[None], [50], -ANGLE_OFFSET)[0, 0] == pytest.approx(
        30.0, abs=1.0
    )
    assert (alone.fused_by, fused.fused_by) == ("", fusion_method())
    assert fused.valid_ns == alone.valid_ns
    # Quality is that of the acceleration, whatever the angles rest on.
    assert fused.quality.dynamic_ns == alone.quality.dynamic_ns > 0.9 * alone.valid_ns


def test_results_say_what_the_angles_rest_on(
    bench: Any, shaken: ReadingBatch, press_context: AssessmentContext
) -> None:
    def found(sensor: Sensor) -> Any:
        days = [day_of(bench, shaken, sensor, wearer=f"p{n}", day=n) for n in range(2)]
        return next(
            item
            for item in assess(days, context=press_context)
            if item.id == "trunk_flexion_p50" and item.scope is Scope.USUAL
        )

    alone, fused = found(bench.sensor), found(FUSING)
    assert fused.method.endswith(f"5 Hz zero-phase low-pass; {fusion_method()}")
    assert "vqf" not in alone.method
    assert {"gyroscope_used"} == {note.code for note in fused.quality} - {note.code for note in alone.quality}
    assert "dynamic_unreliable" in {note.code for note in alone.quality}
    assert "dynamic_unreliable" not in {note.code for note in fused.quality}


def test_days_with_and_without_gyroscope_are_not_pooled_for_velocity(
    bench: Any, shaken: ReadingBatch, press_context: AssessmentContext
) -> None:
    days = [
        replace(day, day=replace(day.day, mount=Mount.UPPER_ARM_DOMINANT))
        for day in (
            day_of(bench, shaken, bench.sensor, wearer="p1"),
            day_of(bench, shaken, FUSING, wearer="p2", day=1),
        )
    ]
    velocity = next(item for item in assess(days, context=press_context) if item.id == "arm_velocity_p50")
    assert velocity.value is None
    assert "velocity_methods_mixed" in {note.code for note in velocity.quality}


def test_fusion_without_angular_rate_is_refused(bench: Any) -> None:
    still = bench.readings(bench.acceleration(np.zeros(3000)))
    with pytest.raises(MethodError) as refused:
        day_of(bench, still, FUSING)
    assert refused.value.code == "gyroscope_missing"


def test_turning_fusion_on_makes_the_summaries_anew(bench: Any) -> None:
    assert _basis(FUSING, ()) != _basis(bench.sensor, ())
