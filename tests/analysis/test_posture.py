"""Angles and velocities against what geometry says, whatever the mounting, unit or order of the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.posture import (
    VelocityBasis,
    VelocityMethod,
    angular_velocity_deg_s,
    flexion_deg,
    frame_angles_deg,
    inclination_deg,
    lateral_deg,
    require_same_basis,
)
from analysis.posture_calibration import body_frame
from analysis.posture_units import STANDARD_GRAVITY_M_S2, AccelerationUnit, detect_unit, to_g
from sensors.errors import MethodError

FloatArray = NDArray[np.float64]

UP = np.array([1.0, 0.0, 0.0])
LEAN = np.array([np.cos(np.radians(40)), 0.0, np.sin(np.radians(40))])


def forward(degrees: Any) -> FloatArray:
    angle = np.radians(np.asarray(degrees, np.float64))
    return np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)], axis=-1)


def code_of(call: Any, *arguments: Any, **keywords: Any) -> str | None:
    with pytest.raises(MethodError) as caught:
        call(*arguments, **keywords)
    return caught.value.code


@pytest.mark.parametrize("theta", [0.0, 20.0, 30.0, 45.0, 60.0, 90.0, 135.0, 180.0])
def test_a1_constant_inclination_is_exact(theta: float) -> None:
    found = inclination_deg(np.repeat(forward([theta]), 50, axis=0), UP)
    assert np.abs(found - theta).max() < 1e-9
    assert (found + 1e-9 >= theta).all()


def test_a4_cone_has_generalized_but_no_inclination_velocity() -> None:
    times = np.arange(0.0, 4.0, 0.02)
    azimuth = np.radians(90.0 * times)
    theta = np.radians(60.0)
    acc = np.stack(
        [
            np.full_like(azimuth, np.cos(theta)),
            np.sin(theta) * np.sin(azimuth),
            np.sin(theta) * np.cos(azimuth),
        ],
        axis=-1,
    )
    assert angular_velocity_deg_s(acc, times) == pytest.approx(77.94, abs=0.05)
    assert angular_velocity_deg_s(acc, times, method="inclination", upright=UP) == pytest.approx(
        0.0, abs=1e-9
    )


def test_a5_rotation_about_the_vertical_cannot_be_seen() -> None:
    times = np.arange(0.0, 2.0, 0.02)
    acc = np.repeat(UP[None, :], times.size, axis=0)
    assert inclination_deg(acc, UP).max() == 0.0
    assert angular_velocity_deg_s(acc, times).max() == 0.0


def test_a6_flexion_is_the_sagittal_projection() -> None:
    theta, azimuth = np.radians(60.0), np.radians(45.0)
    acc = [[np.cos(theta), np.sin(theta) * np.sin(azimuth), np.sin(theta) * np.cos(azimuth)]]
    assert flexion_deg(acc, UP, LEAN) == pytest.approx([50.77], abs=0.005)
    assert lateral_deg(acc, UP, LEAN) == pytest.approx([50.77], abs=0.005)
    assert inclination_deg(acc, UP) == pytest.approx([60.0])


def test_flexion_is_signed_and_monotone_beyond_ninety_degrees() -> None:
    angles = np.arange(-170.0, 171.0, 5.0)
    assert flexion_deg(forward(angles), UP, LEAN) == pytest.approx(angles, abs=1e-9)


def rotations(count: int) -> list[FloatArray]:
    rng = np.random.default_rng(7)
    found = []
    for _ in range(count):
        q, r = np.linalg.qr(rng.normal(size=(3, 3)))
        q *= np.sign(np.diag(r))
        found.append(q if np.linalg.det(q) > 0 else -q)
    return found


def test_a7_mounting_does_not_matter() -> None:
    ramp = forward(np.linspace(0.0, 90.0, 901))
    times = np.arange(901) * 0.1
    plain = flexion_deg(ramp, UP, LEAN)
    speed = angular_velocity_deg_s(ramp, times)
    assert speed == pytest.approx(1.0)
    for turn in rotations(100):
        turned = ramp @ turn.T
        upright, lean = np.tile(UP @ turn.T, (600, 1)), np.tile(LEAN @ turn.T, (300, 1))
        assert np.abs(flexion_deg(turned, upright, lean) - plain).max() < 1e-6
        # Straight ahead at 90° the frontal plane holds nothing to measure.
        assert np.abs(lateral_deg(turned[:-1], upright, lean)).max() < 1e-6
        assert np.abs(inclination_deg(turned, upright) - plain).max() < 1e-6
        assert np.abs(angular_velocity_deg_s(turned, times) - speed).max() < 1e-6


def test_a8_what_a_poor_calibration_allows() -> None:
    small = forward([5.0])
    assert inclination_deg(forward([30.0]), UP, small) == pytest.approx([30.0])
    assert code_of(flexion_deg, forward([30.0]), UP) == "lean_required"
    assert code_of(lateral_deg, forward([30.0]), UP, small) == "lean_too_small"
    moving = forward(20.0 * np.sin(np.arange(600) / 10.0))
    assert code_of(inclination_deg, forward([30.0]), moving) == "not_still"
    assert code_of(flexion_deg, forward([30.0]), np.tile(UP, (600, 1)), moving) == "not_still"


def test_a9_gain_common_to_all_axes_cancels() -> None:
    ramp = forward(np.linspace(-40.0, 120.0, 400))
    plain = flexion_deg(ramp, UP, LEAN)
    for gain in (STANDARD_GRAVITY_M_S2, 0.9):
        assert flexion_deg(ramp * gain, UP, LEAN) == pytest.approx(plain, abs=1e-9)
    bad_axis = forward([45.0]) * np.array([1.0, 1.0, 1.05])
    assert abs(float(inclination_deg(bad_axis, UP)[0]) - 45.0) == pytest.approx(1.40, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(-2, 2)] * 3), min_size=2, max_size=20),
    st.integers(0, 10_000),
    st.floats(0.1, 20.0),
)
def test_angles_do_not_depend_on_mounting_or_unit(
    rows: list[tuple[float, float, float]], seed: int, gain: float
) -> None:
    acc = np.array(rows)
    acc = acc[np.linalg.norm(acc, axis=1) > 1e-3]
    if acc.shape[0] < 2:
        return
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    turn = q if np.linalg.det(q) > 0 else -q
    plain, turned = (
        frame_angles_deg(acc, body_frame(UP, LEAN)),
        frame_angles_deg(gain * acc @ turn.T, body_frame(UP @ turn.T, LEAN @ turn.T)),
    )
    assert turned[0] == pytest.approx(plain[0], abs=1e-5)
    times = np.arange(acc.shape[0], dtype=np.float64)
    assert angular_velocity_deg_s(gain * acc @ turn.T, times, max_gap_s=2.0) == pytest.approx(
        angular_velocity_deg_s(acc, times, max_gap_s=2.0), abs=1e-5
    )


def test_missing_samples_stay_missing() -> None:
    acc = forward([0.0, 10.0, 20.0, 30.0])
    acc[1, 2] = np.nan
    assert np.isnan(inclination_deg(acc, UP)).tolist() == [False, True, False, False]
    speed = angular_velocity_deg_s(acc, [0.0, 0.5, 1.0, 1.5])
    assert np.isnan(speed).tolist() == [True, True, False]
    assert np.isnan(inclination_deg(np.full((5, 3), np.nan), UP)).all()
    assert np.isnan(inclination_deg([[0.0, 0.0, 0.0]], UP)).all()


def test_no_velocity_across_a_gap() -> None:
    speed = angular_velocity_deg_s(forward([0.0, 10.0, 40.0]), [0.0, 0.1, 5.0])
    assert speed[0] == pytest.approx(100.0)
    assert np.isnan(speed[1])


@pytest.mark.parametrize(
    ("acc", "code"),
    [
        (np.zeros((0, 3)), "empty"),
        (np.zeros((4, 2)), "wrong_shape"),
        ([1.0, 0.0], "wrong_shape"),
        ([["a", 0, 0]], "not_numeric"),
        ([[np.inf, 0.0, 0.0]], "infinite"),
    ],
)
def test_bad_acceleration_is_refused(acc: Any, code: str) -> None:
    assert code_of(inclination_deg, acc, UP) == code
    assert code_of(flexion_deg, acc, UP, LEAN) == code


@pytest.mark.parametrize(
    ("upright", "code"),
    [
        (np.zeros((5, 3)), "no_gravity"),
        (np.full((5, 3), np.nan), "no_valid_values"),
        (np.zeros((0, 3)), "empty"),
        ([[np.inf, 0.0, 0.0]], "infinite"),
    ],
)
def test_bad_references_are_refused(upright: Any, code: str) -> None:
    assert code_of(inclination_deg, forward([10.0]), upright) == code


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({"times_s": [0.0, 0.0]}, "times_not_increasing"),
        ({"times_s": [1.0, 0.0]}, "times_not_increasing"),
        ({"times_s": [0.0, np.nan]}, "missing_time"),
        ({"times_s": [0.0]}, "wrong_shape"),
        ({"times_s": [0.0, 1.0], "max_gap_s": 0.0}, "bad_gap"),
        ({"times_s": [0.0, 1.0], "method": "inclination"}, "upright_required"),
        ({"times_s": [0.0, 1.0], "method": "magic"}, "unknown_method"),
    ],
)
def test_bad_velocity_requests_are_refused(keywords: dict[str, Any], code: str) -> None:
    assert code_of(angular_velocity_deg_s, forward([0.0, 10.0]), **keywords) == code


def test_one_sample_has_no_velocity() -> None:
    assert code_of(angular_velocity_deg_s, forward([0.0]), [0.0]) == "too_few_samples"


def test_velocities_of_different_methods_are_never_compared() -> None:
    lund = VelocityBasis(VelocityMethod.GENERALIZED, "accelerometer", 5.0)
    require_same_basis(lund, VelocityBasis(VelocityMethod.GENERALIZED, "accelerometer", 5.0))
    for other in (
        VelocityBasis(VelocityMethod.INCLINATION, "accelerometer", 5.0),
        VelocityBasis(VelocityMethod.GENERALIZED, "imu", 5.0),
        VelocityBasis(VelocityMethod.GENERALIZED, "accelerometer", 3.0),
    ):
        assert code_of(require_same_basis, lund, other) == "velocity_methods_mixed"


def test_units_are_told_by_the_median_magnitude() -> None:
    acc = forward(np.linspace(0, 90, 50))
    assert detect_unit(acc) is AccelerationUnit.G
    assert detect_unit(acc * 0.9) is AccelerationUnit.G
    assert detect_unit(acc * 9.81) is AccelerationUnit.METRE_PER_SECOND_SQUARED
    assert to_g(acc * STANDARD_GRAVITY_M_S2) == pytest.approx(acc)
    assert code_of(detect_unit, acc * 3.0) == "units_unknown"
    assert code_of(detect_unit, np.full((3, 3), np.nan)) == "no_valid_values"
