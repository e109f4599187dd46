from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from simulators.devices import sensor_day, truth_document
from simulators.plant import WorkDay, plant_sensors, work_days
from simulators.scenario import Scenario, SensorRole, load_scenario
from simulators.signals_climate import ClimateSignal
from simulators.signals_noise import NoiseSignal
from simulators.signals_posture import PostureSignal, mounting
from simulators.truth import (
    DayTruth,
    climate_truth,
    document,
    natural_wet_bulb_c,
    noise_truth,
    posture_truth,
    wet_bulb_c,
)


@pytest.fixture(scope="module")
def day(demo: Scenario, monday: date) -> WorkDay:
    return next(work_days(demo, 1, monday))


def test_noise_truth_of_known_levels(day: WorkDay) -> None:
    laeq = np.full(28_800, 60.0)
    laeq[:2880] = 90.0
    peaks = np.full(28_800, 100.0)
    peaks[17] = 137.5
    truth = noise_truth(day, NoiseSignal(laeq, laeq + 3, peaks))
    # A tenth of the time at 90 dB: 80 dB, and the rest adds 10·lg(1 + 0.9·10^-2/10 … ) = 0.039 dB.
    assert truth["laeq_shift"] == pytest.approx(10 * np.log10(0.1 * 10**9 + 0.9 * 10**6), abs=1e-9)
    assert truth["lex_8h"] == pytest.approx(truth["laeq_shift"], abs=1e-12)
    assert truth["lcpeak_max"] == 137.5


def test_lex_counts_the_length_of_the_shift(hour: Scenario, monday: date) -> None:
    short = next(work_days(hour, 1, monday))
    level = np.full(3600, 85.0)
    assert noise_truth(short, NoiseSignal(level, level, level))["lex_8h"] == pytest.approx(
        85 - 9.0309, abs=1e-4
    )


def test_posture_truth_counts_the_threshold_itself(day: WorkDay) -> None:
    ramp = np.linspace(0.0, 100.0, 100_001, dtype=np.float32)
    truth = posture_truth(day, SensorRole.TRUNK, PostureSignal(ramp, np.zeros_like(ramp)))
    assert truth["trunk_flexion_ge20_share"] == pytest.approx(80.0, abs=0.002)
    assert truth["trunk_flexion_ge60_share"] == pytest.approx(40.0, abs=0.002)
    assert truth["trunk_flexion_ge45_min"] == pytest.approx(0.55 * 480, abs=0.01)
    assert [truth[f"trunk_flexion_p{p}"] for p in (10, 50, 90)] == pytest.approx([10, 50, 90], abs=0.01)
    exact = PostureSignal(np.full(10, 60.0, np.float32), np.zeros(10, np.float32))
    held = posture_truth(day, SensorRole.ARM, exact)
    assert (held["arm_elevation_ge60_share"], held["arm_elevation_ge90_share"]) == (100.0, 0.0)


@pytest.mark.parametrize(
    ("air_c", "humidity", "expected_c"),
    [(30.0, 50.0, 22.08), (33.0, 40.0, 22.49), (35.0, 30.0, 21.66), (25.0, 100.0, 25.0)],
)
def test_wet_bulb_matches_the_psychrometer_equation(air_c: float, humidity: float, expected_c: float) -> None:
    assert wet_bulb_c(np.array([air_c]), np.array([humidity]))[0] == pytest.approx(expected_c, abs=0.06)


def test_natural_wet_bulb_rises_with_radiation() -> None:
    air, humidity = np.array([30.0, 30.0]), np.array([50.0, 50.0])
    shade, oven = natural_wet_bulb_c(air, humidity, np.array([30.0, 45.0]))
    wet = wet_bulb_c(air, humidity)[0]
    assert wet < shade < wet + 1.0
    assert oven == pytest.approx(wet + 0.25 * 15 + 0.176, abs=0.01)


def test_worst_hour_is_the_worst_hour(day: WorkDay) -> None:
    air = np.full(480, 20.0)
    air[200:260] = 34.0
    truth = climate_truth(day, ClimateSignal(air, np.full(480, 40.0), air.copy()))
    only = climate_truth(day, ClimateSignal(np.full(480, 34.0), np.full(480, 40.0), np.full(480, 34.0)))
    assert truth["wbgt_worst_hour"] == pytest.approx(only["wbgt_worst_hour"], abs=1e-9)
    assert truth["air_temperature_ge30_h"] == pytest.approx(1.0)
    assert truth["air_temperature_le5_h"] == 0.0
    assert truth["air_temperature_mean"] == pytest.approx((420 * 20 + 60 * 34) / 480)


def test_over_days_levels_are_energy_means_and_the_peak_is_the_largest(
    demo: Scenario, monday: date, day: WorkDay
) -> None:
    single = {"laeq_shift": 80.0, "lex_8h": 80.0, "lcpeak_max": 120.0, "air_temperature_mean": 20.0}
    second = {"laeq_shift": 90.0, "lex_8h": 90.0, "lcpeak_max": 110.0, "air_temperature_mean": 24.0}
    rows = [DayTruth(day, single), DayTruth(replace(day, index=1, wearer="w02"), second)]
    found = document(demo, 1, rows, monday)["workstations"]
    assert isinstance(found, list)
    own = found[0]
    assert (own["id"], own["n_days"], own["n_wearers"]) == (day.workstation.id, 2, 2)
    assert own["indicators"]["lex_8h"] == pytest.approx(87.4036, abs=1e-4)
    assert "lex_weekly" not in own["indicators"], "two days are no week"
    assert own["indicators"]["lcpeak_max"] == 120.0
    assert own["indicators"]["air_temperature_mean"] == 22.0


def test_a_week_of_the_demo_plant_is_plausible(monday: date) -> None:
    found = truth_document(load_scenario("demo"), 1, monday)
    assert found["schema"] == "vigiposte.truth/1"
    rows = found["workstations"]
    assert isinstance(rows, list)
    true = {row["id"]: row["indicators"] for row in rows}
    assert 86.0 < true["press-1"]["lex_8h"] < 92.0
    assert true["office-6"]["lex_8h"] < 65.0
    assert true["packing-3"]["lex_8h"] < 79.0
    assert 120.0 < true["press-1"]["lcpeak_max"] < 135.0
    assert true["packing-3"]["trunk_flexion_ge45_share"] > true["office-6"]["trunk_flexion_ge45_share"] + 5
    assert true["assembly-2"]["arm_elevation_ge60_share"] > 10.0
    assert true["foundry-4"]["air_temperature_ge30_h"] > 4.0
    assert 26.0 < true["foundry-4"]["wbgt_worst_hour"] < 32.0
    assert 5.0 < true["cold-5"]["air_temperature_le5_h"] < 8.0
    for own in true.values():
        for name in ("trunk_flexion", "arm_elevation"):
            assert own[f"{name}_p10"] < own[f"{name}_p50"] < own[f"{name}_p90"]
    assert len({row["wearer"] for row in found["days"] if row["workstation"] == "press-1"}) == 5  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(3))
def test_the_standard_chain_recovers_the_truth_from_perfect_sensors(seed: int, monday: date) -> None:
    """5 Hz zero-phase low-pass, then angles to the calibration postures: only the method's error remains."""
    scenario = load_scenario("noise_free")
    filter_ = butter(2, 5.0, fs=25.0, output="sos")
    for day in list(work_days(scenario, seed, monday))[:6]:
        for sensor in plant_sensors(scenario, day.workstation.id)[:2]:
            own, worn = sensor_day(day, sensor), mounting(day, sensor.role)
            felt = np.stack([own.readings.channels[f"acc_{axis}"] for axis in "xyz"]).astype(np.float64)
            felt = sosfiltfilt(filter_, felt, axis=1)
            felt /= np.linalg.norm(felt, axis=0)
            upright = np.array(worn.upright_g) / np.linalg.norm(worn.upright_g)
            ahead = np.array(worn.lean_g) - (np.array(worn.lean_g) @ upright) * upright
            ahead /= np.linalg.norm(ahead)
            if sensor.role is SensorRole.TRUNK:
                angle = np.degrees(np.arctan2(ahead @ felt, upright @ felt))
            else:
                angle = np.degrees(np.arccos(np.clip(upright @ felt, -1, 1)))
            for name, value in own.truth.items():
                if name.endswith("_share"):
                    limit = int(name.split("_ge")[1].split("_")[0])
                    assert 100 * np.mean(angle >= limit) == pytest.approx(value, abs=0.1)
                elif "_p" in name:
                    assert np.percentile(angle, int(name.split("_p")[1])) == pytest.approx(value, abs=0.1)
