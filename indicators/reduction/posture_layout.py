"""Where minutes and seconds lie in a stretch of samples, and the shape of what is kept of a minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MARGIN_S", "MINUTE_NS", "SECOND_NS", "Layout", "MinuteColumns", "SparseRows", "layout_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]

MINUTE_NS = 60_000_000_000
SECOND_NS = 1_000_000_000
MARGIN_S = 6  # what medians, dwell and steadiness look at beyond the window; even, for the 2-s windows


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Samples of each minute by bin, only the bins that are not empty."""

    bins: NDArray[np.uint16]
    samples: NDArray[np.uint32]
    lengths: IntArray


MinuteColumns = dict[str, "IntArray | FloatArray | NDArray[np.uint64] | SparseRows"]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where minutes and seconds lie in the samples of a stretch and its margin.

    Attributes
    ----------
    minutes_ns : int64 array, shape (m,)
        Start of each minute that has samples.
    first, last : intp array, shape (m,)
        Its samples.
    seconds : intp array, shape (s + 1,)
        First sample of each second from `MARGIN_S` before the window to `MARGIN_S` after it.
    starts : intp array
        First sample of each segment, then n.
    row_of_minute : intp array
        Row of every minute of the window, −1 where it has no sample.
    """

    minutes_ns: IntArray
    first: IndexArray
    last: IndexArray
    seconds: IndexArray
    starts: IndexArray
    row_of_minute: IndexArray
    period_ns: int

    @property
    def samples_per_second(self) -> IndexArray:
        """Samples of each second, margin included."""
        return np.diff(self.seconds)

    def masks(self, on: BoolArray) -> NDArray[np.uint64]:
        """One yes/no a second, margin included, as 60 bits a minute with data."""
        inner = on[MARGIN_S:-MARGIN_S].reshape(-1, 60)[self.row_of_minute >= 0]
        wide = np.zeros((inner.shape[0], 64), np.bool_)
        wide[:, :60] = inner
        return np.packbits(wide, axis=1, bitorder="little").view("<u8").ravel().astype(np.uint64)


def layout_of(times_ns: IntArray, starts: IndexArray, period_ns: int, start_ns: int, end_ns: int) -> Layout:
    """Layout of the minutes of ``[start_ns, end_ns)`` in samples that reach `MARGIN_S` beyond them."""
    edges = np.searchsorted(times_ns, np.arange(start_ns, end_ns + 1, MINUTE_NS))
    filled = np.diff(edges) > 0
    row = np.where(filled, np.cumsum(filled) - 1, -1)
    margin = MARGIN_S * SECOND_NS
    seconds = np.searchsorted(times_ns, np.arange(start_ns - margin, end_ns + margin + 1, SECOND_NS))
    return Layout(
        minutes_ns=np.arange(start_ns, end_ns, MINUTE_NS, dtype=np.int64)[filled],
        first=edges[:-1][filled],
        last=edges[1:][filled],
        seconds=seconds,
        starts=starts,
        row_of_minute=row.astype(np.intp),
        period_ns=period_ns,
    )
