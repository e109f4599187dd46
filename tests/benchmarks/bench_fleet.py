"""A fleet of 100 sites × 50 workstations × 1 day: shift summaries merged into a fleet report.

``python tests/benchmarks/bench_fleet.py [sites] [workstations]``. The first run merges minutes into shifts
and keeps them; the second finds every shift kept, as a report does on the days after. Target of the second
run: 30 s on 2 cores and 2 GB.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from copied_sites import MONDAY, Shape, build_fleet  # type: ignore[import-not-found]

from dashboards.fleet.render import render_fleet
from sensors.fleet_file import load_fleet
from sensors.periods import DatePeriod
from vigiposte import build_services


def processor_s() -> float:
    """Processor time of this process and of those it waited for [s]."""
    return sum(os.times()[:4])


def main() -> None:
    sites, stations = (int(text) for text in [*sys.argv[1:], "100", "50"][:2])
    folder = Path(tempfile.mkdtemp(prefix="bench_fleet_"))
    try:
        path = build_fleet(folder, Shape(sites, stations, families=10))
        print(f"{sites} sites × {stations} workstations × 1 day")
        for name in ("first run, minutes to shifts", "second run, shifts kept"):
            wall, cpu = time.perf_counter(), processor_s()
            fleet = load_fleet(path)
            period = DatePeriod(MONDAY, MONDAY, None)
            result = build_services().extra["fleet_result"](fleet, period)
            written = render_fleet(result, folder / "report", ("html", "csv", "json"), "en")
            wall, cpu = time.perf_counter() - wall, processor_s() - cpu
            print(f"{name:<30} {wall:6.1f} s, {cpu:6.1f} s of processor in all processes")
        own, others = (
            resource.getrusage(who).ru_maxrss / 1024
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        size = sum(file.stat().st_size for file in written) / 1e6
        print(f"peak {own:.0f} MB, and {others:.0f} MB the largest process beside it; {size:.1f} MB written")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
