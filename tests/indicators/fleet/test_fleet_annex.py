"""The group's summary of annexes: true sums, and no line that can be worked back to a few people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dashboards.catalogue import text
from indicators.c2p.annex import Annex, FactorShare
from indicators.fleet.annex import FleetAnnex, summarise
from indicators.fleet.annex_files import summary_csv, summary_document, summary_workbook
from sensors.errors import GovernanceError
from tests.site_tables import row
from vigiposte import app

LEAST = 5


def share(workers: int, above: int = 0) -> FactorShare:
    return FactorShare("noise", workers, above, workers - above, 0, 0)


def summary(shares: Mapping[str, FactorShare], least: int = LEAST) -> FleetAnnex:
    annexes = {site: Annex(site, "2026-W47", "r", (), (one,)) for site, one in shares.items()}
    labels = {site: f"Site {site}" for site in shares}
    return summarise("group", "=Group", annexes, labels, least)


def test_the_total_is_the_sum_of_the_sites() -> None:
    (row,) = summary({"a": share(10, 4), "b": share(30, 3)}).factors
    assert row.total is not None
    assert (row.total.workers, row.total.above, row.total.share_above) == (40, 7, 7 / 40)
    assert [line.label for line in row.sites] == ["Site a", "Site b"]
    assert row.withheld == 0


def test_a_small_site_is_hidden_behind_the_smallest_others() -> None:
    (row,) = summary({"a": share(3, 3), "b": share(6), "c": share(8), "d": share(50)}).factors
    held = {line.site for line in row.sites if line.share is None}
    assert held == {"a", "b", "c"}, "knowing b, or c, nobody finds the three of a"
    assert row.total is not None


def test_a_total_that_would_give_a_line_away_is_held_back() -> None:
    (row,) = summary({"a": share(3), "b": share(9)}).factors
    assert row.total is None
    assert all(line.share is None for line in row.sites)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=7), st.integers(1, 10))
def test_nobody_can_subtract_to_fewer_than_the_group_size(workers: list[int], least: int) -> None:
    (row,) = summary({str(number): share(count) for number, count in enumerate(workers)}, least).factors
    held = [workers[int(line.site)] for line in row.sites if line.share is None]
    assert all(line.share is None or line.share.workers >= least for line in row.sites)
    if row.total is None or not held:
        return
    # Total less what is shown, less what one site knows of itself: still a group, or nothing to know.
    for own in (0, *held):
        assert sum(held) - own >= least


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_files_hold_back_alike(tmp_path: Path, language: str) -> None:
    found = summary({"a": share(3, 3), "b": share(6), "c": share(60, 31)})
    say = text(language)
    (factor,) = summary_document(found)["factors"]
    held = {line["site"] for line in factor["sites"] if line["withheld"]}
    assert held == {"a", "b", "c"}
    assert factor["total"]["workers"] is None
    rows = list(csv.reader(io.StringIO(summary_csv(found, say)), delimiter=";"))
    assert rows[1][1] == "'=Group"
    assert {row[2] for row in rows[1:5]} == {""}
    page = openpyxl.load_workbook(summary_workbook(found, tmp_path / "s.xlsx", say))["shares"]
    assert [page.cell(line, 3).value for line in range(2, 6)] == [None] * 4


@pytest.fixture
def staffed(folder: Path) -> Path:
    """The three sites with 40, 30 and 20 workers at their first workstation."""
    for number, workers in enumerate((40, 30, 20)):
        with (folder / f"site-00{number}" / "site.toml").open("a", encoding="utf-8") as site:
            site.write(row("groups", id="g", label="G", workers=workers, workstations=["w0"]))
    return folder


def test_each_site_gets_its_annex_and_the_group_its_summary(staffed: Path, tmp_path: Path) -> None:
    fleet = ["--fleet", str(staffed / "fleet.toml"), "--week", "2026-W47"]
    asked = CliRunner().invoke(app, ["annex", *fleet, "--out", str(tmp_path), "--format", "csv,xlsx,json"])
    assert asked.exit_code == 0, asked.output
    sites = [f"site-00{number}" for number in range(3)]
    for name, form in product(sites, ("csv", "xlsx", "json")):
        assert (tmp_path / name / f"annex-{name}-2026-W47.{form}").is_file()
    whole = json.loads((tmp_path / "annex-group-2026-W47.json").read_text(encoding="utf-8"))
    own = [
        json.loads((tmp_path / name / f"annex-{name}-2026-W47.json").read_text(encoding="utf-8"))
        for name in sites
    ]
    assert whole["least_workers"] == 11, "the largest group size of the sites"
    assert whole["factors"]
    for factor in whole["factors"]:
        mine = [one for site in own for one in site["shares"] if one["factor"] == factor["factor"]]
        for count in ("workers", "above", "below", "not_settled", "not_measured"):
            assert factor["total"][count] == sum(one[count] for one in mine)


def test_a_summary_that_is_refused_leaves_the_sites_their_annexes(staffed: Path, tmp_path: Path) -> None:
    command = ["annex", "--fleet", str(staffed / "fleet.toml"), "--week", "2026-W47"]
    once, again = (CliRunner().invoke(app, command) for _ in range(2))
    assert once.exit_code == again.exit_code == 0
    assert once.stdout == again.stdout
    site = staffed / "site-000" / "site.toml"
    site.write_text(
        site.read_text(encoding="utf-8").replace("workers = 40", "workers = 41"), encoding="utf-8"
    )
    told = CliRunner().invoke(app, [*command, "--json", "--out", str(tmp_path)])
    assert told.exit_code == GovernanceError.exit_code
    document = json.loads(told.stdout)
    assert document["summary_problem"]["code"] == "summary_changed"
    assert "2026-W47" in document["summary_problem"]["what"]
    assert "factors" not in document
    assert [Path(file).parent.name for file in document["files"]] == ["site-000", "site-001", "site-002"]
