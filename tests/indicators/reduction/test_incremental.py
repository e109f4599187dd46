"""A second run does only what the first could not: new days, late minutes, another analysis."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from indicators.reduction import noise
from indicators.reduction.kinds import DATASET
from indicators.reduction.partition import Outcome
from indicators.reduction.service import ReduceReport, reduce_partitions
from ingest.store import Partition, ReadingQuery
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

MONDAY = date(2026, 11, 16)
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
NOISE = Partition(Kind.NOISE, "demo-plant", "press-1-noise", MONDAY)


def run(plant: Any, last: date = MONDAY) -> ReduceReport:
    return reduce_partitions(plant.book, plant.store, MONDAY, last)


def computed(report: ReduceReport) -> set[tuple[str, date]]:
    return {
        (item.partition.sensor, item.partition.day)
        for item in report.outcomes
        if item.outcome is Outcome.COMPUTED
    }


def moment(hour: int, minute: int, second: int = 0) -> int:
    return int(datetime(2026, 11, 16, hour, minute, second, tzinfo=UTC).timestamp()) * SECOND


def rows_by_minute(plant: Any, partition: Partition) -> dict[int, str]:
    table = plant.store.read_summary(DATASET, partition)
    return {int(row["minute"].timestamp()) * SECOND: repr(row) for row in table.to_pylist()}


def test_a_new_day_is_all_that_is_computed(reduced_plant: Any) -> None:
    tuesday = MONDAY + timedelta(days=1)
    sensors = [row for row in reduced_plant.book.site.sensors if row.kind is Kind.NOISE]
    for sensor in sensors:
        query = ReadingQuery("demo-plant", sensor.id, Kind.NOISE, moment(0, 0), moment(0, 0) + DAY)
        rows = reduced_plant.store.read_columns(query)
        reduced_plant.store.write(
            [ReadingBatch("demo-plant", sensor.id, Kind.NOISE, rows.times_ns + DAY, dict(rows.channels))]
        )
    report = run(reduced_plant, tuesday)
    placed = {sensor.id for sensor in sensors}
    assert {(sensor, day) for sensor, day in computed(report) if day == MONDAY} == set()
    assert {item.partition.day for item in report.outcomes} == {MONDAY, tuesday}
    assert {item.partition.sensor for item in report.outcomes if item.partition.day == tuesday} == placed
    assert run(reduced_plant, tuesday).computed == 0


@pytest.mark.parametrize(("second", "changed"), [(30, {30}), (2, {29, 30}), (58, {30, 31})])
def test_late_data_changes_its_minutes_and_those_within_the_padding_only(
    reduced_plant: Any, second: int, changed: set[int]
) -> None:
    before = rows_by_minute(reduced_plant, NOISE)
    # A peak without a rise of the level is looked for within a second around: minutes beside may change.
    late = ReadingBatch(
        "demo-plant",
        "press-1-noise",
        Kind.NOISE,
        np.array([moment(8, 30, second)]),
        {"laeq": np.array([131.0])},
        sequence=10**15,
    )
    reduced_plant.store.write([late])
    assert computed(run(reduced_plant)) == {("press-1-noise", MONDAY)}
    after = rows_by_minute(reduced_plant, NOISE)
    differ = {
        (time - moment(8, 0)) // MINUTE
        for time in before.keys() | after.keys()
        if before.get(time) != after.get(time)
    }
    assert differ
    assert differ <= changed


def test_another_version_of_the_analysis_computes_everything_of_its_kind(
    reduced_plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise, "VERSION", f"{noise.VERSION}.1")
    assert {sensor.rsplit("-", 1)[1] for sensor, _ in computed(run(reduced_plant))} == {"noise"}
