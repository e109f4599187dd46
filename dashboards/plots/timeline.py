"""A timeline as a still drawing: mean over its min–max envelope, gaps open and hatched, shifts shaded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.plots import svg
from dashboards.plots.axes import Axis, ticks

__all__ = ["Shade", "timeline"]

_WIDTH, _HEIGHT = 1160.0, 220.0
_LINE_HEIGHT = 13.0


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of time behind the curve: ``shift``, ``pause`` or ``gap`` (hatched, with its cause)."""

    start: float
    end: float
    kind: str
    label: str = ""


def timeline(
    times: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    middle: Sequence[float],
    *,
    limits: Sequence[tuple[float, str]],
    shades: Sequence[Shade],
    say: Callable[[float], str],
    say_time: Callable[[float], str],
    time_ticks: Sequence[float],
    alt: str,
) -> str:
    """Draw one channel; NaN in the series opens a gap that nothing bridges.

    Parameters
    ----------
    times, low, high, middle : sequences of equal length
        Seconds, and minimum, maximum and mean of each bucket; NaN where nothing was measured.
    limits : sequence of (value, label)
        Reference lines; the page says that a limit on 8 hours is a mere reference on a trace.
    """
    numbers = [v for v in (*low, *high, *(value for value, _ in limits)) if not math.isnan(v)] or [0.0, 1.0]
    bottom, top = min(numbers), max(numbers)
    margin = (top - bottom) * 0.06 or 1.0
    up = Axis(bottom - margin, top + margin, _HEIGHT - 30, 12.0)
    across = Axis(times[0] if times else 0.0, times[-1] if times else 1.0, 44.0, _WIDTH - 200)
    body: list[str] = []
    for shade in shades:
        x = across(shade.start)
        kind = {"shift": "shift", "pause": "pause"}.get(shade.kind)
        body.append(svg.rect(x, 12, across(shade.end) - x, _HEIGHT - 42, kind, hatch=kind is None))
        if shade.label:
            body.append(svg.label(x + 3, 24, shade.label, "t-s halo"))
    for value in ticks(bottom, top, 5):
        body += [
            svg.line(across.start, up(value), across.end, up(value), "gr"),
            svg.label(38, up(value) + 4, say(value), "t-f t-s e"),
        ]
    for moment in time_ticks:
        body.append(svg.label(across(moment), _HEIGHT - 14, say_time(moment), "t-f t-s m"))
    for run in _runs(middle):
        xs = [across(times[i]) for i in run]
        outline = [*(up(high[i]) for i in run), *(up(low[i]) for i in reversed(run))]
        body.append(svg.path(f"{svg.points([*xs, *reversed(xs)], outline)}Z", "env"))
        body.append(svg.path(svg.points(xs, [up(middle[i]) for i in run]), "cu"))
    # Names of limits that lie close together are moved apart, from the highest down.
    lowest = 0.0
    for value, name in sorted(limits, reverse=True):
        lowest = max(up(value) + 4, lowest + _LINE_HEIGHT)
        body += [
            svg.line(across.start, up(value), across.end, up(value), "lm"),
            svg.label(across.end + 8, lowest, name, "t-b t-s"),
        ]
    return svg.document(_WIDTH, _HEIGHT, body, alt=alt)


def _runs(values: Sequence[float]) -> list[range]:
    """Stretches without NaN."""
    runs: list[range] = []
    start: int | None = None
    for index, value in enumerate(values):
        if math.isnan(value):
            if start is not None:
                runs.append(range(start, index))
            start = None
        elif start is None:
            start = index
    if start is not None:
        runs.append(range(start, len(values)))
    return runs
