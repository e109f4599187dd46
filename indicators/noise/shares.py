"""Where the dose comes from, hour by hour and task by task, and how the levels are distributed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analysis.levels import level
from indicators.model import WorkerDay
from indicators.noise.days import hours
from indicators.noise.measures import DoseScheme, dose_percent
from indicators.reduction.noise import HISTOGRAM_LOW_DB, NoiseDay
from indicators.site_hours import site_hour

__all__ = ["HourShares", "by_day", "by_hour", "by_task", "distribution", "scheme_dose_percent"]

Floats = NDArray[np.float64]
HourShares = list[dict[str, float | int]]

# Offsets from UTC are whole quarters of an hour.
_QUARTER_S = 900
_QUARTER_NS = _QUARTER_S * 1_000_000_000
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


def by_hour(days: Sequence[NoiseDay], zone: ZoneInfo) -> HourShares:
    """Share of the dose of each hour of the day, site time, over all worker-days.

    Returns
    -------
    list of dict
        ``hour`` (0–23), ``share_percent`` of the energy, ``laeq_db``, ``measured_h``, ``n_days`` and
        ``n_wearers`` behind it (for the group-size rules), from the shift's first hour on.
    """
    heard = [day for day in days if day.minutes_ns.size]
    if not heard:
        return []
    runs = [_hours_in_turn(day, zone) for day in heard]
    hour = np.concatenate([np.repeat(clock, minutes) for clock, minutes in runs])
    energy = np.bincount(hour, np.concatenate([day.minute_energy for day in heard]), minlength=24)
    held = np.bincount(hour, np.concatenate([day.minute_laeq_ns for day in heard]), minlength=24)
    behind: dict[int, list[WorkerDay]] = defaultdict(list)
    for day, (clock, _) in zip(heard, runs, strict=True):
        for item in set(clock):
            behind[item].append(day.day)
    first = site_hour(days[0].day.start_ns // _QUARTER_NS * _QUARTER_S, zone)
    shown = sorted(np.flatnonzero(held).tolist(), key=lambda item: (item - first) % 24)
    shares = 100.0 * energy[shown] / float(energy.sum())
    levels = level(energy[shown] / (held[shown] * 1e-9))
    return [
        {
            "hour": item,
            "share_percent": share,
            "laeq_db": laeq,
            "measured_h": hours(int(held[item])),
            "n_days": len(behind[item]),
            "n_wearers": len({day.wearer for day in behind[item] if day.wearer is not None}),
        }
        for item, share, laeq in zip(shown, shares.tolist(), levels.tolist(), strict=True)
    ]


def by_task(days: Sequence[NoiseDay]) -> list[dict[str, float | int | str | None]]:
    """Share of the dose of each named task over all worker-days, largest first; empty without task logs."""
    if all(span.task is None for day in days for span in day.day.spans):
        return []
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
    if total <= 0:
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
    below_ns = np.concatenate([[0], np.cumsum(pooled)])
    below = below_ns / total
    holds = pooled > 0
    # Only bins that hold time: between two of them the level did not occur.
    points = np.flatnonzero(np.append(holds, False) | np.append(False, holds))
    found = {
        f"l{percent}_db": float(np.interp(1.0 - percent / 100.0, below[points], edges[points]))
        for percent in _PERCENTS
    }
    starts = range(int(edges[points[0]] // 5 * 5), int(-(-edges[points[-1]] // 5) * 5), 5)
    limits = np.array([*starts, starts.stop]) - HISTOGRAM_LOW_DB
    held_ns = np.diff(below_ns[np.clip(limits, 0, pooled.size)])
    bands = [
        {"from_db": start, "share_percent": 100.0 * float(held) / total}
        for start, held in zip(starts, held_ns, strict=True)
    ]
    return {**found, "basis": f"LAeq,{period_s:g}s, 1 dB", "bands": bands}


def scheme_dose_percent(days: Sequence[NoiseDay], scheme: DoseScheme, te_h: float) -> float:
    """Mean daily dose [%] by a scheme with its own exchange rate and threshold, from the histogram."""
    of_bins = _dose_of_bins(days[0].histogram_ns.size, scheme, te_h)
    held = np.array([day.histogram_ns for day in days], dtype=np.float64)
    return float(np.mean(held @ of_bins / held.sum(axis=1)))


@lru_cache(maxsize=64)
def _dose_of_bins(size: int, scheme: DoseScheme, te_h: float) -> Floats:
    """Dose of a day spent in each bin of the histogram [%]."""
    centres = HISTOGRAM_LOW_DB + 0.5 + np.arange(size)
    return dose_percent(centres, te_h, scheme.criterion_db, scheme.exchange_db, scheme.threshold_db)


def _hours_in_turn(day: NoiseDay, zone: ZoneInfo) -> tuple[list[int], NDArray[np.int64]]:
    """Hours of the day, site time, that the minutes of a worker-day run through, and minutes of each run."""
    quarters = day.minutes_ns // _QUARTER_NS
    begins = np.flatnonzero(np.append(True, quarters[1:] != quarters[:-1]))
    clock = [site_hour(quarter * _QUARTER_S, zone) for quarter in quarters[begins].tolist()]
    return clock, np.diff(np.append(begins, quarters.size))
