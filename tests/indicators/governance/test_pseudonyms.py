"""Pseudonyms need the key, change with the campaign, and the key never lies with the data."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.governance.pseudonyms import (
    campaign_alias,
    create_key,
    load_aliases,
    load_key,
    pseudonym,
    save_aliases,
)
from sensors.errors import GovernanceError
from sensors.site_checks import PSEUDONYM

KEY, OTHER = b"a" * 32, b"b" * 32


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    data = tmp_path / "data"
    data.mkdir()
    return data, tmp_path / "safe" / "key"


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_pseudonym_is_an_id_and_depends_on_key_campaign_and_person(one: str, other: str) -> None:
    name = pseudonym(KEY, "autumn", one)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name)
    assert name == pseudonym(KEY, "autumn", one)
    assert name != pseudonym(OTHER, "autumn", one)
    assert name != pseudonym(KEY, "spring", one)
    same = one.strip().casefold() == other.strip().casefold()
    assert (name == pseudonym(KEY, "autumn", other)) is same


def test_alias_and_pseudonym_never_meet() -> None:
    assert campaign_alias(KEY, "c", "x") != pseudonym(KEY, "c", "x")


def test_key_round_trip(folders: tuple[Path, Path]) -> None:
    data, path = folders
    create_key(path, data)
    assert len(load_key(path, data)) == 32
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def code(action: object) -> str | None:
    with pytest.raises(GovernanceError) as caught:
        action()  # type: ignore[operator]
    return caught.value.code


def test_refusals(folders: tuple[Path, Path]) -> None:
    data, path = folders
    assert code(lambda: create_key(data / "deep" / "key", data)) == "key_in_data_folder"
    assert code(lambda: load_key(path, data)) == "key_missing"
    create_key(path, data)
    assert code(lambda: create_key(path, data)) == "key_exists"
    path.chmod(0o644)
    assert code(lambda: load_key(path, data)) == "key_readable_by_others"
    path.chmod(0o600)
    path.write_text("short")
    assert code(lambda: load_key(path, data)) == "key_damaged"


def test_a_link_into_the_data_folder_is_seen_through(folders: tuple[Path, Path]) -> None:
    data, path = folders
    (data / "key").write_text("0" * 64)
    path.parent.mkdir()
    path.symlink_to(data / "key")
    assert code(lambda: load_key(path, data)) == "key_in_data_folder"


def test_aliases_lie_with_the_key(folders: tuple[Path, Path]) -> None:
    data, path = folders
    create_key(path, data)
    key = load_key(path, data)
    book = save_aliases(path, key, "autumn", ["trunk-1", "arm-1"])
    assert load_aliases(path, "autumn") == book
    assert book.device_of[campaign_alias(key, "autumn", "trunk-1")] == "trunk-1"
    assert not list(data.iterdir())
    assert code(lambda: load_aliases(path, "spring")) == "aliases_missing"


def test_every_pseudonym_and_alias_may_stand_in_a_site_file() -> None:
    names = [pseudonym(bytes(32), "autumn", f"person {n}") for n in range(500)]
    assert [name for name in names if not PSEUDONYM.fullmatch(name)] == []
    assert len(set(names)) == 500
