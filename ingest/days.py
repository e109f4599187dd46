"""UTC days and the nanoseconds they span."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from sensors.readings import TimeColumn

__all__ = ["DAY_NS", "day_bounds_ns", "day_of", "day_starts"]

DAY_NS = 86_400 * 10**9
_EPOCH = date(1970, 1, 1)


def day_bounds_ns(day: date) -> tuple[int, int]:
    """First nanosecond of the UTC `day` and of the next one."""
    start = (day - _EPOCH).days * DAY_NS
    return start, start + DAY_NS


def day_of(time_ns: int) -> date:
    """UTC date of `time_ns`."""
    return _EPOCH + timedelta(days=time_ns // DAY_NS)


def day_starts(times_ns: TimeColumn) -> NDArray[np.intp]:
    """Positions at which a new UTC day begins within ordered `times_ns`, the first row included."""
    if int(times_ns[0]) // DAY_NS == int(times_ns[-1]) // DAY_NS:
        return np.zeros(1, np.intp)
    days = times_ns // DAY_NS
    return np.flatnonzero(np.concatenate(([True], days[1:] != days[:-1])))
