"""What posture indicators carry for figures: distributions, bands, variation, hours and days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, pairwise
from statistics import fmean
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from indicators.posture.angles import histogram_percentiles
from indicators.posture.days import PostureGroup
from indicators.reduction.posture_bins import ANGLE_OFFSET, summary_plan
from indicators.reduction.posture_day import PostureDay
from indicators.site_hours import site_hour
from indicators.table_files import toml_table

__all__ = ["angle_bands", "angle_distribution", "band_edges_deg", "by_day", "by_hour", "variation"]

IntArray = NDArray[np.int64]

_PERCENTS = (1, 10, 50, 90, 95, 99)
_PERCENT_NAMES = tuple(f"p{percent}" for percent in _PERCENTS)


def angle_distribution(group: PostureGroup, angle: str) -> dict[str, object]:
    """Amplitude probability distribution of the pooled worker-days, in steps of 1°."""
    histogram, lowest = group.pooled_ns(angle), _lowest_deg(angle)
    total = float(histogram.sum())
    if not total:
        return {}
    cumulative = 100.0 * np.cumsum(histogram) / total
    inside = np.flatnonzero((cumulative > 0.05) & (cumulative < 99.95))
    first, last = (int(inside[0]), int(inside[-1])) if inside.size else (0, 0)
    kept = slice(max(first - 1, 0), last + 2)
    percentiles = histogram_percentiles(histogram[None], _PERCENTS, lowest)[0]
    return {
        "x": (np.arange(histogram.size)[kept] + lowest + 1).astype(float).tolist(),
        "cumulative_percent": cumulative[kept].tolist(),
        "percentiles": dict(zip(_PERCENT_NAMES, percentiles.tolist(), strict=True)),
        "unit": "°",
    }


def _lowest_deg(angle: str) -> int:
    """Lower edge of the first bin of an angle's histogram."""
    return -ANGLE_OFFSET if angle == "flexion" else 0


def band_edges_deg(segment: str) -> tuple[float, ...]:
    """Angles at which figures of a segment part the time; none where no figure does."""
    return tuple(float(edge) for edge in toml_table("posture")["figures"].get(segment, ()))


def angle_bands(group: PostureGroup, angle: str) -> dict[str, object]:
    """Share of the pooled time in the bands of the group's segment [%]."""
    edges = band_edges_deg(group.segment.value)
    histogram, lowest = group.pooled_ns(angle), _lowest_deg(angle)
    total = float(histogram.sum())
    if not edges or not total:
        return {}
    places = [int(edge) - lowest for edge in edges[:-1]] + [histogram.size]
    return {
        "edges": list(edges),
        "percent": [100.0 * float(histogram[a:b].sum()) / total for a, b in pairwise(places)],
        "unit": "°",
    }


def variation(days: Sequence[PostureDay]) -> dict[str, object]:
    """Exposure variation of the pooled worker-days [%]; the last duration class is open."""
    plan = summary_plan()
    total = np.sum([day.eva_ns for day in days], axis=0)
    if not total.any():
        return {}
    percent = 100.0 * total / total.sum()
    lowest = next(i for i in range(percent.shape[0]) if percent[i].any() or i == 1)
    return {
        "level_edges": [float(edge) for edge in plan.eva_levels_deg[lowest:]],
        "duration_edges_s": (plan.eva_durations_ns / 1e9).tolist(),
        "percent": percent[lowest:].tolist(),
        "unit": "°",
    }


def by_hour(group: PostureGroup, condition: str, zone: ZoneInfo) -> list[dict[str, float | int]]:
    """Share of the working time of each hour of the day, site time, in a condition [%], shift's order."""
    seen = [
        (day.day, figures.hours[condition])
        for day, figures in zip(group.days, group.figures, strict=True)
        if condition in figures.hours
    ]
    clock = [[site_hour(utc_hour * 3600, zone) for utc_hour in rows[0].tolist()] for _, rows in seen]
    hours = list(chain.from_iterable(clock))
    if not hours:
        return []
    parts_s, totals_s = (
        np.bincount(hours, np.concatenate([rows[place] for _, rows in seen]), minlength=24).tolist()
        for place in (1, 2)
    )
    days: dict[int, set[tuple[str, int]]] = defaultdict(set)
    wearers: dict[int, set[str | None]] = defaultdict(set)
    for (day, _), of_day in zip(seen, clock, strict=True):
        for hour in set(of_day):
            days[hour].add((day.sensor, day.start_ns))
            wearers[hour].add(day.wearer)
    whole = sum(parts_s)
    return [
        {
            "hour": hour,
            "value": 100.0 * parts_s[hour] / totals_s[hour],
            "share_percent": 100.0 * parts_s[hour] / whole if whole else 0.0,
            "measured_h": totals_s[hour] / 3600.0,
            "n_days": len(days[hour]),
            "n_wearers": len(wearers[hour] - {None}),
        }
        for hour in dict.fromkeys(hours)
        if totals_s[hour]
    ]


def by_day(group: PostureGroup, values: Sequence[float]) -> list[dict[str, object]]:
    """Mean of the values of the worker-days of each site date, and its coverage."""
    return [
        {
            "date": date.name,
            "value": fmean([values[place] for place in date.places]),
            "coverage": date.coverage,
        }
        for date in group.dates
    ]
