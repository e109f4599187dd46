"""Worker-days merged together are those merged one by one, whatever their minutes look like."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indicators.model import Span, WorkerDay
from indicators.posture.kept import with_figures
from indicators.reduction.day_minutes import SparseLists, day_minutes, sums_between
from indicators.reduction.kinds import DATASET, reducer
from indicators.worker_days.joining import worker_days
from ingest.store import Partition
from sensors.errors import MethodError
from sensors.quantities import Kind
from tests.indicators.exact import same

MONDAY = date(2026, 11, 16)
MINUTE_NS = 60_000_000_000


@dataclasses.dataclass(repr=False)
class Minutes:
    """Worker-days with the minute rows of their sensors, by kind."""

    of: dict[Kind, list[tuple[pa.Table, WorkerDay]]]


@pytest.fixture(scope="module")
def minutes(week_plant: Any) -> Minutes:
    """Those of a Monday."""
    found: dict[Kind, list[tuple[pa.Table, WorkerDay]]] = {}
    from indicators.reduction.service import reduce_partitions

    reduce_partitions(week_plant.book, week_plant.store, MONDAY, MONDAY)
    for day in worker_days(week_plant.book, MONDAY, MONDAY):
        table = week_plant.store.read_summary(DATASET, Partition(day.kind, day.site, day.sensor, MONDAY))
        found.setdefault(day.kind, []).append((table, day))
    return Minutes(found)


def harmed(table: pa.Table, random: np.random.Generator) -> pa.Table:
    """The same minutes with some missing, some twice, in another order, in pieces, in part not measured."""
    rows = np.flatnonzero(random.random(table.num_rows) < random.choice([0.0, 0.7, 1.0]))
    rows = np.append(rows, rows[: random.integers(0, 3)])
    changed = table.take(pa.array(random.permutation(rows) if random.random() < 0.5 else np.sort(rows)))
    without_lean = random.random() < 0.3
    for name in table.column_names:
        place, field = table.schema.get_field_index(name), table.schema.field(name)
        if name.startswith(("mask_flexion", "events_flexion")) and without_lean:
            known = pa.array(np.arange(changed.num_rows) > 0)
            values = pc.if_else(known, changed.column(name), pa.scalar(None, field.type))
            changed = changed.set_column(place, field, values)
        elif name == "still_ns" and random.random() < 0.5:
            changed = changed.set_column(place, field, changed.column("valid_ns"))
    half = changed.num_rows // 2
    return pa.concat_tables([changed.slice(0, half), changed.slice(half)])


def shortened(day: WorkerDay, random: np.random.Generator) -> WorkerDay:
    """The same worker-day in several spans that need not lie at whole minutes, with breaks."""
    edges = np.sort(random.integers(day.start_ns, day.end_ns, 6)).tolist()
    spans = (
        Span(day.start_ns, edges[0], "a"),
        Span(edges[0], edges[3], "b"),
        Span(edges[4], day.end_ns, "a"),
    )
    chosen = spans if random.random() < 0.7 else day.spans
    return dataclasses.replace(day, spans=chosen, breaks=(Span(edges[1], edges[2]),))


@pytest.mark.parametrize("kind", list(Kind))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_together_as_one_by_one(minutes: Minutes, kind: Kind, seed: int) -> None:
    random = np.random.default_rng(seed)
    known = minutes.of[kind]
    picked = [known[place] for place in random.integers(0, len(known), random.integers(1, 6))]
    tables = [harmed(table, random) for table, _ in picked]
    days = [shortened(day, random) for _, day in picked]
    together = reducer(kind).merge_all(tables, days)
    alone = [reducer(kind).merge(table, day) for table, day in zip(tables, days, strict=True)]
    if kind is Kind.POSTURE:
        together, alone = with_figures(together), [with_figures([one])[0] for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert same(one, other)


def test_days_of_two_bases_are_merged_and_a_day_of_two_is_named(
    minutes: Minutes,
) -> None:
    table, day = minutes.of[Kind.POSTURE][0]
    place = table.schema.get_field_index("velocity_method")
    field = table.schema.field(place)

    def told(*methods: str) -> pa.Table:
        texts = [methods[row * len(methods) // table.num_rows] for row in range(table.num_rows)]
        return table.set_column(place, field, pa.array(texts))

    merge_all = reducer(Kind.POSTURE).merge_all
    found = merge_all([told("one"), told("other")], [day, day])
    assert [one.velocity_method for one in found] == ["one", "other"]
    with pytest.raises(MethodError, match=day.sensor) as caught:
        merge_all([told("one"), told("one", "other")], [day, day])
    assert caught.value.code == "velocity_methods_mixed"


def days_at(*starts_min: int) -> list[WorkerDay]:
    """Worker-days of one hour that begin at these minutes."""
    from sensors.site_model import Mount

    return [
        WorkerDay(
            site="s",
            workstation="w",
            shift="d",
            day=MONDAY,
            kind=Kind.NOISE,
            sensor="n",
            mount=Mount.SHOULDER,
            wearer=None,
            start_ns=start * MINUTE_NS,
            end_ns=(start + 60) * MINUTE_NS,
            spans=(Span(start * MINUTE_NS, (start + 60) * MINUTE_NS, None),),
            breaks=(),
            expected_ns=60 * MINUTE_NS,
        )
        for start in starts_min
    ]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 2**31)), max_size=12), max_size=30),
    st.lists(st.integers(0, 30), max_size=6),
    st.integers(0, 30),
)
def test_sparse_histograms_are_added_between_any_rows(
    lists: list[list[tuple[int, int]]], cuts: list[int], split: int
) -> None:
    bins = [sorted({place for place, _ in row}) for row in lists]
    held = [[dict(row)[place] for place in places] for row, places in zip(lists, bins, strict=True)]
    table = pa.table(
        {
            "minute": pa.array(
                (np.arange(len(lists)) * MINUTE_NS).astype("datetime64[ns]"), pa.timestamp("ns", tz="UTC")
            ),
            "bins": pa.array(bins, pa.list_(pa.uint16())),
            "held": pa.array(held, pa.list_(pa.int64())),
        }
    )
    parts = pa.concat_tables([table.slice(0, split), table.slice(split)])
    rows = day_minutes([parts], days_at(0))
    edges: NDArray[np.int64] = np.unique(np.clip([0, *cuts, len(lists)], 0, len(lists)))
    (found,) = rows.histograms([SparseLists("bins", "held")], edges, 10)
    for total, low, high in zip(found, edges[:-1], edges[1:], strict=True):
        expected = np.zeros(10, np.int64)
        for places, values in zip(bins[low:high], held[low:high], strict=True):
            expected[np.array(places, int)] += np.array(values, int)
        assert total.tolist() == expected.tolist()


def test_sums_between_bounds_count_empty_stretches_too() -> None:
    assert sums_between(np.arange(5), np.array([0, 0, 2, 5, 5])).tolist() == [0, 1, 9, 0]
    assert sums_between(np.array([True, True, False]), np.array([0, 3])).tolist() == [2]
