"""The lake under several processes: kills, concurrent compaction, deletion and readers, a full disk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ingest.lake.local_folder import LocalFolder
from ingest.lake.store import LakeStore, open_lake
from ingest.store import Partition, ReadingQuery
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

DAY = date(2026, 11, 16)
MIDNIGHT_NS = 1_794_787_200 * 10**9
DAY_NS = 86_400 * 10**9
PARTITION = Partition(Kind.NOISE, "plant", "mic-1", DAY)
QUERY = ReadingQuery("plant", "mic-1", Kind.NOISE, 0, 2**62)
FOLDER = "raw/kind=noise/site=plant/sensor=mic-1/date=2026-11-16"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def lake(root: Path) -> Iterator[LakeStore]:
    store = open_lake(f"lake:{root}", writer="test")
    yield store
    store.close()


def rows(times_ns: Any, sequence: int = 0, **channels: Any) -> ReadingBatch:
    columns = {name: np.asarray(values) for name, values in channels.items()}
    return ReadingBatch(
        "plant", "mic-1", Kind.NOISE, np.asarray(times_ns, np.int64), columns, sequence=sequence
    )


def parts(root: Path) -> list[Path]:
    return sorted((root / FOLDER).glob("part-*.parquet"))


_HOLDER = """
import sys, time
from pathlib import Path
from ingest.lake.local_folder import LocalFolder
with LocalFolder(Path(sys.argv[1]), "holder").exclusive():
    print("held", flush=True)
    time.sleep(60)
"""

_WRITER = """
import sys, time
import numpy as np
from ingest.store import open_store
from sensors.readings import ReadingBatch
from sensors.quantities import Kind
store = open_store("lake:" + sys.argv[1], writer="child")
first, count = int(sys.argv[2]), int(sys.argv[3])
for number in range(first, first + count):
    times = 1_794_787_200 * 10**9 + number * 1000 + np.arange(1000)
    values = {"laeq": np.full(1000, float(number))}
    batch = ReadingBatch("plant", "mic-1", Kind.NOISE, times, values, sequence=number)
    store.write([batch])
    print(number, flush=True)
"""


def _start_writer(root: Path, first: int, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(root), str(first), str(count)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_a_killed_writer_leaves_every_finished_write_and_nothing_half_done(root: Path) -> None:
    rounds = 20 if os.environ.get("VIGIPOSTE_SOAK") else 4
    chance = random.Random(7)
    finished: set[int] = set()
    for number in range(rounds):
        child = _start_writer(root, number * 1000, 1000)
        assert child.stdout is not None
        for line in child.stdout:
            finished.add(int(line))
            if chance.random() < 0.1:
                child.send_signal(signal.SIGKILL)
                break
        finished |= {int(line) for line in child.stdout if line.endswith("\n")}
        child.stdout.close()
        child.wait(timeout=30)
    # A torn file beside the finished ones, as a kill between two calls leaves it.
    (root / ".tmp" / "child_dead").mkdir(parents=True)
    (root / ".tmp" / "child_dead" / "lock").touch()
    (root / ".tmp" / "child_dead" / "1.tmp").write_bytes(b"PAR1 torn")
    store = open_lake(f"lake:{root}", writer="next")
    read = store.read_columns(QUERY)
    stored, counts = np.unique((read.times_ns - MIDNIGHT_NS) // 1000, return_counts=True)
    assert (counts == 1000).all()
    assert finished <= set(stored.tolist())
    np.testing.assert_array_equal(read.channels["laeq"], (read.times_ns - MIDNIGHT_NS) // 1000)
    store.write([rows([MIDNIGHT_NS - 1], laeq=[0.0])])
    left = [path for path in (root / ".tmp").iterdir() if path.is_dir()]
    assert len(left) == 1
    assert left[0].name.startswith("next_")
    assert not list(left[0].glob("*.tmp"))
    store.close()
    assert not [path for path in (root / ".tmp").iterdir() if path.is_dir()]


def test_writers_readers_and_compaction_in_several_processes(root: Path, lake: LakeStore) -> None:
    count = 120
    children = [_start_writer(root, first, count) for first in (0, count)]
    other = open_lake(f"lake:{root}", writer="other")
    stop = threading.Event()

    def compact() -> None:
        while not stop.is_set():
            other.compact("plant")

    compacting = threading.Thread(target=compact)
    compacting.start()
    seen = 0
    try:
        while any(child.poll() is None for child in children):
            found = lake.read_columns(QUERY)
            assert len(found) % 1000 == 0
            assert len(found) >= seen
            seen = len(found)
    finally:
        stop.set()
        compacting.join()
        for child in children:
            child.wait(timeout=60)
            assert child.stdout is not None
            child.stdout.close()
    assert [child.returncode for child in children] == [0, 0]
    lake.compact("plant")
    found = lake.read_columns(QUERY)
    np.testing.assert_array_equal(found.times_ns, MIDNIGHT_NS + np.arange(2 * count * 1000))
    np.testing.assert_array_equal(found.channels["laeq"], np.arange(2 * count * 1000) // 1000)
    assert len(parts(root)) == 1
    other.close()


class _CompactedMeanwhile(LocalFolder):
    """A folder whose files are compacted away between listing and opening."""

    other: LakeStore | None = None

    def open(self, path: str) -> Any:
        if self.other is not None:
            other, self.other = self.other, None
            assert other.compact("plant") == 2
        return super().open(path)


def test_a_reader_lists_again_when_its_files_were_compacted_away(root: Path, lake: LakeStore) -> None:
    lake.write([rows([MIDNIGHT_NS], 1, laeq=[60.0])])
    lake.write([rows([MIDNIGHT_NS + 1], 2, laeq=[61.0])])
    folder = _CompactedMeanwhile(root, "reader")
    folder.other = lake
    assert LakeStore(folder, "reader").read_columns(QUERY).channels["laeq"].tolist() == [60.0, 61.0]
    assert folder.other is None


def test_deleted_rows_do_not_come_back_from_a_compaction(root: Path, lake: LakeStore) -> None:
    other = open_lake(f"lake:{root}", writer="other")
    for _ in range(15):
        for number in range(4):
            lake.write([rows(MIDNIGHT_NS + np.arange(2000), number, laeq=np.zeros(2000))])
        compacting = threading.Thread(target=other.compact, args=("plant",))
        compacting.start()
        assert lake.delete(PARTITION) == 2000
        compacting.join()
        assert len(lake.read_columns(QUERY)) == 0
        assert lake.partitions("plant") == []
    other.close()


def test_a_summary_is_replaced_whole_under_readers(lake: LakeStore) -> None:
    sizes = (10, 50_000)
    tables = [pa.table({"n": np.full(size, size)}) for size in sizes]
    lake.write_summary("minutes", PARTITION, tables[0], {"size": str(sizes[0])})
    stop = threading.Event()
    faults: list[str] = []

    def read() -> None:
        while not stop.is_set():
            found = lake.read_summary("minutes", PARTITION)
            if found is None or found.num_rows not in sizes or found["n"][0].as_py() != found.num_rows:
                faults.append(str(found))
            metadata = lake.summary_metadata("minutes", PARTITION)
            if metadata is None or int(metadata["size"]) not in sizes:
                faults.append(str(metadata))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(60):
        size = sizes[number % 2]
        lake.write_summary("minutes", PARTITION, tables[number % 2], {"size": str(size)})
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []


_LIMITED = """
import resource, signal, sys
import numpy as np
from ingest.store import open_store
from sensors.errors import LocalResourceError
from sensors.readings import ReadingBatch
from sensors.quantities import Kind
store = open_store("lake:" + sys.argv[1], writer="full")
batch = ReadingBatch("plant", "mic-1", Kind.NOISE, 1_794_787_200 * 10**9 + np.arange(50_000),
                     {"laeq": np.random.default_rng(0).normal(size=50_000)})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    store.write([batch])
except LocalResourceError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.partitions("plant") == []
assert store.write([batch]).rows == 50_000
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_disk_that_takes_no_more_is_named_and_later_writes_succeed(root: Path, lake: LakeStore) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(root)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the lake cannot be written" in done.stdout
    assert "free space" in done.stdout
    assert len(lake.read_columns(QUERY)) == 50_000


def test_the_maintenance_lock_is_released_by_a_dead_process(root: Path, lake: LakeStore) -> None:
    lake.write([rows([MIDNIGHT_NS], 1, laeq=[60.0])])
    lake.write([rows([MIDNIGHT_NS], 2, laeq=[61.0])])
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _HOLDER,
            str(root),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    done = threading.Event()
    removed: list[int] = []

    def compact() -> None:
        removed.append(lake.compact("plant"))
        done.set()

    threading.Thread(target=compact).start()
    assert not done.wait(0.3)
    holder.kill()
    holder.wait(timeout=10)
    holder.stdout.close()
    assert done.wait(10)
    assert removed == [2]
