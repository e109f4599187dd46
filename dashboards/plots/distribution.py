"""Distributions: cumulative curve with P10/P50/P90, exposure variation matrix, time in bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from dashboards.plots import svg
from dashboards.plots.axes import Axis, ticks

__all__ = ["apdf", "eva", "time_in_bands"]

Say = Callable[[float], str]
_WIDTH = 400.0
_BOTTOM, _TOP = 168.0, 10.0
_EVA_SHADES = 5
_EVA_ROW = 24.0
_LABEL_WIDTH = 84.0
_FREE_PERCENT = 60.0


def apdf(
    x: Sequence[float],
    cumulative_percent: Sequence[float],
    *,
    percentiles: Mapping[str, float],
    thresholds: Sequence[float],
    x_label: str,
    y_label: str,
    say: Say,
    alt: str,
    say_mark: Say | None = None,
    say_beyond: Callable[[float, float], str] | None = None,
    thin: Sequence[Sequence[float]] = (),
) -> str:
    """Amplitude probability distribution: percent of time at or below each value.

    Parameters
    ----------
    x, cumulative_percent : sequence of float, same length
        Values ascending and the percent of time at or below each.
    percentiles : mapping
        ``{"P10": 13.0, …}``: marked on the curve.
    thresholds : sequence of float
        Values shown as limits; the part beyond the first is washed.
    say_beyond : callable, optional
        Writes the percent of time at or beyond a threshold (percent, threshold), shown beside its line.
    thin : sequence of sequences
        Further curves on the same `x` (days), drawn thin.
    """
    low, high = _span(x, cumulative_percent, thresholds)
    across, up = Axis(low, high, 34.0, _WIDTH - 12), Axis(0.0, 100.0, _BOTTOM, _TOP)
    body: list[str] = []
    if thresholds:
        first = min(thresholds)
        body.append(svg.rect(across(first), _TOP, across.end - across(first), _BOTTOM - _TOP, "z2"))
    for level in (0.0, 25.0, 50.0, 75.0, 100.0):
        body += [
            svg.line(across.start, up(level), across.end, up(level), "gr"),
            svg.label(28, up(level) + 4, say(level), "t-f t-s e"),
        ]
    for value in ticks(low, high, 6):
        if all(abs(across(value) - across(limit)) > 20 for limit in thresholds):
            body.append(svg.label(across(value), _BOTTOM + 16, say(value), "t-f t-s m"))
    for limit in thresholds:
        body += [
            svg.line(across(limit), _TOP, across(limit), _BOTTOM + 4, "lm"),
            svg.label(across(limit), _BOTTOM + 16, say(limit), "t-b t-s m"),
        ]
    for curve in thin:
        body.append(svg.path(_curve(x, curve, across, up), "cu-thin"))
    body.append(svg.path(_curve(x, cumulative_percent, across, up), "cu"))
    for name, value in percentiles.items():
        level = float(name.lstrip("pP"))
        body += [
            svg.line(across(value), up(0), across(value), up(level), "lm2"),
            svg.circle(across(value), up(level), 3.2, "fillink"),
        ]
        place = (across(value) + 6, up(level) + 4, "")
        if across.end - across(value) < 60 or level > 75:
            place = (across(value) - 6, up(level) - 1, " e")
        shown = f"{name.upper()} {(say_mark or say)(value)}"
        body.append(svg.label(place[0], place[1], shown, f"t-b t-s halo{place[2]}"))
    if say_beyond is not None:
        body += _beyond(x, cumulative_percent, sorted(thresholds), across, up, say_beyond)
    body += [
        svg.label(across.start, _BOTTOM + 34, x_label, "t-s"),
        svg.label(across.end, _BOTTOM + 34, y_label, "t-s e"),
    ]
    return svg.document(_WIDTH, _BOTTOM + 40, body, alt=alt)


def _beyond(
    x: Sequence[float],
    cumulative: Sequence[float],
    thresholds: Sequence[float],
    across: Axis,
    up: Axis,
    say: Callable[[float, float], str],
) -> list[str]:
    """Share of time beyond each threshold, low in the drawing, where the curve leaves room."""
    body = []
    shares = [100.0 - _interpolated(x, cumulative, limit) for limit in thresholds]
    first = across(thresholds[0]) if thresholds else 0.0
    crowded = any(across(b) - across(a) < _LABEL_WIDTH for a, b in pairwise(thresholds))
    if crowded and first - across.start > _LABEL_WIDTH and shares[0] > _FREE_PERCENT:
        # Before the first of limits that stand close together the curve is low, and there is room above it.
        return [
            svg.label(first - 5, up(75) + 14 * index, say(share, limit), "t-s halo e")
            for index, (share, limit) in enumerate(zip(shares, thresholds, strict=True))
        ]
    for index, (share, limit) in enumerate(zip(shares, thresholds, strict=True)):
        y = up(0) - 8 - 14 * (len(thresholds) - 1 - index)
        near_end = across.end - across(limit) < _LABEL_WIDTH
        place = (across(limit) - 5, " e") if near_end else (across(limit) + 5, "")
        body.append(svg.label(place[0], y, say(share, limit), f"t-s halo{place[1]}"))
    return body


def _interpolated(x: Sequence[float], y: Sequence[float], at: float) -> float:
    if at <= x[0]:
        return y[0] if at == x[0] else 0.0
    for (x0, x1), (y0, y1) in zip(pairwise(x), pairwise(y), strict=True):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return y[-1]


def _span(
    x: Sequence[float], cumulative: Sequence[float], thresholds: Sequence[float]
) -> tuple[float, float]:
    # The curve is flat beyond 0.1 % and 99.9 %: that part of the axis says nothing.
    shown = [value for value, share in zip(x, cumulative, strict=True) if 0.1 < share < 99.9] or list(x)
    everything = [*shown, *thresholds]
    return min(everything), max(everything) + 1e-9


def _curve(x: Sequence[float], y: Sequence[float], across: Axis, up: Axis) -> str:
    inside = [(a, b) for a, b in zip(x, y, strict=True) if across.holds(a)]
    return svg.points([across(a) for a, _ in inside], [up(b) for _, b in inside]) if inside else "M0 0"


def eva(
    percent: Sequence[Sequence[float]],
    *,
    level_labels: Sequence[str],
    duration_labels: Sequence[str],
    total_label: str,
    corner_label: str,
    say: Say,
    alt: str,
    rule_below: int | None = None,
) -> str:
    """Exposure variation analysis: percent of time per level (rows) and uninterrupted duration (columns).

    Parameters
    ----------
    percent : sequence of rows, lowest level first
        Sums to 100.
    rule_below : int, optional
        Index of the first level beyond a limit; a line is drawn under it.
    """
    columns, rows = len(duration_labels), len(level_labels)
    width = (_WIDTH - 62 - 46) / max(columns, 1)
    top = max((max(row) for row in percent), default=0.0) or 1.0
    body = [svg.label(54, 16, corner_label, "t-f t-s e")]
    for column, text in enumerate(duration_labels):
        body.append(svg.label(62 + (column + 0.5) * width, 16, text, "t-f t-s m"))
    body.append(svg.label(_WIDTH - 2, 16, total_label, "t-f t-s e"))
    for index in range(rows):
        level = rows - 1 - index
        y = 24 + index * _EVA_ROW
        body.append(svg.label(54, y + 16, level_labels[level], "t-s e"))
        for column in range(columns):
            share = percent[level][column]
            step = min(_EVA_SHADES - 1, int(share / top * _EVA_SHADES)) if share > 0 else -1
            x = 62 + column * width
            if step >= 0:
                body.append(svg.rect(x + 1, y + 1, width - 2, _EVA_ROW - 2, f"g{step}"))
            shown = say(share) if share > 0 else "·"
            body.append(svg.label(x + width / 2, y + 16, shown, "t-ink t-s m"))
        body.append(svg.label(_WIDTH - 2, y + 16, say(sum(percent[level])), "t-b t-s e"))
        if rule_below is not None and level == rule_below:
            body.append(svg.line(62, y + _EVA_ROW, _WIDTH, y + _EVA_ROW, "lm"))
    y = 24 + rows * _EVA_ROW
    body.append(svg.label(54, y + 16, total_label, "t-f t-s e"))
    for column in range(columns):
        total = sum(row[column] for row in percent)
        body.append(svg.label(62 + (column + 0.5) * width, y + 16, say(total), "t-b t-s m"))
    return svg.document(_WIDTH, y + 24, body, alt=alt)


def time_in_bands(names: Sequence[str], percent: Sequence[float], *, say_percent: Say, alt: str) -> str:
    """Bars of the share of time in each band, `names` beside them."""
    top = max(percent, default=0.0) or 1.0
    across = Axis(0.0, top, 92.0, _WIDTH - 52)
    body: list[str] = []
    for index, (name, share) in enumerate(zip(names, percent, strict=True)):
        y = 4 + index * 20
        body += [
            svg.label(84, y + 11, name, "t-s e"),
            svg.rect(across.start, y, across(share) - across.start, 14, "barfill"),
            svg.label(across(share) + 6, y + 11, say_percent(share), "t-b t-s"),
        ]
    return svg.document(_WIDTH, 8 + 20 * len(percent), body, alt=alt)
