from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from analysis.placement import leave_one_out, posterior_variance
from dashboards.catalogue import text
from dashboards.plan.figures import floor_map, position_figure
from indicators.model import Factor
from indicators.planning.floor import floor_grid, plan_floor
from indicators.planning.positions import all_positions
from indicators.worker_days.values import DayValue
from sensors.errors import ConfigurationError, MethodError
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from sensors.site_model import Floor

CLOSED = (
    "size_m = [40.0, 20.0]\n"
    "obstacles = [[[18.0, 8.0], [22.0, 12.0]]]\n"
    "forbidden = [[[28.0, 0.0], [40.0, 9.0]]]"
)
PLACES = {"a": (5.0, 10.0), "b": (5.5, 10.5), "c": (15.0, 4.0), "d": (35.0, 16.0), "e": (25.0, 10.0)}


def make_site(
    folder: Path, floor: str = "size_m = [40.0, 20.0]", places: dict[str, tuple[float, float]] = PLACES
) -> SiteBook:
    text_of = 'schema = 1\n[site]\nid = "works"\nlabel = "Works"\n'
    text_of += '[[shifts]]\nid = "day"\nstart = "07:00"\nend = "15:00"\n'
    for name, (x, y) in places.items():
        text_of += (
            f'[[workstations]]\nid = "{name}"\nlabel = "{name}"\nshifts = ["day"]\nposition_m = [{x}, {y}]\n'
        )
    path = folder / "site.toml"
    path.write_text(text_of + (f"[floor]\n{floor}\n" if floor else ""), encoding="utf-8")
    return load_site(path)


def running(levels: dict[str, list[float]], *, worn: bool = False) -> dict[str, list[DayValue]]:
    return {
        station: [
            DayValue(
                "laeq_shift",
                Factor.NOISE,
                "dB(A)",
                date(2026, 11, 2) + timedelta(days=day),
                "day",
                None,
                value,
                worn=worn,
                setting="",
            )
            for day, value in enumerate(values)
        ]
        for station, values in levels.items()
    }


def test_stations_come_first_and_spare_sensors_avoid_obstacles_and_closed_zones(tmp_path: Path) -> None:
    plan = plan_floor(make_site(tmp_path, CLOSED), Factor.NOISE, spare=4)
    assert [place.id for place in plan.stations] == list(PLACES)
    assert len(plan.spare_m) == 4
    for x, y in plan.spare_m:
        assert not (18.0 <= x <= 22.0 and 8.0 <= y <= 12.0)
        assert not (x >= 28.0 and y <= 9.0)
    # The forbidden zone is of interest all the same; the obstacle is not.
    cells = plan.cells_m
    assert ((cells[:, 0] > 30.0) & (cells[:, 1] < 8.0)).any()
    assert not (
        (cells[:, 0] > 18.5) & (cells[:, 0] < 21.5) & (cells[:, 1] > 8.5) & (cells[:, 1] < 11.5)
    ).any()


def test_spare_sensors_lower_what_remains_unknown_and_the_map_says_how_much(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    none, three = (plan_floor(book, Factor.NOISE, spare=count) for count in (0, 3))
    assert none.mean_sd == pytest.approx(none.mean_sd_without_spare)
    assert three.mean_sd < three.mean_sd_without_spare == none.mean_sd_without_spare
    points = np.vstack([list(PLACES.values()), three.spare_m, three.cells_m])
    variance = posterior_variance(points, range(8), 6.0, 3.0, 0.5)[8:]
    np.testing.assert_allclose(three.remaining_sd, np.sqrt(variance), rtol=1e-6)
    assert three.remaining_sd.max() <= three.prior_sd


def test_entropy_leaves_more_unknown_than_the_other_criteria(tmp_path: Path) -> None:
    book = make_site(tmp_path, places={"a": (20.0, 10.0)})
    left = {
        name: plan_floor(book, Factor.NOISE, spare=6, criterion=name).mean_sd
        for name in ("mutual_information", "a_optimal", "entropy")
    }
    assert left["entropy"] > left["a_optimal"]
    assert left["entropy"] > left["mutual_information"]


def test_the_grid_fills_the_floor_evenly() -> None:
    cells, forbidden, step = floor_grid(Floor(size_m=(40.0, 20.0)))
    assert 300 <= len(cells) <= 420
    assert not forbidden.any()
    assert cells.min() > 0.0
    assert cells[:, 0].max() < 40.0
    assert cells[:, 0].mean() == pytest.approx(20.0)
    assert step == pytest.approx(np.sqrt(2.0))
    small, _, _ = floor_grid(Floor(size_m=(0.3, 0.3)))
    assert small.tolist() == [[0.15, 0.15]]


def test_running_sensors_are_predicted_from_the_others(tmp_path: Path) -> None:
    days = np.random.default_rng(4).normal(0.0, 1.0, (5, 8))
    levels = {name: list(82.0 + index + days[index]) for index, name in enumerate(PLACES)}
    plan = plan_floor(make_site(tmp_path), Factor.NOISE, spare=0, running=running(levels))
    found = leave_one_out(
        list(PLACES.values()), [float(np.mean(values)) for values in levels.values()], 6.0, 3.0, 0.5
    )
    for index, item in enumerate(plan.running):
        assert item.days == 8
        assert item.value - item.predicted == pytest.approx(found.residuals[index])
        assert item.sd == pytest.approx(np.sqrt(found.variances[index]))
        assert plan.running_sd is not None
        assert item.mean_sd_without > plan.running_sd
    by_name = {item.station: item for item in plan.running}
    assert by_name["a"].redundant, "its neighbour stands 0.7 m away"
    assert not by_name["d"].redundant
    # Losing a twin costs less than losing the only one far and wide.
    assert by_name["a"].mean_sd_without < by_name["d"].mean_sd_without


def test_sensors_alike_are_found_behind_the_pattern_common_to_all(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    common, twin = 4.0 * rng.normal(size=15), rng.normal(size=15)
    levels = {name: list(80.0 + common + 0.8 * rng.normal(size=15)) for name in PLACES}
    levels["c"] = list(80.0 + common + twin + 0.1 * rng.normal(size=15))
    levels["d"] = list(84.0 + common + twin + 0.1 * rng.normal(size=15))
    plan = plan_floor(make_site(tmp_path), Factor.NOISE, spare=0, running=running(levels))
    by_name = {item.station: item for item in plan.running}
    assert by_name["c"].most_alike == "d"
    assert by_name["d"].most_alike == "c"
    assert (by_name["c"].correlation or 0.0) > 0.8
    # Raw correlation is high between any two; what is left of a pair of strangers is not.
    assert (by_name["e"].correlation or 0.0) < 0.8


def test_worn_sensors_and_short_series_say_nothing_of_a_place(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    levels = {name: [80.0, 81.0, 82.0] for name in PLACES}
    assert plan_floor(book, Factor.NOISE, spare=0, running=running(levels, worn=True)).running == ()
    short = {name: values[:2] for name, values in levels.items()}
    assert plan_floor(book, Factor.NOISE, spare=0, running=running(short)).running_sd is None


@pytest.mark.parametrize(
    ("floor", "places", "code"),
    [
        ("", PLACES, "no_floor"),
        ("size_m = [40.0, 20.0]", {}, "no_positions"),
        ("size_m = [4.0, 2.0]\nobstacles = [[[0.0, 0.0], [4.0, 2.0]]]", {"a": (1.0, 1.0)}, "no_free_floor"),
    ],
)
def test_a_floor_that_cannot_be_planned_is_refused(
    tmp_path: Path, floor: str, places: dict[str, tuple[float, float]], code: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan_floor(make_site(tmp_path, floor, places), Factor.NOISE, spare=1)
    assert caught.value.code == code
    assert caught.value.remedy


def test_unknown_criteria_and_factors_without_a_model_are_refused(tmp_path: Path) -> None:
    book = make_site(tmp_path)
    with pytest.raises(MethodError) as caught:
        plan_floor(book, Factor.NOISE, spare=1, criterion="guess")
    assert caught.value.code == "unknown_criterion"
    with pytest.raises(ConfigurationError) as refused:
        plan_floor(book, Factor.POSTURE, spare=1)
    assert refused.value.code == "no_floor_model"
    with pytest.raises(MethodError) as many:
        plan_floor(book, Factor.NOISE, spare=5000)
    assert many.value.code == "too_few_places"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_map_draws_every_cell_station_and_spare_sensor(tmp_path: Path, language: str) -> None:
    plan = plan_floor(make_site(tmp_path, CLOSED), Factor.NOISE, spare=2)
    drawing = floor_map(plan, text(language))
    root = ET.fromstring(drawing)  # noqa: S314 - our own drawing
    cells = [item for item in root.iter() if (item.get("class") or "").startswith("g")]
    assert len(cells) == len(plan.cells_m) + 5, "cells and the legend"
    labels = {item.text for item in root.iter() if item.tag.endswith("text")}
    assert set(PLACES) <= labels
    assert {"+1", "+2"} <= labels
    assert root.get("aria-label")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_position_is_drawn_with_its_heights_in_the_language(language: str) -> None:
    say = text(language)
    for position in all_positions():
        root = ET.fromstring(position_figure(position, say))  # noqa: S314 - our own drawing
        labels = " ".join(item.text or "" for item in root.iter() if item.tag.endswith("text"))
        for height in (*position.standing_m, *position.seated_m):
            assert f"{height:g} m".replace(".", say("commands.decimal_mark")) in labels
        assert root.get("aria-label") == say(f"plan.positions.{position.key}")
