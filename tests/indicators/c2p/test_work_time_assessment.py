"""The factor work time: inclusive thresholds, exclusivity of the two night texts, silence is not measured."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from indicators.c2p.work_time_assessment import assess_work_time
from indicators.limits import in_force
from indicators.model import Indicator, Verdict
from sensors.site_model import Site

TODAY = date(2026, 11, 23)
LIMITS = in_force(TODAY, profiles=("fr",))


def site(cycle: list[str] | None, nights: int | None = None, **workstation: Any) -> Site:
    shifts = [
        {"id": "day", "start": time(8), "end": time(16)},
        {"id": "night", "start": time(21), "end": time(5)},
    ]
    roster = [] if cycle is None else [{"id": "r", "cycle": cycle, "nights": nights}]
    group = {"id": "g", "workstations": ["w"], "workers": 4, "roster": None if cycle is None else "r"}
    return Site.model_validate(
        {
            "schema": 1,
            "site": {"id": "s", "label": "S"},
            "shifts": shifts,
            "rosters": roster,
            "groups": [group],
            "workstations": [{"id": "w", "label": "W", **workstation}],
        }
    )


def assessed(plant: Site) -> dict[str, Indicator]:
    return {item.id: item for item in assess_work_time(plant, plant.workstations[0], LIMITS, TODAY)}


@pytest.mark.parametrize(("nights", "verdict"), [(99, Verdict.BELOW), (100, Verdict.ABOVE)])
def test_hundred_nights_count(nights: int, verdict: Verdict) -> None:
    found = assessed(site(["night"], nights))
    assert found["night_work"].limits[0].verdict is verdict
    assert found["alternating_nights"].value == 0.0


@pytest.mark.parametrize(("nights", "verdict"), [(29, Verdict.BELOW), (30, Verdict.ABOVE)])
def test_thirty_alternating_nights_count_and_are_no_night_work(nights: int, verdict: Verdict) -> None:
    found = assessed(site(["day", "night"], nights))
    assert found["alternating_nights"].limits[0].verdict is verdict
    assert found["night_work"].value == 0.0


def test_without_roster_it_is_not_measured_and_says_what_to_do() -> None:
    found = assessed(site(None))["night_work"]
    assert found.value is None
    assert found.limits[0].verdict is Verdict.NOT_MEASURED
    assert found.next_best is not None


def test_repetitive_work_needs_a_declaration() -> None:
    assert assessed(site(["day"]))["repetitive_c2p_hours"].value is None
    declared = assessed(site(["day"], cycle_s=25.0, technical_actions_per_minute=40.0, hours_per_year=900.0))
    assert declared["repetitive_c2p_hours"].limits[0].verdict is Verdict.ABOVE


def test_other_profiles_have_no_night_threshold() -> None:
    plant = site(["night"], 200)
    assert (
        assess_work_time(plant, plant.workstations[0], in_force(TODAY, profiles=("eu", "iso")), TODAY) == ()
    )
