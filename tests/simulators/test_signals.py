from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from simulators.plant import WorkDay, work_days
from simulators.scenario import Scenario, SensorRole
from simulators.signals_climate import climate_signal
from simulators.signals_noise import noise_signal
from simulators.signals_posture import PostureSignal, acceleration_g, mounting, posture_signal


@pytest.fixture(scope="module")
def days(demo: Scenario, monday: date) -> dict[str, WorkDay]:
    return {day.workstation.id: day for day in work_days(demo, 5, monday) if day.index == 0}


def test_gravity_keeps_its_length_and_gives_the_angles_back(days: dict[str, WorkDay]) -> None:
    day = days["packing-3"]
    for role in (SensorRole.TRUNK, SensorRole.ARM):
        signal, worn = posture_signal(day, role), mounting(day, role)
        felt = acceleration_g(signal, role, worn.rotation).astype(np.float64)
        assert np.abs(np.linalg.norm(felt, axis=0) - 1.0).max() < 1e-5
        x, y, z = worn.rotation.T @ felt
        if role is SensorRole.TRUNK:
            seen = np.degrees(np.arctan2(z, x))
        else:
            seen = np.degrees(np.arctan2(np.hypot(y, z), x))
        assert np.abs(seen - signal.main_deg).max() < 1e-3


def test_mounting_is_a_rotation_and_its_record_stands_and_leans(days: dict[str, WorkDay]) -> None:
    worn = mounting(days["press-1"], SensorRole.TRUNK)
    assert np.allclose(worn.rotation @ worn.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(worn.rotation) == pytest.approx(1.0)
    body = worn.rotation.T @ np.array([worn.upright_g, worn.lean_g]).T
    assert np.degrees(np.arctan2(body[2], body[0])) == pytest.approx([0.0, 35.0], abs=0.6)
    other = mounting(days["press-1"], SensorRole.ARM)
    assert not np.allclose(worn.rotation, other.rotation)


def test_movements_are_smooth_and_last_as_bends_do(days: dict[str, WorkDay]) -> None:
    main = posture_signal(days["packing-3"], SensorRole.TRUNK).main_deg.astype(np.float64)
    speed = np.abs(np.diff(main)) * 25.0
    assert speed.max() < 250.0
    bent = main >= 45.0
    edges = np.flatnonzero(np.diff(bent.astype(int)))
    assert 100 < np.count_nonzero(np.diff(bent.astype(int)) == 1) < 2000
    assert 0.8 < float(np.median(np.diff(edges))) / 25.0 < 15.0


def test_breaks_are_rest(days: dict[str, WorkDay]) -> None:
    for day in days.values():
        trunk = posture_signal(day, SensorRole.TRUNK).main_deg
        arm = posture_signal(day, SensorRole.ARM).main_deg
        level = noise_signal(day).laeq_db
        for block in day.blocks:
            if block.task is None:
                inside = slice((block.start_s + 2) * 25, (block.end_s - 2) * 25)
                assert trunk[inside].max() < 20.0
                assert arm[inside].max() < 30.0
                assert 10 * np.log10(np.mean(10 ** (level[block.start_s : block.end_s] / 10))) < 65.0


def test_noise_has_memory_and_peaks_above_levels(days: dict[str, WorkDay]) -> None:
    signal = noise_signal(days["assembly-2"])
    assert signal.laeq_db.shape == (28_800,)
    quiet = signal.laeq_db - signal.laeq_db.mean()
    assert np.corrcoef(quiet[:-1], quiet[1:])[0, 1] > 0.8
    assert (signal.lcpeak_db > signal.lceq_db).all()
    assert 30.0 < signal.laeq_db.min() < signal.laeq_db.max() < 130.0


def test_an_impulse_raises_the_level_of_its_second(days: dict[str, WorkDay]) -> None:
    signal = noise_signal(days["press-1"])
    struck = signal.lcpeak_db > 117.0
    assert struck.sum() > 100
    assert signal.laeq_db[struck].mean() > signal.laeq_db[~struck].mean() + 3.0


def test_climates_are_those_of_the_places(days: dict[str, WorkDay]) -> None:
    hot, cold = climate_signal(days["foundry-4"]), climate_signal(days["cold-5"])
    assert hot.air_c.shape == (480,)
    assert 27.0 < hot.air_c.min() < hot.air_c.max() < 38.0
    # Away from the 4 degrees where the natural wet bulb's formula changes.
    assert (hot.globe_c - hot.air_c).min() > 5.0
    assert 0.0 < cold.air_c.min() < 5.0 < cold.air_c.max() < 16.0
    for place in ("press-1", "office-6", "cold-5"):
        signal = climate_signal(days[place])
        assert (signal.globe_c - signal.air_c).max() < 3.0


def test_constant_angles_feel_as_geometry_says() -> None:
    constant = PostureSignal(np.full(4, 30.0, np.float32), np.zeros(4, np.float32))
    felt = acceleration_g(constant, SensorRole.TRUNK, np.eye(3))
    assert felt[:, 0] == pytest.approx([np.cos(np.pi / 6), 0.0, 0.5], abs=1e-6)
    sideways = PostureSignal(np.full(4, 90.0, np.float32), np.full(4, 90.0, np.float32))
    assert acceleration_g(sideways, SensorRole.ARM, np.eye(3))[:, 0] == pytest.approx([0, 1, 0], abs=1e-6)
