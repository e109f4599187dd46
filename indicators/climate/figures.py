"""What climate indicators carry for figures: values day by day and hour by hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from zoneinfo import ZoneInfo

import numpy as np

from indicators.climate.result import ShiftDay
from indicators.site_hours import site_hour

__all__ = ["days_of", "wbgt_by_hour"]

_HOUR_NS = 3_600_000_000_000


def days_of(found: Sequence[tuple[ShiftDay, float, float]]) -> list[dict[str, object]]:
    """Mean of each site date over its shifts, with the mean coverage.

    Parameters
    ----------
    found : sequence of (ShiftDay, value, coverage)
    """
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for day, value, coverage in found:
        rows[day.sensors[0].day.day.isoformat()].append((value, coverage))
    return [
        {
            "date": name,
            "value": fmean([value for value, _ in pairs]),
            "coverage": fmean([share for _, share in pairs]),
        }
        for name, pairs in sorted(rows.items())
    ]


def wbgt_by_hour(days: Sequence[ShiftDay], added_c: float, zone: ZoneInfo) -> list[dict[str, float | int]]:
    """Mean effective WBGT of each hour of the day [°C]; of several sensors of a place, the hottest."""
    sums: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for sensor in (sensor for day in days for sensor in day.sensors if sensor.minutes_ns.size):
        utc_hours = sensor.minutes_ns // _HOUR_NS
        begins = np.flatnonzero(np.append(True, np.diff(utc_hours) > 0))
        parts = np.add.reduceat(sensor.minute_wbgt_sum, begins).tolist()
        held_s = (np.add.reduceat(sensor.minute_wbgt_ns, begins) * 1e-9).tolist()
        for utc_hour, part, held in zip(utc_hours[begins].tolist(), parts, held_s, strict=True):
            if held:
                hour = site_hour(utc_hour * 3600, zone)
                entry = sums[hour][sensor.day.sensor]
                entry[0] += part
                entry[1] += held
    return [
        {
            "hour": hour,
            "value": max(part / held for part, held in of_sensor.values()) + added_c,
            "measured_h": max(held for _, held in of_sensor.values()) / 3600.0,
        }
        for hour, of_sensor in sums.items()
    ]
