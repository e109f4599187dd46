"""Steps of the heat map: where a day's value lies relative to the limits; never a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.plots import svg

__all__ = ["STEPS", "coverage_bar", "step", "step_bounds"]

STEPS = 5


def step_bounds(limits: Sequence[float], *, energy: bool) -> tuple[float, ...]:
    """Four bounds between the five steps, the limits among them.

    Parameters
    ----------
    limits : sequence of float
        Limits that move a verdict, in the indicator's unit.
    energy : bool
        Whether the scale is logarithmic (dB), where steps are differences; otherwise they are shares.
    """
    known = sorted(set(limits))
    if not known:
        return ()
    low, high = known[0], known[-1]
    if energy:
        below, above = low - 5.0, high + 3.0
        middle = high if high > low else low - 2.0
        return tuple(sorted((below, low, middle, above)))
    if len(known) > 1:
        return (low * 0.5, low, high, high * 1.5)
    return (low * 0.5, low * 0.8, low, low * 1.5)


def step(value: float, bounds: Sequence[float]) -> int:
    """Step 0 (far below) to 4 (far above); a value on a bound belongs to the higher step."""
    return sum(value >= bound for bound in bounds)


def coverage_bar(share: float) -> str:
    """Share of the day that was measured, as a hairline bar under the figure."""
    filled = 100.0 * min(max(share, 0.0), 1.0)
    body = [svg.rect(0, 0, filled, 4, "cv-on"), svg.rect(filled, 0, 100.0 - filled, 4, "cv-off")]
    drawing = svg.document(100, 4, body, css_class="cov")
    return drawing.replace("xMinYMid meet", "none")
