"""Movements into a posture, counted a minute so that minutes can be joined again without loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indicators.reduction.posture_bins import Zones, summary_plan
from indicators.reduction.posture_layout import Layout

__all__ = ["HIGH", "LOW", "UNDECIDED", "Runs", "event_columns"]

IntArray = NDArray[np.int64]
IndexArray = NDArray[np.intp]

# What a minute says about the posture at its edges; between the two thresholds nothing is decided.
UNDECIDED, LOW, HIGH = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Maximal stretches in one zone; they also end at second, minute and segment boundaries.

    Attributes
    ----------
    first, zone : intp array, shape (r,)
        First sample and zone.
    segment : intp array, shape (r,)
        Number of the gap-free segment, from 1.
    minute : intp array, shape (r,)
        Row of the minute, −1 outside the window.
    """

    first: IndexArray
    zone: IndexArray
    segment: IndexArray
    minute: IndexArray


def event_columns(name: str, runs: Runs, zones: Zones, layout: Layout) -> dict[str, IntArray]:
    """Events inside each minute, and the first and last decided state at its edges.

    Parameters
    ----------
    name : str
        Angle, part of the column names.
    runs : Runs
    zones : Zones
        Thresholds and the state of each zone.
    layout : Layout

    Returns
    -------
    dict
        ``events_<name>_<threshold>``, ``first_…`` and ``last_…`` (0 undecided, 1 low, 2 high), shape (m,).
    """
    rows = layout.first.shape[0]
    segment, minute = runs.segment, runs.minute
    opening = np.searchsorted(layout.starts, layout.first, side="right")
    closing = np.searchsorted(layout.starts, layout.last - 1, side="right")
    dwell = summary_plan().dwell_ns // layout.period_ns
    apart = np.ones(segment.shape[0], np.bool_)
    apart[1:] = (segment[1:] != segment[:-1]) | (minute[1:] != minute[:-1])
    columns: dict[str, IntArray] = {}
    for threshold, states in zones.events:
        state = states[runs.zone]
        fresh = apart.copy()
        fresh[1:] |= state[1:] != state[:-1]
        kept = np.flatnonzero(fresh)
        state = _lasting(state[kept], runs.first[kept], segment[kept], layout.starts, dwell)
        decided = np.flatnonzero(state != 1)
        high, of_minute, of_segment = state[decided] == 2, minute[kept][decided], segment[kept][decided]
        entry = np.zeros(decided.shape[0], np.bool_)
        entry[1:] = (
            high[1:] & ~high[:-1] & (of_segment[1:] == of_segment[:-1]) & (of_minute[1:] == of_minute[:-1])
        )
        known = np.where(high, HIGH, LOW)
        first = np.zeros(rows, np.int64)
        last = np.zeros(rows, np.int64)
        at_opening = (of_minute >= 0) & (of_segment == opening[of_minute])
        at_closing = (of_minute >= 0) & (of_segment == closing[of_minute])
        # Of repeated rows the last assignment stays, hence the reversed order for the first state.
        first[of_minute[at_opening][::-1]] = known[at_opening][::-1]
        last[of_minute[at_closing]] = known[at_closing]
        columns[f"events_{name}_{threshold}"] = np.bincount(
            of_minute[entry & (of_minute >= 0)], minlength=rows
        ).astype(np.int64)
        columns[f"first_{name}_{threshold}"] = first
        columns[f"last_{name}_{threshold}"] = last
    return columns


def _lasting(
    state: NDArray[np.int8], run_first: IndexArray, segment: IndexArray, starts: IndexArray, dwell: int
) -> NDArray[np.int8]:
    """States with visits above the threshold that are shorter than the dwell made undecided."""
    decided = np.flatnonzero(state != 1)
    if decided.shape[0] == 0:
        return state
    high, of_segment = state[decided] == 2, segment[decided]
    fresh = np.ones(decided.shape[0], np.bool_)
    fresh[1:] = (high[1:] != high[:-1]) | (of_segment[1:] != of_segment[:-1])
    visit = np.flatnonzero(fresh)
    begin = run_first[decided[visit]]
    # A visit ends where the next low run begins, or with its segment.
    end = starts[of_segment[visit]].copy()
    same = of_segment[visit[1:]] == of_segment[visit[:-1]]
    end[:-1][same] = begin[1:][same]
    short = high[visit] & (end - begin < dwell)
    if not short.any():
        return state
    result = state.copy()
    result[decided[short[np.cumsum(fresh) - 1]]] = 1
    return result
