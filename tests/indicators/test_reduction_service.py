from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from indicators.reduction.kinds import DATASET, analysis_version, day_bounds_ns, utc_days
from indicators.reduction.partition import Outcome, PartitionOutcome, reduce_partition
from indicators.reduction.service import ReduceReport, reduce_partitions
from indicators.reduction.stamp import stretches
from ingest.store import Partition, ReadingQuery, Store, open_store
from sensors.errors import ConfigurationError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from sensors.site_model import Mount

MONDAY = date(2026, 11, 16)
SECOND = 1_000_000_000
MINUTE = 60 * SECOND


class Threads:
    """The smallest executor: two threads over the same store."""

    def reduce(
        self, book: SiteBook, store: Store, partitions: Sequence[Partition], *, force: bool
    ) -> list[PartitionOutcome]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(partial(reduce_partition, book, store, force=force), partitions))


def run(plant: Any, **options: Any) -> ReduceReport:
    return reduce_partitions(plant.book, plant.store, MONDAY, MONDAY, **options)


def tables(store: Store, site: str) -> dict[Partition, pa.Table]:
    found = {one: store.read_summary(DATASET, one) for one in store.summary_partitions(DATASET, site)}
    return {one: table for one, table in found.items() if table is not None}


def contents(store: Store, site: str) -> dict[Partition, bytes]:
    """Every table as bytes, so that missing values compare too."""

    def packed(table: pa.Table) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    return {one: packed(table) for one, table in tables(store, site).items()}


def test_every_partition_is_computed_once(hour_plant: Any) -> None:
    first = run(hour_plant)
    assert first.computed == 8
    assert first.rows == 8 * 60
    again = run(hour_plant)
    assert (again.computed, again.current, again.rows) == (0, 8, 8 * 60)


def test_force_computes_again_and_gives_the_same(reduced_plant: Any) -> None:
    before = contents(reduced_plant.store, "demo-plant")
    assert run(reduced_plant, force=True).computed == 8
    assert contents(reduced_plant.store, "demo-plant") == before


def test_several_threads_write_the_same_tables(reduced_plant: Any) -> None:
    before = contents(reduced_plant.store, "demo-plant")
    report = run(reduced_plant, force=True, executor=Threads())
    assert report.computed == 8
    assert contents(reduced_plant.store, "demo-plant") == before


def test_progress_is_told_after_each_partition(reduced_plant: Any) -> None:
    seen: list[tuple[int, int]] = []
    run(reduced_plant, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(step, 8) for step in range(1, 9)]


def test_late_rows_renew_their_partition_only(reduced_plant: Any) -> None:
    start = datetime(2026, 11, 16, 8, 30, tzinfo=UTC)
    reduced_plant.store.write(
        [
            ReadingBatch(
                "demo-plant",
                "press-1-noise",
                Kind.NOISE,
                np.array([int(start.timestamp()) * SECOND]),
                {"laeq": np.array([70.0])},
                sequence=1,
            )
        ]
    )
    report = run(reduced_plant)
    assert [item.partition.sensor for item in report.outcomes if item.outcome is Outcome.COMPUTED] == [
        "press-1-noise"
    ]


def test_a_new_wearer_changes_no_summary(reduced_plant: Any) -> None:
    text = (reduced_plant.folder / "assignments.csv").read_text(encoding="utf-8")
    (reduced_plant.folder / "assignments.csv").write_text(text.replace(",w01,", ",w77,"), encoding="utf-8")
    assert run(reduced_plant).computed == 0


def test_a_new_calibration_renews_the_sensors_it_belongs_to(reduced_plant: Any) -> None:
    book = reduced_plant.book
    chosen = next(
        row for row in book.site.calibrations if row.sensor == "press-1-trunk" and row.kind == "two_postures"
    )
    number = str(chosen.upright[0])
    reduced_plant.edit(number, str(float(number) + 0.01))
    renewed = {
        item.partition.sensor for item in run(reduced_plant).outcomes if item.outcome is Outcome.COMPUTED
    }
    assert renewed == {"press-1-trunk"}


def test_a_refused_method_leaves_no_stale_summary(reduced_plant: Any) -> None:
    chosen = next(row for row in reduced_plant.book.site.calibrations if row.sensor == "press-1-trunk")
    text = reduced_plant.site_file.read_text(encoding="utf-8")
    block = next(part for part in text.split("\n\n") if f'id = "{chosen.id}"' in part and "lean" in part)
    lines = [
        "lean = " + line.removeprefix("upright = ") if line.startswith("upright") else line
        for line in block.splitlines()
        if not line.startswith("lean")
    ]
    upright = next(line for line in block.splitlines() if line.startswith("upright"))
    reduced_plant.site_file.write_text(text.replace(block, "\n".join([*lines, upright])), encoding="utf-8")
    report = run(reduced_plant)
    assert [item.partition.sensor for item in report.refused] == ["press-1-trunk"]
    assert report.refused[0].problem
    trunk = Partition(Kind.POSTURE, "demo-plant", "press-1-trunk", MONDAY)
    assert reduced_plant.store.read_summary(DATASET, trunk) is None


def test_a_sensor_that_the_site_file_does_not_know_is_named(reduced_plant: Any) -> None:
    reduced_plant.store.write(
        [ReadingBatch("demo-plant", "stranger", Kind.NOISE, day_times(MONDAY, 3), {"laeq": np.full(3, 60.0)})]
    )
    report = run(reduced_plant)
    assert report.unknown_sensors == ("stranger",)
    assert "stranger" not in {item.partition.sensor for item in report.outcomes}


def test_purged_raw_keeps_its_summaries(reduced_plant: Any) -> None:
    gone = Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY)
    reduced_plant.store.delete(gone)
    assert run(reduced_plant).current == 7
    assert reduced_plant.store.read_summary(DATASET, gone) is not None


def test_old_summaries_whose_raw_is_gone_are_an_error_that_says_so(reduced_plant: Any) -> None:
    gone = Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY)
    table = reduced_plant.store.read_summary(DATASET, gone)
    reduced_plant.store.write_summary(DATASET, gone, table, {"version": "noise-0"})
    reduced_plant.store.delete(gone)
    with pytest.raises(ConfigurationError, match="purged") as refused:
        run(reduced_plant)
    assert refused.value.code == "summary_version"


def test_summaries_of_an_older_analysis_are_computed_again(reduced_plant: Any) -> None:
    old = Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY)
    known = dict(reduced_plant.store.summary_metadata(DATASET, old) or {})
    assert known["version"] == analysis_version(Kind.NOISE)
    table = reduced_plant.store.read_summary(DATASET, old)
    reduced_plant.store.write_summary(DATASET, old, table, known | {"version": "noise-0"})
    assert run(reduced_plant).computed == 1


NIGHT_SITE = """
schema = 1

[site]
id = "night"
label = "Night"
timezone = "UTC"

[[shifts]]
id = "late"
start = "22:00"
end = "02:00"

[[workstations]]
id = "press"
label = "Press"
shifts = ["late"]

[[sensors]]
id = "meter"
kind = "noise"
period_s = 1.0
origin = "simulated"

[[placements]]
sensor = "meter"
workstation = "press"
mount = "fixed"
from = 2026-11-01T00:00:00
"""


def day_times(day: date, count: int, offset_s: int = 0) -> Any:
    return day_bounds_ns(day)[0] + (offset_s + np.arange(count, dtype=np.int64)) * SECOND


@pytest.fixture
def night(tmp_path: Path) -> tuple[SiteBook, Store]:
    (tmp_path / "site.toml").write_text(NIGHT_SITE, encoding="utf-8")
    return load_site(tmp_path / "site.toml"), open_store("lake:./lake", base=tmp_path)


def write_levels(store: Store, times: Any, level: float = 80.0, sequence: int = 1) -> None:
    store.write(
        [
            ReadingBatch(
                "night", "meter", Kind.NOISE, times, {"laeq": np.full(times.size, level)}, sequence=sequence
            )
        ]
    )


def reduce_nights(book: SiteBook, store: Store) -> dict[date, Outcome]:
    report = reduce_partitions(book, store, MONDAY, MONDAY + timedelta(days=1))
    return {item.partition.day: item.outcome for item in report.outcomes}


@pytest.mark.parametrize(("offset_s", "expected"), [(5, Outcome.COMPUTED), (30, Outcome.CURRENT)])
def test_rows_within_the_padding_renew_the_neighbour_too(
    night: tuple[SiteBook, Store], offset_s: int, expected: Outcome
) -> None:
    book, store = night
    tuesday = MONDAY + timedelta(days=1)
    write_levels(store, day_times(MONDAY, 60, 86_400 - 60))
    write_levels(store, day_times(tuesday, 60, 60))
    reduce_nights(book, store)
    assert set(reduce_nights(book, store).values()) == {Outcome.CURRENT}
    write_levels(store, day_times(tuesday, 1, offset_s), sequence=2)
    found = reduce_nights(book, store)
    assert found == {MONDAY: expected, tuesday: Outcome.COMPUTED}


def test_minutes_over_midnight_come_from_both_days(night: tuple[SiteBook, Store]) -> None:
    book, store = night
    write_levels(store, day_times(MONDAY, 240, 86_400 - 120))
    reduce_nights(book, store)
    found = tables(store, "night")
    assert [table.num_rows for table in found.values()] == [2, 2]
    assert {table.column("laeq_ns").to_pylist()[0] for table in found.values()} == {60 * SECOND}


def test_the_order_of_writing_changes_no_byte(night: tuple[SiteBook, Store], tmp_path: Path) -> None:
    book, store = night
    rng = np.random.default_rng(2)
    times = day_times(MONDAY, 600, 80_000)
    levels = rng.uniform(60.0, 95.0, times.size)
    other = open_store("lake:./other", base=tmp_path)
    for target, order in ((store, np.arange(6)), (other, np.array([4, 1, 5, 0, 3, 2]))):
        for part in order:
            chosen = slice(part * 100, part * 100 + 100)
            target.write(
                [ReadingBatch("night", "meter", Kind.NOISE, times[chosen], {"laeq": levels[chosen]})]
            )
        reduce_nights(book, target)
    assert contents(store, "night") == contents(other, "night")


def test_a_sensor_that_was_nowhere_has_no_summaries(night: tuple[SiteBook, Store]) -> None:
    book, store = night
    early = date(2026, 10, 20)
    write_levels(store, day_times(early, 120))
    partition = Partition(Kind.NOISE, "night", "meter", early)
    assert reduce_partition(book, store, partition).outcome is Outcome.UNPLACED
    assert store.summary_metadata(DATASET, partition) is None


def test_a_minute_in_which_the_place_changes_belongs_to_none(tmp_path: Path) -> None:
    text = NIGHT_SITE.replace(
        'mount = "fixed"\nfrom = 2026-11-01T00:00:00',
        'mount = "fixed"\nfrom = 2026-11-01T00:00:00\nto = 2026-11-16T12:00:30\n\n[[placements]]\n'
        'sensor = "meter"\nworkstation = "press"\nmount = "shoulder"\nfrom = 2026-11-16T12:00:30',
    )
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    book = load_site(tmp_path / "site.toml")
    found = stretches(book, "meter", MONDAY)
    noon = day_bounds_ns(MONDAY)[0] + 12 * 60 * MINUTE
    assert [(part.mount, part.start_ns, part.end_ns) for part in found] == [
        (Mount.FIXED, day_bounds_ns(MONDAY)[0], noon),
        (Mount.SHOULDER, noon + MINUTE, day_bounds_ns(MONDAY)[1]),
    ]


def test_neighbouring_stretches_of_one_place_are_one(reduced_plant: Any) -> None:
    found = stretches(reduced_plant.book, "press-1-noise", MONDAY)
    assert len({(part.mount, part.calibration) for part in found}) == len(found)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (0, 1, [date(1970, 1, 1)]),
        (0, 86_400 * SECOND, [date(1970, 1, 1)]),
        (0, 86_400 * SECOND + 1, [date(1970, 1, 1), date(1970, 1, 2)]),
        (-1, 1, [date(1969, 12, 31), date(1970, 1, 1)]),
    ],
)
def test_utc_days_of_a_stretch(start: int, end: int, days: list[date]) -> None:
    assert list(utc_days(start, end)) == days


def test_reading_the_raw_rows_again_gives_what_the_summaries_hold(reduced_plant: Any) -> None:
    """Energy of the minutes = energy of the readings, computed straight from the store."""
    partition = Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY)
    table = reduced_plant.store.read_summary(DATASET, partition)
    start, end = day_bounds_ns(MONDAY)
    raw = reduced_plant.store.read_columns(
        ReadingQuery("demo-plant", "press-1-noise", Kind.NOISE, start, end)
    )
    energy = np.sum(10.0 ** (raw.channels["laeq"] / 10.0))
    assert sum(table.column("laeq_energy").to_pylist()) == pytest.approx(energy, rel=1e-12)
