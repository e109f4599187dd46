"""Noise: readings to additive minute rows, and minute rows to the noise of a worker-day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.levels import energy
from indicators.model import WorkerDay
from indicators.noise.iso9612 import noise_rule
from indicators.reduction import minutes as grid
from indicators.reduction import octaves
from sensors.readings import Flag, FloatColumn, ReadingBatch
from sensors.site_model import Calibration, Mount, Sensor

__all__ = [
    "BLOCK_NS",
    "HISTOGRAM_LOW_DB",
    "PEAK_FLOOR_DB",
    "SCHEMA",
    "VERSION",
    "NoiseDay",
    "PeakEvents",
    "Peaks",
    "merge",
    "peak_events",
    "reduce_minutes",
]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

VERSION = "noise-1"
BLOCK_NS = grid.MINUTE_NS
"""Length of the blocks of UTC whose minutes are computed together: each by itself."""
HISTOGRAM_LOW_DB = -10
"""Lower edge of bin 0; bin k holds levels of [k − 10, k − 9) dB."""
HISTOGRAM_BINS = 180
PEAK_FLOOR_DB = 130.0
"""Peaks from here on are kept one by one, so that any limit above it can count events exactly."""

_EVENT_GAP_NS = 1_000_000_000
_NEIGHBOURHOOD_NS = 5_000_000_000
_MOST_NEIGHBOURS = 40
_LONGEST_TELLING_NS = 2_000_000_000
_TELLING_READINGS = 10  # sound is never this constant: equal readings in a minute raise a suspicion
_MAD_TO_SD = 1.4826
_RISE, _NO_RISE, _UNKNOWN = 1, 0, -1

SCHEMA = pa.schema(
    [
        pa.field("minute", pa.timestamp("ns", tz="UTC")),
        pa.field("laeq_ns", pa.int64()),
        pa.field("laeq_count", pa.int64()),
        pa.field("laeq_energy", pa.float64(), metadata={"unit": "s (relative to 0 dB(A))"}),
        pa.field("laeq_min", pa.float64(), metadata={"unit": "dB(A)"}),
        pa.field("laeq_max", pa.float64(), metadata={"unit": "dB(A)"}),
        pa.field("laeq_bins", pa.list_(pa.uint16())),
        pa.field("laeq_bin_ns", pa.list_(pa.int64())),
        pa.field("lceq_ns", pa.int64()),
        pa.field("lceq_energy", pa.float64(), metadata={"unit": "s (relative to 0 dB(C))"}),
        pa.field("lcpeak_ns", pa.int64()),
        pa.field("lcpeak_max", pa.float64(), metadata={"unit": "dB(C)"}),
        pa.field("peak_times", pa.list_(pa.int64())),
        pa.field("peak_levels", pa.list_(pa.float64())),
        pa.field("peak_rises", pa.list_(pa.int8())),
        *octaves.OCTAVE_FIELDS,
        pa.field("stuck_ns", pa.int64()),
        pa.field("clipped_ns", pa.int64()),
    ]
)


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


@dataclass(frozen=True, slots=True, eq=False)
class _Channel:
    """Readings of one channel that are present and not stuck."""

    times: Integers
    values: Floats


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


def reduce_minutes(
    readings: ReadingBatch,
    *,
    sensor: Sensor,
    mount: Mount,
    calibration: Calibration | None,
    start_ns: int,
    end_ns: int,
) -> pa.Table:
    """One row for each UTC minute of ``[start_ns, end_ns)`` that holds data.

    Parameters
    ----------
    readings : ReadingBatch
        Rows in time order, with `minutes.padding_ns` of data around the window where it exists.
    sensor : Sensor
        Gives the period of one reading.
    mount, calibration
        Part of every reduction's signature; sound levels depend on neither.
    start_ns, end_ns : int
        Window, whole minutes.

    Returns
    -------
    pyarrow.Table
        Rows of `SCHEMA`. Readings that the ingest flagged as stuck count as missing, in ``stuck_ns``.
    """
    del mount, calibration
    count = grid.whole_minutes(start_ns, end_ns)
    if count == 0 or len(readings) == 0:
        return SCHEMA.empty_table()
    good = grid.usable(readings)
    laeq, lceq, lcpeak = (_channel(readings, name, good) for name in ("laeq", "lceq", "lcpeak"))
    period = grid.period_ns(sensor, "laeq")
    shared: list[tuple[Integers, grid.Pieces]] = []

    def split(channel: _Channel) -> grid.Pieces:
        # Channels mostly come together: the same times are split once.
        for chosen, found in shared:
            if chosen is channel.times or np.array_equal(chosen, channel.times):
                return found
        held = grid.held_times(channel.times, period)
        shared.append((channel.times, grid.pieces(channel.times, held, start_ns, end_ns)))
        return shared[-1][1]

    a, c, peak = split(laeq), split(lceq), split(lcpeak)
    levels = a.of(laeq.values)
    integers = {
        "laeq_ns": a.duration_ns(),
        "laeq_count": a.count(),
        "lceq_ns": c.duration_ns(),
        "lcpeak_ns": peak.duration_ns(),
        "stuck_ns": _flagged_ns(readings, Flag.STUCK, period, start_ns, end_ns),
        "clipped_ns": _flagged_ns(readings, Flag.CLIPPED, period, start_ns, end_ns),
    }
    # A peak belongs to the minute in which its reading begins, so that it is never counted twice.
    begun = slice(*np.searchsorted(lcpeak.times, [start_ns, end_ns]))
    instants = grid.pieces(lcpeak.times[begun], np.ones(lcpeak.times[begun].size, np.int64), start_ns, end_ns)
    floats = {
        "laeq_energy": a.integral(energy(levels)),
        "laeq_min": a.lowest(levels),
        "laeq_max": a.highest(levels),
        "lceq_energy": c.integral(energy(c.of(lceq.values))),
        "lcpeak_max": instants.highest(lcpeak.values[begun]),
    }
    # Truncation is the floor here: the quantity starts at the histogram's lower edge.
    bins = (levels + (1e-9 - HISTOGRAM_LOW_DB)).astype(np.int64)
    histogram = a.histogram(bins, HISTOGRAM_BINS)
    offsets, times, peak_levels, rises = _peaks(laeq, lcpeak, period, begun, start_ns, count)
    sent = (name for name in octaves.OCTAVE_CHANNELS if name in readings.channels)
    bands = {name: _channel(readings, name, good) for name in sent}
    octave_offsets, octave_ns, octave_energy = octaves.octave_columns(
        {name: (split(band), band.values) for name, band in bands.items()}, count
    )
    present = integers["laeq_ns"] + integers["lceq_ns"] + integers["lcpeak_ns"] + integers["stuck_ns"]
    filled = np.flatnonzero(present)
    ready = {name: pa.array(column[filled], from_pandas=True) for name, column in (integers | floats).items()}
    ready["minute"] = grid.as_minutes(start_ns, filled)
    ready["laeq_bins"] = grid.list_column(histogram.offsets, histogram.bins, filled)
    ready["laeq_bin_ns"] = grid.list_column(histogram.offsets, histogram.held_ns, filled)
    ready["octave_ns"] = grid.list_column(octave_offsets, octave_ns, filled)
    ready["octave_energy"] = grid.list_column(octave_offsets, octave_energy, filled)
    ready["peak_times"] = grid.list_column(offsets, times, filled)
    ready["peak_levels"] = grid.list_column(offsets, peak_levels, filled)
    ready["peak_rises"] = grid.list_column(offsets, rises, filled)
    return pa.Table.from_arrays([ready[name] for name in SCHEMA.names], schema=SCHEMA)


def merge(rows: pa.Table, day: WorkerDay) -> NoiseDay:
    """Noise of a worker-day from the minute rows of its sensor; minutes wholly inside its spans count.

    Parameters
    ----------
    rows : pyarrow.Table
        Minute rows of the sensor, in any order; of equal minutes the last stands.
    day : WorkerDay
        Spans and expected time.

    Returns
    -------
    NoiseDay
        Exact sums, the same bytes for the same minutes.
    """
    chosen, starts, span = grid.minutes_inside(rows, day)

    def numbers(name: str) -> NDArray[Any]:
        return np.asarray(chosen.column(name).to_numpy())

    laeq_ns = numbers("laeq_ns").astype(np.int64)
    minute_energy = numbers("laeq_energy").astype(np.float64)
    bins, _ = grid.list_slice(chosen, "laeq_bins")
    bin_ns, _ = grid.list_slice(chosen, "laeq_bin_ns")
    highest = numbers("lcpeak_max").astype(np.float64)
    equal = (numbers("laeq_min") == numbers("laeq_max")) & (numbers("laeq_count") >= _TELLING_READINGS)
    total_ns = int(laeq_ns.sum())
    return NoiseDay(
        day=day,
        coverage=min(1.0, total_ns / day.expected_ns) if day.expected_ns > 0 else 0.0,
        laeq_ns=total_ns,
        laeq_energy=float(minute_energy.sum()),
        lceq_ns=int(numbers("lceq_ns").sum()),
        lceq_energy=float(numbers("lceq_energy").sum()),
        octaves=octaves.octave_sums(chosen),
        histogram_ns=np.bincount(bins, weights=bin_ns, minlength=HISTOGRAM_BINS).astype(np.int64),
        lcpeak_ns=int(numbers("lcpeak_ns").sum()),
        lcpeak_max_db=float(np.fmax.reduce(highest, initial=-np.inf))
        if np.isfinite(highest).any()
        else np.nan,
        peaks=Peaks(
            times_ns=grid.list_slice(chosen, "peak_times")[0].astype(np.int64),
            levels_db=grid.list_slice(chosen, "peak_levels")[0].astype(np.float64),
            rises=grid.list_slice(chosen, "peak_rises")[0].astype(np.int8),
        ),
        minutes_ns=starts,
        minute_laeq_ns=laeq_ns,
        minute_energy=minute_energy,
        minute_span=span,
        constant_ns=int(laeq_ns[equal].sum()),
        stuck_ns=int(numbers("stuck_ns").sum()),
        clipped_ns=int(numbers("clipped_ns").sum()),
    )


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
        knocks += int(np.count_nonzero(lone & (day.peaks.rises[index[begins]] == _NO_RISE)))
        count += begins.size
    return PeakEvents(count=count, suspected_knocks=knocks)


def _alone(times_ns: Integers, index: Integers) -> NDArray[np.bool_]:
    """Whether no other kept peak lies within a second of these."""
    before = np.where(index > 0, times_ns[index] - times_ns[np.maximum(index - 1, 0)], np.inf)
    last = times_ns.size - 1
    after = np.where(index < last, times_ns[np.minimum(index + 1, last)] - times_ns[index], np.inf)
    return np.asarray((before > _EVENT_GAP_NS) & (after > _EVENT_GAP_NS))


def _channel(readings: ReadingBatch, name: str, good: NDArray[np.bool_] | None) -> _Channel:
    column: FloatColumn | None = readings.channels.get(name)
    if column is None:
        return _Channel(np.zeros(0, np.int64), np.zeros(0))
    present = ~np.isnan(column)
    if good is not None:
        present &= good
    if present.all():
        return _Channel(readings.times_ns, np.asarray(column, dtype=np.float64))
    return _Channel(readings.times_ns[present], np.asarray(column[present], dtype=np.float64))


def _flagged_ns(readings: ReadingBatch, flag: Flag, period: int, start_ns: int, end_ns: int) -> Integers:
    flagged = (readings.flags & np.uint16(flag)) != 0
    if not flagged.any():
        return np.zeros(grid.whole_minutes(start_ns, end_ns), np.int64)
    held = grid.held_times(readings.times_ns, period)
    return grid.pieces(readings.times_ns[flagged], held[flagged], start_ns, end_ns).duration_ns()


def _peaks(
    laeq: _Channel, lcpeak: _Channel, period: int, begun: slice, start_ns: int, count: int
) -> tuple[Integers, Integers, Floats, NDArray[np.int8]]:
    """Peaks from the floor on, as lists for each minute: offsets, times, levels, rises."""
    loud = np.flatnonzero(lcpeak.values[begun] >= PEAK_FLOOR_DB)
    times = lcpeak.times[begun][loud]
    offsets = np.searchsorted(times, start_ns + np.arange(count + 1, dtype=np.int64) * grid.MINUTE_NS)
    return offsets, times, lcpeak.values[begun][loud], _rises(laeq, times, period)


def _rises(laeq: _Channel, peak_times: Integers, period: int) -> NDArray[np.int8]:
    """Whether LAeq of the peak's reading, or of the next one, stands out of the seconds around it."""
    told = np.full(peak_times.size, _UNKNOWN, np.int8)
    if peak_times.size == 0 or laeq.times.size == 0 or period > _LONGEST_TELLING_NS:
        return told
    at = np.searchsorted(laeq.times, peak_times, "right") - 1
    reach = min(_MOST_NEIGHBOURS, -(-_NEIGHBOURHOOD_NS // period))
    steps = np.arange(-reach, reach + 2)
    index = at[:, None] + steps
    inside = (index >= 0) & (index < laeq.times.size)
    index = np.clip(index, 0, laeq.times.size - 1)
    distance = laeq.times[index] - peak_times[:, None]
    near = inside & (np.abs(distance) <= _NEIGHBOURHOOD_NS)
    values = np.where(near, laeq.values[index], np.nan)
    own = (steps == 0) | (steps == 1)
    covered = near[:, reach] & (distance[:, reach] > -period)
    with_peak = np.fmax.reduce(np.where(own, values, np.nan), axis=1)
    others = np.where(own, np.nan, values)
    usual = _lower_median(others)
    # In sound that fluctuates by itself a rise must stand out of that too.
    scatter = _MAD_TO_SD * _lower_median(np.abs(others - usual[:, None]))
    rise = with_peak - usual >= np.maximum(noise_rule("knock_rise_db"), 2.0 * scatter)
    judged = covered & ~np.isnan(usual)
    told[judged] = np.where(rise, _RISE, _NO_RISE)[judged]
    return told


def _lower_median(values: Floats) -> Floats:
    """Median of each row without its missing values, the lower of two middle ones; NaN where none is left."""
    ordered = np.sort(values, axis=1)
    known = np.count_nonzero(~np.isnan(ordered), axis=1)
    return np.asarray(ordered[np.arange(known.size), np.maximum(known - 1, 0) // 2])
