from __future__ import annotations

from pathlib import Path

import pytest

from sensors.errors import ConfigurationError, UnknownNameError
from simulators.scenario import FaultKind, Imperfections, Scenario, load_scenario, said, scenario_names

_STUCK = 'kind = "stuck", sensor = "arm", start = 09:00:00, minutes = 5'
_AWAY = f'faults = [{{ workstation = "moon", {_STUCK} }}]'
_AFTER = f'faults = [{{ workstation = "press-1", {_STUCK}, day = 3 }}]'


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_loads(name: str) -> None:
    assert load_scenario(name).id == name


def test_the_demo_plant_is_the_one_that_is_promised(demo: Scenario) -> None:
    families = [place.family["en"] for place in demo.workstations]
    assert len(families) == 6
    assert {"forming", "assembly", "logistics", "foundry", "office"} <= set(families)
    assert demo.days == 5
    assert sorted(demo.crews.values()) == [2, 5]


def test_quick_is_one_day_of_the_same_plant(demo: Scenario) -> None:
    quick = load_scenario("quick")
    assert quick.days == 1
    assert quick.workstations == demo.workstations


def test_noise_free_has_no_sensor_error_at_all() -> None:
    assert set(load_scenario("noise_free").sensors.model_dump().values()) == {0.0}
    assert set(Imperfections().model_dump().values()) != {0.0}


def test_faulty_knows_every_fault() -> None:
    assert {fault.kind for fault in load_scenario("faulty").faults} == set(FaultKind)


def test_unknown_scenario_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="demo, faulty, noise_free, quick"):
        load_scenario("no_such_plant")


def test_extension_completes_a_workstation_by_its_id(tmp_path: Path, demo: Scenario) -> None:
    path = tmp_path / "hot.toml"
    path.write_text(
        'extends = "demo"\nid = "hot"\n[[workstations]]\nid = "cold-5"\nclimate = { air_c = 12.0 }\n'
    )
    hot = load_scenario(path)
    changed = hot.workstations[4]
    assert (changed.id, changed.climate.air_c) == ("cold-5", 12.0)
    assert changed.climate.humidity_percent == demo.workstations[4].climate.humidity_percent
    assert changed.tasks == demo.workstations[4].tasks
    assert hot.workstations[:4] == demo.workstations[:4]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("id = ", "TOML"),
        ('extends = "demo"\nid = "x"\ndays = 0\n', "days"),
        ('extends = "demo"\nid = "x"\nunknown = 1\n', "unknown"),
        ('extends = "demo"\nid = "x"\nshift_end = 07:00:00\n', "ends after it starts"),
        ('extends = "demo"\nid = "x"\nbreaks = [[09:00:00, 08:50:00]]\n', "break"),
        ('extends = "demo"\nid = "x"\n[[workstations]]\nid = "press-1"\ncrew = "nobody"\n', "crew"),
        (f'extends = "demo"\nid = "x"\n{_AWAY}\n', "moon"),
        (f'extends = "quick"\nid = "x"\n{_AFTER}\n', "day 3"),
        ('extends = "demo"\nid = "x"\n[crews]\nshop = 3\n', "at once"),
        ('extends = "demo"\nid = "x"\nweekdays = []\n', "weekdays"),
        ('extends = "demo"\nid = "x"\nweekdays = [7]\n', "weekdays"),
        ('extends = "demo"\nid = "x"\ntimezone = "Mars/Base"\n', "time zone"),
        ('extends = "demo"\nid = "x"\nshift_end = 16:00:30\n', "whole minutes"),
    ],
)
def test_broken_scenarios_say_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=named):
        load_scenario(path)


def test_scenario_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.toml"
    path.write_text(f'extends = "{path}"\nid = "loop"\n')
    with pytest.raises(ConfigurationError, match="extends"):
        load_scenario(path)


def test_a_label_in_one_language_serves_for_both() -> None:
    assert said({"fr": "Presse"}, "en") == "Presse"
    assert said({"fr": "Presse", "en": "Press"}, "en") == "Press"
