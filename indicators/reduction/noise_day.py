"""Noise of worker-days: exact sums over their minute rows, and the peak events among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indicators.model import WorkerDay
from indicators.reduction import octaves
from indicators.reduction.day_minutes import SparseLists, covered, day_minutes

__all__ = ["NoiseDay", "PeakEvents", "Peaks", "merge", "merge_all", "peak_events"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

HISTOGRAM_LOW_DB = -10
"""Lower edge of bin 0; bin k holds levels of [k − 10, k − 9) dB."""
HISTOGRAM_BINS = 180
PEAK_FLOOR_DB = 130.0
"""Peaks from here on are kept one by one, so that any limit above it can count events exactly."""
PEAK_RISE, PEAK_NO_RISE, PEAK_UNKNOWN = 1, 0, -1
"""Whether LAeq rose with a peak."""

_EVENT_GAP_NS = 1_000_000_000
_TELLING_READINGS = 10  # sound is never this constant: equal readings in a minute raise a suspicion


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Peaks of `PEAK_FLOOR_DB` or more, in time order.

    Attributes
    ----------
    times_ns : int64 array
        Time of the reading.
    levels_db : float64 array
        LCpeak [dB(C)].
    rises : int8 array
        1 when LAeq rose with the peak, 0 when it did not, −1 when that cannot be told.
    """

    times_ns: Integers
    levels_db: Floats
    rises: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class PeakEvents:
    """Peak events at a limit: all of them, and those that look like a knock against the microphone."""

    count: int
    suspected_knocks: int


@dataclass(frozen=True, slots=True, eq=False)
class NoiseDay:
    """Noise of one worker-day: exact sums over the minutes inside its spans.

    Attributes
    ----------
    coverage : float
        Part of the expected time with LAeq, 0–1.
    laeq_ns, lceq_ns, lcpeak_ns : int
        Time with each quantity [ns].
    laeq_energy, lceq_energy : float
        Sum of ``seconds · 10^(L/10)``.
    octaves : OctaveSums
        Time and energy of each octave band; zeros when the sensor sends none.
    histogram_ns : int64 array, shape (180,)
        Time in 1-dB bins of LAeq from `HISTOGRAM_LOW_DB` [ns].
    lcpeak_max_db : float
        Highest LCpeak [dB(C)]; NaN when none was sent.
    minutes_ns, minute_laeq_ns, minute_energy, minute_span : arrays, shape (minutes,)
        Start, time with LAeq, energy sum and span index of each minute.
    constant_ns, stuck_ns, clipped_ns : int
        Time with suspiciously equal values, left out as stuck, and flagged as overloaded [ns].
    """

    day: WorkerDay
    coverage: float
    laeq_ns: int
    laeq_energy: float
    lceq_ns: int
    lceq_energy: float
    octaves: octaves.OctaveSums
    histogram_ns: Integers
    lcpeak_ns: int
    lcpeak_max_db: float
    peaks: Peaks
    minutes_ns: Integers
    minute_laeq_ns: Integers
    minute_energy: Floats
    minute_span: Integers
    constant_ns: int
    stuck_ns: int
    clipped_ns: int


def merge(rows: pa.Table, day: WorkerDay) -> NoiseDay:
    """Noise of one worker-day from the minute rows of its sensor, as `merge_all`."""
    return merge_all([rows], [day])[0]


def merge_all(tables: Sequence[pa.Table], days: Sequence[WorkerDay]) -> list[NoiseDay]:
    """Noise of worker-days from the minute rows of their sensors; minutes wholly inside the spans count.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        Minute rows of each day's sensor, in any order; of equal minutes the last stands.
    days : sequence of WorkerDay
        Spans and expected time.

    Returns
    -------
    list of NoiseDay
        Exact sums, the same bytes for the same minutes, whatever other days are merged with them.
    """
    minutes = day_minutes(tables, days)
    laeq_ns, minute_energy = minutes.whole("laeq_ns"), minutes.numbers("laeq_energy")
    lceq_energy, highest = minutes.numbers("lceq_energy"), minutes.numbers("lcpeak_max")
    equal = (minutes.numbers("laeq_min") == minutes.numbers("laeq_max")) & (
        minutes.whole("laeq_count") >= _TELLING_READINGS
    )
    sums = {
        name: minutes.total(minutes.whole(name)).tolist()
        for name in ("laeq_ns", "lceq_ns", "lcpeak_ns", "stuck_ns", "clipped_ns")
    }
    constant_ns = minutes.total(laeq_ns * equal).tolist()
    lists = [SparseLists("laeq_bins", "laeq_bin_ns")]
    (histograms_ns,) = minutes.histograms(lists, minutes.bounds, HISTOGRAM_BINS)
    peak_times, peak_bounds = minutes.flat("peak_times")
    peak_levels, _ = minutes.flat("peak_levels")
    peak_rises, _ = minutes.flat("peak_rises")
    bands = octaves.octave_sums(minutes)
    found = []
    for index, (day, (low, high)) in enumerate(zip(minutes.days, minutes.stretches, strict=True)):
        own, peaks = slice(low, high), slice(peak_bounds[index], peak_bounds[index + 1])
        total_ns = sums["laeq_ns"][index]
        found.append(
            NoiseDay(
                day=day,
                coverage=covered(total_ns, day.expected_ns),
                laeq_ns=total_ns,
                laeq_energy=float(minute_energy[own].sum()),
                lceq_ns=sums["lceq_ns"][index],
                lceq_energy=float(lceq_energy[own].sum()),
                octaves=bands[index],
                histogram_ns=histograms_ns[index],
                lcpeak_ns=sums["lcpeak_ns"][index],
                lcpeak_max_db=_highest(highest[own]),
                peaks=Peaks(
                    times_ns=peak_times[peaks].astype(np.int64),
                    levels_db=peak_levels[peaks].astype(np.float64),
                    rises=peak_rises[peaks].astype(np.int8),
                ),
                minutes_ns=minutes.starts_ns[own],
                minute_laeq_ns=laeq_ns[own],
                minute_energy=minute_energy[own],
                minute_span=minutes.span[own],
                constant_ns=constant_ns[index],
                stuck_ns=sums["stuck_ns"][index],
                clipped_ns=sums["clipped_ns"][index],
            )
        )
    return found


def _highest(values: Floats) -> float:
    """Highest of the values that are there; NaN when none is."""
    highest = float(np.fmax.reduce(values, initial=-np.inf))
    return highest if np.isfinite(highest) else float("nan")


def peak_events(days: Sequence[NoiseDay], level_db: float, *, inclusive: bool) -> PeakEvents:
    """Count peak events at a level: readings at most one second apart are one event.

    An event of a single reading whose LAeq did not rise is suspected to be a knock on the microphone.

    Parameters
    ----------
    days : sequence of NoiseDay
        Worker-days; events never join across them.
    level_db : float
        Level at which a peak counts [dB(C)], `PEAK_FLOOR_DB` or above.
    inclusive : bool
        Whether the level itself counts.
    """
    count = knocks = 0
    for day in days:
        over = day.peaks.levels_db >= level_db if inclusive else day.peaks.levels_db > level_db
        index = np.flatnonzero(over)
        if index.size == 0:
            continue
        apart = np.diff(day.peaks.times_ns[index]) > _EVENT_GAP_NS
        begins = np.concatenate([[0], np.flatnonzero(apart) + 1])
        sizes = np.diff(np.append(begins, index.size))
        lone = (sizes == 1) & _alone(day.peaks.times_ns, index[begins])
        knocks += int(np.count_nonzero(lone & (day.peaks.rises[index[begins]] == PEAK_NO_RISE)))
        count += begins.size
    return PeakEvents(count=count, suspected_knocks=knocks)


def _alone(times_ns: Integers, index: Integers) -> NDArray[np.bool_]:
    """Whether no other kept peak lies within a second of these."""
    before = np.where(index > 0, times_ns[index] - times_ns[np.maximum(index - 1, 0)], np.inf)
    last = times_ns.size - 1
    after = np.where(index < last, times_ns[np.minimum(index + 1, last)] - times_ns[index], np.inf)
    return np.asarray((before > _EVENT_GAP_NS) & (after > _EVENT_GAP_NS))
