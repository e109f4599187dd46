"""From rows in time to UTC minutes: who covers which part of which minute, exactly, in integer nanoseconds.

A reading covers ``[t, t + period)``, cut where the next reading of its channel begins. Nothing else about the
neighbourhood of a minute enters its row, so that any way of cutting the data into windows gives the same
bytes, as long as each window is padded by `padding_ns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sensors.errors import UsageError
from sensors.quantities import QUANTITIES
from sensors.readings import Flag, ReadingBatch
from sensors.site_model import Sensor

__all__ = [
    "MINUTE_NS",
    "Pieces",
    "SparseHistograms",
    "as_minutes",
    "held_times",
    "list_column",
    "padding_ns",
    "period_ns",
    "pieces",
    "usable",
    "whole_minutes",
]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

MINUTE_NS = 60_000_000_000
_SECOND_NS = 1_000_000_000
_LEAST_PADDING_NS = 10 * _SECOND_NS


def period_ns(sensor: Sensor, channel: str) -> int:
    """How long one reading of a channel holds [ns]: the sensor's period, else that of the quantity."""
    seconds = sensor.period_s if sensor.period_s is not None else QUANTITIES[channel].period_s
    return round(seconds * _SECOND_NS)


def padding_ns(sensor: Sensor, channel: str) -> int:
    """Data a window needs on either side [ns], so that its minutes come out as in any other window.

    Two periods: a reading of the period before still holds inside the window, and what it is combined with
    (globe, humidity, air speed of another message) may itself be one period older.
    """
    return max(_LEAST_PADDING_NS, 2 * period_ns(sensor, channel))


def whole_minutes(start_ns: int, end_ns: int) -> int:
    """Number of minutes of a window.

    Raises
    ------
    UsageError
        The window does not consist of whole minutes.
    """
    if start_ns % MINUTE_NS or end_ns % MINUTE_NS:
        raise UsageError(
            "a window of reduction is not made of whole minutes",
            value=(start_ns, end_ns),
            rule="start and end at full UTC minutes",
            code="not_whole_minutes",
        )
    return max(0, (end_ns - start_ns) // MINUTE_NS)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Parts of readings within single minutes, in time order.

    Attributes
    ----------
    row : int64 array, shape (k,), or slice
        Index of the reading of each piece; a slice when each reading is one piece.
    held_ns : int64 array, shape (k,)
        How long the reading holds within its minute [ns].
    filled : int64 array, shape (m,)
        Minutes that have pieces, counted from the window's first one.
    begins : int64 array, shape (m,)
        Index of the first piece of each.
    minutes : int
        Minutes of the window.
    """

    row: Integers | slice
    held_ns: Integers
    filled: Integers
    begins: Integers
    minutes: int

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of readings as values of pieces."""
        return np.asarray(values[self.row])

    def minute(self) -> Integers:
        """Minute of each piece."""
        return np.repeat(self.filled, np.diff(np.append(self.begins, self.held_ns.size)))

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum over the pieces of each minute, zero where there is none; the order is that of time."""
        sums = np.zeros(self.minutes, values.dtype)
        if self.filled.size:
            sums[self.filled] = np.add.reduceat(values, self.begins)
        return sums

    def duration_ns(self) -> Integers:
        """Time covered in each minute [ns]."""
        return self.total(self.held_ns)

    def integral(self, values: Floats) -> Floats:
        """Sum of ``seconds · value`` over each minute; `values` belong to the pieces."""
        if (self.held_ns == _SECOND_NS).all():
            return self.total(values)
        return self.total(values * (self.held_ns * 1e-9))

    def count(self) -> Integers:
        """Pieces of each minute."""
        counts = np.zeros(self.minutes, np.int64)
        counts[self.filled] = np.diff(np.append(self.begins, self.held_ns.size))
        return counts

    def lowest(self, values: Floats) -> Floats:
        """Smallest value of each minute, NaN where there is none."""
        return self._reduced(np.minimum, values)

    def highest(self, values: Floats) -> Floats:
        """Largest value of each minute, NaN where there is none."""
        return self._reduced(np.maximum, values)

    def _reduced(self, operation: np.ufunc, values: Floats) -> Floats:
        found = np.full(self.minutes, np.nan)
        if self.filled.size:
            found[self.filled] = operation.reduceat(values, self.begins)
        return found

    def histogram(self, bins: Integers, size: int) -> SparseHistograms:
        """Time in each bin of each minute; bins beyond ``[0, size)`` count in the outermost ones."""
        if bins.size == 0:
            return SparseHistograms(np.zeros(self.minutes + 1, np.int64), np.zeros(0, np.uint16), bins)
        low, high = int(bins.min()), int(bins.max())
        if low < 0 or high >= size:
            bins = np.clip(bins, 0, size - 1)
            low, high = int(bins.min()), int(bins.max())
        width = high - low + 1
        key = self.minute() * width
        key += bins
        key -= low
        size = self.minutes * width
        if (self.held_ns == self.held_ns[0]).all():
            dense = np.bincount(key, minlength=size) * self.held_ns[0]
        else:
            # Durations below 2^53 ns are exact in a double.
            dense = np.bincount(key, weights=self.held_ns, minlength=size)
        used = np.flatnonzero(dense)
        offsets = np.searchsorted(used, np.arange(self.minutes + 1) * width)
        return SparseHistograms(offsets, (used % width + low).astype(np.uint16), dense[used].astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class SparseHistograms:
    """Histograms of all minutes one after another: offsets of each minute, its bins and their time [ns]."""

    offsets: Integers
    bins: NDArray[np.uint16]
    held_ns: Integers


def held_times(times_ns: Integers, period: int) -> Integers:
    """How long each reading holds [ns]: its period, or less when the next one comes sooner.

    Raises
    ------
    UsageError
        Times do not rise: a store's rows are unique and in time order.
    """
    held = np.full(times_ns.size, period, np.int64)
    if times_ns.size > 1:
        steps = np.diff(times_ns)
        if int(steps.min()) <= 0:
            raise UsageError(
                "readings are not in time order",
                value=int(times_ns[int(steps.argmin())]),
                rule="times rise strictly",
                code="not_rising",
            )
        np.minimum(held[:-1], steps, out=held[:-1])
    return held


def pieces(times_ns: Integers, held_ns: Integers, start_ns: int, end_ns: int) -> Pieces:
    """Split readings at minute boundaries, within a window of whole minutes.

    Parameters
    ----------
    times_ns, held_ns : int64 array, shape (n,)
        Begin of each reading, rising, and how long it holds [ns]; no reading reaches into the next one.
    start_ns, end_ns : int
        Window.
    """
    minutes = whole_minutes(start_ns, end_ns)
    low = int(np.searchsorted(times_ns + held_ns, start_ns, "right"))
    high = int(np.searchsorted(times_ns, end_ns, "left"))
    begin, held = times_ns[low:high], held_ns[low:high]
    if begin.size and (begin[0] < start_ns or begin[-1] + held[-1] > end_ns):
        end = np.minimum(begin + held, end_ns)
        begin = np.maximum(begin, start_ns)
        held = end - begin
    edges = start_ns + np.arange(minutes + 1, dtype=np.int64) * MINUTE_NS
    cut = np.searchsorted(begin, edges)
    filled = np.flatnonzero(np.diff(cut))
    final = cut[filled + 1] - 1
    if (begin[final] + held[final] > edges[filled + 1]).any():
        return _split(begin, held, low, start_ns, minutes)
    return Pieces(slice(low, high), held, filled, cut[filled], minutes)


def _split(begin: Integers, held: Integers, low: int, start_ns: int, minutes: int) -> Pieces:
    """Pieces where readings cross minute boundaries."""
    end = begin + held
    first = (begin - start_ns) // MINUTE_NS
    count = (end - 1 - start_ns) // MINUTE_NS - first + 1
    reading = np.repeat(np.arange(begin.size), count)
    minute = first[reading] + np.arange(reading.size) - np.repeat(np.cumsum(count) - count, count)
    edge = start_ns + minute * MINUTE_NS
    parts = np.minimum(end[reading], edge + MINUTE_NS) - np.maximum(begin[reading], edge)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(minute)) + 1])
    return Pieces(reading + low, parts, minute[begins], begins, minutes)


def usable(readings: ReadingBatch) -> NDArray[np.bool_] | None:
    """Rows whose sensor was not stuck; ``None`` when all are."""
    stuck = (readings.flags & np.uint16(Flag.STUCK)) != 0
    return ~stuck if stuck.any() else None


def list_column(offsets: Integers, values: NDArray[Any], rows: Integers) -> pa.ListArray:
    """Arrow lists of the minutes `rows`, from lists of all minutes given by `offsets`."""
    lengths = np.diff(offsets)
    kept = np.zeros(lengths.size, dtype=bool)
    kept[rows] = True
    chosen = values[np.repeat(kept, lengths)]
    ends = np.concatenate([[0], np.cumsum(lengths[rows])])
    return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(chosen))


def as_minutes(start_ns: int, rows: Integers) -> pa.Array:
    """Start of each minute as a UTC timestamp."""
    times = (start_ns // MINUTE_NS + rows) * MINUTE_NS
    return pa.array(times.astype("datetime64[ns]"), type=pa.timestamp("ns", tz="UTC"))
