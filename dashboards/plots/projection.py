"""Projection to the year: cumulated hours, solid to date, dashed ahead, fan and whisker at the year's end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dashboards.plots import svg
from dashboards.plots.axes import Axis, ticks
from dashboards.plots.tokens import VERDICT_CLASS
from dashboards.plots.verdicts import glyph_at
from indicators.model import Verdict

__all__ = ["projection"]

_WIDTH, _BOTTOM = 400.0, 168.0


def projection(
    measured: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    value: float,
    *,
    limit: float,
    verdict: Verdict,
    month_names: Sequence[str],
    say: Callable[[float], str],
    alt: str,
) -> str:
    """Cumulated hours at the end of each month.

    Parameters
    ----------
    measured : sequence of float
        Cumulated hours of the months up to the last measured one.
    low, high : sequence of 12 floats
        Cumulated bounds at the end of each month of the year.
    value : float
        Projection at the year's end.
    """
    top = max([*high, limit, value]) * 1.08 or 1.0
    across, up = Axis(0.0, 12.0, 44.0, _WIDTH - 64), Axis(0.0, top, _BOTTOM, 12.0)
    months = list(range(13))
    body: list[str] = []
    for tick in ticks(0.0, top, 5):
        body += [
            svg.line(across.start, up(tick), across.end, up(tick), "gr"),
            svg.label(38, up(tick) + 4, say(tick), "t-f t-s e"),
        ]
    for index in range(0, 12, 2):
        body.append(svg.label(across(index + 0.5), _BOTTOM + 16, month_names[index], "t-f t-s m"))
    lows, highs = [0.0, *low], [0.0, *high]
    xs = [across(month) for month in months]
    fan = svg.points([*xs, *reversed(xs)], [*map(up, highs), *map(up, reversed(lows))])
    body.append(svg.path(f"{fan}Z", "fan"))
    done = [0.0, *measured]
    body.append(svg.path(svg.points(xs[: len(done)], [up(item) for item in done]), "cu"))
    if len(done) < 13:
        body.append(svg.path(svg.points([xs[len(done) - 1], xs[12]], [up(done[-1]), up(value)]), "cu-2"))
    body += [
        svg.line(across.start, up(limit), across.end + 22, up(limit), "lm"),
        svg.label(38, up(limit) + 4, say(limit), "t-b t-s e halo"),
    ]
    x, colour = across.end + 14, VERDICT_CLASS[verdict]
    strokes = [
        svg.line(x, up(low[-1]), x, up(high[-1]), "wk-l"),
        svg.line(x - 5, up(low[-1]), x + 5, up(low[-1]), "cap"),
        svg.line(x - 5, up(high[-1]), x + 5, up(high[-1]), "cap"),
    ]
    body += [
        svg.group(strokes, f"s-{colour}"),
        glyph_at(verdict, x, up(value)),
        svg.label(x + 9, up(value) + 4, say(value), "t-b t-s halo"),
    ]
    for bound in (low[-1], high[-1]):
        if abs(up(bound) - up(value)) > 12:
            body.append(svg.label(x + 9, up(bound) + 4, say(bound), "t-f t-s"))
    return svg.document(_WIDTH, _BOTTOM + 24, body, alt=alt)
