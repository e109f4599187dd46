"""How rows that claim the same (sensor, channel, time) become one row: the same rule in every store.

Per channel the later journal sequence wins; with equal sequences the later write, then the later row of one
write. A missing value (NaN) never overrides a value. Flags follow the same rule, with 0 as the missing value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ingest.store_protocol import ReadingQuery, RejectedRow
from sensors.quantities import QUANTITIES, Kind
from sensors.readings import FloatColumn, ReadingBatch, TimeColumn

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FLAGS", "Rows", "SensorKey", "answer", "collect", "merge", "to_frame"]

FLAGS = "flags"
SensorKey = tuple[Kind, str, str]
_Order = NDArray[np.int64]

# InfluxDB's own bounds; the lake keeps to them so that a site can move between stores.
_FIRST_NS = -(2**63) + 2
_LAST_NS = 2**63 - 2
_NEVER = np.iinfo(np.int64).min
_SMALL_PART = 4  # what is at most a quarter of the rows is merged by itself
_TABLE_ORDER = {name: position for position, name in enumerate(QUANTITIES)}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one sensor.

    Attributes
    ----------
    times_ns : int64 array, shape (n,)
        Start of each row's period [ns UTC].
    channels : mapping of str to float32 or float64 array, shape (n,)
        One column a channel, NaN = missing.
    flags : uint16 array, shape (n,)
        Quality flags, 0 = none.
    sequence : int64 array, shape (n,)
        Newest journal sequence that gave the row a value.
    own_sequence : mapping of str to int64 array, shape (n,)
        Sequences of a channel (or of ``flags``) where they differ from the row's.
    """

    times_ns: TimeColumn
    channels: Mapping[str, FloatColumn]
    flags: NDArray[np.uint16]
    sequence: NDArray[np.int64]
    own_sequence: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.times_ns.shape[0])

    def take(self, chosen: Any) -> Rows:
        """Rows at `chosen` (slice, mask or positions)."""
        return Rows(
            self.times_ns[chosen],
            {name: column[chosen] for name, column in self.channels.items()},
            self.flags[chosen],
            self.sequence[chosen],
            {name: column[chosen] for name, column in self.own_sequence.items()},
        )

    def between(self, start_ns: int, end_ns: int) -> Rows:
        """Rows within ``[start_ns, end_ns)``; the rows must be in time order."""
        first, last = np.searchsorted(self.times_ns, [start_ns, end_ns], side="left")
        return self if first == 0 and last == len(self) else self.take(slice(int(first), int(last)))


def collect(batches: Iterable[ReadingBatch]) -> tuple[dict[SensorKey, Rows], list[RejectedRow]]:
    """Merge `batches` into one `Rows` a sensor; rows that no store can hold come back as rejected.

    Rows with an infinite value or a time outside the range of 64-bit nanoseconds are rejected whole. Rows
    without any value are dropped: they say nothing.
    """
    alike: dict[tuple[Kind, str, str, tuple[str, ...]], list[ReadingBatch]] = {}
    for batch in batches:
        if batch.times_ns.shape[0]:
            alike.setdefault((batch.kind, batch.site, batch.sensor, tuple(batch.channels)), []).append(batch)
    parts: dict[SensorKey, list[Rows]] = {}
    rejected: list[RejectedRow] = []
    for (kind, site, sensor, names), group in alike.items():
        rows, refused = _storable(sensor, _joined(group, names))
        rejected.extend(refused)
        if len(rows):
            parts.setdefault((kind, site, sensor), []).append(rows)
    return {key: merge(found) for key, found in parts.items()}, rejected


def merge(parts: Sequence[Rows]) -> Rows:
    """One row a timestamp, in time order; `parts` stand in the order in which they were written."""
    shared = _shared_stretch(parts)
    if shared is None:
        return _merged(parts)
    # A day and a few late rows: the work is where they meet, the rest is copied once.
    longest, within = shared
    middle = _merged([part.take(within) if part is longest else part for part in parts])
    before, after = longest.take(slice(0, within.start)), longest.take(slice(within.stop, None))
    return _concatenated([before, middle, after], tuple(middle.channels))


def _shared_stretch(parts: Sequence[Rows]) -> tuple[Rows, slice] | None:
    """Longest part and its stretch that the others can touch, where that is a small one."""
    longest = max(parts, key=len)
    others = [part.times_ns for part in parts if part is not longest and len(part)]
    if not others or _SMALL_PART * sum(map(len, others)) > len(longest):
        return None
    low, high = min(int(times.min()) for times in others), max(int(times.max()) for times in others)
    times = longest.times_ns
    first, last = int(np.searchsorted(times, low)), int(np.searchsorted(times, high, "right"))
    if _SMALL_PART * (last - first) > len(longest) or not bool((times[1:] > times[:-1]).all()):
        return None
    return longest, slice(first, last)


def _merged(parts: Sequence[Rows]) -> Rows:
    rows = parts[0] if len(parts) == 1 else _concatenated(parts)
    times = rows.times_ns
    if len(rows) < 2 or bool((times[1:] > times[:-1]).all()):
        return rows
    order = np.argsort(times, kind="stable")
    rows = rows.take(order)
    times = rows.times_ns
    starts = np.flatnonzero(np.concatenate(([True], times[1:] != times[:-1])))
    if starts.shape[0] == len(rows):
        return rows
    return _coalesced(rows, starts)


def answer(query: ReadingQuery, rows: Rows | None) -> ReadingBatch:
    """Shape merged `rows` of a store into what `read_columns` promises.

    The channels are those asked for, or all that hold a value, in table order; a row without a value in any
    of them is left out; values are float64 (float32 widened exactly).
    """
    if rows is None:
        empty = np.zeros(0, np.int64)
        rows = Rows(empty, {}, np.zeros(0, np.uint16), empty)
    names = query.channels if query.channels is not None else sorted(rows.channels, key=_column_order)
    columns: dict[str, NDArray[np.float64]] = {}
    present = np.zeros(len(rows), np.bool_)
    for name in names:
        column = rows.channels.get(name)
        if column is None:
            if query.channels is not None:
                columns[name] = np.full(len(rows), np.nan)
            continue
        has_value = ~np.isnan(column)
        if query.channels is None and not has_value.any():
            continue
        columns[name] = np.ascontiguousarray(column, dtype=np.float64)
        present |= has_value
    chosen: Any = slice(None) if present.all() else present
    return ReadingBatch(
        site=query.site,
        sensor=query.sensor,
        kind=query.kind,
        times_ns=np.ascontiguousarray(rows.times_ns[chosen]),
        channels={name: column[chosen] for name, column in columns.items()},
        flags=np.ascontiguousarray(rows.flags[chosen]),
    )


def to_frame(batch: ReadingBatch) -> pd.DataFrame:
    """`batch` as a DataFrame with a UTC ``DatetimeIndex``, a ``flags`` column and units in ``attrs``."""
    import pandas as pd

    index = pd.DatetimeIndex(batch.times_ns.view("datetime64[ns]"), tz="UTC", name="time")
    frame = pd.DataFrame({**batch.channels, FLAGS: batch.flags}, index=index)
    units = {name: QUANTITIES[name].unit for name in batch.channels if name in QUANTITIES}
    frame.attrs.update(site=batch.site, sensor=batch.sensor, kind=batch.kind.value, units=units)
    return frame


def _column_order(name: str) -> tuple[int, str]:
    return (_TABLE_ORDER.get(name, len(_TABLE_ORDER)), name)


def _joined(group: Sequence[ReadingBatch], names: tuple[str, ...]) -> Rows:
    """Rows of batches that carry the same channels."""
    if len(group) == 1:
        only = group[0]
        sequence = np.full(len(only), only.sequence, np.int64)
        return Rows(only.times_ns, dict(only.channels), only.flags, sequence)
    lengths = [batch.times_ns.shape[0] for batch in group]
    return Rows(
        np.concatenate([batch.times_ns for batch in group]),
        {name: np.concatenate([batch.channels[name] for batch in group]) for name in names},
        np.concatenate([batch.flags for batch in group]),
        np.repeat(np.array([batch.sequence for batch in group], np.int64), lengths),
    )


def _storable(sensor: str, rows: Rows) -> tuple[Rows, list[RejectedRow]]:
    bad = np.zeros(len(rows), np.bool_)
    for column in rows.channels.values():
        bad |= np.isinf(column)
    outside = (rows.times_ns < _FIRST_NS) | (rows.times_ns > _LAST_NS)
    present = np.zeros(len(rows), np.bool_)
    for column in rows.channels.values():
        present |= ~np.isnan(column)
        if present.all():
            break
    refused = [
        RejectedRow(
            sensor=sensor,
            time_ns=int(rows.times_ns[row]),
            reason="time outside the range of 64-bit nanoseconds" if outside[row] else "infinite value",
            row=" ".join(f"{name}={column[row]}" for name, column in rows.channels.items()),
        )
        for row in np.flatnonzero(bad | outside)
    ]
    keep = present & ~bad & ~outside
    return (rows if keep.all() else rows.take(keep)), refused


def _concatenated(parts: Sequence[Rows], names: Sequence[str] | None = None) -> Rows:
    """Rows one after another; channels in the order of `names`, else in that of the parts."""
    names = names or list(dict.fromkeys(name for part in parts for name in part.channels))
    owned = set().union(*(part.own_sequence for part in parts))
    return Rows(
        np.concatenate([part.times_ns for part in parts]),
        {
            name: np.concatenate(
                [
                    part.channels[name] if name in part.channels else np.full(len(part), np.nan, np.float32)
                    for part in parts
                ]
            )
            for name in names
        },
        np.concatenate([part.flags for part in parts]),
        np.concatenate([part.sequence for part in parts]),
        {
            name: np.concatenate([part.own_sequence.get(name, part.sequence) for part in parts])
            for name in owned
        },
    )


def _coalesced(rows: Rows, starts: _Order) -> Rows:
    """Merge groups of equal times; `rows` are in time order, groups begin at `starts`."""
    counts = np.diff(np.append(starts, len(rows)))
    group = np.repeat(np.arange(starts.shape[0]), counts)
    claimed = np.flatnonzero(np.repeat(counts > 1, counts))
    columns: dict[str, NDArray[Any]] = {}
    sequences: dict[str, NDArray[np.int64]] = {}
    newest = np.full(starts.shape[0], _NEVER)
    for name, column in (*rows.channels.items(), (FLAGS, rows.flags)):
        missing = rows.flags == 0 if name == FLAGS else np.isnan(column)
        rank = np.where(missing, _NEVER, rows.own_sequence.get(name, rows.sequence))
        winners = starts.copy()
        ordered = claimed[_by_group_and_rank(group[claimed], rank[claimed])]
        last = np.append(np.diff(group[ordered]) > 0, [True])
        winners[group[ordered[last]]] = ordered[last]
        columns[name] = column[winners]
        sequences[name] = rank[winners]
        newest = np.maximum(newest, sequences[name])
    flags: NDArray[np.uint16] = columns.pop(FLAGS)
    own = {
        name: np.where(sequence == _NEVER, newest, sequence)
        for name, sequence in sequences.items()
        if bool(((sequence != newest) & (sequence != _NEVER)).any())
    }
    return Rows(rows.times_ns[starts], columns, flags, newest, own)


def _by_group_and_rank(group: NDArray[np.int64], rank: NDArray[np.int64]) -> _Order:
    """Stable order by (group, rank); `group` is sorted already, and mostly so is rank within it."""
    if bool(((group[1:] > group[:-1]) | (rank[1:] >= rank[:-1])).all()):
        return np.arange(group.shape[0])
    return np.lexsort((rank, group))
