"""The lake: files that others can read, compaction, schema numbers, and where it may lie."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pq
import pytest

from ingest.lake.local_folder import LocalFolder
from ingest.lake.store import LakeStore, open_lake
from ingest.store import Partition, ReadingQuery, open_store
from sensors.errors import ConfigurationError, LocalResourceError
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


def test_a_day_of_a_sensor_is_one_file_that_other_tools_read_as_it_is(lake: LakeStore, root: Path) -> None:
    times = MIDNIGHT_NS + np.arange(1000) * 10**9
    lake.write([rows(times, laeq=np.linspace(60, 90, 1000, dtype=np.float32), lcpeak=np.full(1000, np.nan))])
    lake.write([rows(times[:10] + DAY_NS, laeq=np.arange(10.0))])
    table = pa_dataset.dataset(root / "raw", partitioning="hive", format="parquet").to_table()
    assert table.num_rows == 1010
    assert set(table.column("sensor").to_pylist()) == {"mic-1"}
    (path,) = parts(root)
    schema = pq.read_schema(path)
    assert schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert schema.field("laeq").type == pa.float32()
    assert schema.field("laeq").metadata == {b"unit": b"dB(A)"}
    assert schema.field("lcpeak").type == pa.float64()
    assert schema.metadata[b"vigiposte.schema"] == b"1"
    # Missing values are null, not NaN, so that other tools' averages come out right.
    assert pq.read_table(path).column("lcpeak").null_count == 1000


def test_columns_are_coded_for_size(lake: LakeStore, root: Path) -> None:
    times = MIDNIGHT_NS + np.arange(86_400) * 10**9
    levels = np.random.default_rng(0).normal(75, 6, 86_400).round(1).astype(np.float32)
    lake.write([rows(times, laeq=levels)])
    (path,) = parts(root)
    group = pq.read_metadata(path).row_group(0)
    found = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert found["time"].compression == "ZSTD"
    assert "DELTA_BINARY_PACKED" in found["time"].encodings
    assert "BYTE_STREAM_SPLIT" in found["laeq"].encodings
    assert path.stat().st_size < 3 * 86_400


def test_compaction_keeps_the_sequence_of_each_channel(lake: LakeStore, root: Path) -> None:
    """A straggler of another ingest process may come after the compaction, and is still judged rightly."""
    lake.write([rows([MIDNIGHT_NS], 5, laeq=[60.0])])
    lake.write([rows([MIDNIGHT_NS], 7, lcpeak=[100.0])])
    assert lake.compact("plant") == 2
    (path,) = parts(root)
    assert pq.read_metadata(path).num_rows == 1
    lake.write([rows([MIDNIGHT_NS], 6, laeq=[61.0], lcpeak=[99.0])])
    for _ in range(2):
        found = lake.read_columns(QUERY)
        assert found.channels["laeq"].tolist() == [61.0]
        assert found.channels["lcpeak"].tolist() == [100.0]
        lake.compact("plant")
    lake.write([rows([MIDNIGHT_NS], 4, laeq=[1.0], lceq=[2.0])])
    lake.compact("plant")
    found = lake.read_columns(QUERY)
    assert [found.channels[name][0] for name in ("laeq", "lceq", "lcpeak")] == [61.0, 2.0, 100.0]


def test_earlier_sequences_lose_in_whatever_order_files_are_written(lake: LakeStore) -> None:
    for sequence in random.Random(1).sample(range(1, 40), 39):
        lake.write([rows([MIDNIGHT_NS, MIDNIGHT_NS + sequence], sequence, laeq=[float(sequence)] * 2)])
        if sequence % 5 == 0:
            lake.compact("plant")
    found = lake.read_columns(QUERY).channels["laeq"]
    assert found[0] == 39.0
    assert found[1:].tolist() == [float(n) for n in range(1, 40)]


def test_many_small_files_become_one(lake: LakeStore, root: Path) -> None:
    for number in range(60):
        lake.write([rows(MIDNIGHT_NS + number * 10 + np.arange(10), number, laeq=np.full(10, float(number)))])
    assert len(parts(root)) == 60
    assert lake.compact("plant") == 60
    assert len(parts(root)) == 1
    assert lake.compact("plant") == 0
    assert len(lake.read_columns(QUERY)) == 600


def test_a_day_that_still_grows_is_not_written_anew_each_time(lake: LakeStore, root: Path) -> None:
    today = datetime.now(UTC).date()
    start_ns = (today - date(1970, 1, 1)).days * DAY_NS
    folder = root / FOLDER.replace("2026-11-16", today.isoformat())

    def files() -> set[str]:
        return {path.name for path in folder.glob("part-*.parquet")}

    noise = np.random.default_rng(0).normal(size=200_000)
    lake.write([rows(start_ns + np.arange(200_000), 1, laeq=noise)])
    large = files()
    for number in range(8):
        lake.write([rows(start_ns + 200_000 + number * 10 + np.arange(10), 2, laeq=np.zeros(10))])
    assert lake.compact("plant") == 8
    assert large < files()
    assert len(files()) == 2
    assert lake.compact("plant") == 0
    for number in range(4):
        lake.write([rows(start_ns + 10**6 + number * 10**5 + np.arange(60_000), 3, laeq=noise[:60_000])])
    assert lake.compact("plant") == 6
    assert len(files()) == 1
    query = ReadingQuery("plant", "mic-1", Kind.NOISE, start_ns, start_ns + DAY_NS)
    assert len(lake.read_columns(query)) == 200_000 + 80 + 240_000


def test_a_newer_schema_is_refused_clearly(lake: LakeStore, root: Path) -> None:
    lake.write([rows([MIDNIGHT_NS], laeq=[60.0])])
    (path,) = parts(root)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"vigiposte.schema": "2"}), path)
    for act in (lake.read_columns, lake.delete_rows):
        with pytest.raises(ConfigurationError, match="newer version") as caught:
            act(QUERY)
        assert caught.value.code == "lake_schema_newer"
        assert "upgrade" in str(caught.value)
    pq.write_table(table.replace_schema_metadata({}), path)
    with pytest.raises(ConfigurationError) as caught:
        lake.last_seen("plant")
    assert caught.value.code == "lake_schema_missing"


def test_empty_folders_go_with_their_last_file(root: Path, lake: LakeStore) -> None:
    lake.write([rows([MIDNIGHT_NS], laeq=[60.0])])
    lake.fingerprint(PARTITION)
    assert lake.delete(PARTITION) == 1
    assert not (root / "raw").exists()


class _Counting(LocalFolder):
    opened = 0

    def open(self, path: str) -> Any:
        self.opened += path.endswith(".parquet")
        return super().open(path)


def test_a_known_fingerprint_costs_no_reading(root: Path) -> None:
    folder = _Counting(root, "test")
    store = LakeStore(folder, "test")
    store.write([rows(MIDNIGHT_NS + np.arange(100), laeq=np.zeros(100))])
    first = store.fingerprint(PARTITION)
    before = folder.opened
    assert store.fingerprint(PARTITION) == first
    assert folder.opened == before
    store.write([rows([MIDNIGHT_NS], 1, laeq=[1.0])])
    assert store.fingerprint(PARTITION) != first
    (root / FOLDER / "_fingerprint.json").write_text("{torn")
    again = store.fingerprint(PARTITION)
    assert json.loads((root / FOLDER / "_fingerprint.json").read_text())["fingerprint"] == again
    store.close()


def test_a_lake_behind_a_pyarrow_file_system_holds_the_same(root: Path, lake: LakeStore) -> None:
    remote = open_lake(f"lake:{root.as_uri()}", writer="far")
    remote.check()
    assert remote.url == f"lake:{root.as_uri()}"
    remote.write([rows([MIDNIGHT_NS], 1, laeq=[60.0])])
    lake.write([rows([MIDNIGHT_NS + 1], 2, laeq=[61.0])])
    for store in (lake, remote):
        assert store.read_columns(QUERY).channels["laeq"].tolist() == [60.0, 61.0]
        assert store.partitions("plant") == [PARTITION]
        assert store.last_seen("plant") == {"mic-1": MIDNIGHT_NS + 1}
    assert remote.fingerprint(PARTITION) == lake.fingerprint(PARTITION)
    remote.write_summary("minutes", PARTITION, pa.table({"n": [1]}), {"version": "1"})
    assert lake.summary_metadata("minutes", PARTITION) == {"version": "1"}
    assert remote.summary_partitions("minutes", "plant") == [PARTITION]
    assert remote.compact("plant") == 2
    assert remote.delete_rows(ReadingQuery("plant", "mic-1", Kind.NOISE, 0, MIDNIGHT_NS + 1)) == 1
    assert lake.read_columns(QUERY).channels["laeq"].tolist() == [61.0]
    assert remote.delete_summary("minutes", PARTITION)
    assert not remote.delete_summary("minutes", PARTITION)
    assert remote.delete(PARTITION) == 1


def test_a_file_where_the_lake_should_be_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("not a folder")
    store = open_lake("lake:lake", base=tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        store.check()
    assert caught.value.code == "lake_not_a_folder"
    with pytest.raises(LocalResourceError):
        store.write([rows([MIDNIGHT_NS], laeq=[60.0])])


@pytest.mark.parametrize(
    ("url", "summaries"),
    [
        ("lake:", None),
        ("sqlite:x.db", None),
        ("lake:nowhere://x/y", None),
        ("influxdb://h/db", "influxdb://h/db"),
    ],
)
def test_urls_that_name_no_store_are_refused(url: str, summaries: str | None, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url, summaries_url=summaries, base=tmp_path)
    assert caught.value.code == "store_url"


def test_relative_paths_count_from_the_base_folder(tmp_path: Path) -> None:
    store = open_store("lake:./data", base=tmp_path)
    store.write([rows([MIDNIGHT_NS], laeq=[60.0])])
    assert (tmp_path / "data" / FOLDER).is_dir()
    assert store.url == f"lake:{(tmp_path / 'data').as_posix()}"
    store.close()


def test_foreign_files_and_folders_in_a_lake_disturb_nobody(lake: LakeStore, root: Path) -> None:
    lake.write([rows([MIDNIGHT_NS], laeq=[60.0])])
    (root / FOLDER / "notes.txt").write_text("hello")
    (root / FOLDER / ".hidden").write_text("hello")
    (root / FOLDER.rpartition("/")[0] / "date=someday").mkdir()
    (root / FOLDER.rpartition("/")[0] / "notes").mkdir()
    assert lake.read_columns(QUERY).channels["laeq"].tolist() == [60.0]
    assert lake.partitions("plant") == [PARTITION]
    assert lake.compact("plant") == 0


def test_small_batches_are_written_fast_enough_to_keep_up(lake: LakeStore) -> None:
    """A floor far below the measured two million rows a second, to notice a per-row loop."""
    batches = [
        ReadingBatch(
            "plant",
            f"belt-{number % 12}",
            Kind.POSTURE,
            MIDNIGHT_NS + (number // 12) * 10**9 + np.arange(50) * 20_000_000,
            {f"acc_{axis}": np.zeros(50, np.float32) for axis in "xyz"},
            sequence=number,
        )
        for number in range(6000)
    ]
    began = time.perf_counter()
    outcome = lake.write(batches)
    assert outcome.rows / (time.perf_counter() - began) > 100_000


def test_an_id_that_climbs_out_of_the_lake_stays_inside(lake: LakeStore, root: Path) -> None:
    batch = ReadingBatch(
        "../..", "../../../x", Kind.NOISE, np.array([MIDNIGHT_NS]), {"laeq": np.array([60.0])}
    )
    lake.write([batch])
    assert [path.name for path in root.parent.iterdir()] == ["lake"]
    assert lake.partitions("../..") == [Partition(Kind.NOISE, "../..", "../../../x", DAY)]
