"""A lake in object storage that several machines compact, purge and fill: only one rewrites at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.lake import lease
from ingest.lake.lease import Lease
from ingest.store import Partition, ReadingQuery, open_store
from sensors.errors import StoreUnreachableError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from tests.object_storage import BUCKET, filesystem, lake_url, object_storage

# Long over, so that compaction takes all files of the day whatever today is.
DAY = date(2024, 1, 8)
START_NS = 1_704_672_000 * 10**9
PARTITION = Partition(Kind.NOISE, "plant", "n1", DAY)
QUERY = ReadingQuery("plant", "n1", Kind.NOISE, START_NS, START_NS + 86_400 * 10**9)
ROUNDS = 5
ROWS = 50

_WRITES_AND_COMPACTS = """
import sys
import numpy as np
from ingest.store import open_store
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
url, name, number, rounds, rows, start = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
store = open_store(url, writer=name)
print("ready", flush=True)
sys.stdin.readline()
for turn in range(rounds):
    first = (number * rounds + turn) * rows
    times = start + (first + np.arange(rows)) * 10**9
    values = {"laeq": 60 + (first + np.arange(rows)) / 100}
    store.write([ReadingBatch("plant", "n1", Kind.NOISE, times, values, sequence=turn + 1)])
    print("removed", store.compact("plant"), flush=True)
"""

_ADDS = """
import sys, time
from ingest.lake.store import open_lake
folder = open_lake(sys.argv[1])._folder
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with folder.exclusive():
        with folder.open("count") as found:
            before = int(found.read())
        time.sleep(0.01)
        folder.publish([("count", str(before + 1).encode())])
"""

_HOLDS = """
import sys, time
from ingest.lake.store import open_lake
with open_lake(sys.argv[1])._folder.exclusive():
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with object_storage() as address:
        yield address


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    return lake_url(server, request.node.name)


def start(script: str, *arguments: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def together(*children: subprocess.Popen[str]) -> None:
    """Let the children begin at the same moment."""
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()


def finished(child: subprocess.Popen[str]) -> str:
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    return said


def test_two_processes_never_rewrite_at_the_same_time(url: str) -> None:
    folder = open_store(url)._folder  # type: ignore[attr-defined]
    folder.publish([("count", b"0")])
    children = [start(_ADDS, url, 8) for _ in range(2)]
    together(*children)
    for child in children:
        finished(child)
    with folder.open("count") as found:
        assert int(found.read()) == 16


def test_two_processes_compact_one_partition_and_nothing_deleted_comes_back(url: str) -> None:
    store = open_store(url, writer="parent")
    doomed = START_NS + 80_000 * 10**9
    times = doomed + np.arange(200) * 10**9
    store.write([ReadingBatch("plant", "n1", Kind.NOISE, times, {"laeq": np.full(200, 99.0)})])
    children = [
        start(_WRITES_AND_COMPACTS, url, name, number, ROUNDS, ROWS, START_NS)
        for number, name in enumerate("ab")
    ]
    together(*children)
    query = ReadingQuery("plant", "n1", Kind.NOISE, doomed, doomed + 100 * 10**9)
    assert store.delete_rows(query) == 100
    removed = [finished(child) for child in children]
    assert any(f"removed {number}" in said for said in removed for number in range(2, 20))
    store.compact("plant")
    found = store.read_columns(QUERY)
    expected = np.arange(2 * ROUNDS * ROWS)
    np.testing.assert_array_equal(found.times_ns, np.concatenate([START_NS + expected * 10**9, times[100:]]))
    np.testing.assert_array_equal(found.channels["laeq"][:-100], 60 + expected / 100)
    assert len(store._readings.part_names("raw/kind=noise/site=plant/sensor=n1/date=2024-01-08")) == 1  # type: ignore[attr-defined]
    assert store.compact("plant") == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that a process cannot see")
def test_a_machine_that_died_holds_up_the_others_for_the_lease_only(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(_HOLDS, url)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    monkeypatch.setattr(lease, "LEASE_S", 2.0)
    folder = open_store(url)._folder  # type: ignore[attr-defined]
    began = time.monotonic()
    with folder.exclusive():
        folder.publish([("done", b"")])
    assert time.monotonic() - began < 10.0


def test_who_held_the_lease_too_long_writes_and_removes_nothing_more(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_store(url)._folder  # type: ignore[attr-defined]
    folder.publish([("old", b"")])
    monkeypatch.setattr(lease, "LEASE_S", 0.0)
    with folder.exclusive():
        with pytest.raises(StoreUnreachableError, match="another machine may rewrite") as caught:
            folder.publish([("new", b"")])
        assert caught.value.code == "lease_lost"
        with pytest.raises(StoreUnreachableError, match="another machine may rewrite"):
            folder.remove("old")
    assert folder.files("") == ["old"]
    folder.publish([("new", b"")])
    assert set(folder.files("")) == {"old", "new"}


def test_a_lease_that_others_never_give_back_is_named(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = f"{BUCKET}/busy"
    other, own = (Lease(filesystem(server), folder) for _ in range(2))
    with other.held():
        monkeypatch.setattr(lease, "_GIVE_UP_S", 0.1)
        with pytest.raises(StoreUnreachableError, match="other machines keep rewriting"), own.held():
            pass
    with own.held():
        pass
