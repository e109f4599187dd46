"""Stores against named baselines in the same run: plain pyarrow files, and raw POSTs of prepared bodies.

``python tests/benchmarks/bench_stores.py [million rows]``. Trust the ratios, not the absolutes. A row is one
timestamp with three channels; batches are 50 rows, as one message of a posture sensor brings them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.influx.lines import blocks
from ingest.rows import collect
from ingest.store import ReadingQuery, Store, open_store
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

SENSORS = 12
PER_MESSAGE = 50
START_NS = 1_794_787_200 * 10**9
REPEATS = 3


def messages(rows: int) -> list[ReadingBatch]:
    random = np.random.default_rng(0)
    pool = random.normal(0, 0.5, 200_000).astype(np.float32)
    found = []
    for number in range(rows // PER_MESSAGE):
        times = START_NS + (number // SENSORS) * 10**9 + np.arange(PER_MESSAGE) * 20_000_000
        channels = {
            f"acc_{axis}": pool[(at := int(random.integers(0, pool.size - PER_MESSAGE))) : at + PER_MESSAGE]
            for axis in "xyz"
        }
        found.append(
            ReadingBatch("plant", f"belt-{number % SENSORS}", Kind.POSTURE, times, channels, sequence=number)
        )
    return found


def best(act: Callable[[int], object]) -> float:
    """Shortest time of some repetitions [s]."""
    times = []
    for number in range(REPEATS):
        began = time.perf_counter()
        act(number)
        times.append(time.perf_counter() - began)
    return min(times)


def show(name: str, rows: int, seconds: float, baseline: float | None = None) -> None:
    ratio = "" if baseline is None else f"   {baseline / seconds:5.2f} x baseline"
    print(f"{name:58s} {rows / seconds / 1e6:8.3f} M rows/s{ratio}")


def bench_lake(batches: Sequence[ReadingBatch], rows: int, folder: Path) -> None:
    merged, _ = collect(batches)
    tables = [
        pa.table({"time": part.times_ns, **part.channels, "flags": part.flags}) for part in merged.values()
    ]

    def plain(number: int) -> None:
        for position, table in enumerate(tables):
            path = folder / f"plain-{number}-{position}.parquet"
            pq.write_table(table, path, compression="zstd", use_dictionary=False)
            with path.open("rb+") as handle:
                os.fsync(handle.fileno())

    floor = best(plain)
    show("baseline: plain pyarrow files of ready columns + fsync", rows, floor)
    stores: list[Store] = [open_store(f"lake:{folder}/lake{number}") for number in range(REPEATS)]
    show(f"lake write, batches of {PER_MESSAGE}", rows, best(lambda n: stores[n].write(batches)), floor)

    paths = sorted(folder.glob("plain-0-*.parquet"))
    floor = best(lambda _: [pq.read_table(path, use_threads=False) for path in paths])
    show("baseline: plain pyarrow read", rows, floor)
    queries = [ReadingQuery("plant", f"belt-{n}", Kind.POSTURE, 0, 2**62) for n in range(SENSORS)]
    show(
        "lake read, one file a sensor-day",
        rows,
        best(lambda _: [stores[0].read_columns(one) for one in queries]),
        floor,
    )
    small = open_store(f"lake:{folder}/small")
    step = max(1, len(batches) // 100)
    for start in range(0, len(batches), step):
        small.write(batches[start : start + step])
    show(
        "lake read, 100 files a sensor-day",
        rows,
        best(lambda _: [small.read_columns(one) for one in queries]),
        floor,
    )
    began = time.perf_counter()
    small.compact("plant")
    show("lake compaction of those", rows, time.perf_counter() - began)
    for store in (*stores, small):
        store.close()


@contextmanager
def influxd(folder: Path) -> Iterator[int]:
    """A server of our own on free ports."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
    config = folder / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{ports[1]}"\n[meta]\ndir = "{folder}/meta"\n'
        f'[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\nquery-log-enabled = false\n'
        f'[http]\nbind-address = "127.0.0.1:{ports[0]}"\nlog-enabled = false\n'
        "[monitor]\nstore-enabled = false\n"
    )
    with (folder / "influxd.log").open("wb") as log:
        process = subprocess.Popen(["influxd", "run", "-config", str(config)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", ports[0])) == 0:
                    break
            time.sleep(0.05)
        yield ports[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def bench_influx(batches: Sequence[ReadingBatch], rows: int, folder: Path) -> None:
    with influxd(folder) as port:

        def database(name: str) -> Store:
            store = open_store(
                f"influxdb://127.0.0.1:{port}/{name}", summaries_url=f"lake:{folder}/summaries"
            )
            store.check()
            return store

        merged, _ = collect(batches)
        bodies = [one.body for key, part in merged.items() for one in blocks(key, part)]
        began = time.perf_counter()
        for key, part in merged.items():
            for _ in blocks(key, part):
                pass
        show("building line protocol alone", rows, time.perf_counter() - began)

        def raw(number: int) -> None:
            for body in bodies:
                request = urllib.request.Request(f"http://127.0.0.1:{port}/write?db=raw{number}", data=body)
                with urllib.request.urlopen(request, timeout=60) as answer:
                    answer.read()

        for number in range(REPEATS):
            database(f"raw{number}").close()
        floor = best(raw)
        show("baseline: raw POST of ready bodies, one connection", rows, floor)
        stores = [database(f"store{number}") for number in range(REPEATS)]
        show("influxdb write, all at once", rows, best(lambda n: stores[n].write(batches)), floor)
        pieces = [database(f"piece{number}") for number in range(REPEATS)]

        def in_pieces(number: int) -> None:
            for start in range(0, len(batches), 200):
                pieces[number].write(batches[start : start + 200])

        show("influxdb write, 10,000 rows a write", rows, best(in_pieces), floor)
        query = ReadingQuery("plant", "belt-0", Kind.POSTURE, 0, 2**62)
        count = rows // SENSORS
        show("influxdb read of one sensor", count, best(lambda _: stores[0].read_columns(query)))
        for store in (*stores, *pieces):
            store.close()


def main() -> None:
    rows = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 1_200_000
    rows -= rows % (SENSORS * PER_MESSAGE)
    batches = messages(rows)
    print(f"{rows} rows of 3 channels from {SENSORS} sensors, best of {REPEATS}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench_lake(batches, rows, folder)
        if shutil.which("influxd"):
            bench_influx(batches, rows, folder)
        else:
            print("influxd is not installed: its measurements are left out")


if __name__ == "__main__":
    main()
