"""What ``doctor`` says of the key: each way in which it, or what lies with it, is not as it should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indicators.governance.key_diagnosis import examine_key
from indicators.governance.pseudonyms import create_key, load_key, save_aliases
from sensors.findings import Finding, State
from sensors.site_file import load_site

SITE = """
schema = 1
[site]
id = "plant"
label = "Plant"
{key}
[[sensors]]
id = "dosi-1"
kind = "noise"
origin = "{origin}"
[[workstations]]
id = "press-1"
label = "Press 1"
shifts = ["day"]
[[shifts]]
id = "day"
start = "08:00"
end = "16:00"
[[placements]]
sensor = "dosi-1"
workstation = "press-1"
mount = "{mount}"
from = 2026-01-01
[[campaigns]]
id = "autumn"
from = 2026-01-01
to = 2026-12-31
purpose = "noise of the press"
cse_reference = "CSE 1"
cse_date = 2025-12-01
dpia_version = "1"
"""

posix = pytest.mark.skipif(os.name != "posix", reason="file modes")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key as ``create-key`` makes it, beside the folder of the site."""
    (tmp_path / "site").mkdir()
    path = tmp_path / "safe" / "plant.key"
    create_key(path, tmp_path / "site")
    path.parent.chmod(0o755)
    return path


def findings(
    folder: Path, named: str | None, *, mount: str = "shoulder", origin: str = "live"
) -> list[Finding]:
    site = folder / "site" / "site.toml"
    site.parent.mkdir(exist_ok=True)
    table = "" if named is None else f'[privacy]\nkey_file = "{named}"'
    site.write_text(SITE.format(key=table, mount=mount, origin=origin))
    return list(examine_key(load_site(site)))


def faults(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.subject, one.remedy) for one in found if one.state is State.FAULT]


def test_a_key_as_it_is_made_is_well(tmp_path: Path, key: Path) -> None:
    found = findings(tmp_path, f"../safe/{key.name}")
    assert [(one.subject, one.state) for one in found] == [
        ("site key", State.OK),
        ("key folder", State.OK),
    ]


def test_a_site_without_a_key_is_told_what_that_means_where_sensors_are_worn(tmp_path: Path) -> None:
    (worn,) = findings(tmp_path, None)
    assert (worn.state, "create-key" in worn.remedy) == (State.NOTICE, True)
    for harmless in ({"mount": "fixed"}, {"origin": "simulated"}):
        (found,) = findings(tmp_path, None, **harmless)
        assert (found.state, found.remedy) == (State.OK, "")


def test_a_key_that_is_named_but_not_there(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "../safe/none.key")
    assert found.state is State.FAULT
    assert str(tmp_path / "site" / "../safe/none.key") in found.seen
    assert "create-key" in found.remedy


@posix
def test_a_key_among_the_data_that_others_can_read_and_that_is_damaged_is_told_thrice(tmp_path: Path) -> None:
    inside = tmp_path / "site" / "deep" / "plant.key"
    inside.parent.mkdir(parents=True)
    inside.write_text("no key\n")
    inside.chmod(0o644)
    told = faults(findings(tmp_path, "deep/plant.key"))
    assert [subject for subject, _ in told] == ["site key"] * 3
    assert ["outside the folder" in told[0][1], "chmod 600" in told[1][1], "restore" in told[2][1]] == [
        True
    ] * 3


@posix
def test_the_remedy_for_a_readable_key_makes_it_well(tmp_path: Path, key: Path) -> None:
    key.chmod(0o640)
    ((subject, remedy),) = faults(findings(tmp_path, f"../safe/{key.name}"))
    assert (subject, remedy.split()[:2]) == ("site key", ["chmod", "600"])
    Path(remedy.split()[2]).chmod(int(remedy.split()[1], 8))
    assert not faults(findings(tmp_path, f"../safe/{key.name}"))


@posix
def test_what_lies_with_the_key_is_looked_at_too(tmp_path: Path, key: Path) -> None:
    save_aliases(key, load_key(key, tmp_path / "site"), "autumn", ["device-1"])
    assert not faults(findings(tmp_path, f"../safe/{key.name}"))
    aliases = key.with_name("plant.aliases.autumn.json")
    aliases.chmod(0o644)
    assert [remedy.split()[:2] for _, remedy in faults(findings(tmp_path, f"../safe/{key.name}"))] == [
        ["chmod", "600"]
    ]
    aliases.chmod(0o600)
    key.parent.chmod(0o777)
    assert [remedy.split()[:2] for _, remedy in faults(findings(tmp_path, f"../safe/{key.name}"))] == [
        ["chmod", "o-w"]
    ]


def test_a_key_that_cannot_be_looked_at_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, f"../{'k' * 300}")
    assert found.state is State.FAULT
    assert "let this account read" in found.remedy


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do everything")
def test_a_folder_that_this_account_cannot_write_to_is_told(tmp_path: Path, key: Path) -> None:
    key.parent.chmod(0o555)
    found = findings(tmp_path, f"../safe/{key.name}")
    key.parent.chmod(0o755)
    assert [(one.subject, one.state) for one in found] == [
        ("site key", State.OK),
        ("key folder", State.NOTICE),
    ]
