"""Estimates against the simulator's truth: two code bases that share nothing must agree.

Sensors without noise, one day a seed, straight into a store: what is tested is reduction, worker-days and
indicators; the way over MQTT has its own tests.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from indicators.model import Audience, Scope, WeeklyResult
from indicators.weekly import weekly_result
from ingest.store import open_store
from sensors.periods import date_period
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from simulators.devices import sensor_days
from simulators.scenario import Scenario, load_scenario
from simulators.site_writer import SiteOptions, write_site

DAY = date(2026, 11, 16)
SEEDS = range(20)


def tolerance(indicator: str) -> float | None:
    """What each kind of number may differ by; ``None`` for what is not compared."""
    if indicator in ("laeq_shift", "lex_8h", "lcpeak_max"):
        return 0.3
    if indicator.endswith("_share"):
        return 1.0
    if indicator.endswith(("_p10", "_p50", "_p90")):
        return 1.0
    if indicator in ("air_temperature_mean", "wbgt_worst_hour"):
        return 0.2
    if indicator in ("air_temperature_le5_h", "air_temperature_ge30_h"):
        return 0.08
    return None


def one_day(scenario: Scenario, seed: int, folder: Path) -> tuple[WeeklyResult, dict[str, dict[str, float]]]:
    """One workstation of the plant, simulated, stored, analysed; and its truth."""
    names = [place.id for place in scenario.workstations]
    chosen = {names[seed % len(names)]}
    site = write_site(scenario, seed, DAY, folder, SiteOptions(store_url="lake:./lake"))
    store = open_store(f"lake:{folder / 'lake'}")
    truth: dict[str, dict[str, float]] = {}
    for own in sensor_days(scenario, seed, DAY):
        if own.day.workstation.id not in chosen:
            continue
        truth.setdefault(own.day.workstation.id, {}).update(own.truth)
        order = np.argsort(own.readings.times_ns, kind="stable")
        store.write(
            [
                ReadingBatch(
                    scenario.site,
                    own.sensor.id,
                    own.sensor.kind,
                    own.readings.times_ns[order],
                    {name: column[order] for name, column in own.readings.channels.items()},
                )
            ]
        )
    result = weekly_result(load_site(site), store, date_period(DAY, DAY), Audience.ANALYST)
    store.close()
    return result, truth


@pytest.mark.parametrize("seed", SEEDS)
def test_estimates_agree_with_the_truth(seed: int, tmp_path: Path) -> None:
    scenario = load_scenario("noise_free").model_copy(update={"days": 1})
    result, truth = one_day(scenario, seed, tmp_path)
    compared = set()
    for station in result.workstations:
        expected = truth.get(station.id, {})
        for factor in station.factors:
            for item in factor.indicators:
                allowed = tolerance(item.id)
                if item.scope is not Scope.WEEK or allowed is None or item.id not in expected:
                    continue
                assert item.value is not None, (station.id, item.id)
                assert abs(item.value - expected[item.id]) <= allowed, (
                    f"{station.id} {item.id}: {item.value} instead of {expected[item.id]}"
                )
                compared.add((station.id, item.id))
    wanted = {
        (place, name) for place, values in truth.items() for name in values if tolerance(name) is not None
    }
    assert compared == wanted, json.dumps(sorted(map(str, wanted - compared)))
