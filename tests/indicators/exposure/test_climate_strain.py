"""Heat strain, comfort and cold as guidance: the library's own figures on the means of the hardest hour."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from pythermalcomfort import models
from pythermalcomfort.environment import v_relative

from analysis.thermal import mean_radiant_c
from indicators.climate.assessment import assess
from indicators.model import Indicator, Scope, Verdict

Build = Callable[..., Any]
MONDAY = date(2026, 11, 16)
ON = "thermal_models = true"
MET = 300.0 / 1.8 / 58.15
STRAIN = {
    "phs_rectal_temperature",
    "phs_allowed_time",
    "pmv",
    "ppd",
    "utci",
    "wind_chill",
    "ireq_minimum",
    "ireq_clothing",
    "ireq_allowed_time",
}


def usual(found: Sequence[Indicator]) -> dict[str, Indicator]:
    return {item.id: item for item in found if item.scope is Scope.USUAL}


def codes(item: Indicator) -> set[str]:
    return {note.code for note in item.quality}


def hourly(*values: float) -> np.ndarray:
    """Eight clock hours of 60 readings, the last value held."""
    return np.repeat([*values, *[values[-1]] * (8 - len(values))], 60)


def test_heat_strain_is_that_of_the_hottest_hour(plant: Build) -> None:
    site = plant(site=ON)
    days = [
        site.climate(
            MONDAY + timedelta(days=step),
            air_temperature=hourly(28.0, 30.0, 38.0 + step, 33.0),
            relative_humidity=50.0,
            globe_temperature=hourly(29.0, 31.0, 44.0 + step, 34.0),
            air_speed=0.5,
        )
        for step in range(2)
    ]
    found = usual(assess(days, context=site.context()))
    ends, allowed = [], []
    for step in range(2):
        radiant = float(mean_radiant_c(44.0 + step, 38.0 + step, 0.5))
        own = models.phs(
            tdb=38.0 + step,
            tr=radiant,
            v=0.5,
            rh=50.0,
            met=MET,
            clo=0.6,
            posture="standing",
            model="7933-2023",
            acclimatized=0,
            duration=480,
            round_output=False,
        )
        ends.append(float(own.t_re))
        allowed.append(min(float(own.d_lim_t_re), float(own.d_lim_loss_50), float(own.d_lim_loss_95)))
    rectal = found["phs_rectal_temperature"]
    assert rectal.value == pytest.approx(np.mean(ends), abs=1e-6)
    assert found["phs_allowed_time"].value == pytest.approx(np.mean(allowed), abs=1e-6)
    assert rectal.method.startswith("ISO 7933:2023; pythermalcomfort ")
    assert [row.limit.id for row in rectal.limits] == ["iso.climate.phs_rectal_temperature"]
    assert "air_speed_assumed" not in codes(rectal)
    assert rectal.interval is not None
    assert not any(row.limit.role.moves_verdict or row.ratio is not None for row in rectal.limits)
    assert not STRAIN & set(found) - {"phs_rectal_temperature", "phs_allowed_time"}


def test_comfort_takes_the_assumed_air_speed_and_says_so(plant: Build) -> None:
    site = plant(site=ON, workstation='metabolic_class = "low"')
    day = site.climate(
        MONDAY,
        air_temperature=hourly(22.0, 18.0, 21.0),
        relative_humidity=45.0,
        globe_temperature=hourly(22.0, 18.0, 21.0),
    )
    found = usual(assess([day], context=site.context()))
    met = 180.0 / 1.8 / 58.15
    votes = [
        models.pmv_ppd_iso(
            tdb=air,
            tr=air,
            vr=v_relative(v=0.3, met=met),
            rh=45.0,
            met=met,
            clo=0.6,
            model="7730-2025",
            round_output=False,
        )
        for air in (22.0, 18.0, 21.0)
    ]
    expected = max(votes, key=lambda vote: abs(float(vote.pmv)))
    # The library rounds the relative air speed to the millimetre per second.
    assert found["pmv"].value == pytest.approx(float(expected.pmv), abs=2e-3)
    assert found["ppd"].value == pytest.approx(max(float(vote.ppd) for vote in votes), abs=0.1)
    assert {"air_speed_assumed", "thermal_guidance", "thermal_work"} <= codes(found["pmv"])
    assert {row.verdict for row in found["pmv"].limits} == {Verdict.NOT_SETTLED}


def test_cold_with_measured_wind(plant: Build) -> None:
    site = plant(site=ON, workstation="clothing_clo = 2.0")
    day = site.climate(
        MONDAY,
        air_temperature=hourly(-5.0, -12.0, -8.0),
        relative_humidity=60.0,
        globe_temperature=hourly(-5.0, -12.0, -8.0),
        air_speed=2.0,
    )
    found = usual(assess([day], context=site.context()))
    chill = 13.12 + 0.6215 * -12.0 + (0.3965 * -12.0 - 11.37) * (2.0 * 1.5 * 3.6) ** 0.16
    assert found["wind_chill"].value == pytest.approx(chill, abs=1e-6)
    stress = models.utci(tdb=-12.0, tr=-12.0, v=3.0, rh=60.0, round_output=False)
    assert found["utci"].value == pytest.approx(float(stress.utci), abs=1e-6)
    walking = 0.0052 * (MET * 58.15 - 58.0)
    own = models.ireq(-12.0, -12.0, 2.0 + walking, 60.0, MET, 2.0, 8.0, walking, round_output=False)
    assert found["ireq_minimum"].value == pytest.approx(float(own.ireq_min), abs=1e-6)
    assert found["ireq_clothing"].value == pytest.approx(float(own.icl_min), abs=1e-6)
    assert found["ireq_allowed_time"].value is not None
    assert {"thermal_work", "air_speed_assumed"} & codes(found["ireq_minimum"]) == {"thermal_work"}
    assert "phs_rectal_temperature" not in found


@pytest.mark.parametrize(("clothing", "said"), [(4.0, "allowed_time_longest"), (1.0, "allowed_time_shorter")])
def test_an_allowed_time_says_what_it_stands_for(plant: Build, clothing: float, said: str) -> None:
    site = plant(site=ON, workstation=f"clothing_clo = {clothing}")
    conditions = {"air_temperature": -12.0, "globe_temperature": -12.0, "relative_humidity": 60.0}
    days = [site.climate(MONDAY + timedelta(days=step), **conditions) for step in range(2)]
    allowed = usual(assess(days, context=site.context()))["ireq_allowed_time"]
    assert said in codes(allowed)
    # Equal values on both days are those of the model's end, or of equal weather.
    assert ("no_variation" in codes(allowed)) is (said == "allowed_time_shorter")


def test_hard_work_in_the_cold_has_the_walking_speed_that_goes_with_it(plant: Build) -> None:
    site = plant(site=ON, workstation='clothing_clo = 2.0\nmetabolic_class = "very_high"')
    day = site.climate(
        MONDAY, air_temperature=-12.0, globe_temperature=-12.0, relative_humidity=60.0, air_speed=1.0
    )
    met = 520.0 / 1.8 / 58.15
    own = models.ireq(-12.0, -12.0, 1.0 + 1.2, 60.0, met, 2.0, 8.0, 1.2, round_output=False)
    found = usual(assess([day], context=site.context()))["ireq_minimum"]
    assert found.value == pytest.approx(float(own.ireq_min), abs=1e-6)


def test_a_missing_input_is_not_measured_with_its_reason(plant: Build) -> None:
    site = plant(site=ON)
    cold = usual(assess([site.climate(MONDAY, air_temperature=2.0)], context=site.context()))
    assert cold["wind_chill"].value is None
    assert codes(cold["wind_chill"]) == {"thermal_needs_air_speed"}
    assert codes(cold["ireq_minimum"]) == {"thermal_needs_globe", "thermal_needs_humidity"}
    assert codes(cold["utci"]) == {"thermal_needs_air_speed", "thermal_needs_globe", "thermal_needs_humidity"}
    advice = [cold[name].next_best for name in ("utci", "ireq_allowed_time")]
    assert [note.code for note in advice if note is not None] == ["add_anemometer", "add_globe"]
    barrier = plant(site=ON, workstation='clothing = "vapour_barrier"')
    hot = barrier.climate(MONDAY, air_temperature=33.0, relative_humidity=50.0, globe_temperature=36.0)
    found = usual(assess([hot], context=barrier.context()))
    assert codes(found["phs_rectal_temperature"]) == {"thermal_clothing_unknown"}
    heavy = plant(site=ON, workstation='metabolic_class = "very_high"')
    found = usual(assess([hot], context=heavy.context()))
    assert codes(found["phs_allowed_time"]) == {"thermal_outside_range"}


@pytest.mark.parametrize(("air", "speed"), [(4.0, 1.5), (20.0, 0.2), (34.0, 0.5)])
def test_nothing_else_depends_on_the_choice_or_on_the_library(
    plant: Build, monkeypatch: pytest.MonkeyPatch, air: float, speed: float
) -> None:
    off, chosen = plant(), plant(site=ON)
    days = [
        off.climate(
            MONDAY + timedelta(days=step),
            air_temperature=air + 0.1 * step,
            relative_humidity=50.0,
            globe_temperature=air + 1.0,
            air_speed=speed,
        )
        for step in range(3)
    ]
    plain = assess(days, context=off.context())
    assert not STRAIN & {item.id for item in plain}
    with monkeypatch.context() as absent:
        absent.setitem(sys.modules, "pythermalcomfort", None)
        without = assess(days, context=chosen.context())
    asked = assess(days, context=chosen.context())
    assert STRAIN & {item.id for item in asked if item.value is not None}
    strain = [item for item in without if item.id in STRAIN]
    assert {item.id for item in strain} == {item.id for item in asked} & STRAIN
    assert all(item.value is None and codes(item) == {"thermal_extra_missing"} for item in strain)
    for one in (asked, without):
        assert tuple(item for item in one if item.id not in STRAIN) == plain
