"""Reference postures: what is accepted, what is refused with which code, and the walking estimate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.posture import flexion_deg
from analysis.posture_calibration import Reference, body_frame, calibrate, estimate_from_walking
from sensors.errors import MethodError

FloatArray = NDArray[np.float64]


def still(
    degrees: float, seconds: float, rate: float = 50.0, noise: float = 0.005
) -> tuple[FloatArray, FloatArray]:
    number = round(seconds * rate)
    angle = np.radians(degrees)
    rng = np.random.default_rng(3)
    rows = np.tile([np.cos(angle), 0.0, np.sin(angle)], (number, 1)) + rng.normal(0.0, noise, (number, 3))
    return rows, np.arange(number) / rate


def refused(call: Any, *arguments: Any) -> str | None:
    with pytest.raises(MethodError) as caught:
        call(*arguments)
    assert caught.value.remedy or caught.value.rule
    return caught.value.code


def test_two_postures_give_right_handed_body_axes() -> None:
    frame = calibrate(*still(0.0, 12.0), *still(40.0, 6.0))
    assert frame.reference is Reference.TWO_POSTURES
    assert frame.y is not None
    assert frame.z is not None
    axes = np.stack([frame.x, frame.y, frame.z])
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    assert frame.z[2] == pytest.approx(1.0, abs=0.01)


def test_upright_alone_splits_nothing() -> None:
    frame = calibrate(*still(0.0, 10.0))
    assert frame.reference is Reference.UPRIGHT_ONLY
    assert not frame.splits


@pytest.mark.parametrize(
    ("upright", "lean", "code"),
    [
        (still(0.0, 9.9), (None, None), "upright_too_short"),
        (still(0.0, 12.0), still(40.0, 4.9), "lean_too_short"),
        (still(0.0, 12.0), still(19.0, 6.0), "lean_too_small"),
        (still(0.0, 12.0, noise=0.2), (None, None), "not_still"),
        (still(0.0, 12.0), still(40.0, 6.0, noise=0.2), "not_still"),
    ],
)
def test_poor_recordings_are_refused(
    upright: tuple[FloatArray, FloatArray], lean: tuple[Any, Any], code: str
) -> None:
    assert refused(calibrate, *upright, *lean) == code


def test_a_lean_of_exactly_twenty_degrees_is_enough() -> None:
    angle = np.radians(20.0)
    assert body_frame([1.0, 0.0, 0.0], [np.cos(angle), 0.0, np.sin(angle)]).splits


def test_stillness_does_not_depend_on_the_unit() -> None:
    rows, times = still(0.0, 12.0, noise=0.04)
    assert calibrate(rows * 9.80665, times).x == pytest.approx(calibrate(rows, times).x)


def walking(degrees: float, seconds: float = 120.0) -> tuple[FloatArray, FloatArray]:
    times = np.arange(0.0, seconds, 0.04)
    angle = np.radians(degrees + 4.0 * np.sin(2 * np.pi * 1.9 * times))
    return np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)], axis=1), times


def test_walking_estimate_leaves_six_degrees_of_flexion() -> None:
    rows, times = walking(26.0)
    frame = estimate_from_walking(rows, times)
    assert frame.reference is Reference.ESTIMATED
    assert frame.error_deg == 6.0
    assert np.degrees(np.arctan2(frame.x[2], frame.x[0])) == pytest.approx(20.0, abs=0.1)
    assert frame.z is not None
    after = np.degrees(np.arctan2(rows @ frame.z, rows @ frame.x))
    assert np.median(after) == pytest.approx(6.0, abs=0.1)


def test_walking_estimate_refuses_what_it_cannot_stand_for() -> None:
    assert refused(estimate_from_walking, *walking(26.0, 50.0)) == "walking_too_short"
    assert refused(estimate_from_walking, *walking(60.0)) == "reference_implausible"
    before = estimate_from_walking(*walking(10.0))
    assert refused(estimate_from_walking, *walking(40.0), before) == "reference_jump"


def test_a_single_vector_counts_as_a_checked_recording() -> None:
    acc = [[0.5, 0.0, np.sqrt(0.75)]]
    assert flexion_deg(acc, [2.0, 0.0, 0.0], [1.0, 0.0, 1.0]) == pytest.approx([60.0])


def test_times_and_rows_must_match() -> None:
    rows, times = still(0.0, 12.0)
    assert refused(calibrate, rows, times[:-1]) == "wrong_shape"
