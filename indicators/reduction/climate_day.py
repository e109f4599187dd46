"""Climate of worker-days: exact sums over their minute rows, in all and hour by hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.thermal import WbgtMethod
from indicators.model import WorkerDay
from indicators.reduction.day_minutes import DayMinutes, SparseLists, covered, day_minutes

__all__ = ["ClimateDay", "merge", "merge_all"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

HISTOGRAM_LOW_C = -60
"""Lower edge of bin 0 of the air temperature; bin k holds [k − 60, k − 59) °C."""
HISTOGRAM_BINS = 181
METHOD_COLUMNS = {
    WbgtMethod.MEASURED: "wbgt_measured_ns",
    WbgtMethod.ESTIMATED_WET_BULB: "wbgt_estimated_ns",
    WbgtMethod.ESTIMATED_WET_BULB_AND_SPEED: "wbgt_assumed_speed_ns",
    WbgtMethod.SHADE_ESTIMATE: "wbgt_shade_ns",
}
"""Column of the minute rows that holds the time with a WBGT by each method."""

_CHANNELS = ("air", "humidity", "globe", "wet_bulb", "air_speed")
_HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ClimateDay:
    """Climate of one worker-day: exact sums over the minutes inside its spans.

    Attributes
    ----------
    coverage, wbgt_coverage : float
        Part of the expected time with air temperature, and with a WBGT, 0–1.
    ns, sums : mapping of str
        Time [ns] and sum of ``seconds · value`` of air, humidity, globe, wet_bulb and air_speed.
    air_min_c, air_max_c : float
        Extremes of the air temperature [°C]; NaN when none.
    histogram_ns : int64 array, shape (181,)
        Time in 1-°C bins of the air temperature from `HISTOGRAM_LOW_C` [ns].
    cold_ns, hot_ns : int
        Time at or below, and at or above, the temperatures whose hours the law counts [ns].
    wbgt_ns : int
        Time with a WBGT [ns]; by method in `wbgt_method_ns`.
    minutes_ns, minute_air_ns, minute_air_sum, minute_wbgt_ns, minute_wbgt_sum : arrays, shape (minutes,)
        Start of each minute and its sums.
    stuck_ns : int
        Time left out as stuck [ns].
    hours_ns : int64 array, shape (hours,)
        Start of each UTC hour that holds data [ns].
    hour_ns, hour_sums : mapping of str to arrays, shape (hours,)
        As `ns` and `sums`, hour by hour: what models of heat and cold strain are fed with.
    """

    day: WorkerDay
    coverage: float
    wbgt_coverage: float
    ns: Mapping[str, int]
    sums: Mapping[str, float]
    air_min_c: float
    air_max_c: float
    histogram_ns: Integers
    cold_ns: int
    hot_ns: int
    wbgt_ns: int
    wbgt_method_ns: Mapping[WbgtMethod, int]
    minutes_ns: Integers
    minute_air_ns: Integers
    minute_air_sum: Floats
    minute_wbgt_ns: Integers
    minute_wbgt_sum: Floats
    stuck_ns: int
    hours_ns: Integers
    hour_ns: Mapping[str, Integers]
    hour_sums: Mapping[str, Floats]


def merge(rows: pa.Table, day: WorkerDay) -> ClimateDay:
    """Climate of one worker-day from the minute rows of its sensor, as `merge_all`."""
    return merge_all([rows], [day])[0]


def merge_all(tables: Sequence[pa.Table], days: Sequence[WorkerDay]) -> list[ClimateDay]:
    """Climate of worker-days from the minute rows of their sensors; minutes wholly inside the spans count.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        Minute rows of each day's sensor, in any order; of equal minutes the last stands.
    days : sequence of WorkerDay
        Spans and expected time.

    Returns
    -------
    list of ClimateDay
        Exact sums, the same bytes for the same minutes, whatever other days are merged with them.
    """
    minutes = day_minutes(tables, days)
    times = {name: minutes.whole(f"{name}_ns") for name in (*_CHANNELS, "wbgt", "cold", "hot", "stuck")}
    values = {name: minutes.numbers(f"{name}_sum") for name in (*_CHANNELS, "wbgt")}
    total_ns = {name: minutes.total(column).tolist() for name, column in times.items()}
    methods_ns = {
        method: minutes.total(minutes.whole(name)).tolist() for method, name in METHOD_COLUMNS.items()
    }
    lowest, highest = minutes.numbers("air_min"), minutes.numbers("air_max")
    lists = [SparseLists("air_bins", "air_bin_ns")]
    (histograms_ns,) = minutes.histograms(lists, minutes.bounds, HISTOGRAM_BINS)
    hours = _Hours.of(minutes)
    hour_ns = {name: hours.total(times[name]) for name in _CHANNELS}
    hour_sums = {name: hours.total(values[name]) for name in _CHANNELS}
    found = []
    for index, (day, (low, high)) in enumerate(zip(minutes.days, minutes.stretches, strict=True)):
        own, inside = slice(low, high), slice(*hours.bounds[index : index + 2])
        ns = {name: total_ns[name][index] for name in _CHANNELS}
        wbgt_ns = total_ns["wbgt"][index]
        found.append(
            ClimateDay(
                day=day,
                coverage=covered(ns["air"], day.expected_ns),
                wbgt_coverage=covered(wbgt_ns, day.expected_ns),
                ns=ns,
                sums={name: float(values[name][own].sum()) for name in _CHANNELS},
                air_min_c=float(np.nanmin(lowest[own])) if ns["air"] else float("nan"),
                air_max_c=float(np.nanmax(highest[own])) if ns["air"] else float("nan"),
                histogram_ns=histograms_ns[index],
                cold_ns=total_ns["cold"][index],
                hot_ns=total_ns["hot"][index],
                wbgt_ns=wbgt_ns,
                wbgt_method_ns={method: column[index] for method, column in methods_ns.items()},
                minutes_ns=minutes.starts_ns[own],
                minute_air_ns=times["air"][own],
                minute_air_sum=values["air"][own],
                minute_wbgt_ns=times["wbgt"][own],
                minute_wbgt_sum=values["wbgt"][own],
                stuck_ns=total_ns["stuck"][index],
                hours_ns=hours.starts_ns[inside],
                hour_ns={name: column[inside] for name, column in hour_ns.items()},
                hour_sums={name: column[inside] for name, column in hour_sums.items()},
            )
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Hours:
    """UTC hours of worker-days: start of each, its first minute, and the hours of each day."""

    starts_ns: Integers
    begins: Integers
    bounds: Integers

    @classmethod
    def of(cls, minutes: DayMinutes) -> _Hours:
        hours = minutes.starts_ns // _HOUR_NS
        fresh = np.append(True, hours[1:] != hours[:-1])[: hours.size]
        fresh[minutes.firsts] = True
        begins = np.flatnonzero(fresh)
        return cls(hours[begins] * _HOUR_NS, begins, np.searchsorted(begins, minutes.bounds))

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum over the minutes of each hour, in the order of time."""
        return np.add.reduceat(values, self.begins) if self.begins.size else values
