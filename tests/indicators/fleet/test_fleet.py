from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import vigiposte
from dashboards.catalogue import text
from dashboards.fleet.render import render_fleet
from dashboards.fleet.web import FleetSource, create_fleet_app
from dashboards.web.settings import WebSettings
from indicators.fleet.compare import fleet_result
from indicators.fleet.document import fleet_document
from indicators.fleet.model import FleetResult
from indicators.fleet.parts import site_part
from indicators.model import Factor, Verdict
from sensors.errors import ConfigurationError, GovernanceError, SiteFileError, UsageError
from sensors.fleet_file import load_fleet
from sensors.periods import DatePeriod
from vigiposte import app, build_services


def test_sites_stand_worst_first_with_their_own_verdicts(result: FleetResult) -> None:
    assert [line.id for line in result.sites] == ["site-001", "site-000", "site-002"]
    loud, quiet, shy = result.sites
    assert loud.verdicts[Factor.NOISE][Verdict.ABOVE] == 2
    assert Verdict.ABOVE not in quiet.verdicts[Factor.NOISE]
    assert (loud.withheld, quiet.withheld, shy.withheld) == (0, 0, 4)
    assert Factor.NOISE not in shy.verdicts


def test_a_practice_names_what_differs(result: FleetResult) -> None:
    found = {(item.factor, item.worse.site): item for item in result.practices}
    assert set(found) == {(Factor.NOISE, "site-001"), (Factor.POSTURE, "site-001")}
    noise = found[Factor.NOISE, "site-001"]
    assert (noise.family, noise.better.site) == ("press", "site-000")
    assert noise.better.indicator.id == noise.worse.indicator.id == "lex_8h"
    assert noise.better.ratio < 1 < noise.worse.ratio
    kinds = {item.kind: item for item in noise.differences}
    assert kinds["protector"].only_worse == ("Ear plugs",)
    assert kinds["action"].only_better == ("Enclosed the press",)


def test_what_a_site_withholds_is_nowhere_in_the_fleet(result: FleetResult) -> None:
    shy = [
        place
        for row in result.families
        for place in row.places
        if place.site == "site-002" and row.factor is not Factor.CLIMATE
    ]
    assert shy == []
    noise = [row for row in result.families if row.factor is Factor.NOISE and row.leading]
    assert [row.withheld for row in noise] == [1, 1]


def test_the_fleet_shows_the_numbers_that_the_sites_show(
    template: Path, result: FleetResult, week: DatePeriod
) -> None:
    services = build_services()
    fleet = load_fleet(template / "fleet.toml")
    own = services.extra["fleet_site"](fleet.sites[1], week)
    shown = {
        (station.label, item.id): item.value
        for station in own.workstations
        for factor in station.factors
        for item in factor.indicators
        if item.scope.value == "usual"
    }
    for row in result.families:
        for place in row.places:
            if place.site == "site-001":
                assert shown[place.station, row.indicator] == place.indicator.value


def test_several_processes_give_the_same_fleet(template: Path, result: FleetResult, week: DatePeriod) -> None:
    path = template / "fleet.toml"
    weekly = partial(vigiposte._fleet_site, period=week)
    found = fleet_result(load_fleet(path), week, weekly, processes=2)
    assert fleet_document(found, text("en")) == fleet_document(result, text("en"))


def test_an_ungated_result_is_refused(template: Path, week: DatePeriod) -> None:
    services = build_services()
    site = load_fleet(template / "fleet.toml").sites[0]
    store = services.open_store(site.book)
    ungated = services.weekly_result(site.book, store, week, "analyst", reduce=False)
    store.close()
    with pytest.raises(GovernanceError, match="gated results only"):
        site_part(site, ungated)


def test_a_site_without_data_stands_last_and_says_so(
    folder: Path, compute: Callable[[Path], FleetResult]
) -> None:
    shutil.rmtree(folder / "site-001" / "lake")
    found = compute(folder)
    assert found.sites[-1].id == "site-001"
    assert found.sites[-1].problem is not None
    assert found.sites[-1].problem.code == "fleet_nothing_measured"
    assert found.practices == ()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_document_and_the_files(result: FleetResult, tmp_path: Path, language: str) -> None:
    document = fleet_document(result, text(language))
    assert document["schema"] == "vigiposte.fleet/1"
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    html, table, data = render_fleet(result, tmp_path, ("html", "csv", "json"), language)
    page = html.read_text(encoding="utf-8")
    assert "Enclosed the press" in page
    assert "{n}" not in page
    assert "W 0" in table.read_text(encoding="utf-8-sig")
    assert json.loads(data.read_text(encoding="utf-8")) == document


def test_commands_take_a_fleet(template: Path, tmp_path: Path) -> None:
    run = CliRunner()
    fleet = ["--fleet", str(template / "fleet.toml")]
    asked = run.invoke(app, ["indicators", *fleet, "--week", "2026-W47", "--json"])
    assert json.loads(asked.stdout)["practices"][0]["worse"]["site"] == "site-001"
    said = run.invoke(app, ["indicators", *fleet, "--week", "2026-W47", "--lang", "fr"])
    assert "Action faite seulement là où c’est sous la limite" in said.stdout
    written = run.invoke(app, ["report", *fleet, "--week", "2026-W47", "--out", str(tmp_path)])
    names = [Path(line).name for line in written.stdout.split()]
    assert names == ["group-2026-W47-en.html", "group-2026-W47-en.pdf"]
    checked = run.invoke(app, ["check", *fleet, "--json"])
    assert [site["id"] for site in json.loads(checked.stdout)["sites"]] == [f"site-00{n}" for n in range(3)]


@pytest.mark.parametrize(
    "options", [["--audience", "analyst"], ["--audience", "wide"], ["--workstation", "w0"]]
)
def test_options_of_one_site_are_refused(template: Path, options: list[str]) -> None:
    asked = CliRunner().invoke(app, ["indicators", "--fleet", str(template / "fleet.toml"), *options])
    assert isinstance(asked.exception, UsageError)


def test_the_fleet_in_a_browser(template: Path) -> None:
    extra = build_services().extra
    source = FleetSource(load_fleet(template / "fleet.toml"), extra["fleet_result"], extra["fleet_site"])
    application = create_fleet_app(source, WebSettings())

    async def ask(*questions: tuple[str, str]) -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8050") as client:
            return [await client.get(path, headers={"host": host}) for path, host in questions]

    here = "127.0.0.1:8050"
    page, site, nowhere, foreign = asyncio.run(
        ask(
            ("/?week=2026-W47&lang=fr", here),
            ("/site/site-001?week=2026-W47", here),
            ("/site/nowhere?week=2026-W47", here),
            ("/", "evil.example"),
        )
    )
    assert page.status_code == 200
    assert "À regarder de site à site" in page.text
    assert 'href="/site/site-001?lang=fr&amp;week=2026-W47"' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Site-001" in site.text
    assert (nowhere.status_code, foreign.status_code) == (404, 421)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('file = "site-001/site.toml"', 'file = "site-000/site.toml"', "duplicate_id"),
        ("schema = 1", "schema = 2", "literal_error"),
        ("[fleet]", "[fleet", "toml"),
        ('file = "site-001/site.toml"', 'path = "site-001"', "missing"),
    ],
)
def test_a_wrong_fleet_file_says_what_is_wrong(folder: Path, before: str, after: str, said: str) -> None:
    path = folder / "fleet.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    with pytest.raises(SiteFileError) as caught:
        load_fleet(path)
    problems: Any = caught.value.problems
    assert said in [problem.code for problem in problems]


def test_a_missing_fleet_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such fleet file"):
        load_fleet(tmp_path / "none.toml")
