"""``purge`` as its user runs it: what is past its retention is gone from every place, the rest stays."""

from __future__ import annotations

import contextlib
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from indicators.governance.chain import read_entries
from indicators.reduction.service import reduce_partitions
from ingest.days import day_bounds_ns
from ingest.journal import Arrival, Cursor, JournalReader, JournalWriter
from ingest.quarantine import Quarantine, Refused, erase_lines, read_quarantine
from ingest.retention_commands import scheduled_purge
from ingest.service import run_ingest
from ingest.store import Partition, ReadingQuery, Store, open_store
from sensors.errors import UsageError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_file import load_site
from vigiposte import app, build_services

SITE = """
schema = 1
[site]
id = "plant"
label = "Plant"
[store]
url = "{store}"
summaries = "lake:./lake"
[privacy]
raw_days = 45
summary_days = 365
key_file = "../safe/plant.key"
[[shifts]]
id = "day"
start = "08:00"
end = "16:00"
[[workstations]]
id = "press-1"
label = "Press 1"
shifts = ["day"]
[[sensors]]
id = "mic-1"
kind = "noise"
[[sensors]]
id = "sim-1"
kind = "noise"
origin = "simulated"
[[sensors]]
id = "mic-2"
kind = "noise"
[[placements]]
sensor = "mic-1"
workstation = "press-1"
mount = "fixed"
from = 2020-01-01T00:00:00
[[placements]]
sensor = "sim-1"
workstation = "press-1"
mount = "fixed"
from = 2020-01-01T00:00:00
"""
TODAY = datetime.now(UTC).date()
OLD, EDGE, RECENT = (TODAY - timedelta(days=age) for age in (60, 45, 3))
ANCIENT = TODAY - timedelta(days=400)
MARK = 87.654321012345


@pytest.fixture(params=["lake", "influxdb", "influxdb2"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    url = "lake:./lake"
    if request.param != "lake":
        server = request.getfixturevalue(request.param)
        url = server.new_database()
        if request.param == "influxdb2":
            monkeypatch.setenv("VIGIPOSTE_STORE_TOKEN", server.token)
    (folder / "site.toml").write_text(SITE.replace("{store}", url))
    run(folder / "site.toml", "pseudonyms", "create-key")
    return folder / "site.toml"


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    opened = build_services().open_store(load_site(site))
    yield opened
    opened.close()


def run(site: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--site", str(site)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def minute(sensor: str, day: date, *, rows: int = 60, level: float = MARK, hour: int = 9) -> ReadingBatch:
    start = day_bounds_ns(day)[0] + hour * 3600 * 10**9
    levels = np.full(rows, level)
    return ReadingBatch(
        "plant", sensor, Kind.NOISE, start + np.arange(rows) * 10**9, {"laeq": levels}, sequence=1
    )


def held(store: Store, sensor: str, day: date) -> int:
    return len(store.read_columns(ReadingQuery("plant", sensor, Kind.NOISE, *day_bounds_ns(day))))


def reduce(site: Path, store: Store) -> None:
    reduce_partitions(load_site(site), store, ANCIENT, TODAY)


def partition(sensor: str, day: date) -> Partition:
    return Partition(Kind.NOISE, "plant", sensor, day)


def test_old_raw_goes_its_summary_stays_and_the_rest_is_untouched(site: Path, store: Store) -> None:
    days = (OLD, EDGE, RECENT)
    store.write([minute(sensor, day) for sensor in ("mic-1", "sim-1") for day in days])
    reduce(site, store)
    before = store.read_summary("minutes", partition("mic-1", OLD))
    done = json.loads(run(site, "purge", "--json").stdout)
    assert done["removed"]["rows"] == 60
    assert [held(store, "mic-1", day) for day in days] == [0, 60, 60]
    assert [held(store, "sim-1", day) for day in days] == [60, 60, 60]
    assert partition("mic-1", OLD) not in store.partitions("plant")
    after = store.read_summary("minutes", partition("mic-1", OLD))
    # Not even a hash of the rows that went stays.
    assert "minute_rows" not in (store.summary_metadata("minutes", partition("mic-1", OLD)) or {})
    assert "minute_rows" in (store.summary_metadata("minutes", partition("mic-1", RECENT)) or {})
    assert before is not None
    assert before.num_rows == 1
    assert before.equals(after)


def test_a_dry_run_changes_nothing_and_is_not_logged(site: Path, store: Store) -> None:
    store.write([minute("mic-1", OLD)])
    reduce(site, store)
    result = run(site, "purge", "--dry-run")
    assert f"raw       mic-1 {OLD}" in result.stdout
    assert held(store, "mic-1", OLD) == 60
    assert not (site.parent / "access.jsonl").exists()


def test_raw_without_a_current_summary_is_refused_by_name(site: Path, store: Store) -> None:
    store.write([minute("mic-1", OLD), minute("mic-1", OLD - timedelta(days=9)), minute("mic-2", OLD)])
    store.write([minute("unheard", OLD)])
    reduce(site, store)
    store.write([minute("mic-1", OLD, hour=10)])
    result = run(site, "purge")
    assert result.exit_code == 4
    for name, reason in (("mic-1", "stale summary"), ("mic-2", "unplaced"), ("unheard", "unknown sensor")):
        assert f"kept {name}/{OLD}: {reason}" in result.stderr
    assert held(store, "mic-1", OLD) == 120
    assert held(store, "mic-1", OLD - timedelta(days=9)) == 0
    reduce(site, store)
    again = run(site, "purge", "--without-summary", f"unheard/{OLD}")
    assert again.exit_code == 4
    assert "mic-2" in again.stderr
    assert [held(store, name, OLD) for name in ("mic-1", "mic-2", "unheard")] == [0, 60, 0]


def test_only_what_is_due_can_be_given_up(site: Path, store: Store) -> None:
    store.write([minute("mic-1", RECENT)])
    with pytest.raises(UsageError) as caught:
        run(site, "purge", "--without-summary", f"mic-1/{RECENT}")
    assert caught.value.code == "nothing_due"
    assert held(store, "mic-1", RECENT) == 60


def test_summaries_go_after_their_year(site: Path, store: Store) -> None:
    store.write([minute(sensor, day) for sensor in ("mic-1", "sim-1") for day in (ANCIENT, OLD)])
    reduce(site, store)
    run(site, "purge")
    assert store.summary_partitions("minutes", "plant") == [
        partition("mic-1", OLD),
        partition("sim-1", ANCIENT),
        partition("sim-1", OLD),
    ]
    run(site, "purge", "--include-simulated")
    assert store.summary_partitions("minutes", "plant") == [partition("mic-1", OLD), partition("sim-1", OLD)]
    assert held(store, "sim-1", OLD) == held(store, "sim-1", ANCIENT) == 0


def test_late_rows_never_replace_the_summary_of_a_purged_day(site: Path, store: Store) -> None:
    store.write([minute("mic-1", OLD, rows=600)])
    reduce(site, store)
    run(site, "purge")
    store.write([minute("mic-1", OLD, hour=14)])
    reduce_partitions(load_site(site), store, OLD, OLD, force=True)
    table = store.read_summary("minutes", partition("mic-1", OLD))
    assert table is not None
    assert table.num_rows == 10
    assert run(site, "purge").exit_code == 0
    assert held(store, "mic-1", OLD) == 0


def test_the_day_after_a_purged_day_stays_current(site: Path, store: Store) -> None:
    """Its summary rests on the last seconds of the purged day: that must not make it untrue."""
    midnight = day_bounds_ns(EDGE)[0]
    across = np.arange(-30, 30) * 10**9 + midnight
    store.write([ReadingBatch("plant", "mic-1", Kind.NOISE, across, {"laeq": np.linspace(60, 90, 60)})])
    reduce(site, store)
    before = store.read_summary("minutes", partition("mic-1", EDGE))
    run(site, "purge")
    assert held(store, "mic-1", EDGE - timedelta(days=1)) == 0
    report = reduce_partitions(load_site(site), store, EDGE, EDGE)
    assert report.computed == 0
    assert before is not None
    assert before.equals(store.read_summary("minutes", partition("mic-1", EDGE)))


def test_the_purge_stands_in_the_signed_log(site: Path, store: Store) -> None:
    store.write([minute("mic-1", OLD)])
    reduce(site, store)
    run(site, "purge")
    log = site.parent / "access.jsonl"
    begun, done = read_entries(log)
    assert (begun["event"], begun["raw"]) == ("purge_begun", [f"mic-1/{OLD}"])
    assert (done["event"], done["rows"]) == ("purge", 60)
    log.write_text(log.read_text().replace(f"mic-1/{OLD}", f"mic-1/{RECENT}"))
    assert run(site, "audit", "verify").exit_code == 1


def test_the_scheduled_purge_reduces_first_and_leaves_made_up_data_alone(site: Path, store: Store) -> None:
    store.write([minute(sensor, OLD) for sensor in ("mic-1", "sim-1", "mic-2")])
    scheduled_purge(build_services(), load_site(site), None, None)()
    assert [held(store, name, OLD) for name in ("mic-1", "sim-1", "mic-2")] == [0, 60, 60]
    assert store.read_summary("minutes", partition("mic-1", OLD)) is not None


def _everywhere(folder: Path, needle: bytes) -> list[Path]:
    """Files that hold `needle`; minute summaries are kept for longer, and that of one reading shows it."""
    while True:
        # A server that rewrites its files renames the new ones meanwhile: then all are looked at again.
        with contextlib.suppress(FileNotFoundError):
            files = [path for path in folder.rglob("*") if path.is_file() and "summaries" not in path.parts]
            return [path for path in files if needle in path.read_bytes()]


def _message(text: str) -> Arrival:
    return Arrival(b"vigiposte/v1/plant/mic-1/json", text.encode(), time.time_ns())


def test_no_byte_of_purged_data_is_left_in_any_file(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    site = folder / "site.toml"
    site.write_text(SITE.replace("{store}", "lake:./lake"))
    run(site, "pseudonyms", "create-key")
    store = open_store("lake:./lake", base=folder)
    store.write([minute("mic-1", OLD, rows=1)])
    store.fingerprint(partition("mic-1", OLD))
    reduce(site, store)
    store.close()
    # A writer that was killed while it wrote leaves this behind.
    dead = folder / "lake" / ".tmp" / "dead_1"
    dead.mkdir(parents=True)
    (dead / "lock").touch()
    (dead / "1_1.tmp").write_bytes(struct.pack("<d", MARK))
    consumed, waiting = "stored-long-ago", "not-stored-yet"
    journal = folder / "journal"
    writer = JournalWriter(journal)
    writer.append([_message(consumed)])
    cursor = Cursor(journal)
    reader = JournalReader(writer, cursor)
    chunk = reader.read(1 << 20)
    assert chunk is not None
    cursor.move(chunk.end)
    writer.rotate()
    writer.append([_message(waiting)])
    writer.close()
    cursor.close()
    quarantine = journal / "quarantine"
    Quarantine(quarantine, max_age_days=45).add(
        [Refused("bad", "x", "t", b"refused", 1_000_000_000, "mic-1")]
    )
    (file,) = quarantine.iterdir()
    file.rename(quarantine / f"quarantine-{OLD:%Y%m%d}T120000-1-0001.jsonl")
    Quarantine(quarantine, max_age_days=45).add([Refused("bad", "new", "t", b"", 0, "mic-1")])
    needle = struct.pack("<d", MARK)
    assert len(_everywhere(folder, needle)) == 2
    assert len(_everywhere(folder, consumed.encode())) == 1

    assert run(site, "purge").exit_code == 0

    assert _everywhere(folder, needle) == []
    assert _everywhere(folder, consumed.encode()) == []
    assert len(_everywhere(folder, waiting.encode())) == 1
    assert [line["reason"] for line in read_quarantine(quarantine)] == ["new"]
    assert not (folder / "lake" / "raw").exists()


def _waited_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


@pytest.mark.influxdb
def test_no_byte_of_purged_data_is_left_in_the_files_of_influxdb(
    tmp_path: Path, own_influxdb: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Readings of 60 days ago left the write-ahead log long since: the server writes it out after a second.
    monkeypatch.setenv("INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION", "1s")
    server = own_influxdb()
    folder = tmp_path / "site"
    folder.mkdir()
    site = folder / "site.toml"
    site.write_text(SITE.replace("{store}", server.new_database()))
    run(site, "pseudonyms", "create-key")
    store = build_services().open_store(load_site(site))
    # The first value of a block stands in the server's files as it is.
    store.write([minute("mic-1", OLD, rows=1), minute("mic-1", RECENT, rows=1, level=71.25)])
    reduce(site, store)
    store.close()
    gone, kept = (struct.pack(">d", level) for level in (MARK, 71.25))
    assert _waited_for(lambda: bool(_everywhere(server.folder, gone)), 20.0)
    assert run(site, "purge").exit_code == 0
    assert _waited_for(lambda: not _everywhere(server.folder, gone), 20.0)
    assert _everywhere(server.folder, kept)


def test_chosen_lines_leave_the_quarantine(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, max_age_days=45)
    quarantine.add([Refused("bad", "", "t", b"one", 1, "mic-1"), Refused("bad", "", "t", b"two", 2, "mic-2")])
    assert erase_lines(tmp_path, lambda line: line["sensor"] == "mic-1") == 1
    assert [line["sensor"] for line in read_quarantine(tmp_path)] == ["mic-2"]
    quarantine.add([Refused("bad", "", "t", b"three", 3, "mic-3")])
    assert erase_lines(tmp_path, lambda _: True) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_running_ingest_purges_by_itself(tmp_path: Path, mosquitto: Callable[..., Any]) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    site = folder / "site.toml"
    site.write_text(SITE.replace("{store}", "lake:./lake").replace("key_file", "# key_file"))
    store = open_store("lake:./lake", base=folder)
    store.write([minute("mic-1", OLD)])
    book = load_site(site)
    stop = threading.Event()
    thread = threading.Thread(
        target=run_ingest,
        args=(book, store),
        kwargs={
            "mqtt_url": mosquitto().url,
            "stop": stop,
            "purge": scheduled_purge(build_services(), book, None, None),
            "purge_every_s": 0.1,
        },
    )
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while held(store, "mic-1", OLD) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert held(store, "mic-1", OLD) == 0
    finally:
        stop.set()
        thread.join(20)
        store.close()


def test_a_batch_of_several_days_keeps_those_that_are_not_due(site: Path, store: Store) -> None:
    long = minute("mic-1", OLD, rows=60)
    store.write([long, replace(long, times_ns=long.times_ns + 10 * 86_400 * 10**9)])
    reduce(site, store)
    run(site, "purge")
    assert store.partitions("plant") == []
    assert len(store.summary_partitions("minutes", "plant")) == 2
