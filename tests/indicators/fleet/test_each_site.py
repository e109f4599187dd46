"""A command at each site of a fleet: one table, every failure named, the worst exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sensors.fleet_runs import worst_code
from vigiposte import app

WEEK = ("--week", "2026-W47")


@pytest.fixture
def broken(folder: Path) -> Path:
    """The second site's store does not answer, and the third's has nothing."""
    loud = folder / "site-001" / "site.toml"
    loud.write_text(
        loud.read_text(encoding="utf-8").replace("lake:./lake", "influxdb://127.0.0.1:1/x"), encoding="utf-8"
    )
    shutil.rmtree(folder / "site-002" / "lake")
    return folder / "fleet.toml"


def run(fleet: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--fleet", str(fleet)])


@pytest.mark.parametrize(
    ("arguments", "cells"),
    [
        (("reduce", *WEEK), 4),
        (("status",), 6),
        (("purge", "--dry-run"), 5),
        (("audit", "verify"), 3),
        (("publish", *WEEK, "--store", "lake:./rollups"), 3),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_each_site_has_its_line(folder: Path, arguments: tuple[str, ...], cells: int) -> None:
    told = run(folder / "fleet.toml", *arguments)
    assert told.exit_code == 0, told.output
    head, *lines = told.stdout.rstrip().splitlines()
    assert head.startswith("site ")
    assert [line.split()[0] for line in lines] == ["Site-000", "Site-001", "Site-002"]
    assert all(len(line.split()) >= cells + 1 for line in lines)


def test_one_site_without_a_store_stops_no_other(broken: Path) -> None:
    told = run(broken, "publish", *WEEK, "--store", "lake:./rollups")
    assert told.exit_code == 5
    lines = told.stdout.splitlines()
    assert lines[1].split()[1].isdigit()
    assert lines[2].split() == ["Site-001", "×", "×", "×"]
    assert "2 of 3 sites without an answer" in told.stdout
    assert "× Site-001: InfluxDB does not answer" in told.stdout
    assert (broken.parent / "site-000" / "rollups").is_dir()


def test_the_document_names_what_stopped_a_site(broken: Path) -> None:
    told = json.loads(run(broken, "reduce", "--json").stdout)
    assert told["schema"] == "vigiposte.fleet-reduce/1"
    fine, unreachable, empty = told["sites"]
    assert (fine["exit_code"], unreachable["exit_code"], empty["exit_code"]) == (4, 5, 4)
    assert empty["problem"]["code"] == "store_empty"
    assert unreachable["result"] is None


def test_results_end_with_the_code_of_the_worst_site(broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    written = run(broken, "report", *WEEK, "--format", "json", "--out", str(out), "--fail-on", "limit")
    assert written.exit_code == 5
    (path,) = out.iterdir()
    codes = [line["problem_code"] for line in json.loads(path.read_text(encoding="utf-8"))["sites"]]
    assert codes == [None, "fleet_unreachable", "fleet_nothing_measured"]


@pytest.mark.parametrize(("level", "code"), [("limit", 0), ("action", 10), (None, 0)])
def test_a_fleet_fails_on_what_was_asked_only(template: Path, level: str | None, code: int) -> None:
    asked = () if level is None else ("--fail-on", level)
    assert run(template / "fleet.toml", "indicators", *WEEK, *asked).exit_code == code


@pytest.mark.parametrize(
    "arguments",
    [("status", "--watch"), ("status", "--store", "lake:./x"), ("purge", "--journal", "j")],
    ids=" ".join,
)
def test_what_speaks_of_one_site_is_refused(template: Path, arguments: tuple[str, ...]) -> None:
    told = run(template / "fleet.toml", *arguments)
    assert "speaks of one site" in str(told.exception)


def test_a_fault_is_graver_than_a_limit_and_a_limit_than_nothing_measured() -> None:
    assert worst_code([]) == 0
    assert worst_code([0, 4, 10]) == 10
    assert worst_code([10, 5, 4]) == 5
    assert worst_code([3, 5, 1, 2]) == 1
