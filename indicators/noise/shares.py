"""Where the dose comes from, hour by hour and task by task, and how the levels are distributed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analysis.levels import level
from indicators.noise.days import hours
from indicators.noise.measures import DoseScheme, dose_percent
from indicators.reduction.noise import HISTOGRAM_LOW_DB, NoiseDay

__all__ = ["by_day", "by_hour", "by_task", "distribution", "scheme_dose_percent"]

Floats = NDArray[np.float64]

# Offsets from UTC are whole quarters of an hour.
_QUARTER_NS = 900_000_000_000
_PERCENTS = (10, 50, 90)
_DAY_H = 8.0


def by_day(days: Sequence[NoiseDay], te_h: float | None) -> list[dict[str, object]]:
    """Level of each site date brought to 8 h [dB(A)], energy mean over its worker-days, with its coverage.

    `te_h` is the effective duration of the day [h]; without it the level stays as measured.
    """
    rows: dict[str, list[NoiseDay]] = defaultdict(list)
    for day in days:
        rows[day.day.day.isoformat()].append(day)
    shift_db = 0.0 if te_h is None else 10.0 * float(np.log10(te_h / _DAY_H))
    found: list[dict[str, object]] = []
    for name, group in sorted(rows.items()):
        present_ns = sum(day.laeq_ns for day in group)
        energy = sum(day.laeq_energy for day in group)
        found.append(
            {
                "date": name,
                "value": float(level(energy / (present_ns * 1e-9))) + shift_db if present_ns else None,
                "coverage": float(np.mean([day.coverage for day in group])),
            }
        )
    return found


def by_hour(days: Sequence[NoiseDay], zone: ZoneInfo) -> list[dict[str, float | int]]:
    """Share of the dose of each hour of the day, site time, over all worker-days.

    Returns
    -------
    list of dict
        ``hour`` (0–23), ``share_percent`` of the energy, ``laeq_db``, ``measured_h``, ``n_days`` and
        ``n_wearers`` behind it (for the group-size rules), from the shift's first hour on.
    """
    heard = [(index, day) for index, day in enumerate(days) if day.minutes_ns.size]
    if not heard:
        return []
    hour = _local_hours(np.concatenate([day.minutes_ns for _, day in heard]), zone)
    energy = np.bincount(hour, np.concatenate([day.minute_energy for _, day in heard]), minlength=24)
    held = np.bincount(hour, np.concatenate([day.minute_laeq_ns for _, day in heard]), minlength=24)
    owner = np.concatenate([np.full(day.minutes_ns.size, index) for index, day in heard])
    pairs = np.unique(hour * len(days) + owner)
    total = float(energy.sum())
    found: list[dict[str, float | int]] = []
    first = int(_local_hours(np.array([days[0].day.start_ns]), zone)[0])
    for item in sorted(np.flatnonzero(held), key=lambda value: (value - first) % 24):
        behind = [days[pair % len(days)].day for pair in pairs[pairs // len(days) == item]]
        found.append(
            {
                "hour": int(item),
                "share_percent": 100.0 * float(energy[item]) / total,
                "laeq_db": float(level(energy[item] / (held[item] * 1e-9))),
                "measured_h": hours(int(held[item])),
                "n_days": len(behind),
                "n_wearers": len({day.wearer for day in behind if day.wearer is not None}),
            }
        )
    return found


def by_task(days: Sequence[NoiseDay]) -> list[dict[str, float | int | str | None]]:
    """Share of the dose of each named task over all worker-days, largest first; empty without task logs."""
    energy: dict[str | None, float] = defaultdict(float)
    present_ns: dict[str | None, int] = defaultdict(int)
    worn_by: dict[str | None, set[str]] = defaultdict(set)
    for day in days:
        for index, span in enumerate(day.day.spans):
            inside = day.minute_span == index
            energy[span.task] += float(day.minute_energy[inside].sum())
            present_ns[span.task] += int(day.minute_laeq_ns[inside].sum())
            if day.day.wearer is not None:
                worn_by[span.task].add(day.day.wearer)
    total = sum(energy.values())
    if set(energy) <= {None} or total <= 0:
        return []
    return [
        {
            "task": task,
            "share_percent": 100.0 * energy[task] / total,
            "laeq_db": float(level(energy[task] / (present_ns[task] * 1e-9))),
            "measured_h": hours(present_ns[task]),
            "n_wearers": len(worn_by[task]),
        }
        for task in sorted(energy, key=lambda item: (-energy[item], item or ""))
        if present_ns[task]
    ]


def distribution(days: Sequence[NoiseDay], period_s: float) -> dict[str, object]:
    """L10, L50, L90 and time in 5-dB bands from the pooled 1-dB histogram, with their basis.

    Returns
    -------
    dict
        ``l10_db`` …, ``basis`` (what was ranked), ``bands``: lower edge [dB], share of time [%].
    """
    pooled = np.sum([day.histogram_ns for day in days], axis=0)
    total = int(pooled.sum())
    if total == 0:
        return {}
    edges = HISTOGRAM_LOW_DB + np.arange(pooled.size + 1, dtype=np.float64)
    below = np.concatenate([[0], np.cumsum(pooled)]) / total
    filled = np.flatnonzero(pooled)
    # Only bins that hold time: between two of them the level did not occur.
    points = np.unique(np.concatenate([filled, filled + 1]))
    found = {
        f"l{percent}_db": float(np.interp(1.0 - percent / 100.0, below[points], edges[points]))
        for percent in _PERCENTS
    }
    low = int(edges[filled[0]] // 5 * 5)
    high = int(-(-edges[filled[-1] + 1] // 5) * 5)
    bands = [
        {
            "from_db": band,
            "share_percent": 100.0 * float(pooled[_bins(band, band + 5, pooled.size)].sum()) / total,
        }
        for band in range(low, high, 5)
    ]
    return {**found, "basis": f"LAeq,{period_s:g}s, 1 dB", "bands": bands}


def scheme_dose_percent(days: Sequence[NoiseDay], scheme: DoseScheme, te_h: float) -> float:
    """Mean daily dose [%] by a scheme with its own exchange rate and threshold, from the histogram."""
    centres = HISTOGRAM_LOW_DB + 0.5 + np.arange(days[0].histogram_ns.size)
    of_bins = dose_percent(centres, te_h, scheme.criterion_db, scheme.exchange_db, scheme.threshold_db)
    held = np.array([day.histogram_ns for day in days], dtype=np.float64)
    return float(np.mean(held @ of_bins / held.sum(axis=1)))


def _bins(low_db: int, high_db: int, size: int) -> slice:
    return slice(max(0, low_db - HISTOGRAM_LOW_DB), min(size, high_db - HISTOGRAM_LOW_DB))


def _local_hours(moments_ns: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Hour of the day, site time, of each moment; each UTC hour is converted once."""
    utc, index = np.unique(moments_ns // _QUARTER_NS, return_inverse=True)
    local = [datetime.fromtimestamp(int(quarter) * 900, UTC).astimezone(zone).hour for quarter in utc]
    return np.array(local, dtype=np.int64)[index]
