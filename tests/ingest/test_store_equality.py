"""The same readings give the same columns and fingerprints from both stores, to the last bit."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.store import ReadingQuery, Store, open_store
from sensors.quantities import KINDS, Kind, channels_of
from sensors.readings import ReadingBatch

pytestmark = pytest.mark.influxdb

START_NS = 1_794_787_200 * 10**9 - 300 * 10**9


@pytest.fixture(params=["influxdb", "influxdb2"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    server = request.getfixturevalue(request.param)
    pair = (
        open_store(f"lake:{tmp_path / 'lake'}"),
        open_store(
            server.new_database(),
            summaries_url=f"lake:{tmp_path / 'companion'}",
            token=getattr(server, "token", None),
        ),
    )
    yield pair
    for store in pair:
        store.close()


def messages(kind: Kind, seed: int) -> list[ReadingBatch]:
    """Untidy messages: overlapping, out of order, with gaps, flags, both precisions and bad values."""
    random = np.random.default_rng(seed)
    names = channels_of(kind)
    found = []
    for sequence in range(1, 81):
        size = int(random.integers(0, 40))
        times = START_NS + random.integers(0, 600, size) * 10**9 + int(random.integers(0, 2)) * 333_333_333
        columns: dict[str, Any] = {}
        for name in random.permutation(names)[: int(random.integers(1, 5))]:
            values = random.normal(50, 20, size) * 10.0 ** random.integers(-8, 4, size)
            values[random.random(size) < 0.2] = np.nan
            values[random.random(size) < 0.01] = np.inf
            values[random.random(size) < 0.02] = -0.0
            columns[str(name)] = values.astype(np.float32 if random.random() < 0.5 else np.float64)
        flags = np.where(random.random(size) < 0.2, random.integers(0, 256, size), 0).astype(np.uint16)
        found.append(ReadingBatch("plant", f"s-{sequence % 3}", kind, times, columns, flags, sequence))
    return found


def assert_equal(lake: Store, influx: Store, query: ReadingQuery) -> int:
    left, right = lake.read_columns(query), influx.read_columns(query)
    assert list(left.channels) == list(right.channels)
    assert left.times_ns.tobytes() == right.times_ns.tobytes()
    assert left.flags.tobytes() == right.flags.tobytes()
    for name in left.channels:
        assert left.channels[name].tobytes() == right.channels[name].tobytes(), name
    return len(left)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_untidy_messages_end_the_same_in_both_stores(
    stores: tuple[Store, Store], kind: Kind, seed: int
) -> None:
    lake, influx = stores
    found = messages(kind, seed)
    random = np.random.default_rng(seed)
    for start in range(0, len(found), 16):
        # Journal order between writes; within one, and when some are written again, any order.
        part = found[start : start + 16]
        order = random.permutation(len(part))
        outcomes = [store.write([part[n] for n in order]) for store in stores]
        assert outcomes[0] == outcomes[1]
        assert outcomes[0].rows + len(outcomes[0].rejected) == sum(map(len, part))
    for store in stores:
        store.write(found[-20:])
    total = 0
    for sensor in ("s-0", "s-1", "s-2"):
        total += assert_equal(lake, influx, ReadingQuery("plant", sensor, kind, 0, 2**62))
        middle = ReadingQuery("plant", sensor, kind, START_NS + 7 * 10**9, START_NS + 420 * 10**9)
        assert_equal(lake, influx, middle)
        some = channels_of(kind)[1:4]
        assert_equal(lake, influx, ReadingQuery("plant", sensor, kind, 0, 2**62, some))
    assert total > 500
    assert lake.partitions("plant") == influx.partitions("plant")
    assert len(lake.partitions("plant")) == 6
    assert lake.last_seen("plant") == influx.last_seen("plant")
    marks = [lake.fingerprint(one) for one in lake.partitions("plant")]
    assert marks == [influx.fingerprint(one) for one in influx.partitions("plant")]
    assert len(set(marks)) == 6
    lake.compact("plant")
    assert marks == [lake.fingerprint(one) for one in lake.partitions("plant")]
    cut = ReadingQuery("plant", "s-1", kind, START_NS + 100 * 10**9, START_NS + 500 * 10**9)
    assert lake.delete_rows(cut) == influx.delete_rows(cut) > 0
    assert_equal(lake, influx, ReadingQuery("plant", "s-1", kind, 0, 2**62))


@pytest.mark.recordings
def test_a_real_day_of_noise_ends_the_same_in_both_stores(
    stores: tuple[Store, Store], recordings: Path
) -> None:
    with (recordings / "noise" / "noisemonitor_laeq_1s.csv").open(encoding="utf-8") as file:
        table = list(csv.reader(file))[1:]
    levels = np.array([float(row[-1]) for row in table])
    start_ns = int(datetime(2026, 11, 16, 8, tzinfo=UTC).timestamp()) * 10**9
    times = start_ns + np.arange(levels.size) * 10**9
    for precision in (np.float64, np.float32):
        sensor = f"mic-{np.dtype(precision).itemsize}"
        batches = [
            ReadingBatch(
                "plant", sensor, Kind.NOISE, times[n : n + 60], {"laeq": levels[n : n + 60].astype(precision)}
            )
            for n in range(0, levels.size, 60)
        ]
        for store in stores:
            store.write(batches)
        assert assert_equal(*stores, ReadingQuery("plant", sensor, Kind.NOISE, 0, 2**62)) == levels.size
        read = stores[1].read_columns(ReadingQuery("plant", sensor, Kind.NOISE, 0, 2**62)).channels["laeq"]
        assert read.tobytes() == levels.astype(precision).astype(np.float64).tobytes()
