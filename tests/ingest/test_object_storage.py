"""A lake in an object store: a real S3 server on loopback, reached through pyarrow's own client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from ingest.store import Partition, ReadingQuery, Store, open_store
from sensors.errors import ConfigurationError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from tests.object_storage import lake_url, object_storage

DAY = date(2026, 11, 16)
NOON_NS = 1_794_830_400_000_000_000
SECOND = 1_000_000_000
PARTITION = Partition(Kind.NOISE, "plant", "n1", DAY)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with object_storage() as address:
        yield address


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    return lake_url(server, request.node.name)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    found = open_store(url, writer="w")
    yield found
    found.close()


def batch(start: int, count: int, level_db: float, sequence: int = 1) -> ReadingBatch:
    times = NOON_NS + (start + np.arange(count, dtype=np.int64)) * SECOND
    return ReadingBatch(
        "plant", "n1", Kind.NOISE, times, {"laeq": np.full(count, level_db)}, sequence=sequence
    )


def levels(store: Store) -> list[float]:
    query = ReadingQuery("plant", "n1", Kind.NOISE, NOON_NS, NOON_NS + 3600 * SECOND)
    return [float(level) for level in store.read_columns(query).channels["laeq"]]


def test_rows_come_back_and_a_later_sequence_wins(store: Store) -> None:
    store.check()
    store.write([batch(0, 4, 70.0, sequence=2)])
    store.write([batch(2, 4, 80.0, sequence=1)])
    assert levels(store) == [70.0] * 4 + [80.0] * 2
    assert store.partitions("plant") == [PARTITION]
    assert store.last_seen("plant") == {"n1": NOON_NS + 5 * SECOND}


def test_compaction_and_deletion_change_no_other_row(store: Store) -> None:
    for start in range(3):
        store.write([batch(start, 2, 70.0 + start)])
    before = levels(store), store.fingerprint(PARTITION)
    assert store.compact("plant") in {0, 3}
    assert (levels(store), store.fingerprint(PARTITION)) == before
    query = ReadingQuery("plant", "n1", Kind.NOISE, NOON_NS, NOON_NS + SECOND)
    assert store.delete_rows(query) == 1
    assert len(levels(store)) == 3
    assert store.delete(PARTITION) == 3
    assert store.partitions("plant") == []


def test_a_fingerprint_is_that_of_a_local_lake(store: Store, tmp_path: object) -> None:
    local = open_store(f"lake:{tmp_path}")
    for one in (store, local):
        one.write([batch(0, 60, 71.5)])
    assert store.fingerprint(PARTITION) == local.fingerprint(PARTITION)
    local.close()


def test_summaries_are_replaced_whole_with_a_new_state(store: Store) -> None:
    table = pa.table({"minute": [1, 2]})
    store.write_summary("minutes", PARTITION, table, {"version": "1"})
    first = store.summary_states("minutes", "plant")
    assert store.read_summary("minutes", PARTITION) == table
    store.write_summary("minutes", PARTITION, pa.table({"minute": [1, 2, 3]}), {"version": "2"})
    assert store.summary_metadata("minutes", PARTITION) == {"version": "2"}
    assert store.summary_partitions("minutes", "plant") == [PARTITION]
    assert store.summary_states("minutes", "plant") != first
    assert store.delete_summary("minutes", PARTITION)
    assert store.read_summary("minutes", PARTITION) is None


def test_a_secret_in_the_address_is_refused_unseen() -> None:
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID") as caught:
        open_store("lake:s3://key:hunter2@lake/plant")
    assert caught.value.code == "store_secret_in_url"
    assert "hunter2" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_named(server: str) -> None:
    place = f"lake:s3://nowhere/plant?scheme=http&endpoint_override={server}&region=us-east-1"
    missing = open_store(place)
    with pytest.raises(ConfigurationError, match="nowhere"):
        missing.check()
