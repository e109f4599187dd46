"""Minute summaries of 50 workstations × 1 week to indicators, beside the plain cost of reading them.

*First merge* starts without kept worker-days (new data, another version of the code), *kept* reads them.
Times are of the processors, so that they hold on a shared machine; the first merge uses two of them, hence
its elapsed time beside it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from indicators.reduction.kinds import DATASET, analysis_version
from indicators.weekly import assess_workstation, to_period, weekly_result
from indicators.worker_days.cache import WORKER_DAYS
from indicators.worker_days.joining import worker_days
from indicators.worker_days.merging import merge_days
from ingest.store import Partition, Store, open_store
from sensors.periods import week_period
from sensors.quantities import Kind
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from simulators.devices import reading_batches
from simulators.scenario import load_scenario
from simulators.site_writer import SiteOptions, write_site

STATIONS = 50
DAYS = 5
MONDAY = date(2026, 11, 16)
DAY_NS = 86_400_000_000_000
ROLES = {
    "noise": (Kind.NOISE, "shoulder"),
    "climate": (Kind.CLIMATE, "fixed"),
    "trunk": (Kind.POSTURE, "upper_back"),
    "arm": (Kind.POSTURE, "upper_arm_dominant"),
}


def one_day(folder: Path) -> dict[str, pa.Table]:
    """Summaries of one simulated 8-hour shift of one workstation, by role."""
    from indicators.reduction.service import reduce_partitions

    demo = load_scenario("demo")
    scenario = demo.model_copy(update={"days": 1, "workstations": demo.workstations[:1]})
    write_site(scenario, 1, MONDAY, folder, SiteOptions())
    book = load_site(folder / "site.toml")
    store = open_store("lake:./lake", base=folder)
    for batch in reading_batches(scenario, 1, MONDAY):
        store.write([batch])
    reduce_partitions(book, store, MONDAY, MONDAY)
    tables = {}
    for partition in store.summary_partitions(DATASET, scenario.site):
        table = store.read_summary(DATASET, partition)
        assert table is not None
        tables[partition.sensor.rsplit("-", 1)[1]] = table
    store.close()
    return tables


def site_text() -> str:
    parts = [
        'schema = 1\n[site]\nid = "big"\nlabel = "Big"\ntimezone = "Europe/Paris"\n',
        '[[campaigns]]\nid = "c"\nfrom = 2026-11-16\nto = 2026-11-20\npurpose = "bench"\nsimulation = true\n',
        '[[shifts]]\nid = "day"\nstart = "08:00"\nend = "16:00"\n',
    ]
    for number in range(STATIONS):
        parts.append(f'[[workstations]]\nid = "w{number}"\nlabel = "W {number}"\nshifts = ["day"]\n')
        for role, (kind, mount) in ROLES.items():
            sensor = f"w{number}-{role}"
            parts.append(
                f'[[sensors]]\nid = "{sensor}"\nkind = "{kind.value}"\norigin = "simulated"\n'
                f'[[placements]]\nsensor = "{sensor}"\nworkstation = "w{number}"\nmount = "{mount}"\n'
                "from = 2026-11-16T00:00:00\n"
            )
    return "\n".join(parts)


def assignments() -> str:
    rows = ["from,to,sensor,wearer,workstation,task"]
    for day in range(DAYS):
        stamp = (MONDAY + timedelta(days=day)).isoformat()
        rows += [
            f"{stamp}T08:00,{stamp}T16:00,w{number}-{role},p{number * DAYS + day},,"
            for number in range(STATIONS)
            for role, (kind, _) in ROLES.items()
            if kind is not Kind.CLIMATE
        ]
    return "\n".join(rows) + "\n"


def shifted(table: pa.Table, days: int) -> pa.Table:
    """The same shift some days later."""
    place = table.schema.get_field_index("minute")
    moved = table.column("minute").to_numpy().astype("datetime64[ns]").astype(np.int64) + days * DAY_NS
    column = pa.array(moved.astype("datetime64[ns]"), type=table.schema.field(place).type)
    return table.set_column(place, table.schema.field(place), column)


def big_site(folder: Path) -> tuple[SiteBook, Store]:
    tables = one_day(folder / "one")
    (folder / "site.toml").write_text(site_text(), encoding="utf-8")
    (folder / "assignments.csv").write_text(assignments(), encoding="utf-8")
    store = open_store("lake:./lake", base=folder)
    for day in range(DAYS):
        moved = {role: shifted(table, day) for role, table in tables.items()}
        for number in range(STATIONS):
            for role, (kind, _) in ROLES.items():
                partition = Partition(kind, "big", f"w{number}-{role}", MONDAY + timedelta(days=day))
                store.write_summary(DATASET, partition, moved[role], {"version": analysis_version(kind)})
    return load_site(folder / "site.toml"), store


class Cost(NamedTuple):
    """Seconds of the processors, and of the clock."""

    processor: float
    elapsed: float


def best(action: Callable[[], Any], times: int = 3, before: Callable[[], Any] = lambda: None) -> Cost:
    found = []
    for _ in range(times):
        before()
        start = time.perf_counter(), time.process_time()
        action()
        found.append(Cost(time.process_time() - start[1], time.perf_counter() - start[0]))
    return min(found)


def _forget(store: Store) -> None:
    for place in store.summary_partitions(WORKER_DAYS, "big"):
        store.delete_summary(WORKER_DAYS, place)


def _read_all(store: Store, partitions: list[Partition]) -> list[Any]:
    return [store.read_summary(DATASET, one) for one in partitions]


def _assess_all(book: SiteBook, period: Any, found: dict[str, list[Any]]) -> list[Any]:
    return [assess_workstation(book, row, period, found[row.id]) for row in book.site.workstations]


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench_weekly_"))
    try:
        book, store = big_site(folder)
        period = to_period(book, week_period("2026-W47", book.zone, datetime.now(UTC)))
        span = (period.first, period.last)
        print(f"{STATIONS} workstations × {DAYS} days, one shift; processor time, best of 3 [s]")
        print(
            f"{'':<26}{'plain read':>11}{'first merge':>12}{'(elapsed)':>10}{'kept':>6}{'indicators':>11}"
            f"{'kept, in all':>13}{'first, elapsed':>15}"
        )
        for name, kinds in (("noise", [Kind.NOISE]), ("noise, climate, posture", list(Kind))):
            days = [day for kind in kinds for day in worker_days(book, *span, kind=kind)]
            partitions = [one for one in store.summary_partitions(DATASET, "big") if one.kind in kinds]
            plain = best(partial(_read_all, store, partitions))
            first = best(partial(merge_days, store, days), before=partial(_forget, store))
            kept = best(partial(merge_days, store, days))
            by_station: dict[str, list[Any]] = {}
            for item in merge_days(store, days):
                by_station.setdefault(item.day.workstation, []).append(item)
            assessing = best(partial(_assess_all, book, period, by_station))
            print(
                f"{name:<26}{plain.processor:>11.2f}{first.processor:>12.2f}{first.elapsed:>10.2f}"
                f"{kept.processor:>6.2f}{assessing.processor:>11.2f}"
                f"{kept.processor + assessing.processor:>13.2f}{first.elapsed + assessing.elapsed:>15.2f}"
            )
        whole = best(lambda: weekly_result(book, store, period, "analyst", reduce=False), 1).processor
        ratio = whole / plain.processor
        print(f"weekly_result of the whole site, kept: {whole:.2f} s, {ratio:.1f} × the plain read")
        store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
