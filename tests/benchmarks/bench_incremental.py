"""A week reduced whole, and again after one new day: what the second run costs of the first.

``python tests/benchmarks/bench_incremental.py [workstations]``. Target: one fifth or less.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from copied_readings import MONDAY, last_day, write_days, write_site_file  # type: ignore[import-not-found]

from indicators.reduction.service import ReduceReport, reduce_partitions
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
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
