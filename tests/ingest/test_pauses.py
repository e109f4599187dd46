"""Pause commands and objections, through a real broker: what may not be measured is stored nowhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.erasure import erase_readings
from ingest.pauses import COMMANDED, Pauses
from ingest.quarantine import read_quarantine
from ingest.store import ReadingQuery, Store, open_store
from sensors.logs import append_log
from sensors.quantities import Kind
from sensors.site_book import SiteBook
from sensors.site_file import load_site

SITE = """
schema = 1
[site]
id = "plant"
label = "Plant"
[[workstations]]
id = "press-1"
label = "Press 1"
[[sensors]]
id = "dose-1"
kind = "noise"
[[sensors]]
id = "dose-2"
kind = "noise"
[[placements]]
sensor = "dose-1"
workstation = "press-1"
mount = "shoulder"
from = 2020-01-01T00:00:00
wearer = "w1"
[[placements]]
sensor = "dose-2"
workstation = "press-1"
mount = "shoulder"
from = 2020-01-01T00:00:00
wearer = "w2"
"""
NOW = 1_794_812_400 * 10**9  # 2026-11-16 08:00 in Paris
SECOND = 10**9
ON, OFF = b'{"pause": true}', b'{"pause": false}'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site.toml").write_text(SITE)
    return folder / "site.toml"


@pytest.fixture
def book(site: Path) -> SiteBook:
    return load_site(site)


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    opened = open_store("lake:./lake", base=site.parent)
    yield opened
    opened.close()


def rows(book: SiteBook) -> list[tuple[str | None, int, int]]:
    logs = load_site(book.path).logs.pauses
    assert all(row.reason == COMMANDED for row in logs)
    return [(row.sensor, (row.start_ns - NOW) // SECOND, (row.end_ns - NOW) // SECOND) for row in logs]


def test_a_pause_becomes_a_row_once_it_ends(book: SiteBook) -> None:
    pauses = Pauses(book, book.folder / "journal")
    pauses.command("dose-1", ON, NOW)
    pauses.command("dose-1", ON, NOW + 60 * SECOND)
    assert pauses.lasting("dose-1")[0][0] == NOW
    assert pauses.lasting("dose-2") == ()
    assert rows(book) == []
    pauses.command("dose-1", OFF, NOW + 300 * SECOND)
    pauses.command("dose-1", OFF, NOW + 310 * SECOND)
    assert rows(book) == [("dose-1", 0, 300)]
    assert pauses.lasting("dose-1") == ()


def test_a_pause_of_the_whole_site_names_no_sensor(book: SiteBook) -> None:
    pauses = Pauses(book, book.folder / "journal")
    pauses.command("all", ON, NOW)
    assert pauses.lasting("dose-1") == pauses.lasting("dose-2") != ()
    pauses.command("all", OFF, NOW + 60 * SECOND)
    assert rows(book) == [(None, 0, 60)]


def test_a_pause_outlives_a_restart_and_is_written_down_so_far(book: SiteBook) -> None:
    journal = book.folder / "journal"
    first = Pauses(book, journal)
    first.command("dose-1", ON, NOW)
    first.checkpoint(NOW + 60 * SECOND)
    assert rows(book) == []
    first.checkpoint(NOW + 120 * SECOND, ending=True)
    second = Pauses(book, journal)
    assert second.lasting("dose-1")[0][0] == NOW + 120 * SECOND
    second.checkpoint(NOW + 86_400 * SECOND)
    second.command("dose-1", OFF, NOW + 86_460 * SECOND)
    assert rows(book) == [("dose-1", 0, 120), ("dose-1", 120, 86_400), ("dose-1", 86_400, 86_460)]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"true",
        b'{"pause": 1}',
        b'{"pause": "yes"}',
        b"[1]",
        b"[" * 100_000,
        b"\xff",
        b'{"pause": true, "t": "x"}',
    ],
)
def test_what_is_not_understood_changes_nothing(book: SiteBook, payload: bytes) -> None:
    pauses = Pauses(book, book.folder / "journal")
    pauses.command("dose-1", payload, NOW)
    pauses.command("unknown", ON, NOW)
    assert pauses.lasting("dose-1") == pauses.lasting("unknown") == ()


def test_the_moment_the_button_was_pressed_counts_where_it_can_be_true(book: SiteBook) -> None:
    pauses = Pauses(book, book.folder / "journal")
    pressed = NOW - 600 * SECOND
    pauses.command("dose-1", json.dumps({"pause": True, "t": pressed / SECOND}).encode(), NOW)
    assert pauses.lasting("dose-1")[0][0] == pressed
    for wrong in (NOW + 3600 * SECOND, NOW - 2 * 86_400 * SECOND):
        pauses.command("dose-2", OFF, NOW)
        pauses.command("dose-2", json.dumps({"pause": True, "t": wrong / SECOND}).encode(), NOW)
        assert pauses.lasting("dose-2")[0][0] == NOW


def reading(sensor: str, at_s: float) -> tuple[str, bytes]:
    return f"vigiposte/v1/plant/{sensor}/json", json.dumps({"t": at_s, "laeq": 71.0}).encode()


def stored(store: Store, sensor: str) -> list[int]:
    found = store.read_columns(ReadingQuery("plant", sensor, Kind.NOISE, 0, 2**62))
    return [int(moment) // SECOND for moment in found.times_ns]


def until(met: Callable[[], bool], process: Any) -> None:
    deadline = time.monotonic() + 30
    while not met():
        assert process.running, "the ingest ended"
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.mark.mosquitto
def test_paused_readings_are_stored_nowhere_and_the_pause_stands_in_the_log(
    mosquitto: Any, publish: Callable[..., int], site: Path, store: Store, ingest_process: Callable[..., Any]
) -> None:
    server = mosquitto()
    process = ingest_process(site, mqtt_url=server.url, feed_interval_s=0.1)
    process.wait_connected()
    kept = site.parent / "journal" / "pauses.json"
    began = int(time.time())
    publish(server.port, [reading("dose-1", began - 20), ("vigiposte/v1/plant/dose-1/pause", ON)])
    until(lambda: kept.exists() and "dose-1" in kept.read_text(), process)
    paused_at = json.loads(kept.read_text())["dose-1"] // SECOND
    publish(server.port, [reading(name, paused_at + 2) for name in ("dose-1", "dose-2")])
    until(lambda: len(stored(store, "dose-2")) == 1, process)
    time.sleep(max(0.0, paused_at + 3.2 - time.time()))
    publish(server.port, [("vigiposte/v1/plant/dose-1/pause", OFF)])
    until((site.parent / "pauses.csv").exists, process)
    # A reading of the paused time that was held back on the device, and one from after it.
    later = int(time.time()) + 2
    publish(server.port, [reading("dose-1", paused_at + 1), reading("dose-1", later)])
    until(lambda: later in stored(store, "dose-1"), process)
    _, counts = process.terminate()
    assert stored(store, "dose-1") == [began - 20, later]
    assert counts["rejected"] == {}
    (row,) = load_site(site).logs.pauses
    assert (row.sensor, row.reason) == ("dose-1", COMMANDED)
    assert "w1" not in (site.parent / "pauses.csv").read_text()


@pytest.mark.mosquitto
def test_whoever_objects_while_the_ingest_runs_is_measured_no_more(
    mosquitto: Any, publish: Callable[..., int], site: Path, store: Store, ingest_process: Callable[..., Any]
) -> None:
    server = mosquitto()
    process = ingest_process(site, mqtt_url=server.url, feed_interval_s=0.1)
    process.wait_connected()
    now = int(time.time())
    publish(server.port, [reading("dose-1", now - 5)])
    until(lambda: len(stored(store, "dose-1")) == 1, process)
    append_log(site.parent, "objections", {"wearer": "w1"})
    publish(server.port, [reading(name, now - 3) for name in ("dose-1", "dose-2")])
    until(lambda: len(stored(store, "dose-2")) == 1, process)
    process.terminate()
    assert stored(store, "dose-1") == [now - 5]


@pytest.mark.mosquitto
def test_erasing_takes_rows_and_refused_messages_of_one_wearer_only(
    mosquitto: Any, publish: Callable[..., int], site: Path, store: Store, ingest_process: Callable[..., Any]
) -> None:
    server = mosquitto()
    process = ingest_process(site, mqtt_url=server.url, feed_interval_s=0.1)
    process.wait_connected()
    now = int(time.time())
    messages = [reading(name, now - 5) for name in ("dose-1", "dose-2")]
    wrong = [(f"vigiposte/v1/plant/{name}/json", b"{") for name in ("dose-1", "dose-2")]
    publish(server.port, messages + wrong)
    folder = site.parent / "journal" / "quarantine"
    until(lambda: folder.exists() and len(list(read_quarantine(folder))) == 2, process)
    book = load_site(site)
    while_running = erase_readings(book, store, {"w1"})
    assert (while_running.rows, while_running.quarantine_lines) == (1, 0)
    assert while_running.journals_in_use == (site.parent / "journal",)
    process.terminate()
    after = erase_readings(book, store, {"w1"})
    assert (after.rows, after.quarantine_lines, after.journals_in_use) == (0, 1, ())
    assert [line["sensor"] for line in read_quarantine(folder)] == ["dose-2"]
    assert (stored(store, "dose-1"), len(stored(store, "dose-2"))) == ([], 1)
