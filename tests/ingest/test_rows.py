"""Merging a long part with a few late rows gives what merging all rows at once gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import rows as rows_module
from ingest.rows import FLAGS, Rows, merge

NAMES = ("laeq", "lceq", "lcpeak")


def part(rng: np.random.Generator, times: np.ndarray, sequence: int) -> Rows:
    columns: dict[str, Any] = {}
    for name in NAMES[: int(rng.integers(1, 4))]:
        column = rng.normal(70, 5, times.size).astype((np.float32, np.float64)[int(rng.integers(0, 2))])
        column[rng.random(times.size) < 0.3] = np.nan
        columns[name] = column
    first = next(iter(columns))
    columns[first][np.isnan(np.vstack(list(columns.values()))).all(axis=0)] = 60.0
    flags = np.where(rng.random(times.size) < 0.2, 16, 0).astype(np.uint16)
    return Rows(times.astype(np.int64), columns, flags, np.full(times.size, sequence, np.int64))


def own(rows: Rows, name: str) -> np.ndarray:
    """Sequence of each value of a channel, where it has one."""
    column = rows.flags if name == FLAGS else rows.channels[name]
    missing = column == 0 if name == FLAGS else np.isnan(column)
    return np.where(missing, -1, rows.own_sequence.get(name, rows.sequence))


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32 - 1), place=st.integers(-20, 220), where=st.integers(0, 2))
def test_late_rows_merge_as_all_rows_together_do(seed: int, place: int, where: int) -> None:
    rng = np.random.default_rng(seed)
    day = part(rng, np.arange(200), int(rng.integers(0, 4)))
    # A day that was merged before carries sequences of its own for some channels.
    day = rows_module._merged([day, part(rng, rng.permutation(200)[:50], int(rng.integers(0, 4)))])
    late = [
        part(rng, place + rng.integers(0, 20, int(rng.integers(0, 15))), int(rng.integers(0, 5)))
        for _ in range(2)
    ]
    parts = [*late[:where], day, *late[where:]]
    found, whole = merge(parts), rows_module._merged(parts)
    np.testing.assert_array_equal(found.times_ns, whole.times_ns)
    np.testing.assert_array_equal(found.flags, whole.flags)
    np.testing.assert_array_equal(found.sequence, whole.sequence)
    assert list(found.channels) == list(whole.channels)
    for name in (*whole.channels, FLAGS):
        np.testing.assert_array_equal(own(found, name), own(whole, name))
    for name, column in whole.channels.items():
        assert found.channels[name].dtype == column.dtype
        np.testing.assert_array_equal(found.channels[name], column)
