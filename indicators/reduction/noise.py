"""Noise: readings to additive minute rows, and minute rows to the noise of a worker-day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.levels import energy
from indicators.noise.iso9612 import noise_rule
from indicators.reduction import minutes as grid
from indicators.reduction import octaves
from indicators.reduction.noise_day import (
    HISTOGRAM_BINS,
    HISTOGRAM_LOW_DB,
    PEAK_FLOOR_DB,
    PEAK_NO_RISE,
    PEAK_RISE,
    PEAK_UNKNOWN,
    NoiseDay,
    PeakEvents,
    Peaks,
    merge,
    merge_all,
    peak_events,
)
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
    "merge_all",
    "peak_events",
    "reduce_minutes",
]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

VERSION = "noise-1"
BLOCK_NS = grid.MINUTE_NS
"""Length of the blocks of UTC whose minutes are computed together: each by itself."""

_NEIGHBOURHOOD_NS = 5_000_000_000
_MOST_NEIGHBOURS = 40
_LONGEST_TELLING_NS = 2_000_000_000
_MAD_TO_SD = 1.4826

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
class _Channel:
    """Readings of one channel that are present and not stuck."""

    times: Integers
    values: Floats


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
    told = np.full(peak_times.size, PEAK_UNKNOWN, np.int8)
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
    told[judged] = np.where(rise, PEAK_RISE, PEAK_NO_RISE)[judged]
    return told


def _lower_median(values: Floats) -> Floats:
    """Median of each row without its missing values, the lower of two middle ones; NaN where none is left."""
    ordered = np.sort(values, axis=1)
    known = np.count_nonzero(~np.isnan(ordered), axis=1)
    return np.asarray(ordered[np.arange(known.size), np.maximum(known - 1, 0) // 2])
