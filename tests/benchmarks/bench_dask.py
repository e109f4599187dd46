"""Raw reduction on one and on two Dask workers over the same partitions, tasks of at least 0.5 s.

``python tests/benchmarks/bench_dask.py [sensor-days]``. Needs two idle cores to mean anything. Workers are
started and warm before the clock runs. Target: two workers ≥ 1.4 × one.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from copied_readings import MONDAY, write_days, write_site_file  # type: ignore[import-not-found]

from indicators.reduction.cluster import Cluster, open_cluster
from indicators.reduction.service import reduce_partitions
from ingest.place import StorePlace
from sensors.quantities import Kind
from sensors.site_file import load_site


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted((folder / "lake" / "summaries" / "minutes").rglob("*.arrow")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def processor_s(cluster: Cluster) -> float:
    """Processor time of all workers so far [s]."""
    return float(sum(cluster._client.run(time.process_time).values()))


def main() -> None:
    count = int([*sys.argv[1:], "16"][0])
    folder = Path(tempfile.mkdtemp(prefix="bench_dask_"))
    try:
        sensors = [(f"trunk-{number}", Kind.POSTURE) for number in range(count)]
        book = load_site(write_site_file(folder, sensors))
        store = write_days(folder, sensors, [0], shifts=3)
        place = StorePlace("lake:./lake", None, folder)
        wall, cpu = time.perf_counter(), time.process_time()
        reduce_partitions(book, store, MONDAY, MONDAY, force=True)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{count} sensor-days of posture, 24 h at 25 Hz; {cpu / count:.2f} s of processor each")
        print(f"in this process {wall:6.1f} s  {digest(folder)}")
        seconds = {}
        for workers in (1, 2):
            with open_cluster(f"local:{workers}", place) as cluster:
                reduce_partitions(book, store, MONDAY, MONDAY, force=True, executor=cluster)
                wall, cpu, theirs = time.perf_counter(), time.process_time(), processor_s(cluster)
                reduce_partitions(book, store, MONDAY, MONDAY, force=True, executor=cluster)
                seconds[workers] = time.perf_counter() - wall
                spent = f"{processor_s(cluster) - theirs:.1f} s of processor in workers, "
                spent += f"{time.process_time() - cpu:.1f} s here"
                peak = max(row.peak_bytes for row in cluster.memory) >> 20
                bound = max(cluster.bounds.values()) >> 20
            memory = f"peak {peak} of {bound} MiB a worker"
            print(f"{workers} worker(s)    {seconds[workers]:6.1f} s  {digest(folder)}  {spent}, {memory}")
        print(f"two workers / one: {seconds[1] / seconds[2]:.2f}")
        store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
