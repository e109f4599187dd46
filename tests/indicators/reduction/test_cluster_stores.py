"""Workers that read object storage or InfluxDB: the bytes of one process, and only minutes travel."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyarrow.fs import FileSelector

from indicators.reduction.cluster import Cluster, open_cluster
from indicators.reduction.service import ReduceReport, reduce_partitions
from ingest.place import StorePlace
from ingest.store import ReadingQuery, Store, open_store
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from tests.clusters import passage, worker_killed
from tests.object_storage import BUCKET, filesystem, lake_url, object_storage

MONDAY = date(2026, 11, 16)
FIRST_NS = 1_794_787_200 * 10**9
DAY_NS = 86_400 * 10**9
SUMMARIES = "summaries/minutes"


@dataclass
class Elsewhere:
    """The plant's raw rows in another store, and how to get at the files of its summaries."""

    book: SiteBook
    store: Store
    place: StorePlace
    server: str
    folder: Path
    raw_bytes: int

    def run(self, cluster: Cluster, **options: Any) -> ReduceReport:
        own = Cluster(cluster._client, self.place)
        return reduce_partitions(self.book, self.store, MONDAY, MONDAY, executor=own, **options)

    def summary_files(self) -> dict[str, bytes]:
        if not self.place.url.startswith("lake:"):
            return local_files(self.folder / "summaries_lake")
        storage, top = filesystem(self.server), f"{BUCKET}/{self.folder.name}/{SUMMARIES}"
        found = storage.get_file_info(FileSelector(top, recursive=True))
        return {
            info.path.removeprefix(f"{top}/"): storage.open_input_file(info.path).read()
            for info in found
            if info.is_file
        }


def local_files(lake: Path) -> dict[str, bytes]:
    top = lake / SUMMARIES
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with object_storage() as address:
        yield address


@pytest.fixture(scope="module")
def workers(server: str) -> Iterator[Cluster]:
    # They inherit the keys of the storage.
    with open_cluster("local:2", StorePlace("lake:.", None, Path())) as found:
        yield found


@pytest.fixture(params=["object_storage", "influxdb"])
def elsewhere(
    request: pytest.FixtureRequest, hour_template: Path, server: str, tmp_path: Path
) -> Iterator[Elsewhere]:
    if request.param == "object_storage":
        url, summaries = lake_url(server, tmp_path.name), None
    else:
        url, summaries = request.getfixturevalue("influxdb").new_database(), "lake:./summaries_lake"
    place = StorePlace(url, summaries, tmp_path)
    book = load_site(hour_template / "site.toml")
    source, store = open_store("lake:./lake", base=hour_template), place.open()
    store.check()
    raw_bytes = 0
    for partition in source.partitions("demo-plant"):
        query = ReadingQuery(
            partition.site, partition.sensor, partition.kind, FIRST_NS - DAY_NS, FIRST_NS + 2 * DAY_NS
        )
        rows = source.read_columns(query)
        raw_bytes += rows.times_ns.nbytes + sum(column.nbytes for column in rows.channels.values())
        store.write([rows])
    source.close()
    yield Elsewhere(book, store, place, server, tmp_path, raw_bytes)
    store.close()


def test_two_workers_give_the_bytes_of_one_process_and_only_minutes_travel(
    elsewhere: Elsewhere, reduced_template: Path, workers: Cluster
) -> None:
    expected = local_files(reduced_template / "lake")
    assert len(expected) == 8
    with (
        passage(workers._client.scheduler.address) as counted,
        open_cluster(f"tcp://127.0.0.1:{counted.port}", elsewhere.place) as cluster,
    ):
        report = elsewhere.run(cluster)
        moved = counted.count
    assert (report.computed, report.rows) == (8, 8 * 60)
    assert elsewhere.summary_files() == expected
    tables = [elsewhere.store.read_summary("minutes", item.partition) for item in report.outcomes]
    minutes_bytes = len(pickle.dumps(tables))
    # All that the command and the cluster said to each other, site file and heartbeats included.
    assert minutes_bytes / 2 < moved < 2 * minutes_bytes
    assert moved < elsewhere.raw_bytes / 4


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to stop and kill a process")
def test_a_worker_killed_in_mid_run_changes_no_byte(
    elsewhere: Elsewhere, reduced_template: Path, workers: Cluster
) -> None:
    with worker_killed(workers) as held:
        report = elsewhere.run(workers)
    assert held[-1] > 0
    assert report.computed == 8
    assert elsewhere.summary_files() == local_files(reduced_template / "lake")
