"""A site whose file is faulty is left out by name, with what to do; the others go on, and figures say so."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from dashboards.catalogue import text
from dashboards.fleet.render import render_fleet
from dashboards.fleet.source import FleetSource
from indicators.fleet.document import fleet_document
from indicators.fleet.model import FleetResult
from indicators.governance.site_logs import SUMMARIES
from sensors.errors import SiteFileError, UnknownNameError, UnreachableError
from sensors.fleet_file import load_fleet
from sensors.periods import DatePeriod
from vigiposte import app, build_services

WEEK = ("--week", "2026-W47")
SECRET = "camille-of-the-press"


def run(fleet: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--fleet", str(fleet)])


@pytest.fixture
def fleet(folder: Path) -> Path:
    """The loud site's file names a mount that there is not."""
    site = folder / "site-001" / "site.toml"
    whole = site.read_text(encoding="utf-8")
    assert 'mount = "shoulder"' in whole
    site.write_text(whole.replace('mount = "shoulder"', f'mount = "{SECRET}"'), encoding="utf-8")
    return folder / "fleet.toml"


@pytest.fixture
def part(fleet: Path, week: DatePeriod) -> FleetResult:
    found: FleetResult = build_services().extra["fleet_result"](load_fleet(fleet), week)
    return found


def test_the_others_have_the_numbers_they_have_without_it(part: FleetResult, result: FleetResult) -> None:
    assert [line.id for line in part.missing] == ["site-001"]
    assert len(part.counted) == 2
    alone = {line.id: line for line in result.sites}
    assert all(line == alone[line.id] for line in part.counted)
    for row in part.families:
        assert "site-001" not in {place.site for place in row.places}
    assert part.practices == ()
    document = fleet_document(part, text("en"))
    assert document["counted_sites"] == 2
    (missing,) = document["missing_sites"]
    assert (missing["id"], missing["problem_code"]) == ("site-001", "fleet_site_broken")
    assert "vigiposte check --site site-001/site.toml" in missing["problem"]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_document_can_be_read_without_seeing_that_it_is_missing(
    part: FleetResult, tmp_path: Path, language: str
) -> None:
    head = {"fr": "1 site manque sur 3", "en": "1 of 3 sites is missing"}[language]
    of = {"fr": "2 sites sur 3", "en": "2 of 3 sites"}[language]
    html, pdf, xlsx, table = render_fleet(part, tmp_path, ("html", "pdf", "xlsx", "csv"), language)
    page = html.read_text(encoding="utf-8")
    plain = page.replace("\u00a0", " ").replace("\u202f", " ")
    assert plain.index(head) < plain.index("<h1>") < plain.index(of)
    paper = " ".join(PdfReader(pdf).pages[0].extract_text().split()).replace("\u00a0", " ")
    assert paper.index(head) < paper.index("Site-002")
    assert "vigiposte check" in paper
    book = openpyxl.load_workbook(xlsx)
    first = book.worksheets[0]
    assert str(first.cell(2, 1).value).replace("\u00a0", " ").startswith(head)
    assert (first.cell(3, 1).value, first.cell(3, 2).value) == ("Site-001", "site-001")
    rows = list(
        csv.reader(
            io.StringIO(table.read_text(encoding="utf-8-sig")), delimiter=";" if language == "fr" else ","
        )
    )
    assert rows[1][2] == "site-001"
    assert "vigiposte check" in rows[1][-1]
    # What is wrong in a site file may name people: a document that goes round counts it only.
    for path in (html, xlsx, table):
        assert SECRET.encode() not in path.read_bytes()
    assert SECRET not in paper
    assert SECRET not in json.dumps(fleet_document(part, text(language)))


def test_the_commands_end_with_its_code_and_do_their_work(fleet: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = run(fleet, "report", *WEEK, "--format", "json", "--out", str(out), "--json")
    assert report.exit_code == SiteFileError.exit_code
    told = json.loads(report.stdout)
    assert Path(told["files"][0]).is_file()
    assert (told["counted_sites"], [row["id"] for row in told["missing_sites"]]) == (2, ["site-001"])
    shown = run(fleet, "indicators", *WEEK)
    assert shown.exit_code == SiteFileError.exit_code
    lines = shown.stdout.splitlines()
    assert lines[2] == "1 of 3 sites is missing: all figures rest on 2 sites."
    assert lines[3].startswith("  × Site-001: Left out")
    assert "Site-000 (site-000)" in shown.stdout
    states = run(fleet, "status", "--json")
    assert states.exit_code == SiteFileError.exit_code
    assert [row["problem"] is None for row in json.loads(states.stdout)["sites"]] == [True, True, False]
    table = run(fleet, "status").stdout
    assert f"placements[0].mount = '{SECRET}'" in table, "who runs the site sees what is wrong"
    assert "vigiposte check tells all" in table


def test_check_refuses_it_with_all_its_problems(fleet: Path) -> None:
    told = run(fleet, "check", "--json")
    assert told.exit_code == SiteFileError.exit_code
    document = json.loads(told.stdout)
    assert document["valid"] is False
    assert {problem["file"] for problem in document["problems"]} == {
        "site-001/site.toml",
        "site-001/assignments.csv",
    }


def test_no_summary_of_annexes_is_made_that_a_later_one_could_be_taken_from(
    fleet: Path, tmp_path: Path
) -> None:
    told = run(fleet, "annex", *WEEK, "--format", "json", "--out", str(tmp_path))
    assert told.exit_code == SiteFileError.exit_code
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("annex-*.json"))
    assert [name.split("/")[0] for name in written] == ["site-000", "site-002"]
    assert "the group's summary waits until every site can be read; got 'Site-001'" in told.stderr


def test_a_store_that_does_not_answer_holds_the_summary_back_alike(folder: Path, tmp_path: Path) -> None:
    site = folder / "site-001" / "site.toml"
    whole = site.read_text(encoding="utf-8")
    site.write_text(whole.replace("lake:./lake", "influxdb://127.0.0.1:1/x"), encoding="utf-8")
    told = run(folder / "fleet.toml", "annex", *WEEK, "--out", str(tmp_path), "--json")
    assert told.exit_code == UnreachableError.exit_code
    document = json.loads(told.stdout)
    assert document["summary_problem"]["code"] == "summary_waits"
    assert [Path(file).parent.name for file in document["files"]] == ["site-000", "site-002"]
    assert not (folder / "site-000" / SUMMARIES).exists()


def test_accounts_wait_until_every_site_can_write_them_down(fleet: Path) -> None:
    told = run(fleet, "accounts", "list")
    assert isinstance(told.exception, SiteFileError)


def test_a_site_file_that_is_away_is_named_by_its_path(folder: Path) -> None:
    (folder / "site-001" / "site.toml").rename(folder / "elsewhere.toml")
    found = load_fleet(folder / "fleet.toml")
    (site,) = found.broken
    assert (site.id, site.known_id, site.unread) == ("site-001/site.toml", None, True)
    (problem,) = site.problems
    assert (problem.file, problem.key, problem.code) == ("fleet.toml", "sites[1].file", "site_file_missing")
    assert [one.id for one in found.sites] == ["site-000", "site-002"]


def test_a_fleet_without_a_usable_site_is_refused(folder: Path) -> None:
    for site in folder.glob("site-*/site.toml"):
        site.write_text("schema = \n", encoding="utf-8")
    with pytest.raises(SiteFileError) as caught:
        load_fleet(folder / "fleet.toml")
    assert {problem.code for problem in caught.value.problems} == {"toml_syntax"}


def test_the_view_names_it_to_who_may_see_it_and_takes_it_back_once_mended(
    fleet: Path, week: DatePeriod
) -> None:
    extra: Any = build_services().extra
    source = FleetSource(
        load_fleet(fleet), extra["fleet_result"], extra["fleet_site"], load=lambda: load_fleet(fleet)
    )
    own = {"lea": ("site-000",), "paul": ("site-001",), "ann": ("site-007",)}
    source.permitted = lambda name: own.get(name, ())
    assert [line.id for line in source.result(week, "lea").sites] == ["site-000"]
    assert [line.id for line in source.result(week, "paul").missing] == ["site-001"]
    with pytest.raises(UnknownNameError):
        source.result(week, "ann")
    assert len(source.result(week).missing) == 1
    site = fleet.parent / "site-001" / "site.toml"
    site.write_text(site.read_text(encoding="utf-8").replace(SECRET, "shoulder"), encoding="utf-8")
    assert len(source.result(week).missing) == 1, "not read again at every look"
    source._read_at -= 3600
    assert source.result(week).missing == ()
    assert len(source.fleet.sites) == 3
