"""Governance commands as their user runs them: key, aliases, re-identification with a reason, audit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from indicators.governance.chain import read_entries
from sensors.errors import GovernanceError, UnknownNameError
from vigiposte import app

SITE = """
schema = 1
[site]
id = "plant"
label = "Plant"
[privacy]
key_file = "../safe/plant.key"
[[campaigns]]
id = "autumn"
from = 2026-11-16
to = 2026-12-18
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site.toml").write_text(SITE)
    return folder / "site.toml"


def run(site: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--site", str(site)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_from_key_to_logged_re_identification(site: Path, tmp_path: Path) -> None:
    run(site, "pseudonyms", "create-key")
    alias = run(site, "pseudonyms", "aliases", "autumn", "trunk-1").stdout.split("\t")[0]
    name = run(site, "pseudonyms", "of", "autumn", "Camille").stdout.strip()
    people = tmp_path / "people.txt"
    people.write_text("Alix\nCamille\n")
    found = run(
        site, "pseudonyms", "identify", "autumn", name, "--reason", "lost sensor", "--people", str(people)
    )
    assert found.stdout.strip() == "Camille"
    assert (
        run(site, "pseudonyms", "identify", "autumn", alias, "--reason", "swap").stdout.strip() == "trunk-1"
    )
    log = site.parent / "access.jsonl"
    assert [entry["event"] for entry in read_entries(log)] == ["re_identification"] * 2
    assert "Camille" not in log.read_text()
    assert not any("Camille" in path.read_text(errors="replace") for path in site.parent.iterdir())


def test_an_attempt_that_finds_nobody_is_logged_too(site: Path, tmp_path: Path) -> None:
    run(site, "pseudonyms", "create-key")
    people = tmp_path / "people.txt"
    people.write_text("Alix\n")
    with pytest.raises(UnknownNameError):
        run(site, "pseudonyms", "identify", "autumn", "p-nobody", "--reason", "x", "--people", str(people))
    assert len(read_entries(site.parent / "access.jsonl")) == 1


def test_no_reason_no_name(site: Path) -> None:
    run(site, "pseudonyms", "create-key")
    with pytest.raises(GovernanceError) as caught:
        run(site, "pseudonyms", "identify", "autumn", "s-x", "--reason", " ")
    assert caught.value.code == "reason_missing"


def test_unknown_campaign_and_unnamed_key(site: Path) -> None:
    run(site, "pseudonyms", "create-key")
    with pytest.raises(UnknownNameError, match="autumn"):
        run(site, "pseudonyms", "of", "spring", "Camille")
    site.write_text(SITE.replace('key_file = "../safe/plant.key"', ""))
    with pytest.raises(GovernanceError) as caught:
        run(site, "pseudonyms", "of", "autumn", "Camille")
    assert caught.value.code == "key_not_named"


def test_audit_sees_a_changed_line(site: Path, tmp_path: Path) -> None:
    run(site, "pseudonyms", "create-key")
    people = tmp_path / "people.txt"
    people.write_text("Camille\n")
    name = run(site, "pseudonyms", "of", "autumn", "Camille").stdout.strip()
    run(site, "pseudonyms", "identify", "autumn", name, "--reason", "why", "--people", str(people))
    assert json.loads(run(site, "audit", "verify", "--json").stdout)["intact"]
    beside = site.parent / "withdrawals.jsonl"
    beside.write_text('{"hash": "", "previous": "", "body": "{}"}\n')
    assert run(site, "audit", "verify").exit_code == 1
    beside.unlink()
    log = site.parent / "access.jsonl"
    log.write_text(log.read_text().replace("why", "because"))
    broken = run(site, "audit", "verify")
    assert broken.exit_code == 1
    assert "line 1" in broken.stdout
