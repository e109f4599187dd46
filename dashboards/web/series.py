"""Traces of sensors at a workstation: which there are, their values, thinned for a screen or as a table."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.decimate import Decimated, min_max
from analysis.posture import inclination_deg
from dashboards.web.angle_minutes import MINUTE_COLUMNS, angle_seconds, minute_angles
from indicators.climate.rules import clothing_adjustment_c
from indicators.model import Audience
from ingest.store import Partition, ReadingQuery
from sensors.errors import GovernanceError
from sensors.quantities import QUANTITIES, Aggregation, Kind
from sensors.site_book import Posting, SiteBook

__all__ = ["LONG_NS", "Trace", "TraceReader", "thinned", "traces_of"]

Numbers = NDArray[np.float64]

_DAY_NS = 86_400_000_000_000
_SECOND_NS = 1_000_000_000
_WBGT = "wbgt"
# Channels that no sensor sends, with unit, period [s], and of which others of its kind one is needed.
_MADE = {
    "inclination": ("°", 1.0, ("acc_x",)),
    _WBGT: ("°C", 60.0, ("relative_humidity", "natural_wet_bulb_temperature")),
}
_CHANNELS = {
    Kind.NOISE: ("laeq", "lcpeak"),
    Kind.CLIMATE: (
        _WBGT,
        "air_temperature",
        "globe_temperature",
        "natural_wet_bulb_temperature",
        "relative_humidity",
    ),
    Kind.POSTURE: ("inclination",),
}
_KEPT_COLUMNS = 48
_GAP_PERIODS = 3
_MINUTES = "minutes"
_WBGT_COLUMNS = ("minute", "wbgt_ns", "wbgt_sum")
_MINUTE_COLUMNS = ("minute", "inclination_bins", "inclination_samples")
LONG_NS = _DAY_NS + _DAY_NS // 2
"""Windows of posture longer than this are drawn from minute summaries."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One channel of one sensor at one workstation, with the stretches it was posted there."""

    sensor: str
    label: str
    kind: Kind
    channel: str
    unit: str
    period_s: float
    worn: bool
    postings: tuple[Posting, ...]
    added: float = 0.0
    """What is added to each value: the clothing adjustment of the effective WBGT [°C]."""

    @property
    def key(self) -> str:
        """Name of the trace in a URL."""
        return f"{self.sensor}.{self.channel}"

    @property
    def longest_step_s(self) -> float:
        """A longer step between two values is a gap: three periods."""
        return max(self.period_s * _GAP_PERIODS, 2.0)


def traces_of(
    book: SiteBook, workstation: str, start_ns: int, end_ns: int, audience: Audience
) -> tuple[Trace, ...]:
    """Traces that `audience` may see at a workstation: worn sensors for the analyst only."""
    found: list[Trace] = []
    clothing = book.workstation(workstation).clothing
    for sensor in book.site.sensors:
        postings = tuple(
            posting
            for posting in book.assignments(sensor.id, start_ns, end_ns)
            if posting.workstation == workstation
        )
        worn = any(posting.mount.worn for posting in postings)
        if not postings or (worn and audience is not Audience.ANALYST):
            continue
        for channel in _CHANNELS[sensor.kind]:
            sources = _MADE[channel][2] if channel in _MADE else (channel,)
            if sensor.channels and not set(sources) & set(sensor.channels):
                continue
            quantity = QUANTITIES.get(channel)
            unit, period_s = _MADE[channel][:2] if quantity is None else (quantity.unit, quantity.period_s)
            found.append(
                Trace(
                    sensor=sensor.id,
                    label=sensor.label or sensor.id,
                    kind=sensor.kind,
                    channel=channel,
                    unit=unit,
                    period_s=period_s if quantity is None else sensor.period_s or period_s,
                    worn=worn,
                    postings=postings,
                    added=clothing_adjustment_c(clothing) if channel == _WBGT else 0.0,
                )
            )
    return tuple(found)


class TraceReader:
    """Reads columns of a store by UTC day and keeps the newest used ones while their day does not change."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[Any, ...], tuple[NDArray[np.int64], NDArray[np.float64]]] = (
            OrderedDict()
        )
        self._lock = threading.Lock()

    def read(
        self, book: SiteBook, trace: Trace, start_ns: int, end_ns: int, audience: Audience
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times and values within ``[start_ns, end_ns)`` and within the trace's postings.

        Raises
        ------
        GovernanceError
            A worn sensor is asked for outside the analyst audience.
        """
        self._permit(trace, audience)
        parts = [
            self._posted(book, trace, posting, start_ns, end_ns)
            for posting in trace.postings
            if posting.start_ns < end_ns and posting.end_ns > start_ns
        ]
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0)
        return np.concatenate([times for times, _ in parts]), np.concatenate([values for _, values in parts])

    @staticmethod
    def _permit(trace: Trace, audience: Audience) -> None:
        if trace.worn and audience is not Audience.ANALYST:
            raise GovernanceError(
                "traces of worn sensors are for the analyst only",
                value=trace.sensor,
                rule="viewers see aggregates over enough wearers",
                remedy="start the dashboard with --audience analyst where that is justified and logged",
                code="worn_trace",
            )

    def read_minutes(
        self, book: SiteBook, trace: Trace, start_ns: int, end_ns: int, audience: Audience
    ) -> tuple[NDArray[np.int64], Numbers, Numbers, Numbers] | None:
        """Minute by minute lowest, highest and mean angle from the summaries; ``None`` when there are none.

        A week of raw acceleration is too much for a screen; its minutes hold the same extremes to 1°.
        """
        self._permit(trace, audience)
        found = [minute_angles(table) for table in self._minute_tables(book, trace, start_ns, end_ns)]
        if not found:
            return None
        times, low, high, mean = (np.concatenate(parts) for parts in zip(*found, strict=True))
        inside = _posted_at(trace, times, start_ns, end_ns)
        return times[inside], low[inside], high[inside], mean[inside]

    def read_angle_seconds(
        self, book: SiteBook, trace: Trace, start_ns: int, end_ns: int, audience: Audience
    ) -> Numbers | None:
        """Seconds at each degree from the minute summaries; ``None`` when there are none.

        Raises
        ------
        GovernanceError
            As `read`.
        """
        self._permit(trace, audience)
        found = [
            angle_seconds(table, lambda times: _posted_at(trace, times, start_ns, end_ns))
            for table in self._minute_tables(book, trace, start_ns, end_ns)
        ]
        return np.sum(found, axis=0) if found else None

    def _minute_tables(self, book: SiteBook, trace: Trace, start_ns: int, end_ns: int) -> list[Any]:
        days = range(start_ns // _DAY_NS, -(-end_ns // _DAY_NS))
        tables = [
            self._store.read_summary(_MINUTES, _partition(trace, book.site.site.id, day), MINUTE_COLUMNS)
            for day in days
        ]
        return [table for table in tables if table is not None]

    def _posted(
        self, book: SiteBook, trace: Trace, posting: Posting, start_ns: int, end_ns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        low, high = max(posting.start_ns, start_ns), min(posting.end_ns, end_ns)
        columns = [self._day(book, trace, posting, day) for day in range(low // _DAY_NS, -(-high // _DAY_NS))]
        times = np.concatenate([column[0] for column in columns])
        values = np.concatenate([column[1] for column in columns])
        inside = (times >= low) & (times < high)
        return times[inside], values[inside]

    def _day(
        self, book: SiteBook, trace: Trace, posting: Posting, day: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        site = book.site.site.id
        if trace.channel == _WBGT:
            # Summaries come after their readings: kept by the state of those they would be stale.
            return self._wbgt(trace, site, day)
        state = self._store.fingerprint(_partition(trace, site, day))
        key = (trace.sensor, trace.channel, posting.calibration, day, state)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._fetch(book, trace, posting, site, day)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _KEPT_COLUMNS:
                self._kept.popitem(last=False)
        return found

    def _wbgt(self, trace: Trace, site: str, day: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Minute means of the effective WBGT, clothing included, from the summaries."""
        table = self._store.read_summary(_MINUTES, _partition(trace, site, day), _WBGT_COLUMNS)
        if table is None:
            return np.zeros(0, np.int64), np.zeros(0)
        times, held_ns, sums = (table.column(name).to_numpy() for name in _WBGT_COLUMNS)
        known = held_ns > 0
        return times[known].astype(np.int64), sums[known] / (held_ns[known] * 1e-9) + trace.added

    def _fetch(
        self, book: SiteBook, trace: Trace, posting: Posting, site: str, day: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        posture = trace.channel == "inclination"
        channels = ("acc_x", "acc_y", "acc_z") if posture else (trace.channel,)
        batch = self._store.read_columns(
            ReadingQuery(site, trace.sensor, trace.kind, day * _DAY_NS, (day + 1) * _DAY_NS, channels)
        )
        if not posture:
            column = batch.channels.get(trace.channel)
            return batch.times_ns, np.zeros(0) if column is None else np.asarray(column, np.float64)
        calibration = None if posting.calibration is None else book.calibration(posting.calibration)
        if calibration is None or calibration.upright is None or len(batch) == 0:
            return np.zeros(0, np.int64), np.zeros(0)
        return _inclination(batch.times_ns, [batch.channels[name] for name in channels], calibration.upright)


def _posted_at(trace: Trace, times: NDArray[np.int64], start_ns: int, end_ns: int) -> NDArray[np.bool_]:
    inside = np.zeros(times.size, dtype=bool)
    for posting in trace.postings:
        inside |= (times >= max(posting.start_ns, start_ns)) & (times < min(posting.end_ns, end_ns))
    return inside


def _partition(trace: Trace, site: str, day: int) -> Partition:
    return Partition(trace.kind, site, trace.sensor, datetime.fromtimestamp(day * 86_400, tz=UTC).date())


def _inclination(
    times: NDArray[np.int64], axes: list[Any], upright: tuple[float, float, float]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    # One angle a second from the mean acceleration of that second: enough for a screen, and low-passed.
    acc = np.stack([np.asarray(axis, np.float64) for axis in axes], axis=1)
    keep = np.isfinite(acc).all(axis=1)
    seconds, acc = times[keep] // _SECOND_NS, acc[keep]
    if seconds.size == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    starts = np.flatnonzero(np.concatenate(([True], np.diff(seconds) > 0)))
    summed = np.add.reduceat(acc, starts, axis=0)
    return seconds[starts] * _SECOND_NS, np.asarray(inclination_deg(summed, upright), np.float64)


def thinned(
    trace: Trace,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    start_ns: int,
    end_ns: int,
    buckets: int,
) -> Decimated:
    """The trace for a screen of `buckets` pixels; three missing periods make a gap."""
    quantity = QUANTITIES.get(trace.channel)
    return min_max(
        times,
        values,
        start_ns=start_ns,
        end_ns=end_ns,
        buckets=buckets,
        max_gap_ns=int(trace.longest_step_s * _SECOND_NS),
        energy=quantity is not None and quantity.aggregation is Aggregation.ENERGY,
    )
