"""Angles of trunk and upper arm, sample by sample, and the acceleration a worn sensor feels of them.

Body axes: x towards the head, y to the left, z forward. A body at rest feels one g upwards, the unit vector u
in body axes. For the trunk ``u = (cos f cos l, sin l, sin f cos l)`` with flexion f and side bend l, so that
``atan2(u_z, u_x)`` is f exactly; for the arm ``u = (cos e, sin e sin d, sin e cos d)`` with elevation e in
the direction d, so that the angle between u and x is e exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.plant import WorkDay
from simulators.scenario import PostureMode, SensorRole
from simulators.streams import drift, generator

__all__ = ["Mounting", "PostureSignal", "acceleration_g", "mounting", "posture_signal"]

_REST = {
    SensorRole.TRUNK: (
        PostureMode(angle_deg=4, spread_deg=3, hold_s=20, weight=0.7),
        PostureMode(angle_deg=11, spread_deg=2, hold_s=15, weight=0.3),
    ),
    SensorRole.ARM: (
        PostureMode(angle_deg=13, spread_deg=3, hold_s=20, weight=0.7),
        PostureMode(angle_deg=20, spread_deg=2, hold_s=15, weight=0.3),
    ),
}
_RANGE_DEG = {SensorRole.TRUNK: (-25.0, 130.0), SensorRole.ARM: (4.0, 165.0)}
# A break is rest: nothing in it reaches the lowest published threshold of its segment.
_REST_LIMIT_DEG = {SensorRole.TRUNK: 14.0, SensorRole.ARM: 24.0}
_SHORTEST_HOLD_S = 1.2
_TRANSITION_S = (0.72, 0.44)
_SWAY_DEG = 1.2
_SWAY_MEMORY_S = 3.0
_LEAN_DEG = 35.0


@dataclass(frozen=True, slots=True)
class PostureSignal:
    """True angles at the sensor's rate, shape (samples,), degrees.

    ``main_deg`` is signed flexion (trunk) or elevation (arm); ``other_deg`` is the side bend (trunk) or the
    direction of elevation (arm, 0 = forward, 90 = to the left).
    """

    main_deg: NDArray[np.float32]
    other_deg: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mounting:
    """How a sensor sits: sensor vector = ``rotation @ body vector``; the recorded calibration postures."""

    rotation: NDArray[np.float64]
    upright_g: tuple[float, float, float]
    lean_g: tuple[float, float, float]


def posture_signal(day: WorkDay, role: SensorRole) -> PostureSignal:
    """Angles of one worker-day: holds around the task's postures, joined by smooth movements; slow sway."""
    rng = day.stream(role, "signal")
    hz = day.scenario.posture_hz
    samples = day.duration_s * hz
    steps = np.concatenate([_hold_steps(day, role, rng, *part) for part in _parts(day, role)])
    main = _smooth(steps, hz)
    main += _slow(rng, day.duration_s, samples, _SWAY_DEG, _SWAY_MEMORY_S)
    low, high = _RANGE_DEG[role]
    np.clip(main, low, high, out=main)
    if role is SensorRole.TRUNK:
        other = _slow(rng, day.duration_s, samples, 3.0, 5.0)
    else:
        other = _slow(rng, day.duration_s, samples, 25.0, 8.0) + np.float32(40.0)
    return PostureSignal(main, other)


def mounting(day: WorkDay, role: SensorRole) -> Mounting:
    """Orientation of the sensor on this day (it is put on anew each morning) and the recorded calibration."""
    rng = day.stream(role, "mounting")
    rotation = _random_rotation(rng)
    lean = np.radians(_LEAN_DEG)
    noise = day.scenario.sensors.calibration_noise_g
    upright_g = rotation @ np.array([1.0, 0.0, 0.0]) + noise * rng.standard_normal(3)
    lean_g = rotation @ np.array([np.cos(lean), 0.0, np.sin(lean)]) + noise * rng.standard_normal(3)
    return Mounting(rotation, _vector(upright_g), _vector(lean_g))


def acceleration_g(
    signal: PostureSignal, role: SensorRole, rotation: NDArray[np.float64]
) -> NDArray[np.float32]:
    """What a perfect accelerometer reads, in g in sensor axes, shape (3, samples)."""
    main, other = np.radians(signal.main_deg), np.radians(signal.other_deg)
    body = np.empty((3, main.size), dtype=np.float32)
    if role is SensorRole.TRUNK:
        side = np.cos(other)
        np.multiply(np.cos(main), side, out=body[0])
        np.sin(other, out=body[1])
        np.multiply(np.sin(main), side, out=body[2])
    else:
        across = np.sin(main)
        np.cos(main, out=body[0])
        np.multiply(across, np.sin(other), out=body[1])
        np.multiply(across, np.cos(other), out=body[2])
    return rotation.astype(np.float32) @ body


def _parts(
    day: WorkDay, role: SensorRole
) -> list[tuple[Sequence[PostureMode], NDArray[np.float64], int, bool]]:
    """For each block: its modes, their share of time for this wearer, its seconds, whether it is a break."""
    habits = generator(day.seed, "habits", day.wearer, role.value)
    taste = habits.standard_normal(8)
    parts = []
    for block in day.blocks:
        seconds = block.end_s - block.start_s
        if block.task is None:
            modes: Sequence[PostureMode] = _REST[role]
        else:
            modes = block.task.trunk if role is SensorRole.TRUNK else block.task.arm
        weights = np.array([mode.weight for mode in modes])
        weights *= np.exp(day.scenario.variation.worker_mix * np.resize(taste, weights.size))
        parts.append((modes, weights / weights.sum(), seconds, block.task is None))
    return parts


def _hold_steps(
    day: WorkDay,
    role: SensorRole,
    rng: np.random.Generator,
    modes: Sequence[PostureMode],
    weights: NDArray[np.float64],
    seconds: int,
    resting: bool,
) -> NDArray[np.float32]:
    """Angles held in turn during one block, as a staircase, shape (seconds x rate,)."""
    holds = np.array([mode.hold_s for mode in modes])
    # A mode is drawn per hold, so the longer its holds the rarer it must be drawn to keep its share of time.
    odds = weights / holds / np.sum(weights / holds)
    count = int(1.5 * seconds / float(np.sum(odds * holds))) + 20
    drawn = rng.choice(len(modes), size=count, p=odds)
    lengths = np.maximum(holds[drawn] * rng.gamma(4.0, 0.25, count), _SHORTEST_HOLD_S)
    centre = np.array([mode.angle_deg for mode in modes])[drawn]
    spread = np.array([mode.spread_deg for mode in modes])[drawn]
    angles = rng.normal(centre, spread) + day.angle_offset_deg
    low, high = _RANGE_DEG[role]
    np.clip(angles, low, _REST_LIMIT_DEG[role] if resting else high, out=angles)
    samples = seconds * day.scenario.posture_hz
    edges = np.minimum(np.rint(np.cumsum(lengths) * day.scenario.posture_hz).astype(np.int64), samples)
    edges[-1] = samples
    return np.repeat(angles.astype(np.float32), np.diff(edges, prepend=0))


def _smooth(steps: NDArray[np.float32], hz: int) -> NDArray[np.float32]:
    """Two moving means turn steps into movements of about a second without a jump in speed."""
    from scipy.ndimage import uniform_filter1d

    smooth = steps
    for seconds in _TRANSITION_S:
        smooth = uniform_filter1d(smooth, size=2 * round(seconds * hz / 2) + 1, mode="nearest")
    return np.asarray(smooth, dtype=np.float32)


def _slow(
    rng: np.random.Generator, seconds: int, samples: int, sd: float, memory_s: float
) -> NDArray[np.float32]:
    knots = drift(rng, seconds + 1, sd, memory_s)
    moments = np.arange(samples) * (seconds / samples)
    return np.asarray(np.interp(moments, np.arange(seconds + 1), knots), dtype=np.float32)


def _random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniformly random rotation matrix, from a random unit quaternion."""
    quaternion = rng.standard_normal(4)
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _vector(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
