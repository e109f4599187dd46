"""The commands of this room, as a user calls them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

import sensors.commands
from dashboards.catalogue import text
from dashboards.sentences import problem_lines
from sensors.command_line import Services
from sensors.site_file import find_site_file, load_site

REPOSITORY = Path(__file__).resolve().parents[2]
VALID = (Path(__file__).parent / "valid_site.toml").read_text(encoding="utf-8")


def _nothing(*_: Any, **__: Any) -> Any:
    raise AssertionError


def _load(path: Path | None = None) -> Any:
    return load_site(find_site_file(path))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    for name in ("VIGIPOSTE_SITE", "VIGIPOSTE_STORE_URL", "VIGIPOSTE_MQTT_PASSWORD", "VIGIPOSTE_STORE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    app = typer.Typer(pretty_exceptions_enable=False)
    sensors.commands.mount(app)
    services = Services(
        load_site=_load,
        open_store=_nothing,
        run_ingest=_nothing,
        reduce=_nothing,
        weekly_result=_nothing,
        render_report=_nothing,
        text=text,
        extra={"problem_lines": problem_lines},
    )

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), obj=services)

    return call


def test_init_then_check(run: Any, tmp_path: Path) -> None:
    made = run("init", "usine", "--label", "Usine")
    assert made.exit_code == 0
    assert [Path(line).name for line in made.stdout.splitlines()] == [
        "site.toml",
        "mosquitto.conf",
        "acl",
        "compose.yaml",
        "vigiposte-ingest.service",
        ".env",
    ]
    checked = run("check", "--site", "usine/site.toml")
    assert checked.exit_code == 0
    assert str(tmp_path / "usine" / "site.toml") in checked.stdout
    assert 'label = "Usine"  (site file)' in checked.stdout
    assert "group_size = 5  (default)" in checked.stdout
    again = run("init", "usine")
    assert again.exception.exit_code == 2
    assert run("init", "usine", "--force").exit_code == 0


def test_check_prints_every_problem_and_ends_with_3(run: Any, tmp_path: Path) -> None:
    broken = VALID.replace("group_size = 5", "group_size = 0").replace("Europe/Paris", "Europe/Pari")
    (tmp_path / "site.toml").write_text(broken, encoding="utf-8")
    result = run("check")
    assert result.exit_code == 3
    assert "× site.toml: privacy.group_size = 0" in result.stdout
    assert "→ did you mean Europe/Paris?" in result.stdout
    assert "2 problems to correct" in result.stderr
    document = json.loads(run("check", "--json").stdout)
    assert document["schema"] == "vigiposte.check/1"
    assert document["valid"] is False
    assert [problem["code"] for problem in document["problems"]] == ["out_of_range", "unknown_timezone"]
    assert set(document["problems"][0]) == {"file", "key", "value", "rule", "remedy", "code"}


def test_check_as_json_is_one_document_even_without_a_file(run: Any) -> None:
    result = run("check", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["problems"][0]["code"] == "site_file_missing"
    assert run("check").exception.exit_code == 3


def test_check_masks_secrets_and_names_origins(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site.toml").write_text(VALID, encoding="utf-8")
    monkeypatch.setenv("VIGIPOSTE_MQTT_PASSWORD", "hunter2")
    monkeypatch.setenv("VIGIPOSTE_STORE_URL", "influxdb://db:8086/usine")
    text = run("check").stdout
    result = run("check", "--json")
    assert "hunter2" not in text + result.stdout
    assert 'url = "influxdb://db:8086/usine"  (environment)' in text
    effective = json.loads(result.stdout)["effective"]
    assert effective["mqtt"]["password"] == {"value": "***", "origin": "environment"}
    assert effective["mqtt"]["url"]["origin"] == "site file"
    assert effective["mqtt"]["receive_maximum"] == {"value": 1000, "origin": "default"}
    assert json.loads(result.stdout)["counts"]["placements"] == 3


def test_check_shows_notices(run: Any, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(VALID.replace("94.2", "95.2"), encoding="utf-8")
    result = run("check")
    assert result.exit_code == 0
    assert "microphone drift +1.2 dB" in result.stdout
    assert json.loads(run("check", "--json").stdout)["notices"][0]["code"] == "calibration_drift"


def test_wearers_are_random_pseudonyms(run: Any, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(VALID, encoding="utf-8")
    (tmp_path / "assignments.csv").write_text(
        "from,to,sensor,wearer\n2026-11-16T05:00,2026-11-16T13:00,dos-1,heron-7\n", encoding="utf-8"
    )
    added = [run("wearers").stdout.strip(), *run("wearers", "--count", "40").stdout.split()]
    assert len(set(added)) == 41
    assert all(re.fullmatch(r"[a-z]+-\d{2,}", pseudonym) for pseudonym in added)
    # Pseudonyms already in use are taken into the new list, so that the site stays valid.
    listed = run("wearers", "--list").stdout.split()
    assert sorted([*added, "heron-7"]) == listed
    document = json.loads(run("wearers", "--list", "--json").stdout)
    assert (document["added"], document["wearers"]) == ([], listed)
    assert (tmp_path / "wearers.csv").read_text(encoding="utf-8").splitlines()[0] == "wearer"
    assert run("check").exit_code == 0


def test_the_words_of_pseudonyms_are_plain() -> None:
    words = (REPOSITORY / "sensors" / "templates" / "pseudonyms.txt").read_text(encoding="utf-8").split()
    assert len(words) == len(set(words)) > 50
    assert all(re.fullmatch("[a-z]+", word) for word in words)


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys, typer, sensors.commands\n"
        "app = typer.Typer(); sensors.commands.mount(app)\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'pydantic', 'msgspec', 'pyarrow', 'paho', 'cbor2'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "wearers" in done.stdout
