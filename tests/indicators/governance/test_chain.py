"""A log that shows every change: edited, removed, added, swapped or torn lines, and writers side by side."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from indicators.governance.chain import Chain, read_entries

KEY = b"k" * 32


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.jsonl"
    for number in range(5):
        Chain(path, KEY).append("analyst_access", {"number": number})
    return path


def edit(lines: list[str]) -> list[str]:
    entry = json.loads(lines[2])
    entry["body"] = entry["body"].replace('"number": 2', '"number": 7')
    return [*lines[:2], json.dumps(entry), *lines[3:]]


def test_an_untouched_log_is_intact(log: Path) -> None:
    report = Chain(log, KEY).verify()
    assert report.intact
    assert report.entries == 5
    assert [entry["number"] for entry in read_entries(log)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (edit, 3),
        (lambda lines: lines[:1] + lines[2:], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], 4),
        (lambda lines: [*lines[:4], lines[4][:20]], 5),
    ],
)
def test_a_changed_log_names_the_line(log: Path, change: Callable[[list[str]], list[str]], line: int) -> None:
    log.write_text("\n".join(change(log.read_text().splitlines())) + "\n")
    report = Chain(log, KEY).verify()
    assert not report.intact
    assert report.broken_line == line


def test_a_cut_off_end_shows_against_the_head_written_down_elsewhere(log: Path) -> None:
    head = Chain(log, KEY).verify().head
    log.write_text("\n".join(log.read_text().splitlines()[:-1]) + "\n")
    assert Chain(log, KEY).verify().intact
    assert Chain(log, KEY).verify().head != head


def test_without_the_key_nobody_writes_it_anew(log: Path) -> None:
    entries = read_entries(log)
    log.unlink()
    for entry in entries:
        Chain(log).append("analyst_access", {"number": entry["number"]})
    assert Chain(log).verify().intact
    assert not Chain(log, KEY).verify().intact


def test_a_torn_line_does_not_stop_the_log(log: Path) -> None:
    with log.open("a") as handle:
        handle.write('{"hash": "half\n')
    Chain(log, KEY).append("later", {})
    assert Chain(log, KEY).verify().broken_line == 6
    assert read_entries(log)[-1]["event"] == "later"


def test_writers_side_by_side_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"

    def write(name: int) -> None:
        for number in range(15):
            Chain(path).append("e", {"writer": name, "number": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Chain(path).verify().intact
    assert Chain(path).verify().entries == 60


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    assert Chain(tmp_path / "none").verify().entries == 0
