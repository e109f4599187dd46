"""From worker-days to climate indicators: methods, doubts, verdicts and the next best measurement."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from analysis import thermal
from indicators.c2p.assessment import project_climate
from indicators.climate.assessment import assess
from indicators.climate.rules import metabolic_band_c, wbgt_limit_c, worst_hour_c
from indicators.model import Indicator, Scope, Verdict
from indicators.table_files import toml_table
from sensors.errors import MethodError
from sensors.site_model import Clothing, MetabolicClass

Build = Callable[..., Any]
MONDAY = date(2026, 11, 16)


def by_id(found: Sequence[Indicator], scope: Scope = Scope.USUAL) -> dict[str, Indicator]:
    return {item.id: item for item in found if item.scope is scope}


def verdicts(item: Indicator) -> dict[str, Verdict]:
    return {row.limit.id: row.verdict for row in item.limits}


def codes(item: Indicator) -> set[str]:
    return {note.code for note in item.quality}


def week(site: Any, air: float, *, sensor: str = "air", **channels: Any) -> list[Any]:
    """Five days whose temperatures differ by some tenths of a degree."""
    offsets = (0.0, 0.2, -0.2, 0.1, -0.1)
    return [
        site.climate(
            MONDAY + timedelta(days=step),
            sensor=sensor,
            air_temperature=air + offset,
            **{
                name: value + (offset if name != "relative_humidity" else 0)
                for name, value in channels.items()
            },
        )
        for step, offset in enumerate(offsets)
    ]


def test_a_temperate_place_is_below(plant: Build) -> None:
    site = plant()
    found = by_id(
        assess(week(site, 20.0, relative_humidity=50.0, globe_temperature=20.5), context=site.context())
    )
    assert verdicts(found["wbgt_worst_hour"]) == {"iso.climate.wbgt_moderate_unacclimatised": Verdict.BELOW}
    assert found["wbgt_worst_hour"].next_best is None
    assert found["air_temperature_mean"].value == pytest.approx(20.0)
    assert found["air_temperature_le5_h"].value == 0.0
    assert found["air_temperature_ge30_h"].value == 0.0


def test_a_hot_place_is_above_and_the_estimate_is_said_so(plant: Build) -> None:
    site = plant()
    found = by_id(
        assess(week(site, 36.0, relative_humidity=50.0, globe_temperature=45.0), context=site.context())
    )
    hot = found["wbgt_worst_hour"]
    assert verdicts(hot) == {"iso.climate.wbgt_moderate_unacclimatised": Verdict.ABOVE}
    assert "wet_bulb_and_speed_estimated" in codes(hot)
    assert "Bernard" in hot.method
    natural = thermal.natural_wet_bulb_estimate_c(36.0, 50.0, 45.0)
    assert hot.value == pytest.approx(float(thermal.wbgt_c(natural, 45.0)), abs=0.02)
    assert found["air_temperature_ge30_h"].value == pytest.approx(8.0)


def test_acclimatisation_and_work_choose_the_row(plant: Build) -> None:
    site = plant(workstation='metabolic_class = "high"\nacclimatised = true')
    found = by_id(assess(week(site, 30.0, relative_humidity=40.0), context=site.context()))["wbgt_worst_hour"]
    assert list(verdicts(found)) == ["iso.climate.wbgt_high_acclimatised"]
    assert found.limits[0].limit.value == float(wbgt_limit_c("high", acclimatised=True))


def test_the_interval_holds_days_method_and_metabolic_doubt(plant: Build) -> None:
    site = plant()
    days = week(site, 28.0, natural_wet_bulb_temperature=22.0, globe_temperature=30.0)
    found = assess(days, context=site.context())
    usual, own = by_id(found)["wbgt_worst_hour"], by_id(found, Scope.WEEK)["wbgt_worst_hour"]
    assert usual.value == own.value == pytest.approx(0.7 * 22.0 + 0.3 * 30.0)
    assert usual.value is not None
    assert own.interval is not None
    assert usual.interval is not None
    down, up = metabolic_band_c("moderate", acclimatised=False)
    assert own.interval.low == pytest.approx(usual.value - np.hypot(0.5, 0.9 * up))
    assert own.interval.high == pytest.approx(usual.value + np.hypot(0.5, 0.9 * down))
    assert usual.interval.low < own.interval.low
    assert own.limits == ()
    assert usual.method == "ISO 7243:2017"


def test_clothing_is_added_once(plant: Build) -> None:
    plain, hooded = plant(), None
    value = by_id(assess(week(plain, 25.0, relative_humidity=50.0), context=plain.context()))
    hooded = plant(workstation='clothing = "vapour_barrier_hood"')
    other = by_id(assess(week(hooded, 25.0, relative_humidity=50.0), context=hooded.context()))
    bare, warm = value["wbgt_worst_hour"].value, other["wbgt_worst_hour"].value
    assert bare is not None
    assert warm == pytest.approx(bare + 11.0)
    assert "clothing_added" in codes(other["wbgt_worst_hour"])
    assert list(verdicts(other["wbgt_worst_hour"])) == list(verdicts(value["wbgt_worst_hour"]))


def test_beside_a_hot_process_no_globe_shows_no_below(plant: Build) -> None:
    site = plant(workstation="indoor_process = true")
    found = by_id(assess(week(site, 20.0, relative_humidity=50.0), context=site.context()))["wbgt_worst_hour"]
    assert set(verdicts(found).values()) == {Verdict.NOT_SETTLED}
    assert found.limits[0].reason is not None
    assert found.limits[0].reason.code == "lower_bound_without_globe"
    assert found.next_best is not None
    assert found.next_best.code == "add_globe"
    assert "wbgt_shade_estimate" in codes(found)


def test_the_worst_hour_is_that_of_the_shift(plant: Build) -> None:
    site = plant()
    wet = np.where((np.arange(480) >= 200) & (np.arange(480) < 260), 26.0, 20.0)
    days = [
        site.climate(
            MONDAY + timedelta(days=step),
            air_temperature=25.0,
            natural_wet_bulb_temperature=wet + 0.1 * step,
            globe_temperature=30.0,
        )
        for step in range(3)
    ]
    found = by_id(assess(days, context=site.context()))["wbgt_worst_hour"]
    assert found.value == pytest.approx(0.7 * 26.1 + 9.0)
    assert found.details["highest_c"] == pytest.approx(0.7 * 26.2 + 9.0)


def test_without_humidity_heat_stress_is_not_measured(plant: Build) -> None:
    site = plant()
    found = by_id(assess(week(site, 35.0), context=site.context()))
    heat = found["wbgt_worst_hour"]
    assert heat.value is None
    assert set(verdicts(heat).values()) == {Verdict.NOT_MEASURED}
    assert heat.next_best is not None
    assert heat.next_best.code == "send_humidity"
    assert found["air_temperature_mean"].value == pytest.approx(35.0)


def test_one_day_has_a_value_and_no_verdict(plant: Build) -> None:
    site = plant()
    day = site.climate(MONDAY, air_temperature=40.0, relative_humidity=50.0)
    found = by_id(assess([day], context=site.context()))["wbgt_worst_hour"]
    assert found.interval is None
    assert set(verdicts(found).values()) == {Verdict.NOT_SETTLED}


def test_too_little_of_a_shift_is_not_measured(plant: Build) -> None:
    site = plant()
    day = site.climate(MONDAY, hours=5.0, air_temperature=40.0, relative_humidity=50.0)
    found = by_id(assess([day], context=site.context()))
    for name in ("wbgt_worst_hour", "air_temperature_mean", "air_temperature_ge30_h"):
        assert found[name].value is None, name
        assert found[name].coverage == pytest.approx(5 / 8), name
    assert set(verdicts(found["wbgt_worst_hour"]).values()) == {Verdict.NOT_MEASURED}


def test_hours_in_the_cold_are_hours_of_the_whole_shift(plant: Build) -> None:
    site = plant(workstation="indoor_process = true")
    air = np.where(np.arange(432) < 108, 4.0, 8.0)
    days = [site.climate(MONDAY + timedelta(days=s), hours=7.2, air_temperature=air) for s in range(3)]
    found = assess(days, context=site.context())
    usual, own = by_id(found)["air_temperature_le5_h"], by_id(found, Scope.WEEK)["air_temperature_le5_h"]
    assert usual.value == pytest.approx(2.0)
    assert own.interval is not None
    assert [own.interval.low, own.interval.high] == pytest.approx([1.8, 2.6])
    assert "weather_not_counted" not in codes(usual)
    elsewhere = plant()
    assert "weather_not_counted" in codes(
        by_id(assess(days, context=elsewhere.context()))["air_temperature_le5_h"]
    )


def test_vigilance_of_the_inrs_is_reported_and_moves_nothing(plant: Build) -> None:
    site = plant()
    days = week(site, 29.0)
    found = by_id(assess(days, context=site.context()))["air_temperature_mean"]
    shares = found.details["vigilance"]
    assert isinstance(shares, list)
    assert {row["value_c"]: row["share_percent"] for row in shares} == {28.0: 100.0, 30.0: 0.0, 33.0: 0.0}
    assert [note.params["value_c"] for note in found.quality if note.code == "vigilance_reached"] == [28.0]
    assert found.limits == ()
    seated = plant(workstation='metabolic_class = "low"')
    assert "vigilance_reached" not in codes(
        by_id(assess(days, context=seated.context()))["air_temperature_mean"]
    )


def test_heat_waves_are_dated_events_from_outside(plant: Build) -> None:
    rows = ["from,to,level,source", "2026-11-17T00:00,2026-11-19T00:00,orange,Météo-France"]
    site = plant(logs={"episodes": rows})
    found = by_id(assess(week(site, 22.0, relative_humidity=50.0), context=site.context()))["wbgt_worst_hour"]
    assert [note.params["level"] for note in found.quality if note.code == "heat_episode"] == ["orange"]


HEIGHTS = """
height_m = 1.1
[[sensors]]
id = "low"
kind = "climate"
[[sensors]]
id = "high"
kind = "climate"
[[placements]]
sensor = "low"
workstation = "press"
mount = "fixed"
from = 2026-11-01
height_m = 0.1
[[placements]]
sensor = "high"
workstation = "press"
mount = "fixed"
from = 2026-11-01
height_m = 1.7
"""


def three_heights(site: Any) -> list[Any]:
    return [
        site.climate(
            MONDAY + timedelta(days=step),
            sensor=name,
            air_temperature=25.0,
            natural_wet_bulb_temperature=wet + 0.1 * step,
            globe_temperature=30.0,
        )
        for step in range(3)
        for name, wet in (("low", 18.0), ("air", 20.0), ("high", 24.0))
    ]


def test_three_heights_are_weighted_and_otherwise_the_hottest_sensor_counts(plant: Build) -> None:
    site = plant(more=HEIGHTS)
    found = by_id(assess(three_heights(site), context=site.context()))["wbgt_worst_hour"]
    assert found.value == pytest.approx(0.7 * ((24.0 + 2 * 20.0 + 18.0) / 4 + 0.1) + 9.0)
    assert "three_heights" in codes(found)
    flat = plant(more=HEIGHTS.replace("height_m = 0.1", "").replace("height_m = 1.7", ""))
    other = by_id(assess(three_heights(flat), context=flat.context()))["wbgt_worst_hour"]
    assert other.value == pytest.approx(0.7 * 24.1 + 9.0)
    assert "hottest_sensor" in codes(other)
    assert other.n_days == 3


def test_several_sensors_of_a_place_are_one_day_of_its_hours_a_year(plant: Build) -> None:
    site = plant(more=HEIGHTS, workstation="indoor_process = true\nhours_per_year = 1600")
    (found,) = project_climate(three_heights(site), site.context())
    assert found.n_days == 3


def test_hours_of_a_year_rest_on_full_shifts(plant: Build) -> None:
    site = plant(workstation="indoor_process = true\nhours_per_year = 1600")
    full = [site.climate(MONDAY + timedelta(days=step), air_temperature=4.0) for step in range(3)]
    part = site.climate(MONDAY + timedelta(days=3), air_temperature=20.0, hours=4.0)
    (alone,) = project_climate(full, site.context())
    (found,) = project_climate([*full, part], site.context())
    assert (found.n_days, found.value, found.interval) == (3, alone.value, alone.interval)
    assert "days_left_out" in codes(found)
    (none,) = project_climate([part], site.context())
    assert none.value is None
    assert set(verdicts(none).values()) == {Verdict.NOT_MEASURED}
    assert "no_valid_shift" in codes(none)


def test_every_class_and_every_clothing_of_the_site_file_has_its_row() -> None:
    rows = toml_table("climate")
    assert {row["key"] for row in rows["metabolic"]} == {item.value for item in MetabolicClass}
    assert set(rows["clothing"]) == {item.value for item in Clothing}
    for row in (*rows["metabolic"], *rows["clothing"].values(), *rows["continuous"].values()):
        assert row["source"]
        assert row["grade"]


def test_the_band_of_a_class_lies_around_its_limit() -> None:
    for metabolic in MetabolicClass:
        down, up = metabolic_band_c(metabolic.value, acclimatised=True)
        assert down < 0 < up


def test_the_worst_hour_weighs_time_and_crosses_short_gaps_only() -> None:
    times = np.arange(0, 7200, 60.0)
    values = np.where((times >= 1800) & (times < 5400), 30.0, 20.0)
    assert worst_hour_c(values, times) == pytest.approx(30.0)
    assert worst_hour_c(values + 0.0, times + 1e9) == pytest.approx(30.0)
    gap = (times < 2000) | (times > 2500)
    assert worst_hour_c(values[gap], times[gap]) == pytest.approx(30.0)
    missing = values.copy()
    missing[::2] = np.nan
    assert np.isnan(worst_hour_c(missing, times))


@pytest.mark.parametrize(
    ("values", "times", "gap", "code"),
    [
        ([], [], 600, "empty"),
        ([20.0], [0.0, 1.0], 600, "wrong_shape"),
        ([20.0, 21.0], [0.0, np.nan], 600, "not_rising"),
        ([20.0, 21.0], [0.0, 0.0], 600, "not_rising"),
        ([20.0, 21.0], [0.0, 60.0], 0, "not_positive"),
        ([20.0, np.inf], [0.0, 60.0], 600, "infinite"),
    ],
)
def test_a_bad_series_gets_a_code(values: list[float], times: list[float], gap: float, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        worst_hour_c(values, times, gap)
    assert caught.value.code == code


def test_one_value_is_no_hour() -> None:
    assert np.isnan(worst_hour_c([25.0], [0.0]))
    assert np.isnan(worst_hour_c([np.nan] * 100, np.arange(100) * 60.0))


def test_details_can_be_written_as_strict_json(plant: Build) -> None:
    site = plant()
    for item in assess(
        week(site, 31.0, relative_humidity=50.0, globe_temperature=36.0), context=site.context()
    ):
        json.dumps({**item.details}, allow_nan=False)
        for note in item.quality:
            json.dumps(dict(note.params), allow_nan=False)


def test_nothing_measured_gives_no_indicator(plant: Build) -> None:
    assert assess([], context=plant().context()) == ()
