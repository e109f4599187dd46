"""Quality flags of rows: late, skewed, stuck, clipped, low battery. A flag never changes a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.pipeline.health import SensorHealth
from sensors.quantities import QUANTITIES, Kind
from sensors.readings import Flag, FloatColumn, TimeColumn
from sensors.site_model import Origin, Sensor

__all__ = ["LATE_NS", "SensorQuality"]

LATE_NS = 15 * 60 * 10**9
"""A row is late when it lies more than this behind the sensor's own newest time."""

_AHEAD_NS = 60 * 10**9
_BEHIND_NS = 60 * 10**9
_PACE_WINDOW_NS = 60 * 10**9
_LOW_BATTERY_PERCENT = 15.0
_CLIPPED_SHARE = 0.98

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _StuckRule:
    """All channels unchanged for at least this long and this many rows: no real signal does that."""

    rows: int
    span_ns: int


_STUCK = {
    Kind.NOISE: _StuckRule(60, 120 * 10**9),
    Kind.POSTURE: _StuckRule(200, 60 * 10**9),
    Kind.CLIMATE: _StuckRule(12, 12 * 3600 * 10**9),
}


@dataclass(slots=True)
class _Run:
    """The run of equal rows that reaches into the next batch."""

    values: dict[str, float] = field(default_factory=dict)
    start_ns: int = 0
    rows: int = 0


class SensorQuality:
    """Judges the rows of one sensor, batch after batch.

    Parameters
    ----------
    sensor : Sensor
        Row of the site file.
    health : SensorHealth
        Its newest time is carried on, its counts are kept up.
    """

    def __init__(self, sensor: Sensor, health: SensorHealth) -> None:
        self._sensor = sensor
        self._health = health
        self._live = sensor.origin is Origin.LIVE
        self._run = _Run()
        self._behind = False
        self._anchor_arrival_ns = 0
        self._anchor_time_ns = 0

    def flags(
        self,
        times_ns: TimeColumn,
        arrivals_ns: TimeColumn,
        channels: Mapping[str, FloatColumn],
        given: NDArray[np.uint16],
    ) -> NDArray[np.uint16]:
        """Flags of rows in the order of their arrival.

        Parameters
        ----------
        times_ns, arrivals_ns : int64 array, shape (n,)
            Own time of each row, and when its message arrived [UTC ns].
        channels : mapping of str to float array, shape (n,)
            Values.
        given : uint16 array, shape (n,)
            Flags that decoding gave.
        """
        flags = given.copy()
        health = self._health
        ahead: Bools | None = None
        if self._live:
            late, ahead, skewed = self._late_and_skewed(times_ns, arrivals_ns, given)
            flags[late] |= np.uint16(Flag.LATE)
            flags[skewed] |= np.uint16(Flag.SKEW)
            health.late += int(late.sum())
            health.skewed += int(skewed.sum())
            offset_s = (int(times_ns[-1]) - int(arrivals_ns[-1])) / 1e9
            health.skew_s = round(offset_s, 3) if skewed[-1] else None
        believed = times_ns if ahead is None else times_ns[~ahead]
        if believed.shape[0]:
            health.newest_ns = max(health.newest_ns, int(believed.max()))
        self._stuck(times_ns, channels, flags)
        self._clipped(channels, flags)
        self._battery(channels, flags)
        return flags

    def _late_and_skewed(
        self, times_ns: TimeColumn, arrivals_ns: TimeColumn, given: NDArray[np.uint16]
    ) -> tuple[Bools, Bools, Bools]:
        own_clock = (given & Flag.ARRIVAL_TIME) == 0
        ahead = (times_ns > arrivals_ns + _AHEAD_NS) & own_clock
        newest_ns = self._health.newest_ns
        # A clock that is ahead must not make every later row look late.
        seen = np.where(ahead, np.int64(newest_ns), times_ns)
        newest = np.maximum(np.maximum.accumulate(seen), newest_ns)
        late = times_ns < newest - LATE_NS
        self._judge_pace(int(newest[-1]), int(arrivals_ns[-1]))
        behind = own_clock & ~late & self._behind
        return late, ahead, ahead | behind

    def _judge_pace(self, newest_ns: int, arrival_ns: int) -> None:
        """A clock is behind when it keeps pace with arrivals at a constant distance.

        A sensor that sends what it had stored catches up faster than time passes and is not skewed.
        """
        if self._anchor_arrival_ns == 0:
            self._anchor_arrival_ns, self._anchor_time_ns = arrival_ns, newest_ns
            return
        elapsed_ns = arrival_ns - self._anchor_arrival_ns
        if elapsed_ns >= _PACE_WINDOW_NS:
            pace = (newest_ns - self._anchor_time_ns) / elapsed_ns
            self._behind = 0.9 < pace < 1.1 and arrival_ns - newest_ns > _BEHIND_NS
            self._anchor_arrival_ns, self._anchor_time_ns = arrival_ns, newest_ns

    def _stuck(
        self, times_ns: TimeColumn, channels: Mapping[str, FloatColumn], flags: NDArray[np.uint16]
    ) -> None:
        own = {name: column for name, column in channels.items() if QUANTITIES[name].kind is not None}
        if not own:
            return
        run = self._run
        rows = times_ns.shape[0]
        same = np.ones(rows, np.bool_)
        for name, column in own.items():
            same[1:] &= column[1:] == column[:-1]
            same[0] &= run.values.get(name) == float(column[0])
        same[0] &= run.values.keys() == own.keys()
        run.values = {name: float(column[-1]) for name, column in own.items()}
        if not same[-1] and not same.any():
            run.start_ns, run.rows = int(times_ns[-1]), 1
            return
        index = np.arange(rows)
        first = np.maximum.accumulate(np.where(same, -1, index))
        continued = first < 0
        start_ns = np.where(continued, np.int64(run.start_ns), times_ns[np.maximum(first, 0)])
        length = np.where(continued, index + 1 + run.rows, index - first + 1)
        run.start_ns, run.rows = int(start_ns[-1]), int(length[-1])
        rule = _STUCK[self._sensor.kind]
        stuck = (length >= rule.rows) & (times_ns - start_ns >= rule.span_ns)
        flags[stuck] |= np.uint16(Flag.STUCK)
        self._health.stuck += int(stuck.sum())

    def _clipped(self, channels: Mapping[str, FloatColumn], flags: NDArray[np.uint16]) -> None:
        range_g = self._sensor.range_g
        if range_g is None:
            return
        for name in ("acc_x", "acc_y", "acc_z"):
            column = channels.get(name)
            if column is not None:
                clipped = np.abs(column) >= _CLIPPED_SHARE * range_g
                flags[clipped] |= np.uint16(Flag.CLIPPED)
                self._health.clipped += int(clipped.sum())

    def _battery(self, channels: Mapping[str, FloatColumn], flags: NDArray[np.uint16]) -> None:
        column = channels.get("battery")
        if column is not None:
            sent = column[~np.isnan(column)]
            if sent.shape[0]:
                self._health.battery = float(sent[-1])
        level = self._health.battery
        if level is not None and level < _LOW_BATTERY_PERCENT:
            flags |= np.uint16(Flag.LOW_BATTERY)
