"""Rows that come late, anywhere: the summaries are those of a day computed anew, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.model import Span
from indicators.reduction.kinds import DATASET, day_bounds_ns
from indicators.reduction.late import affected
from indicators.reduction.partition import Outcome, keep, reduce_partition, work_out
from ingest.store import Partition, Store, open_store
from sensors.quantities import Kind
from sensors.readings import Flag, ReadingBatch
from sensors.site_book import SiteBook
from sensors.site_file import load_site
from tests.site_tables import LAKE, head, mounted, row, trial

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
MONDAY = date(2026, 11, 16)
DAYS = (MONDAY, MONDAY + timedelta(days=1))
START = day_bounds_ns(MONDAY)[0]
MIDNIGHT = START + DAY
STEP = {Kind.NOISE: SECOND, Kind.CLIMATE: 60 * SECOND, Kind.POSTURE: SECOND // 10}
CHANNELS = {
    Kind.NOISE: ("laeq", "lceq", "lcpeak"),
    Kind.CLIMATE: ("air_temperature", "relative_humidity", "globe_temperature"),
    Kind.POSTURE: ("acc_x", "acc_y", "acc_z"),
}
# Where rows are: at both edges of a day, across midnight, and with gaps between.
MEASURED = ((0, 40), (600, 75), (1380, 90))
SITE = (
    head("plant", "Plant")
    + LAKE
    + trial("c", date(2026, 11, 1), date(2026, 12, 31))
    + row("shifts", id="day", start="08:00", end="16:00")
    + row("workstations", id="w", label="W", shifts=["day"])
    + mounted("noise", "noise", "w", "shoulder")
    + mounted("climate", "climate", "w", "fixed")
    + mounted("posture", "posture", "w", "upper_back", calibration="two", to=datetime(2026, 11, 16, 11, 17))
    + row(
        "placements",
        sensor="posture",
        workstation="w",
        mount="upper_back",
        calibration="one",
        from_=datetime(2026, 11, 16, 11, 20, 30),
    )
    + row(
        "calibrations",
        id="two",
        sensor="posture",
        at=datetime(2026, 11, 1, 6),
        kind="two_postures",
        upright=[1.0, 0.0, 0.0],
        lean=[0.866, 0.0, 0.5],
    )
    + row(
        "calibrations",
        id="one",
        sensor="posture",
        at=datetime(2026, 11, 16, 6),
        kind="estimated",
        upright=[0.99, 0.1, 0.0],
        error_deg=6.0,
    )
)


def values(kind: Kind, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    if kind is Kind.NOISE:
        level = 75 + 5 * rng.standard_normal(count)
        return {"laeq": level, "lceq": level + 2, "lcpeak": rng.uniform(95, 140, count)}
    if kind is Kind.CLIMATE:
        air = 20 + 10 * rng.random(count)
        return {
            "air_temperature": air,
            "relative_humidity": rng.uniform(20, 90, count),
            "globe_temperature": air + 3 * rng.random(count),
        }
    lean = np.radians(30 * np.sin(np.arange(count) / 70) + 10 * rng.standard_normal(count).cumsum() / 60)
    noise = 0.01 * rng.standard_normal((3, count))
    return {"acc_x": np.cos(lean) + noise[0], "acc_y": noise[1], "acc_z": np.sin(lean) + noise[2]}


def rows(kind: Kind, times: np.ndarray, rng: np.random.Generator, sequence: int) -> ReadingBatch:
    return ReadingBatch("plant", kind.value, kind, times, values(kind, times.size, rng), sequence=sequence)


@dataclass
class Kept:
    table: pa.Table
    metadata: dict[str, str]
    content: bytes


@dataclass
class Plant:
    book: SiteBook
    store: Store
    folder: Path

    def kept(self, partition: Partition) -> Kept:
        """Summary of a partition, and the bytes of its file."""
        (path,) = (
            path
            for path in (self.folder / "lake" / "summaries").rglob("*")
            if path.is_file() and f"sensor={partition.sensor}/date={partition.day}/" in path.as_posix()
        )
        table = self.store.read_summary(DATASET, partition)
        assert table is not None
        return Kept(table, dict(self.store.summary_metadata(DATASET, partition) or {}), path.read_bytes())


@pytest.fixture(scope="module", params=list(Kind))
def measured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Plant, Kind]]:
    """Two days of one sensor, reduced, growing with each late batch."""
    folder: Path = tmp_path_factory.mktemp("late")
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    kind: Kind = request.param
    store = open_store("lake:./lake", base=folder)
    rng = np.random.default_rng(1)
    for first, length in MEASURED:
        times = START + first * MINUTE + np.arange(0, length * MINUTE, STEP[kind])
        store.write([rows(kind, times, rng, 1)])
    plant = Plant(load_site(folder / "site.toml"), store, folder)
    for day in DAYS:
        assert reduce_partition(plant.book, store, Partition(kind, "plant", kind.value, day)).rows
    yield plant, kind
    store.close()


@st.composite
def late_batches(draw: st.DrawFn) -> tuple[int, list[tuple[float, float]]]:
    """A seed and where rows come: minutes of the day and how long [min]; near edges more often."""
    place = st.one_of(
        st.floats(0, 1500),
        st.sampled_from([0.0, 39.9, 40.0, 599.8, 600.0, 620.0, 675.0, 1379.9, 1439.8, 1440.0, 1469.9]),
    )
    length = st.sampled_from([0.0, 0.02, 0.5, 3.0, 12.0])
    return draw(st.integers(0, 2**32 - 1)), draw(st.lists(st.tuples(place, length), min_size=1, max_size=3))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(late=late_batches())
def test_late_rows_give_the_bytes_of_a_day_computed_anew(
    measured: tuple[Plant, Kind], late: tuple[int, list[tuple[float, float]]]
) -> None:
    plant, kind = measured
    seed, places = late
    rng = np.random.default_rng(seed)
    for first, length in places:
        begin = START + round(first * MINUTE)
        count = max(1, round(length * MINUTE / STEP[kind]))
        # On the grid of the sensor, between its readings, some of them twice, in any order.
        times = begin // STEP[kind] * STEP[kind] + np.arange(count) * STEP[kind]
        times = times[rng.random(count) < 0.7] if count > 1 else times
        times = times + rng.choice([0, 0, STEP[kind] // 3])
        if not times.size:
            continue
        times = rng.permutation(np.concatenate([times, rng.choice(times, 2)]))
        batch = rows(kind, times, rng, int(rng.integers(0, 3)))
        flags = np.where(rng.random(times.size) < 0.05, int(Flag.STUCK), 0).astype(np.uint16)
        for name in CHANNELS[kind]:
            batch.channels[name][rng.random(times.size) < 0.05] = np.nan
        plant.store.write(
            [ReadingBatch("plant", kind.value, kind, times, batch.channels, flags, batch.sequence)]
        )
    for day in DAYS:
        partition = Partition(kind, "plant", kind.value, day)
        late_outcome = reduce_partition(plant.book, plant.store, partition)
        after_late = plant.kept(partition)
        whole_outcome = reduce_partition(plant.book, plant.store, partition, force=True)
        assert whole_outcome.outcome is Outcome.COMPUTED
        whole = plant.kept(partition)
        assert after_late.table.equals(whole.table)
        if late_outcome.outcome is Outcome.COMPUTED:
            assert after_late.content == whole.content
            assert after_late.metadata == whole.metadata


def late_row(kind: Kind, at_ns: int) -> ReadingBatch:
    return rows(kind, np.array([at_ns]), np.random.default_rng(at_ns % 1000), 10**15)


def fresh_minutes(plant: Plant, kind: Kind, day: date) -> set[int]:
    """Minutes of Monday that a reduction of `day` would compute now."""
    worked = work_out(plant.book, plant.store, Partition(kind, "plant", kind.value, day))
    if worked.table is None:
        return set()
    assert worked.replaced is not None
    keep(plant.book, plant.store, worked)
    starts = worked.table.column("minute").to_numpy().astype("datetime64[ns]").astype(np.int64)
    assert worked.outcome.fresh_rows == len(starts)
    return set(((starts - START) // MINUTE).tolist())


@pytest.mark.parametrize(
    ("second", "minutes"),
    [(620 * 60 + 30, (620, 621)), (620 * 60 + 1, (619, 621)), (660 * 60 + 59, (660, 662)), (0, (0, 1))],
)
def test_only_what_a_late_row_can_change_is_computed(
    measured: tuple[Plant, Kind], second: int, minutes: tuple[int, int]
) -> None:
    plant, kind = measured
    for day in DAYS:
        reduce_partition(plant.book, plant.store, Partition(kind, "plant", kind.value, day))
    plant.store.write([late_row(kind, START + second * SECOND + SECOND // 7)])
    found = fresh_minutes(plant, kind, MONDAY)
    first, last = min(found), max(found) + 1
    if kind is Kind.POSTURE:
        # Half an hour shares one time base and one filter; ten seconds of context reach into the next.
        assert minutes[0] - 30 <= first <= minutes[0]
        assert last <= minutes[1] + 30
        assert len(found) <= 60
    else:
        reach = 2 if kind is Kind.CLIMATE else 1
        assert minutes[0] - reach <= first <= minutes[0]
        assert last <= minutes[1] + reach
    assert fresh_minutes(plant, kind, MONDAY) == set()


def test_a_row_across_midnight_touches_the_last_minutes_of_one_day_and_the_first_of_the_next(
    measured: tuple[Plant, Kind],
) -> None:
    plant, kind = measured
    for day in DAYS:
        reduce_partition(plant.book, plant.store, Partition(kind, "plant", kind.value, day))
    plant.store.write([late_row(kind, MIDNIGHT - SECOND)])
    block = 30 if kind is Kind.POSTURE else 3
    assert fresh_minutes(plant, kind, DAYS[0]) <= set(range(1440 - block, 1440))
    after = fresh_minutes(plant, kind, DAYS[1])
    assert after
    assert after <= set(range(1440, 1440 + block))


def test_a_summary_that_another_process_replaced_is_not_spliced(measured: tuple[Plant, Kind]) -> None:
    plant, kind = measured
    partition = Partition(kind, "plant", kind.value, MONDAY)
    reduce_partition(plant.book, plant.store, partition)
    plant.store.write([late_row(kind, START + 630 * MINUTE + SECOND // 3)])
    slow = work_out(plant.book, plant.store, partition)
    plant.store.write([late_row(kind, START + 5 * MINUTE + SECOND // 3)])
    reduce_partition(plant.book, plant.store, partition)
    quick = plant.kept(partition).table
    assert slow.replaced is not None
    assert keep(plant.book, plant.store, slow).rows == quick.num_rows
    assert plant.kept(partition).table.equals(quick)


def test_stretches_that_touch_are_one_and_stay_inside_the_day() -> None:
    day = Span(START, MIDNIGHT)
    changed = [Span(START + at * MINUTE, START + (at + 1) * MINUTE) for at in (0, 2, 10, 1439)]
    found = affected(changed, 10 * SECOND, MINUTE, day)
    assert [((one.start_ns - START) // MINUTE, (one.end_ns - START) // MINUTE) for one in found] == [
        (0, 4),
        (9, 12),
        (1438, 1440),
    ]
