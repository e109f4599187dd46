"""Verdict marks: shape, colour and weight together, and the unit chart of one mark per verdict."""

from __future__ import annotations

from dashboards.plots import svg
from dashboards.plots.tokens import VERDICT_CLASS
from indicators.model import Verdict

__all__ = ["WITHHELD", "glyph", "glyph_at", "unit_chart"]

_DOT = '<circle r="3" class="fillink"/>'
_SHAPES: dict[Verdict | None, str] = {
    None: _DOT,
    Verdict.ABOVE: '<path d="M0-5.6 5.8 4.6H-5.8Z" fill="currentColor"/>',
    Verdict.NOT_SETTLED: (
        '<path d="M0-5.3 5.3 0 0 5.3-5.3 0Z" class="paperfill" stroke="currentColor" stroke-width="1.5"/>'
        '<path d="M0-5.3V5.3L-5.3 0Z" fill="currentColor"/>'
    ),
    Verdict.BELOW: '<circle r="4.3" class="paperfill" stroke="currentColor" stroke-width="1.8"/>',
    Verdict.NOT_MEASURED: (
        '<rect x="-4.4" y="-4.4" width="8.8" height="8.8" class="paperfill" stroke="currentColor" '
        'stroke-width="1.3" stroke-dasharray="2.2 1.6"/>'
    ),
}


WITHHELD = (
    '<svg xmlns="http://www.w3.org/2000/svg" class="g v-withheld" viewBox="-6 -6 12 12" aria-hidden="true">'
    '<rect x="-5" y="-1.2" width="10" height="2.4" fill="currentColor"/></svg>'
)
"""Mark of a result that is held back: a bar, unlike every verdict."""


def glyph_at(verdict: Verdict | None, x: float, y: float, scale: float = 1.0) -> str:
    """Mark of a verdict inside a drawing, centred on (x, y)."""
    place = f"translate({x:.1f} {y:.1f}) scale({scale:g})"
    return svg.group([_SHAPES[verdict]], f"v-{_css(verdict)}", transform=place)


def _css(verdict: Verdict | None) -> str:
    return "info" if verdict is None else VERDICT_CLASS[verdict]


def glyph(verdict: Verdict | None) -> str:
    """Mark of a verdict as a drawing of its own, 12 units wide; its word stands beside it as text."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="g v-{_css(verdict)}" '
        f'viewBox="-6 -6 12 12" aria-hidden="true">{_SHAPES[verdict]}</svg>'
    )


_UNIT_PATHS = {
    Verdict.ABOVE: (("M{x} {t}l5.8 10.2h-11.6Z", {"fill": "currentColor"}),),
    Verdict.NOT_SETTLED: (
        (
            "M{x} {t}l5.3 5.3-5.3 5.3-5.3-5.3Z",
            {"class": "paperfill", "stroke": "currentColor", "stroke-width": "1.5"},
        ),
        ("M{x} {t}v10.6l-5.3-5.3Z", {"fill": "currentColor"}),
    ),
    Verdict.BELOW: (
        (
            "M{x} {t}a4.3 4.3 0 1 1-.01 0Z",
            {"class": "paperfill", "stroke": "currentColor", "stroke-width": "1.8"},
        ),
    ),
    Verdict.NOT_MEASURED: (
        (
            "M{x} {t}h4.4v8.8h-8.8v-8.8Z",
            {
                "class": "paperfill",
                "stroke": "currentColor",
                "stroke-width": "1.3",
                "stroke-dasharray": "2.2 1.6",
            },
        ),
    ),
}
_TOPS = {Verdict.ABOVE: -5.6, Verdict.NOT_SETTLED: -5.3, Verdict.BELOW: -4.3, Verdict.NOT_MEASURED: -4.4}


def unit_chart(verdict: Verdict, count: int, *, per_row: int = 24) -> str:
    """`count` marks in rows, one a verdict; drawn as one shape, so that hundreds cost no more than a few."""
    columns = min(max(count, 1), per_row)
    rows = max(1, -(-count // per_row))
    places = [(8 + 15 * (i % per_row), 8 + 16 * (i // per_row) + _TOPS[verdict]) for i in range(count)]
    marks = [
        svg.path("".join(shape.format(x=f"{x:g}", t=f"{top:g}") for x, top in places) or "M0 0", **attributes)
        for shape, attributes in _UNIT_PATHS[verdict]
    ]
    body = [svg.group(marks, f"v-{VERDICT_CLASS[verdict]}")]
    return svg.document(15 * columns + 1, 16 * rows, body, css_class="unit", natural=True)
