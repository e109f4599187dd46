"""Climate: readings to additive minute rows, and minute rows to the climate of a worker-day."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.thermal import (
    ASSUMED_AIR_SPEED_M_S,
    WET_BULB_RANGE_C,
    WbgtMethod,
    globe_150mm_c,
    natural_wet_bulb_estimate_c,
    wbgt_c,
    wbgt_shade_estimate_c,
)
from indicators.limits import limit
from indicators.reduction import minutes as grid
from indicators.reduction.climate_day import (
    HISTOGRAM_BINS,
    HISTOGRAM_LOW_C,
    METHOD_COLUMNS,
    ClimateDay,
    merge,
    merge_all,
)
from sensors.readings import Flag, ReadingBatch
from sensors.site_model import Calibration, Mount, Sensor

__all__ = [
    "BLOCK_NS",
    "HISTOGRAM_LOW_C",
    "SCHEMA",
    "VERSION",
    "ClimateDay",
    "merge",
    "merge_all",
    "reduce_minutes",
]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

VERSION = "climate-2"
BLOCK_NS = grid.MINUTE_NS
"""Length of the blocks of UTC whose minutes are computed together: each by itself."""

_CHANNELS = {
    "air": "air_temperature",
    "humidity": "relative_humidity",
    "globe": "globe_temperature",
    "wet_bulb": "natural_wet_bulb_temperature",
    "air_speed": "air_speed",
}
_GLOBE_OF_THE_STANDARD_M = 0.15
SCHEMA = pa.schema(
    [
        pa.field("minute", pa.timestamp("ns", tz="UTC")),
        *(
            field
            for name, unit in zip(_CHANNELS, ("s·°C", "s·%", "s·°C", "s·°C", "m"), strict=True)
            for field in (
                pa.field(f"{name}_ns", pa.int64()),
                pa.field(f"{name}_sum", pa.float64(), metadata={"unit": unit}),
            )
        ),
        pa.field("air_min", pa.float64(), metadata={"unit": "°C"}),
        pa.field("air_max", pa.float64(), metadata={"unit": "°C"}),
        pa.field("air_bins", pa.list_(pa.uint16())),
        pa.field("air_bin_ns", pa.list_(pa.int64())),
        pa.field("cold_ns", pa.int64()),
        pa.field("hot_ns", pa.int64()),
        pa.field("wbgt_ns", pa.int64()),
        pa.field("wbgt_sum", pa.float64(), metadata={"unit": "s·°C"}),
        *(pa.field(name, pa.int64()) for name in METHOD_COLUMNS.values()),
        pa.field("stuck_ns", pa.int64()),
    ]
)


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
        Gives the period of one reading and the diameter of its globe.
    mount, calibration
        Part of every reduction's signature; air temperature depends on neither.
    start_ns, end_ns : int
        Window, whole minutes.

    Returns
    -------
    pyarrow.Table
        Rows of `SCHEMA`. WBGT is computed reading by reading, by the best method the channels allow, without
        sun; readings that the ingest flagged as stuck count as missing, in ``stuck_ns``.
    """
    del mount, calibration
    count = grid.whole_minutes(start_ns, end_ns)
    if count == 0 or len(readings) == 0:
        return SCHEMA.empty_table()
    period = grid.period_ns(sensor, "air_temperature")
    good = grid.usable(readings)
    times = readings.times_ns if good is None else readings.times_ns[good]
    columns = {name: _column(readings, channel, good) for name, channel in _CHANNELS.items()}
    integers: dict[str, Integers] = {}
    floats: dict[str, Floats] = {}
    for name, column in columns.items():
        present = ~np.isnan(column)
        part = grid.pieces(times[present], grid.held_times(times[present], period), start_ns, end_ns)
        values = part.of(column[present])
        integers[f"{name}_ns"] = part.duration_ns()
        floats[f"{name}_sum"] = part.integral(values)
        if name == "air":
            histogram = part.histogram(
                np.floor(values + (1e-9 - HISTOGRAM_LOW_C)).astype(np.int64), HISTOGRAM_BINS
            )
            floats["air_min"], floats["air_max"] = part.lowest(values), part.highest(values)
            integers["cold_ns"] = part.total(np.where(values <= _cold_c(), part.held_ns, 0))
            integers["hot_ns"] = part.total(np.where(values >= _hot_c(), part.held_ns, 0))
    _add_wbgt(integers, floats, times, columns, sensor, period, start_ns, end_ns)
    integers["stuck_ns"] = _stuck_ns(readings, period, start_ns, end_ns)
    filled = np.flatnonzero(
        np.sum([integers[f"{name}_ns"] for name in _CHANNELS], axis=0) + integers["stuck_ns"]
    )
    ready = {name: pa.array(column[filled], from_pandas=True) for name, column in (integers | floats).items()}
    ready["minute"] = grid.as_minutes(start_ns, filled)
    ready["air_bins"] = grid.list_column(histogram.offsets, histogram.bins, filled)
    ready["air_bin_ns"] = grid.list_column(histogram.offsets, histogram.held_ns, filled)
    return pa.Table.from_arrays([ready[name] for name in SCHEMA.names], schema=SCHEMA)


def _add_wbgt(
    integers: dict[str, Integers],
    floats: dict[str, Floats],
    times: Integers,
    columns: Mapping[str, Floats],
    sensor: Sensor,
    period: int,
    start_ns: int,
    end_ns: int,
) -> None:
    """WBGT of each reading, its channels held for one period where they come at different times."""
    held = grid.held_times(times, period)
    current: dict[str, Floats] = {}
    left: dict[str, Integers] = {}
    for name, column in columns.items():
        present = ~np.isnan(column)
        latest = np.maximum.accumulate(np.where(present, np.arange(times.size), -1))
        remaining = np.where(latest >= 0, times[np.maximum(latest, 0)] + period - times, 0)
        current[name] = np.where(remaining > 0, column[np.maximum(latest, 0)], np.nan)
        left[name] = remaining
    wbgt, method = _wbgt(current, sensor.globe_diameter_m)
    for code, needed in _NEEDED.items():
        for name in needed:
            held = np.where(method == code, np.minimum(held, left[name]), held)
    known = ~np.isnan(wbgt)
    part = grid.pieces(times[known], held[known], start_ns, end_ns)
    floats["wbgt_sum"] = part.integral(part.of(wbgt[known]))
    integers["wbgt_ns"] = part.duration_ns()
    codes = part.of(method[known])
    for code, name in METHOD_COLUMNS.items():
        integers[name] = part.total(np.where(codes == code, part.held_ns, 0))


_NEEDED: Mapping[WbgtMethod, tuple[str, ...]] = {
    WbgtMethod.MEASURED: ("wet_bulb", "globe"),
    WbgtMethod.ESTIMATED_WET_BULB: ("air", "humidity", "globe", "air_speed"),
    WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED: ("air", "humidity", "globe"),
    WbgtMethod.SHADE_ESTIMATE: ("air", "humidity"),
}


def _wbgt(current: Mapping[str, Floats], diameter_m: float) -> tuple[Floats, NDArray[np.int8]]:
    """WBGT by the best method that the channels of each row allow, and its code.

    NaN and 0 where none does.
    """
    air, humidity, globe = current["air"], current["humidity"], current["globe"]
    low, high = WET_BULB_RANGE_C
    psychrometric = (air >= low) & (air <= high) & ~np.isnan(humidity)
    measured = ~np.isnan(current["wet_bulb"]) & ~np.isnan(globe)
    with_globe = psychrometric & ~np.isnan(globe) & ~measured
    with_speed = with_globe & ~np.isnan(current["air_speed"])
    shade = psychrometric & ~with_globe & ~measured
    speed = np.where(np.isnan(current["air_speed"]), ASSUMED_AIR_SPEED_M_S, current["air_speed"])
    result = np.full(air.size, np.nan)
    method = np.zeros(air.size, np.int8)
    if shade.any():
        result[shade] = wbgt_shade_estimate_c(air[shade], humidity[shade])
        method[shade] = WbgtMethod.SHADE_ESTIMATE
    if with_globe.any():
        of_standard = _standard_globe(globe[with_globe], air[with_globe], speed[with_globe], diameter_m)
        wet = natural_wet_bulb_estimate_c(
            air[with_globe], humidity[with_globe], of_standard, speed[with_globe]
        )
        result[with_globe] = wbgt_c(wet, of_standard)
        method[with_globe] = WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED
        method[with_speed] = WbgtMethod.ESTIMATED_WET_BULB
    if measured.any():
        known_air = np.where(np.isnan(air), globe, air)[measured]
        of_standard = _standard_globe(globe[measured], known_air, speed[measured], diameter_m)
        result[measured] = wbgt_c(current["wet_bulb"][measured], of_standard)
        method[measured] = WbgtMethod.MEASURED
    return result, method


def _standard_globe(globe: Floats, air: Floats, speed: Floats, diameter_m: float) -> Floats:
    if diameter_m == _GLOBE_OF_THE_STANDARD_M:
        return globe
    converted = globe_150mm_c(globe, air, speed, diameter_m)
    # No radiation explains such a pair of readings: the globe is taken as it is.
    return np.where(np.isnan(converted), globe, converted)


def _column(readings: ReadingBatch, channel: str, good: NDArray[np.bool_] | None) -> Floats:
    column = readings.channels.get(channel)
    if column is None:
        rows = len(readings) if good is None else int(np.count_nonzero(good))
        return np.full(rows, np.nan)
    return np.asarray(column if good is None else column[good], dtype=np.float64)


def _stuck_ns(readings: ReadingBatch, period: int, start_ns: int, end_ns: int) -> Integers:
    stuck = (readings.flags & np.uint16(Flag.STUCK)) != 0
    held = grid.held_times(readings.times_ns, period)
    return grid.pieces(readings.times_ns[stuck], held[stuck], start_ns, end_ns).duration_ns()


def _cold_c() -> float:
    return limit("fr.climate.c2p_cold_criterion").value


def _hot_c() -> float:
    return limit("fr.climate.c2p_heat_criterion").value
