"""Signs of trouble, held postures, rest and thigh activity on made signals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.exposure import percentiles
from analysis.posture import angular_velocity_deg_s, inclination_deg
from analysis.posture_activity import Activity, thigh_activity
from analysis.posture_fusion import fused_direction
from analysis.posture_holds import holds, rest
from analysis.posture_quality import QualityFlag, WearState, assess_recording, wear_states
from analysis.signal import low_pass
from sensors.errors import MethodError

FloatArray = NDArray[np.float64]
RATE = 50.0


def times(seconds: float) -> FloatArray:
    return np.arange(round(RATE * seconds)) / RATE


def forward(degrees: Any, noise: float = 0.003) -> FloatArray:
    angle = np.radians(np.asarray(degrees, np.float64))
    rows = np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)], axis=-1)
    return rows + np.random.default_rng(11).normal(0.0, noise, rows.shape)


def shaken(seconds: float = 120.0) -> FloatArray:
    """A 30° lean with 0.25 g to and fro at 1.9 Hz, as in walking."""
    push = 0.25 * np.sin(2 * np.pi * 1.9 * times(seconds))
    lean = np.radians(30.0)
    return np.stack(
        [np.cos(lean) - push * np.sin(lean), 0.0 * push, np.sin(lean) + push * np.cos(lean)], axis=1
    )


@pytest.mark.parametrize(
    ("cutoff", "p10", "p90", "speed"),
    [(5.0, 16.9, 43.1, 115.0), (3.0, 18.4, 41.6, 102.0), (1.0, 29.0, 31.0, 8.5)],
)
def test_a20_walking_fakes_angles_and_is_flagged(cutoff: float, p10: float, p90: float, speed: float) -> None:
    acc = shaken()
    smooth = low_pass(acc.T.copy(), RATE, cutoff).T
    theta = inclination_deg(smooth, [1.0, 0.0, 0.0])
    found = percentiles(theta, times(120.0), [10, 50, 90], 1.0)
    assert found == pytest.approx([p10, 30.0, p90], abs=0.1)
    assert np.median(angular_velocity_deg_s(smooth, times(120.0))) == pytest.approx(speed, rel=0.02)
    quality = assess_recording(acc, times(120.0))
    assert quality.flags == (QualityFlag.DYNAMIC_MOTION,)
    assert not quality.reliable


def test_slow_bending_is_not_flagged() -> None:
    angle = 30.0 - 30.0 * np.cos(2 * np.pi * times(120.0) / 4.0)
    quality = assess_recording(forward(angle), times(120.0))
    assert quality.flags == ()
    assert quality.reliable


def test_stuck_clipped_and_falling_are_found() -> None:
    acc = forward(np.full(round(RATE * 100), 20.0))
    acc[500:1500] = acc[500]
    acc[2000:2500, 0] = 8.0
    acc[3000:3100] *= 0.1
    quality = assess_recording(acc, times(100.0), range_g=8.0)
    assert quality.stuck_share == pytest.approx(0.2, abs=0.01)
    assert quality.clipped_share == pytest.approx(0.1, abs=0.001)
    assert quality.falling_share == pytest.approx(0.02, abs=0.001)
    assert {QualityFlag.STUCK, QualityFlag.CLIPPED, QualityFlag.FALLING} <= set(quality.flags)
    assert not quality.reliable


def test_repairs_of_the_time_base_are_counted() -> None:
    acc, when = forward(np.full(1000, 10.0)), times(20.0)
    when[500:] += 30.0
    order = np.r_[500:1000, 0:500, 3:5]
    quality = assess_recording(acc[order], when[order])
    assert (quality.gaps, quality.duplicates, quality.unordered) == (1, 2, 2)
    assert quality.flags == (QualityFlag.GAPS,)


def minutes(
    *parts: tuple[int, float, tuple[float, float, float]],
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    still = np.concatenate([np.full(number, share) for number, share, _ in parts])
    mean = np.concatenate([np.tile(vector, (number, 1)) for number, _, vector in parts])
    return still, mean, np.arange(still.size, dtype=np.int64) * 60_000_000_000


WORN, FLAT, TILTED = (0.9, 0.2, 0.3), (0.01, 0.02, 1.0), (0.7, 0.0, 0.7)


@pytest.mark.parametrize(
    ("number", "vector", "state"),
    [
        (9, FLAT, WearState.WORN),
        (10, FLAT, WearState.BENCH),
        (10, TILTED, WearState.STILL),
        (89, TILTED, WearState.STILL),
        (90, TILTED, WearState.OFF),
        (200, FLAT, WearState.OFF),
    ],
)
def test_stillness_is_off_only_when_long_or_on_the_bench(
    number: int, vector: tuple[float, float, float], state: WearState
) -> None:
    states = wear_states(*minutes((30, 0.1, WORN), (number, 1.0, vector), (30, 0.1, WORN)))
    assert set(states[:30]) == set(states[-30:]) == {"worn"}
    assert set(states[30:-30]) == {state.value}


def test_a_hole_ends_a_still_stretch() -> None:
    still, mean, when = minutes((60, 1.0, TILTED), (60, 1.0, TILTED))
    when[60:] += 600_000_000_000
    assert set(wear_states(still, mean, when)) == {"still"}
    assert wear_states(still[:0], mean[:0], when[:0]).size == 0


def test_holds_follow_each_other_and_stay_within_their_range() -> None:
    angle = np.concatenate([np.full(250, 0.0), np.full(205, 40.0), np.linspace(40.0, 0.0, 100)])
    when = np.arange(angle.size) / RATE
    found = holds(angle, when, 10.0, 1.0)
    assert (found[0].start_s, found[0].duration_s, found[0].mean) == pytest.approx((0.0, 5.0, 0.0))
    assert found[1].duration_s == pytest.approx(4.1 + 25 / RATE, abs=0.03)
    assert sum(hold.duration_s for hold in found) == pytest.approx(angle.size / RATE)
    when[300:] += 10.0
    assert holds(angle, when, 10.0, 1.0)[1].duration_s == pytest.approx(1.0)


def test_bad_holds_are_refused() -> None:
    with pytest.raises(MethodError) as caught:
        holds([1.0, 2.0], [0.0, 1.0], -1.0, 5.0)
    assert caught.value.code == "bad_variation"


def test_rest_is_low_and_slow_for_three_seconds() -> None:
    when = times(60.0)
    angle = np.where(when % 10 < 4, 5.0, 40.0)
    speed = np.where(np.diff(angle) == 0, 0.0, 500.0)
    found = rest(angle, speed, when)
    assert found.share == pytest.approx(0.4, abs=0.01)
    assert found.pauses_per_hour == pytest.approx(360.0)
    assert rest(angle, np.full(speed.size, 6.0), when).share == pytest.approx(0.0, abs=0.02)
    assert rest(np.where(when % 10 < 2.9, 5.0, 40.0), speed, when).share == 0.0
    assert np.isnan(rest(np.full(when.size, np.nan), speed, when).share)
    with pytest.raises(MethodError) as caught:
        rest(angle, speed[:-1], when)
    assert caught.value.code == "wrong_shape"


def test_thigh_tells_sitting_standing_and_walking() -> None:
    rng = np.random.default_rng(2)
    when = times(300.0)
    angle = np.where(when < 100, 85.0, 5.0)
    acc = forward(angle)
    walking = when >= 200
    acc[walking, 0] += 0.4 * np.sin(2 * np.pi * 1.9 * when[walking]) + rng.normal(0, 0.02, walking.sum())
    shares, starts, kinds = thigh_activity(acc, when, [1.0, 0.0, 0.0])
    assert (shares.sitting, shares.standing, shares.walking) == pytest.approx((1 / 3,) * 3, abs=0.01)
    assert kinds[10] is Activity.SITTING
    assert kinds[-1] is Activity.WALKING
    assert starts.shape[0] == len(kinds) == 150


@pytest.mark.parametrize(
    ("acc", "when", "code"),
    [
        (np.zeros((3, 3)), [0.0], "wrong_shape"),
        (np.full((3, 3), np.nan), [0.0, 1.0, 2.0], "no_valid_values"),
        (np.full((2, 3), 2.0), [0.0, 1.0], "units_unknown"),
        ([[1.0, 0.0, 0.0]], [0.0], "too_few_samples"),
    ],
)
def test_unusable_recordings_are_refused(acc: Any, when: Any, code: str) -> None:
    for call in (lambda: assess_recording(acc, when), lambda: thigh_activity(acc, when, [1.0, 0.0, 0.0])):
        with pytest.raises(MethodError) as caught:
            call()
        assert caught.value.code == code


def test_fusion_follows_a_rotation_that_shaking_hides() -> None:
    pytest.importorskip("vqf")
    when = times(60.0)
    acc = shaken(60.0)
    still = np.zeros_like(acc)
    found = fused_direction(acc, still, when)
    theta = inclination_deg(found.up, [1.0, 0.0, 0.0])
    assert "vqf" in found.method
    assert np.percentile(theta[500:], [10, 90]) == pytest.approx([30.0, 30.0], abs=1.0)
    with pytest.raises(MethodError) as caught:
        fused_direction(acc, still[:-1], when)
    assert caught.value.code == "wrong_shape"
