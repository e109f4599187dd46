"""What indicators carry beside their value, in one shape for every drawing, whatever factor it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from dashboards.plots.contributions import HourShare

__all__ = [
    "Band",
    "Curve",
    "DayValue",
    "Matrix",
    "Task",
    "bands",
    "curve",
    "days",
    "hours",
    "matrix",
    "tasks",
]

_LEVEL_MARKS = {"l90_db": "L90", "l50_db": "L50", "l10_db": "L10"}
_LEVEL_BAND_DB = 5.0


@dataclass(frozen=True, slots=True)
class Task:
    """Part of the dose and of the measured time of one task [%], and its level [dB(A)]."""

    label: str | None
    dose_percent: float
    time_percent: float | None
    level_db: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Cumulative distribution: percent of time at or below each value, and the percentiles to mark."""

    x: tuple[float, ...]
    cumulative_percent: tuple[float, ...]
    marks: Mapping[str, float]
    thresholds: tuple[float, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class Band:
    """Share of time [%] in ``[low, high)``."""

    low: float
    high: float
    percent: float


@dataclass(frozen=True, slots=True)
class Matrix:
    """Exposure variation: percent of time per level (rows, lowest first) and uninterrupted duration."""

    level_edges: tuple[float, ...]
    duration_edges_s: tuple[float, ...]
    percent: tuple[tuple[float, ...], ...]
    unit: str


@dataclass(frozen=True, slots=True)
class DayValue:
    """Value of one site date, ``None`` when too little was measured, and the share that was."""

    day: date
    value: float | None
    coverage: float


def _rows(details: Mapping[str, object], *keys: str) -> Sequence[Mapping[str, Any]]:
    for key in keys:
        found = details.get(key)
        if isinstance(found, list | tuple) and found and isinstance(found[0], Mapping):
            return found
    return ()


def _table(details: Mapping[str, object], key: str) -> Mapping[str, Any] | None:
    found = details.get(key)
    return found if isinstance(found, Mapping) and found else None


def _number(row: Mapping[str, Any], *keys: str) -> float | None:
    return next((float(row[key]) for key in keys if row.get(key) is not None), None)


def tasks(details: Mapping[str, object]) -> tuple[Task, ...]:
    """Contributions by task, largest dose first."""
    rows = _rows(details, "by_task", "tasks")
    measured_h = sum(_number(row, "measured_h") or 0.0 for row in rows)
    found = []
    for row in rows:
        share = _number(row, "time_percent")
        if share is None and measured_h and row.get("measured_h") is not None:
            share = 100.0 * float(row["measured_h"]) / measured_h
        label = row.get("label", row.get("task"))
        found.append(
            Task(
                None if label is None else str(label),
                _number(row, "dose_percent", "share_percent") or 0.0,
                share,
                _number(row, "level_db", "laeq_db"),
            )
        )
    return tuple(sorted(found, key=lambda task: -task.dose_percent))


def hours(details: Mapping[str, object]) -> tuple[HourShare, ...]:
    """Contributions by hour of the day, in the order of the shift."""
    return tuple(
        HourShare(
            int(row["hour"]),
            _number(row, "dose_percent", "share_percent") or 0.0,
            float(row.get("coverage", 1.0)),
        )
        for row in _rows(details, "by_hour", "hours")
    )


def hour_values(details: Mapping[str, object]) -> Mapping[int, float]:
    """Value of each hour of the day over all worker-days, in the indicator's unit, where there is one."""
    found: dict[int, float] = {}
    for row in _rows(details, "by_hour", "hours"):
        value = _number(row, "value", "laeq_db", "mean", "share")
        if value is not None:
            found[int(row["hour"])] = value
    return found


def curve(details: Mapping[str, object]) -> Curve | None:
    """Cumulative distribution of angles, where the indicator carries one."""
    found = _table(details, "distribution")
    if found is None or "x" not in found:
        return None
    marks = _table(details, "percentiles") or found.get("percentiles") or {}
    return Curve(
        tuple(float(v) for v in found["x"]),
        tuple(float(v) for v in found["cumulative_percent"]),
        {str(name).upper(): float(value) for name, value in marks.items()},
        tuple(float(v) for v in found.get("thresholds", ())),
        str(found.get("unit", "°")),
    )


def bands(details: Mapping[str, object]) -> tuple[tuple[Band, ...], Mapping[str, float], str]:
    """Time in bands, the levels exceeded 10, 50 and 90 % of the time, and the unit."""
    table = _table(details, "bands")
    if table is not None:
        edges = [float(v) for v in table["edges"]]
        rows = tuple(
            Band(low, high, float(share))
            for (low, high), share in zip(pairwise(edges), table["percent"], strict=True)
        )
        return rows, {}, str(table.get("unit", "°"))
    levels = _table(details, "distribution")
    if levels is None or "bands" not in levels:
        return (), {}, ""
    rows = tuple(
        Band(float(row["from_db"]), float(row["from_db"]) + _LEVEL_BAND_DB, float(row["share_percent"]))
        for row in levels["bands"]
    )
    marks = {name: float(levels[key]) for key, name in _LEVEL_MARKS.items() if key in levels}
    return rows, marks, "dB(A)"


def matrix(details: Mapping[str, object]) -> Matrix | None:
    """Exposure variation analysis, where the indicator carries one."""
    found = _table(details, "eva")
    if found is None:
        return None
    return Matrix(
        tuple(float(v) for v in found["level_edges"]),
        tuple(float(v) for v in found["duration_edges_s"]),
        tuple(tuple(float(v) for v in row) for row in found["percent"]),
        str(found.get("unit", "°")),
    )


def days(details: Mapping[str, object]) -> tuple[DayValue, ...]:
    """Values day by day, in time order."""
    return tuple(
        DayValue(
            date.fromisoformat(str(row["date"])),
            _number(row, "value"),
            float(row.get("coverage", 1.0 if row.get("value") is not None else 0.0)),
        )
        for row in sorted(_rows(details, "days"), key=lambda row: str(row["date"]))
    )
