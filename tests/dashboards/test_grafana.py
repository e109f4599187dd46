"""Grafana's files: valid, unique, reproducible; a real InfluxDB answers each query; limits as tabled."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner

from dashboards.grafana import DASHBOARD_FOLDER, DATASOURCE_UID, limits_by_indicator, provisioning_files
from indicators.limits import all_limits
from indicators.model import WeeklyResult
from indicators.publish import ROLLUP, ROLLUP_TAGS, rollup_table
from ingest.store import open_store
from sensors.errors import GovernanceError
from sensors.site_file import load_site
from vigiposte import app

ON = date(2026, 11, 22)
WEEK = ("--week", "2026-W47")


@pytest.fixture(scope="module")
def site(plant_folder: Path) -> Any:
    return load_site(plant_folder / "site.toml").site


@pytest.fixture(scope="module")
def boards(site: Any) -> Mapping[str, Any]:
    files = provisioning_files(site, "en", ON)
    return {
        Path(name).stem: json.loads(text)
        for name, text in files.items()
        if name.startswith(f"{DASHBOARD_FOLDER}/")
    }


def queries(board: Mapping[str, Any]) -> Iterator[str]:
    yield from (variable["query"] for variable in board["templating"]["list"])
    yield from (target["query"] for panel in board["panels"] for target in panel["targets"])


def test_three_dashboards_with_ids_of_their_own(boards: Mapping[str, Any]) -> None:
    assert set(boards) == {"overview", "workstation", "sensors"}
    assert {board["uid"] for board in boards.values()} == {f"vigiposte-{name}" for name in boards}
    for board in boards.values():
        ids = [panel["id"] for panel in board["panels"]]
        assert ids == list(range(1, len(ids) + 1))
        assert board["schemaVersion"] >= 36
        assert not any(code in board["title"] for code in ("grafana.", "{"))


def test_panels_do_not_overlap_and_name_the_data_source(boards: Mapping[str, Any]) -> None:
    for board in boards.values():
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken
            assert max(x for x, _ in cells) < 24
            taken |= cells
            assert panel["datasource"]["uid"] == DATASOURCE_UID
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_the_same_tables_give_the_same_bytes(site: Any) -> None:
    assert provisioning_files(site, "fr", ON) == provisioning_files(site, "fr", ON)
    board = provisioning_files(site, "fr", ON)[f"{DASHBOARD_FOLDER}/overview.json"]
    assert json.dumps(json.loads(board), sort_keys=True, ensure_ascii=False, indent=2) + "\n" == board


def test_secrets_come_from_the_environment_only(site: Any) -> None:
    files = provisioning_files(site, "en", ON)
    source = yaml.safe_load(files["datasources/vigiposte.yaml"])["datasources"][0]
    assert source["uid"] == DATASOURCE_UID
    assert source["url"] == "${VIGIPOSTE_INFLUXDB_URL}"
    assert source["secureJsonData"] == {
        "password": "${VIGIPOSTE_INFLUXDB_PASSWORD}",
        "httpHeaderValue1": "Token ${INFLUXDB_TOKEN}",
    }
    provider = yaml.safe_load(files["dashboards/vigiposte.yaml"])["providers"][0]
    assert provider["options"]["path"].endswith(DASHBOARD_FOLDER)


def test_thresholds_are_the_rows_of_the_limits_table(boards: Mapping[str, Any], site: Any) -> None:
    chosen = limits_by_indicator(site, ON)
    panels = {
        panel["targets"][0]["query"].split('"indicator" = \'')[1].split("'")[0]: panel
        for panel in boards["workstation"]["panels"]
    }
    assert set(panels) == set(chosen)
    for indicator, panel in panels.items():
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        table = {
            row.value
            for row in all_limits().values()
            if row.indicator == indicator
            and row.role.moves_verdict
            and row.valid_on(ON)
            and row.metabolic_class in (None, *(place.metabolic_class for place in site.workstations))
            and row.acclimatised in (None, *(place.acclimatised for place in site.workstations))
        }
        assert steps[0]["value"] is None
        assert [step["value"] for step in steps[1:]] == sorted(table)
    assert panels["lex_8h"]["fieldConfig"]["defaults"]["thresholds"]["steps"][1:] == [
        {"value": 80.0, "color": "yellow"},
        {"value": 85.0, "color": "orange"},
    ]


def test_titles_and_units_are_in_the_language_asked_for(site: Any) -> None:
    french, english = (
        {panel["title"]: panel["fieldConfig"]["defaults"]["unit"] for panel in json.loads(text)["panels"]}
        for language in ("fr", "en")
        for name, text in provisioning_files(site, language, ON).items()
        if name == f"{DASHBOARD_FOLDER}/workstation.json"
    )
    assert not set(french) & set(english) - {"WBGT"}
    assert french["Bruit au sens du C2P"] == "suffix: h/an"
    assert french["Travail de nuit"] == "suffix: nuits/an"
    assert "Daily exposure, LEX,8h" in english


def test_no_level_is_called_safe_by_its_colour(boards: Mapping[str, Any]) -> None:
    # Below a limit is not safe: blue, as on the pages, and apart from red for colour-blind eyes.
    assert '"green"' not in json.dumps(dict(boards))


def test_dashboards_read_rollups_and_health_only(boards: Mapping[str, Any]) -> None:
    for board in boards.values():
        for query in queries(board):
            assert 'FROM "rollup"' in query or 'FROM "sensor_health"' in query
    assert all('FROM "rollup"' not in query for query in queries(boards["sensors"]))


@pytest.mark.influxdb
def test_a_real_influxdb_answers_every_query_after_publish(
    plant_folder: Path, plant: WeeklyResult, influxdb: Any
) -> None:
    url = influxdb.new_database()
    site_file = str(plant_folder / "site.toml")
    done = CliRunner().invoke(app, ["publish", "--site", site_file, *WEEK, "--store", url, "--json"])
    assert done.exit_code == 0, done.output
    written = json.loads(done.stdout)
    assert written["rollups"] > 5
    assert written["sensor_health"] == 2
    # What the small lake measured has few verdicts: a result with every one of them goes beside it.
    store: Any = open_store(url, summaries_url="lake:./lake", base=plant_folder)
    table = rollup_table(plant)
    assert store.write_rollups(ROLLUP, table, ROLLUP_TAGS, "made") == table.num_rows
    store.close()
    out = plant_folder / "grafana"
    assert CliRunner().invoke(app, ["grafana", "--site", site_file, "--out", str(out)]).exit_code == 0
    answered: dict[str, list[bool]] = {}
    for path in sorted((out / DASHBOARD_FOLDER).glob("*.json")):
        for query in queries(json.loads(path.read_text(encoding="utf-8"))):
            filled = query.replace("$timeFilter", "time > 0").replace("${workstation}", "presse-1")
            answer = _ask(url, filled)
            assert "error" not in answer, (query, answer)
            answered.setdefault(path.stem, []).append("series" in answer)
    assert answered["overview"].count(True) >= 4
    assert answered["workstation"].count(True) >= 3
    assert answered["sensors"].count(True) >= 2
    tags = _ask(url, 'SHOW TAG VALUES FROM "rollup" WITH KEY = "workstation"')["series"][0]["values"]
    assert {value for _, value in tags} >= {"presse-1", "four-2"}


@pytest.fixture
def rollups_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "lake":
        return f"lake:{tmp_path / 'rollups'}"
    found: str = request.getfixturevalue("influxdb").new_database()
    return found


@pytest.mark.parametrize(
    "rollups_url", ["lake", pytest.param("influxdb", marks=pytest.mark.influxdb)], indirect=True
)
def test_rollups_of_two_circles_are_kept_apart(
    plant_folder: Path, plant: WeeklyResult, rollups_url: str
) -> None:
    asked = ["publish", "--site", str(plant_folder / "site.toml"), *WEEK, "--store", rollups_url]
    assert CliRunner().invoke(app, asked).exit_code == 0
    ledger = plant_folder / "published.jsonl"
    known = ledger.read_bytes() if ledger.exists() else b""
    refused = CliRunner().invoke(app, [*asked, "--audience", "wide"])
    assert isinstance(refused.exception, GovernanceError)
    assert refused.exception.code == "rollups_of_another_circle"
    for part in (rollups_url.rpartition("/")[2], "report", "wide", "one circle", "--store"):
        assert part in str(refused.exception)
    assert (ledger.read_bytes() if ledger.exists() else b"") == known
    # The same circle goes on; rows of an older form name no circle: nobody can say for whom they were made.
    assert CliRunner().invoke(app, asked).exit_code == 0
    store: Any = open_store(rollups_url, summaries_url="lake:./lake", base=plant_folder)
    assert store.rollup_values(ROLLUP, "audience", "references") == {"report"}
    table = rollup_table(plant).drop_columns(["audience"])
    store.write_rollups(ROLLUP, table, ROLLUP_TAGS, "older")
    assert store.rollup_values(ROLLUP, "audience", "references") == {"report", ""}
    store.close()
    unknown = CliRunner().invoke(app, asked)
    assert isinstance(unknown.exception, GovernanceError)
    assert "older version" in str(unknown.exception)


@pytest.mark.influxdb
def test_a_wide_circle_fills_a_database_of_its_own(plant_folder: Path, influxdb: Any) -> None:
    url = influxdb.new_database()
    asked = ["publish", "--site", str(plant_folder / "site.toml"), *WEEK, "--store", url]
    assert CliRunner().invoke(app, [*asked, "--audience", "wide"]).exit_code == 0
    answer = _ask(url, 'SELECT DISTINCT("audience") FROM "rollup"')
    assert [row[1] for row in answer["series"][0]["values"]] == ["wide"]
    assert isinstance(CliRunner().invoke(app, asked).exception, GovernanceError)


def _ask(url: str, query: str) -> Any:
    server, _, database = url.replace("influxdb://", "http://").rpartition("/")
    asked = urllib.parse.urlencode({"db": database, "q": query, "epoch": "ns"})
    with urllib.request.urlopen(f"{server}/query?{asked}", timeout=20) as answer:
        document: Any = json.load(answer)
    return document["results"][0]
