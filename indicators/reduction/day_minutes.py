"""Minute rows of several worker-days, one day after another, so that one pass merges them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from indicators.model import Span, WorkerDay
from indicators.reduction.minutes import MINUTE_NS

__all__ = ["DayMinutes", "SparseLists", "covered", "day_minutes", "sums_between"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


_SMALL_BYTES = 2**17


class SparseLists(NamedTuple):
    """Names of the list columns of a histogram: the bins that are not empty, and what lies in them."""

    bins: str
    weights: str


def sums_between(values: NDArray[Any], bounds: IntArray) -> IntArray:
    """Exact sums of whole numbers over ``[bounds[i], bounds[i + 1])`` of the first axis, empty ones too."""
    found = np.zeros((bounds.size - 1, *values.shape[1:]), np.int64)
    filled = bounds[1:] > bounds[:-1]
    if filled.any():
        inside = values[: bounds[-1]]
        found[filled] = np.add.reduceat(inside, bounds[:-1][filled], axis=0, dtype=np.int64)
    return found


def covered(part_ns: int, expected_ns: int) -> float:
    """Part of the expected time that was measured, 0–1."""
    return min(1.0, part_ns / expected_ns) if expected_ns > 0 else 0.0


@dataclass(frozen=True, eq=False)
class DayMinutes:
    """Minute rows that lie wholly inside the spans of worker-days of one kind, in time order day by day.

    Attributes
    ----------
    days : tuple of WorkerDay
    rows : pyarrow.Table
        Rows of the first day, then of the second, and so on; its chunks may lie anywhere.
    bounds : int64 array, shape (d + 1,)
        Rows of day i are ``bounds[i]`` to ``bounds[i + 1]``; a day may have none.
    starts_ns : int64 array, shape (m,)
        Start of each minute.
    span : int64 array, shape (m,)
        Index of the span that each minute lies in, within its worker-day.
    """

    days: tuple[WorkerDay, ...]
    rows: pa.Table
    bounds: IntArray
    starts_ns: IntArray
    span: IntArray

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """First and past-the-end row of each day."""
        return list(pairwise(self.bounds.tolist()))

    @property
    def firsts(self) -> IntArray:
        """First row of each day that has rows: what runs on from row to row begins afresh there."""
        begins = self.bounds[:-1]
        return begins[begins < self.bounds[1:]]

    @cached_property
    def _plain(self) -> dict[str, pa.Array]:
        """Columns of one value a row, each in one piece; lists are large and stay where they are."""
        names = [field.name for field in self.rows.schema if not pa.types.is_list(field.type)]
        batches = self.rows.select(names).combine_chunks().to_batches()
        columns = (
            batches[0].columns if batches else [pa.array([], self.rows.field(one).type) for one in names]
        )
        return dict(zip(names, columns, strict=True))

    def column(self, name: str) -> pa.Array:
        """A column of one value a row."""
        return self._plain[name]

    def numbers(self, name: str) -> NDArray[Any]:
        """Numbers of a column as they are; NaN where there is none."""
        return np.asarray(self._plain[name].to_numpy(zero_copy_only=False))

    def whole(self, name: str) -> IntArray:
        """Whole numbers of a column; 0 where there is none."""
        return np.asarray(self._filled(name), np.int64)

    def seconds(self, name: str) -> NDArray[np.uint64]:
        """Words of yes/no seconds; 0 where there is none."""
        return np.asarray(self._filled(name), np.uint64)

    def _filled(self, name: str) -> NDArray[Any]:
        column = self._plain[name]
        filled = pc.fill_null(column, 0) if column.null_count else column
        return np.asarray(filled.to_numpy(zero_copy_only=False))

    def names(self, prefix: str) -> list[str]:
        """Columns of one value a row that begin so."""
        return [name for name in self._plain if name.startswith(prefix)]

    def total(self, values: NDArray[Any]) -> IntArray:
        """Exact sum of whole numbers or yes/no of the rows over each day, shape (d, …)."""
        return sums_between(values, self.bounds)

    def histograms(self, lists: Sequence[SparseLists], cuts: IntArray, size: int) -> IntArray:
        """Sums of sparse histograms over stretches of rows.

        Parameters
        ----------
        lists : sequence of SparseLists
            One a histogram.
        cuts : int64 array, shape (c + 1,)
            Edges of the stretches, rising from 0 to the number of rows.
        size : int
            Number of bins of the largest.

        Returns
        -------
        int64 array, shape (len(lists), c, size)
        """
        found = np.zeros((len(lists), cuts.size - 1, size), np.int64)
        rows = self.rows.select([name for pair in lists for name in pair])
        begin = 0
        batches = rows.to_batches()
        if batches and batches[0].nbytes < _SMALL_BYTES:
            # Small tables are cheaper in one piece, large ones where they are.
            batches = rows.combine_chunks().to_batches()
        for batch in batches:
            end = begin + batch.num_rows
            low = int(np.searchsorted(cuts, begin, "right")) - 1
            high = int(np.searchsorted(cuts, end))
            edges = np.minimum(np.maximum(cuts[low : high + 1] - begin, 0), end - begin)
            found[:, low:high] += _dense(batch.columns[::2], batch.columns[1::2], edges, size)
            begin = end
        return found

    def flat(self, name: str) -> tuple[NDArray[Any], IntArray]:
        """Items of a list column one after another, and the bounds of each day in them, shape (d + 1,)."""
        column = self.rows.column(name)
        lengths = pc.list_value_length(column).to_numpy().astype(np.int64)
        ends = np.append(0, np.cumsum(lengths))
        return pc.list_flatten(column).to_numpy(), ends[self.bounds]


def day_minutes(tables: Sequence[pa.Table], days: Sequence[WorkerDay]) -> DayMinutes:
    """Choose the minutes of each worker-day.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        Minute rows of the sensor of each day, at least one, in any order; of equal minutes the last stands.
    days : sequence of WorkerDay
        A minute counts when it lies wholly inside a span.
    """
    parts: list[pa.RecordBatch] = []
    starts: list[IntArray] = []
    spans: list[IntArray] = []
    sizes = [0]
    for rows, day in zip(tables, days, strict=True):
        batch, begins = _in_order(rows)
        number = 0
        for low, high, span in _inside(begins, day.spans):
            parts.append(batch.slice(low, high - low))
            starts.append(begins[low:high])
            spans.append(np.full(high - low, span))
            number += high - low
        sizes.append(number)
    nothing = np.zeros(0, np.int64)
    return DayMinutes(
        days=tuple(days),
        rows=pa.Table.from_batches(parts, tables[0].schema),
        bounds=np.cumsum(sizes),
        starts_ns=np.concatenate([*starts, nothing]),
        span=np.concatenate([*spans, nothing]),
    )


def _dense(
    bins: Sequence[pa.ListArray], weights: Sequence[pa.ListArray], rows: IntArray, size: int
) -> IntArray:
    """Sums of each list over ``[rows[i], rows[i + 1])``, shape (lists, stretches, size)."""
    edges = np.stack([one.offsets.to_numpy()[rows] for one in bins])
    parts = [slice(first, last) for first, last in edges[:, [0, -1]].tolist()]
    places = np.concatenate(
        [one.values.to_numpy()[part] for one, part in zip(bins, parts, strict=True)], dtype=np.int32
    )
    values = np.concatenate([one.values.to_numpy()[part] for one, part in zip(weights, parts, strict=True)])
    steps = np.append(0, np.cumsum(np.diff(edges))).astype(np.int32)
    # A sparse matrix with one row a stretch: made dense, entries of one bin add up.
    dense = csr_array((values, places, steps), shape=(steps.size - 1, size)).toarray()
    return np.asarray(dense).reshape(len(parts), -1, size)


def _in_order(rows: pa.Table) -> tuple[pa.RecordBatch, IntArray]:
    """Rows in one piece and their starts [ns], in time order, one a minute."""
    starts = rows.column("minute").to_numpy().view(np.int64)
    if (starts[1:] <= starts[:-1]).any():
        # Stable, and the last of equal minutes stands: a later file replaces an earlier one.
        order = np.argsort(starts, kind="stable")
        order = order[np.append(np.diff(starts[order]) > 0, True)]
        rows, starts = rows.take(pa.array(order)), starts[order]
    batches = rows.to_batches()
    if len(batches) > 1:
        batches = rows.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], rows.schema), starts


def _inside(starts: IntArray, spans: Sequence[Span]) -> list[tuple[int, int, int]]:
    """First and past-the-end row of each span that holds a minute, and its index, in time order."""
    lows = np.searchsorted(starts, [span.start_ns for span in spans]).tolist()
    highs = np.searchsorted(starts, [span.end_ns - MINUTE_NS for span in spans], "right").tolist()
    edges = zip(lows, highs, range(len(spans)), strict=True)
    return sorted((low, high, index) for low, high, index in edges if high > low)
