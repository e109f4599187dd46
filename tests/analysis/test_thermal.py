"""Thermal indices: physics that must hold, estimates against their source, and what bad input gets."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import thermal
from sensors.errors import MethodError, MissingExtraError

AIR = st.floats(-15.0, 50.0)
HUMIDITY = st.floats(0.0, 100.0)


@given(AIR, HUMIDITY)
def test_the_wet_bulb_solves_the_psychrometer_equation(air: float, humidity: float) -> None:
    wet = float(thermal.wet_bulb_c(air, humidity))
    left = float(thermal.vapour_pressure_hpa(wet)) - 6.65e-4 * 1013.25 * (air - wet)
    assert left == pytest.approx(humidity / 100 * float(thermal.vapour_pressure_hpa(air)), abs=1e-9)
    assert wet <= air


@given(AIR, st.floats(0.0, 99.0))
def test_wetter_air_has_the_higher_wet_bulb(air: float, humidity: float) -> None:
    assert float(thermal.wet_bulb_c(air, humidity + 1.0)) > float(thermal.wet_bulb_c(air, humidity))


@given(AIR, HUMIDITY, st.floats(0.0, 5.0))
def test_without_radiation_the_natural_wet_bulb_lies_between_wet_bulb_and_air(
    air: float, humidity: float, speed: float
) -> None:
    natural = float(thermal.natural_wet_bulb_estimate_c(air, humidity, air, speed))
    assert float(thermal.wet_bulb_c(air, humidity)) - 1e-9 <= natural <= air + 1e-9


def test_the_estimate_of_bernard_has_its_published_branches() -> None:
    air, humidity = 30.0, 50.0
    wet = float(thermal.wet_bulb_c(air, humidity))

    def estimate(globe: float, speed: float) -> float:
        return float(thermal.natural_wet_bulb_estimate_c(air, humidity, globe, speed))

    assert estimate(30, 0.01) == pytest.approx(air - 0.85 * (air - wet))
    assert estimate(30, 1.0) == pytest.approx(air - 0.96 * (air - wet))
    assert estimate(33.9, 4.0) == pytest.approx(wet)
    assert estimate(40, 0.05) == pytest.approx(wet + 2.5 + 1.1)
    assert estimate(40, 0.5) == pytest.approx(wet + 2.5 + 0.10 / 0.5**1.1 - 0.2)
    assert estimate(40, 2.0) == pytest.approx(wet + 2.5 - 0.1)
    # 0.67 tw + 0.33 ta − 0.048 lg v (ta − tw), as Lemke and Kjellstrom write the branch without radiation.
    shade = 0.672 * wet + 0.328 * air - 0.0483 * np.log10(0.3) * (air - wet)
    assert 0.7 * estimate(30, 0.3) + 0.3 * air == pytest.approx(shade, abs=1e-3)


def test_the_shade_estimate_and_the_estimated_wet_bulb_agree_where_there_is_no_radiation() -> None:
    air, humidity = np.meshgrid(np.linspace(28, 40, 7), np.linspace(20, 90, 8))
    shade = thermal.wbgt_shade_estimate_c(air, humidity)
    full = thermal.wbgt_c(thermal.natural_wet_bulb_estimate_c(air, humidity, air), air)
    difference = full - shade
    assert difference.min() >= 0
    assert difference.max() < 1.0


def test_the_sun_formula_is_refused_indoors_and_reads_far_too_high_there() -> None:
    with pytest.raises(MethodError) as caught:
        thermal.wbgt_simplified_sun_c(30, 50, indoors=True)
    assert caught.value.code == "sun_formula_indoors"
    outdoors = float(thermal.wbgt_simplified_sun_c(30, 50, indoors=False))
    assert outdoors == pytest.approx(29.26, abs=0.01)
    assert outdoors - float(thermal.wbgt_shade_estimate_c(30, 50)) > 4.6


@given(st.floats(10.0, 40.0), st.floats(0.0, 40.0), st.floats(0.0, 2.0))
def test_radiation_found_with_one_globe_is_found_with_another(
    air: float, excess: float, speed: float
) -> None:
    small = air + excess
    standard = float(thermal.globe_150mm_c(small, air, speed, 0.05))
    assert float(thermal.mean_radiant_c(standard, air, speed)) == pytest.approx(
        float(thermal.mean_radiant_c(small, air, speed, diameter_m=0.05)), abs=1e-4
    )
    # A small globe follows the air more closely, so that the standard one reads further from it.
    assert standard >= small - 1e-6


def test_missing_values_stay_missing_and_leave_their_neighbours_alone() -> None:
    assert np.isnan(thermal.wet_bulb_c([30, np.nan], 50)).tolist() == [False, True]
    assert np.isnan(thermal.natural_wet_bulb_estimate_c(30, 50, [30, np.nan], [0.3, 0.3])).tolist() == [
        False,
        True,
    ]
    assert np.isnan(thermal.natural_wet_bulb_estimate_c(30, 50, [50, 50], [np.nan, 0.3])).tolist() == [
        True,
        False,
    ]
    result = thermal.ireq([-15, np.nan], -15, 2, 55, 3.009, 2.8, 50, 1.1)
    assert np.isnan(result.ireq_min_clo).tolist() == [False, True]


BAD: list[tuple[Callable[..., Any], tuple[Any, ...], str]] = [
    (thermal.wet_bulb_c, ([], 50), "empty"),
    (thermal.wet_bulb_c, (np.inf, 50), "infinite"),
    (thermal.wet_bulb_c, (30, 101), "out_of_validity"),
    (thermal.wet_bulb_c, (80, 50), "out_of_validity"),
    (thermal.wet_bulb_c, ([30, 31], [40, 50, 60]), "wrong_shape"),
    (thermal.natural_wet_bulb_estimate_c, (30, 50, 40, -0.1), "not_positive"),
    (thermal.wbgt_c, (25, [30, 31], [20, 21, 22], True), "wrong_shape"),
    (thermal.wbgt_c, (25, 30, None, True), "air_required"),
    (thermal.wbgt_heights_c, ([30, 31], [28, 28, 28], 26), "wrong_shape"),
    (thermal.mean_radiant_c, (40, 30, -1), "not_positive"),
    (thermal.mean_radiant_c, (40, 30, 0.3, 0), "not_positive"),
    (thermal.mean_radiant_c, (40, 30, 0.3, 0.15, 1.5), "out_of_validity"),
    (thermal.phs, (30, 30, 0.3, 50, 2.0, 0.5, "lying"), "unknown_posture"),
    (thermal.phs, (30, 30, 0.3, 50, 2.0, 0.5, "standing", True, "2023", 0), "out_of_validity"),
    (thermal.pmv_ppd, (22, 22, 0.1, 50, 1.2, 0.5, "1994"), "unknown_edition"),
    (thermal.utci_c, ([25, 26], [25, 26, 27], 1, 50), "wrong_shape"),
    (thermal.ireq, (-15, -15, 2, 55, -3, 2.8, 50, 1.1), "out_of_validity"),
]


@pytest.mark.parametrize(("function", "arguments", "code"), BAD)
def test_bad_input_gets_a_code(function: Callable[..., Any], arguments: tuple[Any, ...], code: str) -> None:
    with pytest.raises(MethodError) as caught:
        function(*arguments)
    assert caught.value.code == code


def test_results_name_the_edition_and_the_library_and_are_not_rounded() -> None:
    result = thermal.pmv_ppd(22, 22, 0.1, 60, 1.2, 0.5)
    assert result.edition == "ISO 7730:2025"
    assert result.library.startswith("pythermalcomfort 4.")
    assert float(result.pmv) != round(float(result.pmv), 2)
    cold = thermal.ireq([-15, -15], -15, 2, 55, 3.009, [2.8, 1.0], 50, 1.1)
    assert cold.edition == "ISO 11079:2007"
    # In the warm clothing the model stops at eight hours; in the thin one it gives minutes.
    assert float(cold.allowed_min_h[0]) == 8.0
    assert 0.0 < float(cold.allowed_min_h[1]) < 1.0


def test_one_hour_outside_the_range_does_not_void_the_others() -> None:
    assert np.isnan(thermal.utci_c([25, 60], 25, 1, 50)).tolist() == [False, True]
    assert np.isnan(thermal.wind_chill_c([-10, -10], [5.0, 0.5])).tolist() == [False, True]


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pythermalcomfort":
            raise ImportError(name)
        return load(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError) as caught:
        thermal.utci_c(25, 25, 1, 50)
    assert "vigiposte[thermal]" in str(caught.value)
