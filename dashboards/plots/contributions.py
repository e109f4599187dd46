"""What makes the dose: shares by task beside their share of time, and by hour of the day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.plots import svg
from dashboards.plots.axes import Axis

__all__ = ["MISSING_BELOW", "HourShare", "TaskShare", "hour_bars", "task_bars"]

Say = Callable[[float], str]
_WIDTH = 400.0
_HOURS_BOTTOM = 136.0
MISSING_BELOW = 0.8


@dataclass(frozen=True, slots=True)
class TaskShare:
    """Part of the dose and of the time that a task takes, 0–100 %, and its own level."""

    label: str
    dose_percent: float
    time_percent: float
    level: str = ""


@dataclass(frozen=True, slots=True)
class HourShare:
    """Part of the dose made in one hour of the day; `coverage` 0–1 of that hour was measured."""

    hour: int
    dose_percent: float
    coverage: float = 1.0


def task_bars(
    tasks: Sequence[TaskShare],
    *,
    dose: str,
    time: str,
    level: str,
    say_both: Callable[[float, float], str],
    alt: str,
) -> str:
    """Two bars a task: dose (dark) over time (light), largest dose first, both shares in words."""
    top = max((max(task.dose_percent, task.time_percent) for task in tasks), default=1.0) or 1.0
    across = Axis(0.0, top, 0.0, 236.0)
    body = [
        svg.rect(0, 5, 20, 7, "barfill"),
        svg.label(26, 12, dose, "t-s"),
        svg.rect(130, 7, 20, 3, "fillrule"),
        svg.label(156, 12, time, "t-s"),
        svg.label(_WIDTH, 12, level, "t-s e"),
    ]
    for index, task in enumerate(sorted(tasks, key=lambda item: -item.dose_percent)):
        y = 26 + index * 38
        longest = max(across(task.dose_percent), across(task.time_percent))
        body += [
            svg.label(0, y + 10, _short(task.label), "t-ink"),
            svg.label(_WIDTH, y + 10, task.level, "t-ink e"),
            svg.rect(0, y + 15, across(task.dose_percent), 9, "barfill"),
            svg.rect(0, y + 26, across(task.time_percent), 3, "fillrule"),
            svg.label(longest + 8, y + 25, say_both(task.dose_percent, task.time_percent), "t-ink t-s"),
        ]
    return svg.document(_WIDTH, 32 + 38 * len(tasks), body, alt=alt)


def _short(label: str, most: int = 48) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def hour_bars(hours: Sequence[HourShare], *, say: Say, say_hour: Callable[[int], str], alt: str) -> str:
    """A column an hour; hours that were hardly measured are hatched and count only what was measured."""
    if not hours:
        return svg.document(_WIDTH, 20, [], alt=alt)
    top = max(hour.dose_percent for hour in hours) or 1.0
    step = _WIDTH / len(hours)
    up = Axis(0.0, top, _HOURS_BOTTOM, 18.0)
    body = [svg.line(0, _HOURS_BOTTOM + 0.5, _WIDTH, _HOURS_BOTTOM + 0.5, "ax")]
    every = max(1, -(-len(hours) // 12))
    for index, hour in enumerate(hours):
        x = index * step
        y = up(hour.dose_percent)
        if hour.coverage < MISSING_BELOW:
            body.append(svg.rect(x + 1, 18, step - 2, _HOURS_BOTTOM - 18, hatch=True))
        body.append(svg.rect(x + 1, y, step - 2, _HOURS_BOTTOM - y, "barfill"))
        if hour.dose_percent > 0:
            body.append(svg.label(x + step / 2, y - 4, say(hour.dose_percent), "t-s m halo"))
        if index % every == 0:
            body.append(svg.label(x + step / 2, _HOURS_BOTTOM + 16, say_hour(hour.hour), "t-f t-s m"))
    return svg.document(_WIDTH, _HOURS_BOTTOM + 22, body, alt=alt)
