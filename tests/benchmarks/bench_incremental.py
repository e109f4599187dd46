"""A week reduced whole, again after one new day, and after ten late minutes: what each costs of the first.

``python tests/benchmarks/bench_incremental.py [workstations]``. Target of the new day: one fifth or less.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from copied_readings import MONDAY, SITE, last_day, write_days, write_site_file  # type: ignore[import-not-found]

from indicators.reduction.partition import reduce_partition
from indicators.reduction.service import ReduceReport, reduce_partitions
from ingest.store import Partition, ReadingQuery, open_store
from sensors.quantities import Kind
from sensors.site_book import SiteBook
from sensors.site_file import load_site

DAYS = 7


def timed(
    book: SiteBook, folder: Path, sensors: list[tuple[str, Kind]], new: range
) -> tuple[ReduceReport, float]:
    store = write_days(folder, sensors, new)
    cpu = time.process_time()
    report = reduce_partitions(book, store, MONDAY, last_day(DAYS))
    cpu = time.process_time() - cpu
    store.close()
    return report, cpu


def late(book: SiteBook, folder: Path, sensor: str, kind: Kind) -> tuple[int, float, float, float]:
    """Ten minutes of one sensor, sent again with other values in mid-week.

    Returns minutes computed, and seconds of processor: for them, of that sensor's day computed whole after as
    many late rows, and of all days of that sensor.
    """
    store = open_store("lake:./lake", base=folder)
    day = last_day(4)
    start = (day - date(1970, 1, 1)).days * 86_400 * 10**9 + 3 * 3_600 * 10**9
    rows = store.read_columns(ReadingQuery(SITE, sensor, kind, start, start + 600 * 10**9))

    def send_again(added: float) -> None:
        changed = {name: column + added for name, column in rows.channels.items()}
        store.write([replace(rows, channels=changed, sequence=10**15 + round(added * 100))])

    def cost(partition: Partition, *, force: bool) -> float:
        cpu = time.process_time()
        fresh.append(reduce_partition(book, store, partition, force=force).fresh_rows)
        return time.process_time() - cpu

    fresh: list[int] = []
    own = [Partition(kind, SITE, sensor, last_day(number + 1)) for number in range(DAYS)]
    send_again(0.01)
    late_day = own.index(Partition(kind, SITE, sensor, day))
    run = cost(own[late_day], force=False)
    minutes = sum(fresh)
    send_again(0.02)
    costs = [cost(partition, force=True) for partition in own]
    store.close()
    return minutes, run, costs[late_day], sum(costs)


def main() -> None:
    count = int([*sys.argv[1:], "2"][0])
    folder = Path(tempfile.mkdtemp(prefix="bench_incremental_"))
    try:
        sensors = [(f"{kind.value}-{number}", kind) for number in range(count) for kind in Kind]
        for name in ("whole", "daily"):
            write_site_file(folder / name, sensors)
        book = load_site(folder / "whole" / "site.toml")
        report, whole = timed(book, folder / "whole", sensors, range(DAYS))
        print(
            f"{DAYS} days, {len(sensors)} sensors: {report.computed} partitions in {whole:.2f} s of processor"
        )
        timed(book, folder / "daily", sensors, range(DAYS - 1))
        report, added = timed(book, folder / "daily", sensors, range(DAYS - 1, DAYS))
        counts = f"{report.computed} computed, {report.current} up to date"
        print(f"one new day: {counts}, {added:.2f} s of processor")
        print(f"new day / whole week: {added / whole:.2f}")
        timed(book, folder / "daily", sensors, range(0))
        for sensor, kind in sensors[: len(Kind)]:
            fresh, run, day, week = late(book, folder / "daily", sensor, kind)
            print(
                f"10 late minutes of {kind.value}: {fresh} minutes computed, {run:.3f} s of processor; the"
                f" sensor's day computed whole {day:.3f} s, its week {week:.3f} s:"
                f" {run / day:.2f} of the day, {run / week:.2f} of the week"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
