"""A sensor's week hour by hour: received, expected and missing, or not expected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.plots.trend import strip
from indicators.disclosure.publication import is_worn_posting
from indicators.model import Audience
from ingest.store import Partition
from sensors.periods import DatePeriod
from sensors.site_book import SiteBook
from sensors.site_model import Sensor

__all__ = ["hour_states", "sensor_strips"]

_HOUR_NS = 3_600_000_000_000
_MINUTE_NS = 60_000_000_000
_RECEIVED_FROM = 0.8
_MINUTES = "minutes"


def sensor_strips(
    book: SiteBook, store: Any, period: DatePeriod, audience: Audience, say: Callable[..., str]
) -> dict[str, str]:
    """Drawing of each sensor's week; of worn sensors for the analyst only, for it tells when one was worn."""
    start_ns, end_ns = period.bounds_ns(book.zone)
    found = {}
    for sensor in book.site.sensors:
        if is_worn_posting(book, sensor.id) and audience is not Audience.ANALYST:
            continue
        states = hour_states(book, store, sensor, start_ns, end_ns)
        counts = {name: states.count(name) for name in ("received", "missing")}
        found[sensor.id] = strip(states, alt=say("pages.strip_alt", **counts))
    return found


def hour_states(book: SiteBook, store: Any, sensor: Sensor, start_ns: int, end_ns: int) -> list[str]:
    """State of each hour from `start_ns` to `end_ns`, as `dashboards.plots.trend.strip` draws them."""
    hours = (end_ns - start_ns) // _HOUR_NS
    minutes = np.zeros(hours * 60, dtype=bool)
    here = _measured(book, store, sensor, start_ns, end_ns)
    minutes[here[here < minutes.size]] = True
    expected = np.zeros(hours * 60, dtype=bool)
    for low, high in _expected(book, sensor, start_ns, end_ns):
        expected[(low - start_ns) // _MINUTE_NS : (high - start_ns) // _MINUTE_NS] = True
    for low, high in book.pauses(sensor.id, start_ns, end_ns):
        # The minutes of both edges too: a pause is never counted as missing.
        expected[(low - start_ns) // _MINUTE_NS : -(-(high - start_ns) // _MINUTE_NS)] = False
    got, due = minutes.reshape(-1, 60), expected.reshape(-1, 60)
    states = []
    for measured, wanted in zip(got, due, strict=True):
        if wanted.any():
            share = float((measured & wanted).sum()) / float(wanted.sum())
            states.append("received" if share >= _RECEIVED_FROM else "missing")
        else:
            states.append("received" if measured.mean() >= _RECEIVED_FROM else "idle")
    return states


def _measured(book: SiteBook, store: Any, sensor: Sensor, start_ns: int, end_ns: int) -> NDArray[np.int64]:
    """Minutes with readings, counted from `start_ns`."""
    day = datetime.fromtimestamp(start_ns / 1e9, tz=UTC).date()
    last = datetime.fromtimestamp(end_ns / 1e9, tz=UTC).date()
    found = []
    while day <= last:
        table = store.read_summary(
            _MINUTES, Partition(sensor.kind, book.site.site.id, sensor.id, day), ("minute",)
        )
        if table is not None:
            found.append(table.column("minute").cast("int64").to_numpy())
        day += timedelta(days=1)
    times = np.concatenate(found) if found else np.zeros(0, np.int64)
    inside = times[(times >= start_ns) & (times < end_ns)]
    return np.asarray((inside - start_ns) // _MINUTE_NS, dtype=np.int64)


def _expected(book: SiteBook, sensor: Sensor, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
    """Shifts, less their breaks, of the workstations at which the sensor is posted."""
    first, last = book.local(start_ns).date(), book.local(end_ns - 1).date()
    spans = []
    for posting in book.assignments(sensor.id, start_ns, end_ns):
        for window in book.shift_windows(posting.workstation, first, last):
            edges = [window.start_ns, *(edge for pause in window.breaks for edge in pause), window.end_ns]
            spans += [
                (max(low, posting.start_ns, start_ns), min(high, posting.end_ns, end_ns))
                for low, high in zip(edges[::2], edges[1::2], strict=True)
            ]
    return [(low, high) for low, high in spans if high > low]
