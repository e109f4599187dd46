"""Worn sensors wait for purpose and consultation; a change of what is measured reopens it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dashboards.papers import compose
from indicators.governance.chain import read_entries
from indicators.governance.consultation import check_campaign, declared_simulation, require_campaign
from indicators.governance.issue import with_governance_notes
from indicators.governance.papers import paper_facts
from indicators.model import Audience, Period, WeeklyResult
from sensors.errors import GovernanceError
from sensors.site_book import SiteBook
from sensors.site_file import load_site

DAY = date(2026, 11, 18)
COMPLETE = """
[[campaigns]]
id = "autumn"
from = 2026-11-16
to = 2026-12-18
purpose = "Lighten the presses"
cse_reference = "PV 2026-09"
cse_date = 2026-09-30
dpia_version = "1.0"
"""


def book(
    folder: Path,
    campaign: str,
    *,
    mount: str = "upper_back",
    origin: str = "live",
    limits: str = "",
    kind: str = "posture",
) -> SiteBook:
    path = folder / "site.toml"
    path.write_text(
        f"""
schema = 1
[site]
id = "plant"
label = "Plant"
{limits}
{campaign}
[[workstations]]
id = "press-1"
label = "Press 1"
[[sensors]]
id = "s1"
kind = "{kind}"
origin = "{origin}"
[[placements]]
sensor = "s1"
workstation = "press-1"
mount = "{mount}"
from = 2026-11-16T00:00:00
"""
    )
    return load_site(path)


def codes(site: SiteBook, day: date = DAY) -> set[str]:
    return {problem.code for problem in check_campaign(site, day)}


def test_a_complete_campaign_lets_sensors_start_and_is_recorded_once(tmp_path: Path) -> None:
    site = book(tmp_path, COMPLETE)
    campaign = require_campaign(site, DAY)
    assert campaign is not None
    require_campaign(site, DAY)
    entries = read_entries(tmp_path / "campaigns.jsonl")
    assert [entry["cse_reference"] for entry in entries] == ["PV 2026-09"]


@pytest.mark.parametrize("key", ["purpose", "cse_reference", "cse_date", "dpia_version"])
def test_every_part_is_needed(tmp_path: Path, key: str) -> None:
    text = "\n".join(line for line in COMPLETE.splitlines() if not line.startswith(key))
    site = book(tmp_path, text)
    assert codes(site) == {"campaign_incomplete"}
    with pytest.raises(GovernanceError, match=key):
        require_campaign(site, DAY)


def test_no_campaign_and_a_day_outside_it(tmp_path: Path) -> None:
    assert codes(book(tmp_path, "")) == {"campaign_missing"}
    assert codes(book(tmp_path, COMPLETE), date(2026, 12, 19)) == {"campaign_missing"}


def test_consultation_comes_first(tmp_path: Path) -> None:
    late = COMPLETE.replace("cse_date = 2026-09-30", "cse_date = 2026-11-17")
    assert codes(book(tmp_path, late)) == {"consulted_too_late"}


def test_simulated_replayed_and_fixed_sensors_are_free(tmp_path: Path) -> None:
    assert codes(book(tmp_path, "", origin="simulated")) == set()
    assert codes(book(tmp_path, "", origin="replay")) == set()
    assert codes(book(tmp_path, "", mount="fixed", kind="climate")) == set()


@pytest.mark.parametrize("change", [{"mount": "upper_arm_dominant"}, {"limits": 'limits = ["eu"]'}])
def test_a_change_of_what_is_measured_reopens_it(tmp_path: Path, change: dict[str, str]) -> None:
    require_campaign(book(tmp_path, COMPLETE), DAY)
    changed = book(tmp_path, COMPLETE, **change)
    assert codes(changed) == {"consultation_reopened"}
    again = book(tmp_path, COMPLETE.replace("PV 2026-09", "PV 2026-10"), **change)
    assert require_campaign(again, DAY) is not None
    assert codes(again) == set()


@pytest.mark.parametrize(
    ("key", "other"), [('id = "autumn"', 'id = "winter"'), ('dpia_version = "', 'dpia_version = "2.')]
)
def test_another_name_does_not_stretch_a_consultation(tmp_path: Path, key: str, other: str) -> None:
    require_campaign(book(tmp_path, COMPLETE), DAY)
    renamed = COMPLETE.replace(key, other)
    assert renamed != COMPLETE
    assert codes(book(tmp_path, renamed, mount="upper_arm_dominant")) == {"consultation_reopened"}
    assert require_campaign(book(tmp_path, renamed), DAY) is not None


def test_what_is_called_a_simulation_says_so_everywhere(tmp_path: Path) -> None:
    """The word lets live sensors start without a consultation: it must not pass unseen."""
    called = COMPLETE.replace('purpose = "Lighten the presses"', "simulation = true")
    site = book(tmp_path, called)
    assert require_campaign(site, DAY) is not None
    require_campaign(site, DAY)
    (entry,) = read_entries(tmp_path / "campaigns.jsonl")
    assert (entry["event"], entry["campaign"], entry["sensors"]) == ("simulation_declared", "autumn", ["s1"])
    assert declared_simulation(site, DAY, DAY)
    assert not declared_simulation(site, date(2027, 1, 4), date(2027, 1, 10))
    assert not declared_simulation(book(tmp_path, called, origin="simulated"), DAY, DAY)
    period = Period(DAY, DAY, 0, 1, "Europe/Paris")
    empty = WeeklyResult(
        site="plant",
        site_label="Plant",
        language="en",
        audience=Audience.REPORT,
        period=period,
        version="1",
        references="r",
        workstations=(),
    )
    noted = with_governance_notes(empty, site, DAY)
    assert "simulation_campaign" in {note.code for note in noted.notes}
    facts = paper_facts(site, DAY)
    assert "nobody may wear these sensors" in " ".join(compose(facts, "notice", "en").sections[2].paragraphs)
    honest = with_governance_notes(empty, book(tmp_path, COMPLETE), DAY)
    assert "simulation_campaign" not in {note.code for note in honest.notes}
