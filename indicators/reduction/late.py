"""Late rows: which minutes of a day they can change, and how fresh minutes take the place of kept ones.

A summary remembers a short hash of the rows of each minute. What differs when rows come late is what changed;
a minute depends on the rows within a reach of it, and minutes of one block are computed together. Everything
else keeps its row, and the result has the bytes of a day computed anew.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indicators.model import Span
from indicators.reduction.minutes import MINUTE_NS
from ingest.fingerprint import MINUTE_MARK_BYTES, minute_marks
from sensors.readings import ReadingBatch

__all__ = ["RowMarks", "affected", "row_marks", "splice"]

Integers = NDArray[np.int64]

_MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True, eq=False)
class RowMarks:
    """What the rows of a day were when its summary was made.

    Attributes
    ----------
    channels : tuple of str
        Channels of the rows; marks compare only between equal ones.
    minutes : int64 array, shape (m,)
        Minutes of the day that have rows, 0–1439.
    marks : void array, shape (m,)
        Hash of the rows of each.
    """

    channels: tuple[str, ...]
    minutes: Integers
    marks: NDArray[np.void]

    def text(self) -> str:
        """As kept in a summary's metadata."""
        filled = np.zeros(_MINUTES_A_DAY, np.bool_)
        filled[self.minutes] = True
        content = np.packbits(filled).tobytes() + self.marks.tobytes()
        return f"{','.join(self.channels)}|{base64.b64encode(content).decode()}"

    @classmethod
    def parse(cls, text: str) -> RowMarks:
        """What `text` wrote."""
        names, _, encoded = text.partition("|")
        content = base64.b64decode(encoded)
        filled = np.unpackbits(np.frombuffer(content[: _MINUTES_A_DAY // 8], np.uint8)).astype(np.bool_)
        marks = np.frombuffer(content[_MINUTES_A_DAY // 8 :], f"V{MINUTE_MARK_BYTES}")
        return cls(tuple(names.split(",")) if names else (), np.flatnonzero(filled), marks)

    def changed(self, other: RowMarks) -> Integers | None:
        """Minutes of the day whose rows differ; ``None`` when that cannot be told minute by minute."""
        if self.channels != other.channels:
            return None
        own, theirs = self._everywhere(), other._everywhere()
        return np.flatnonzero((own != theirs).any(axis=1))

    def _everywhere(self) -> NDArray[np.uint8]:
        found = np.zeros((_MINUTES_A_DAY, 1 + MINUTE_MARK_BYTES), np.uint8)
        found[self.minutes, 0] = 1
        found[self.minutes, 1:] = self.marks.view(np.uint8).reshape(-1, MINUTE_MARK_BYTES)
        return found


def row_marks(readings: ReadingBatch, start_ns: int, end_ns: int) -> RowMarks:
    """Marks of the rows of the UTC day ``[start_ns, end_ns)``; `readings` may reach beyond it."""
    low, high = np.searchsorted(readings.times_ns, (start_ns, end_ns))
    minutes, marks = minute_marks(readings.slice(int(low), int(high)))
    return RowMarks(tuple(sorted(readings.channels)), (minutes - start_ns) // MINUTE_NS, marks)


def affected(changed: Iterable[Span], reach_ns: int, block_ns: int, day: Span) -> tuple[Span, ...]:
    """Stretches of a day whose minutes rows within `changed` can alter, in order and apart.

    Parameters
    ----------
    changed : iterable of Span
        Where rows came, went or changed.
    reach_ns : int
        How far from a minute rows still matter to it [ns].
    block_ns : int
        Length of the blocks of UTC whose minutes are computed together [ns].
    day : Span
        The UTC day.
    """
    wide = sorted(
        (
            max(day.start_ns, (span.start_ns - reach_ns) // block_ns * block_ns),
            min(day.end_ns, -(-(span.end_ns + reach_ns) // block_ns) * block_ns),
        )
        for span in changed
    )
    found: list[Span] = []
    for low, high in wide:
        if found and low <= found[-1].end_ns:
            found[-1] = Span(found[-1].start_ns, max(found[-1].end_ns, high))
        else:
            found.append(Span(low, high))
    return tuple(found)


def splice(kept: pa.Table, fresh: pa.Table, replaced: Sequence[Span]) -> pa.Table | None:
    """The minutes of `kept` outside `replaced` and those of `fresh`, in time order.

    ``None`` when the two tables do not have the same columns.
    """
    if kept.schema.names != fresh.schema.names or kept.schema.types != fresh.schema.types:
        return None
    kept_starts, fresh_starts = _starts(kept), _starts(fresh)
    parts: list[pa.Table] = []
    kept_from = fresh_from = 0
    for span in replaced:
        low, high = (int(at) for at in np.searchsorted(kept_starts, (span.start_ns, span.end_ns)))
        until = int(np.searchsorted(fresh_starts, span.end_ns))
        parts += [kept.slice(kept_from, low - kept_from), fresh.slice(fresh_from, until - fresh_from)]
        kept_from, fresh_from = high, until
    parts.append(kept.slice(kept_from))
    plain = [pa.Table.from_arrays(part.columns, schema=fresh.schema) for part in parts]
    return pa.concat_tables(plain).combine_chunks()


def _starts(rows: pa.Table) -> Integers:
    return np.asarray(rows.column("minute").to_numpy().astype("datetime64[ns]").astype(np.int64))
