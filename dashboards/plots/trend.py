"""Small multiples over time: the trend of some weeks, a before/after pair, a sensor's week as a strip."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dashboards.plots import svg
from dashboards.plots.axes import Axis
from dashboards.plots.tokens import VERDICT_CLASS
from dashboards.plots.verdicts import glyph_at
from indicators.model import Verdict

__all__ = ["TrendPoint", "before_after", "strip", "trend"]

TrendPoint = tuple[float | None, float | None, float | None, Verdict]
"""Value, low, high and verdict of one week; all ``None`` when it was not measured."""


def _spread(numbers: Sequence[float]) -> tuple[float, float]:
    low, high = min(numbers), max(numbers)
    margin = (high - low) * 0.15 or 1.0
    return low - margin, high + margin


def trend(
    points: Sequence[TrendPoint],
    limit: float | None,
    *,
    labels: Sequence[str],
    say: Callable[[float], str],
    say_value: Callable[[float], str],
    alt: str | None = None,
) -> str:
    """Whiskers of consecutive weeks against the limit, the newest at the right; missing weeks are hatched.

    Parameters
    ----------
    labels : sequence of str
        Name of each week, under its column.
    say, say_value : callable
        Write the limit and a week's value.
    """
    width, height, bottom_y = 300.0, 112.0, 90.0
    numbers = [n for point in points for n in point[:3] if n is not None]
    if limit is not None:
        numbers.append(limit)
    low, high = _spread(numbers or [0.0, 1.0])
    up = Axis(low, high, bottom_y - 4, 16.0)
    end = width - 34
    step = end / max(len(points), 1)
    body = [svg.line(0, bottom_y + 0.5, end, bottom_y + 0.5, "ax")]
    if limit is not None:
        body += [
            svg.line(0, up(limit), end, up(limit), "lm"),
            svg.label(end + 5, up(limit) + 4, say(limit), "t-b t-s"),
        ]
    for index, (point, name) in enumerate(zip(points, labels, strict=True)):
        value, bottom, top, verdict = point
        x = (index + 0.5) * step
        newest = index == len(points) - 1
        body.append(svg.label(x, bottom_y + 16, name, "t-b t-s m" if newest else "t-f t-s m"))
        if value is None:
            body.append(svg.rect(x - step / 2 + 8, 14, step - 16, bottom_y - 14, hatch=True))
            continue
        if bottom is not None and top is not None and up(bottom) - up(top) > 0.5:
            body.append(svg.line(x, up(bottom), x, up(top), f"wk-l s-{VERDICT_CLASS[verdict]}"))
        body.append(glyph_at(verdict, x, up(value), 0.9))
        body.append(svg.label(x + 9, up(value) + 4, say_value(value), "t-b t-s halo"))
    return svg.document(width, height, body, alt=alt, css_class="trend")


def before_after(
    rows: Sequence[tuple[str, float, float, float]],
    *,
    limit: float | None,
    say: Callable[[float], str],
    alt: str,
) -> str:
    """Values with their intervals on one scale: before, after, and the control when there is one.

    Parameters
    ----------
    rows : sequence of (label, value, low, high)
    """
    numbers = [n for _, *values in rows for n in values] + ([] if limit is None else [limit])
    low, high = _spread(numbers or [0.0, 1.0])
    across = Axis(low, high, 150.0, 540.0)
    height = 20 + 34 * len(rows)
    body = []
    if limit is not None:
        body += [
            svg.line(across(limit), 4, across(limit), height - 8, "lm"),
            svg.label(across(limit), height + 6, say(limit), "t-b t-s m"),
        ]
    for index, (name, value, bottom, top) in enumerate(rows):
        y = 20 + 34 * index
        strokes = [
            svg.line(across(bottom), y, across(top), y, "wk-l"),
            svg.line(across(bottom), y - 5, across(bottom), y + 5, "cap"),
            svg.line(across(top), y - 5, across(top), y + 5, "cap"),
        ]
        body += [
            svg.label(140, y + 4, name, "t-ink t-l e"),
            svg.group(strokes, "s-info"),
            svg.circle(across(value), y, 4, "fillink"),
            svg.label(across(value), y - 9, say(value), "t-b t-s m halo"),
        ]
    return svg.document(560, height + 12, body, alt=alt)


def strip(hours: Sequence[str], *, alt: str) -> str:
    """One small column an hour: ``received``, ``missing`` (expected, hatched) or ``idle`` (not expected)."""
    width, height = 252.0, 20.0
    step = width / max(len(hours), 1)
    body: list[str] = []
    start = 0
    for index in range(1, len(hours) + 1):
        if index < len(hours) and hours[index] == hours[start]:
            continue
        x, span = start * step, (index - start) * step
        if hours[start] == "received":
            body.append(svg.rect(x, 3, span, 14, "barfill"))
        elif hours[start] == "missing":
            body.append(svg.rect(x, 3, span, 14, hatch=True))
        else:
            body.append(svg.line(x, 10, x + span, 10, "gr"))
        start = index
    return svg.document(width, height, body, alt=alt, css_class="strip")
