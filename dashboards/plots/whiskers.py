"""Nothing without its interval: point and whisker against the limits, in a cell and on a full scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.plots import svg
from dashboards.plots.axes import Axis, ticks
from dashboards.plots.tokens import VERDICT_CLASS
from dashboards.plots.verdicts import glyph_at
from indicators.limits import Comparison, Role
from indicators.model import RatioKind, Verdict

__all__ = ["LimitMark", "Reading", "cell", "cell_axis", "full_scale"]

"""Roles that move a verdict."""

_CELL_WIDTH, _CELL_HEIGHT = 175.0, 14.0
_FULL_WIDTH, _NARROW_WIDTH, _FULL_HEIGHT = 346.0, 220.0, 46.0
_LABEL_GAP = 22.0
_AXIS_GAP, _AXIS_EDGE = 17.0, 34.0


@dataclass(frozen=True, slots=True)
class LimitMark:
    """A limit as a drawing needs it."""

    value: float
    comparison: Comparison
    role: Role
    ranking: bool = False

    @property
    def upward(self) -> bool:
        """Whether more is worse."""
        return self.comparison.upward


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, its 90 % interval and its verdict; all ``None`` when not measured."""

    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict | None
    limits: tuple[LimitMark, ...] = ()
    ratio_kind: RatioKind | None = None

    @property
    def anchor(self) -> LimitMark | None:
        """The limit a cell is centred on: the ranking row, else the first that moves a verdict."""
        moving = [mark for mark in self.limits if mark.role.moves_verdict]
        return next((mark for mark in moving if mark.ranking), moving[0] if moving else None)


def _half_span(reading: Reading, anchor: LimitMark) -> float:
    if reading.ratio_kind is RatioKind.ENERGY:
        return 22.0
    if reading.ratio_kind is RatioKind.TEMPERATURE_STEP:
        return 14.0
    return abs(anchor.value) or 1.0


def cell(reading: Reading) -> str:
    """Whisker of a table cell; the anchoring limit has the same place in every row of a column."""
    anchor = reading.anchor
    middle = _CELL_WIDTH / 2
    if anchor is None:
        return svg.document(_CELL_WIDTH, _CELL_HEIGHT, [svg.line(0, 7, _CELL_WIDTH, 7, "gr")], css_class="w")
    half = _half_span(reading, anchor)
    axis = Axis(anchor.value - half, anchor.value + half, 0.0, _CELL_WIDTH)
    wash = svg.rect(middle, 2, middle, 10, "z1") if anchor.upward else svg.rect(0, 2, middle, 10, "z1")
    body = [wash, svg.line(0, 7, _CELL_WIDTH, 7, "gr")]
    for mark in reading.limits:
        if not mark.role.moves_verdict or not axis.holds(mark.value):
            continue
        body.append(svg.line(axis(mark.value), 0, axis(mark.value), 14, "lm" if mark is anchor else "lm2"))
    if reading.value is None:
        free = (0.0, middle) if anchor.upward else (middle, middle)
        body.insert(0, svg.rect(free[0], 2, free[1], 10, hatch=True))
        return svg.document(_CELL_WIDTH, _CELL_HEIGHT, body, css_class="w")
    body += _whisker(reading, axis, 7.0, caps=False)
    return svg.document(_CELL_WIDTH, _CELL_HEIGHT, body, css_class="w")


def cell_axis(
    readings: Sequence[Reading], say_number: Callable[[float], str], *, under: str, limit: str, over: str
) -> str:
    """Head of a column of `cell` drawings: the limits that all share, else only where they stand."""
    body = [svg.label(0, 10, under, "t-f t-s"), svg.label(_CELL_WIDTH, 10, over, "t-f t-s e")]
    shared = {
        tuple(sorted({mark.value for mark in reading.limits if mark.role.moves_verdict}))
        for reading in readings
    }
    anchor = readings[0].anchor if len(shared) == 1 else None
    if anchor is None:
        body.append(svg.label(_CELL_WIDTH / 2, 10, limit, "t-b t-s m"))
        return svg.document(_CELL_WIDTH, _CELL_HEIGHT, body, css_class="w")
    half = _half_span(readings[0], anchor)
    axis = Axis(anchor.value - half, anchor.value + half, 0.0, _CELL_WIDTH)
    last = _CELL_WIDTH
    for value in sorted(shared.pop(), reverse=True):
        # From the right; a figure that would touch its neighbour gives way to it.
        x = axis(value)
        if axis.holds(value) and last - x > _AXIS_GAP and x > _AXIS_EDGE and _CELL_WIDTH - x > _AXIS_EDGE:
            body.append(svg.label(x, 10, say_number(value), "t-b t-s m"))
            last = x
    return svg.document(_CELL_WIDTH, _CELL_HEIGHT, body, css_class="w")


def _whisker(reading: Reading, axis: Axis, y: float, *, caps: bool) -> list[str]:
    assert reading.value is not None
    inside = Axis(axis.low, axis.high, axis.start + 15, axis.end - 15)
    off_left, off_right = reading.value < axis.low, reading.value > axis.high
    # The mark stays whole at the ends of the scale.
    x = inside(reading.value) if off_left or off_right else min(max(axis(reading.value), 6.0), axis.end - 6.0)
    colour = "info" if reading.verdict is None else VERDICT_CLASS[reading.verdict]
    body: list[str] = []
    if reading.low is not None and reading.high is not None:
        x1, x2 = axis(reading.low), axis(reading.high)
        if x2 - x1 > 0.5:
            strokes = [svg.line(x1, y, x2, y, "wk-l")]
            if caps:
                ends = [x1] if axis.holds(reading.low) else []
                ends += [x2] if axis.holds(reading.high) else []
                strokes += [svg.line(end, y - 5, end, y + 5, "cap") for end in ends]
            body.append(svg.group(strokes, f"s-{colour}"))
    if off_left:
        body.append(svg.path(f"M6 {y - 3.5:g}L2 {y:g}L6 {y + 3.5:g}", f"cap s-{colour}"))
    if off_right:
        end = axis.end
        body.append(
            svg.path(f"M{end - 6:g} {y - 3.5:g}L{end - 2:g} {y:g}L{end - 6:g} {y + 3.5:g}", f"cap s-{colour}")
        )
    body.append(glyph_at(reading.verdict, x, y, 1.1 if caps else 0.9))
    return body


def _domain(reading: Reading) -> tuple[float, float]:
    marks = [mark.value for mark in reading.limits]
    numbers = [n for n in (reading.value, reading.low, reading.high) if n is not None and math.isfinite(n)]
    everything = marks + numbers or [0.0, 1.0]
    low, high = min(everything), max(everything)
    if reading.ratio_kind in (RatioKind.ENERGY, RatioKind.TEMPERATURE_STEP):
        margin = max(4.0, 0.18 * (high - low))
        return math.floor(low - margin), math.ceil(high + margin)
    if low >= 0:
        return 0.0, (high * 1.25) or 1.0
    margin = 0.15 * (high - low or 1.0)
    return low - margin, high + margin


def full_scale(reading: Reading, say_number: Callable[[float], str], *, narrow: bool = False) -> str:
    """Full-size scale: bands beyond the limits, limits as bold tick labels, whisker with caps.

    Parameters
    ----------
    say_number : callable
        Writes an axis value in the reader's typography.
    narrow : bool
        A narrower drawing whose figures stay readable on paper and on a phone.
    """
    width = _NARROW_WIDTH if narrow else _FULL_WIDTH
    low, high = _domain(reading)
    axis = Axis(low, high, 14.0, width - 16)
    body: list[str] = []
    if reading.value is None:
        body.append(svg.rect(axis.start, 6, axis.end - axis.start, 24, hatch=True))
    body += _bands(reading.limits, axis)
    body.append(svg.line(axis.start, 30.5, axis.end, 30.5, "ax"))
    shown = _limit_labels(reading.limits, axis, body, say_number)
    for value in ticks(low, high, 3 if narrow else 5):
        x = axis(value)
        if all(abs(x - other) > _LABEL_GAP for other in shown):
            body += [svg.line(x, 30, x, 33, "ax"), svg.label(x, 43, say_number(value), "t-f t-s m")]
    if reading.value is not None:
        body += _whisker(reading, axis, 18.0, caps=True)
    return svg.document(width, _FULL_HEIGHT, body)


def _bands(limits: Sequence[LimitMark], axis: Axis) -> list[str]:
    moving = [mark for mark in limits if mark.role.moves_verdict]
    upward = sorted({mark.value for mark in moving if mark.upward})
    downward = sorted({mark.value for mark in moving if not mark.upward}, reverse=True)
    deep = ("z2", "z3") if max(len(upward), len(downward)) < 3 else ("z1", "z2", "z3")
    body: list[str] = []
    for index, value in enumerate(upward):
        end = upward[index + 1] if index + 1 < len(upward) else axis.high
        body.append(svg.rect(axis(value), 6, axis(end) - axis(value), 24, deep[min(index, len(deep) - 1)]))
    for index, value in enumerate(downward):
        end = downward[index + 1] if index + 1 < len(downward) else axis.low
        body.append(svg.rect(axis(end), 6, axis(value) - axis(end), 24, deep[min(index, len(deep) - 1)]))
    return body


def _limit_labels(
    limits: Sequence[LimitMark], axis: Axis, body: list[str], say_number: Callable[[float], str]
) -> list[float]:
    values = sorted({mark.value for mark in limits if axis.holds(mark.value)})
    moving = {mark.value for mark in limits if mark.role.moves_verdict}
    places = [axis(value) for value in values]
    last = -math.inf
    for index, (value, x) in enumerate(zip(values, places, strict=True)):
        solid = value in moving
        body.append(svg.line(x, 4, x, 34, "lm" if solid else "lm2"))
        following = places[index + 1] if index + 1 < len(places) else math.inf
        crowded_left, crowded_right = x - last < _LABEL_GAP, following - x < _LABEL_GAP
        anchor, dx = ("m", 0.0)
        if crowded_right and not crowded_left:
            anchor, dx = "e", 3.0
        elif crowded_left:
            anchor, dx = "", -2.0
        body.append(
            svg.label(x + dx, 43, say_number(value), f"{'t-b' if solid else 't-f'} t-s {anchor}".strip())
        )
        last = x
    return places
