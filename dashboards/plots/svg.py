"""SVG by hand: escaped elements whose look comes from classes, so that page, print and PDF share drawings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from dashboards.plots.tokens import standalone_css

__all__ = [
    "HATCH",
    "XMLNS",
    "circle",
    "document",
    "group",
    "label",
    "line",
    "path",
    "points",
    "rect",
    "standalone",
]

Number = float | int
XMLNS = 'xmlns="http://www.w3.org/2000/svg"'

HATCH = (
    '<pattern id="ha" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line class="hatchline" x1="0" x2="0" y1="0" y2="4"/></pattern>'
)


# Height of the strip of a mark [user units].
_STRIP = 20.0
_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def _with_strip(found: re.Match[str]) -> str:
    return f'viewBox="0 {_n(-_STRIP)} {found[1]} {_n(float(found[2]) + _STRIP)}"'


def _n(value: Number) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _attributes(pairs: Mapping[str, Number | str | None]) -> str:
    return "".join(
        f' {key}="{escape(value, quote=True) if isinstance(value, str) else _n(value)}"'
        for key, value in pairs.items()
        if value is not None
    )


def document(
    width: Number,
    height: Number,
    body: Iterable[str],
    *,
    alt: str | None = None,
    css_class: str | None = None,
    natural: bool = False,
) -> str:
    """A drawing of `width` × `height` user units; without `alt` it is hidden from assistive technology.

    A `natural` drawing is shown at its own size, others fill the width they are given.
    """
    access = {"role": "img", "aria-label": alt} if alt else {"aria-hidden": "true"}
    size = {"width": width, "height": height} if natural else {}
    head = _attributes({"viewBox": f"0 0 {_n(width)} {_n(height)}", "class": css_class, **size, **access})
    return f'<svg {XMLNS}{head} preserveAspectRatio="xMinYMid meet">{"".join(body)}</svg>'


def standalone(drawing: str, mark: str = "") -> str:
    """The drawing with its own style sheet (paper colours) and hatching, for the PDF or a file.

    `mark` is a line of text that gets a strip of its own above the drawing.
    """
    opening, rest = drawing.split(">", 1)
    if mark:
        opening = _VIEW_BOX.sub(_with_strip, opening)
        rest = label(0, -0.35 * _STRIP, mark, "t-b") + rest
    return f"{opening}><style>{standalone_css()}</style><defs>{HATCH}</defs>{rest}"


def line(x1: Number, y1: Number, x2: Number, y2: Number, css_class: str) -> str:
    """A straight stroke."""
    # Classes are our own words and coordinates are numbers: nothing here needs escaping.
    return f'<line class="{css_class}" x1="{_n(x1)}" x2="{_n(x2)}" y1="{_n(y1)}" y2="{_n(y2)}"/>'


def rect(
    x: Number, y: Number, width: Number, height: Number, css_class: str | None = None, *, hatch: bool = False
) -> str:
    """A rectangle, or a hatched one: expected and missing."""
    look = f' class="{css_class}"' if css_class else ""
    fill = ' fill="url(#ha)"' if hatch else ""
    size = f'width="{_n(max(width, 0.0))}" height="{_n(max(height, 0.0))}"'
    return f'<rect{look} x="{_n(x)}" y="{_n(y)}" {size}{fill}/>'


def circle(x: Number, y: Number, radius: Number, css_class: str) -> str:
    """A dot."""
    return f"<circle{_attributes({'class': css_class, 'cx': x, 'cy': y, 'r': radius})}/>"


def path(data: str, css_class: str | None = None, **attributes: str) -> str:
    """A path from its commands."""
    return f"<path{_attributes({'class': css_class, 'd': data, **attributes})}/>"


def points(xs: Sequence[Number], ys: Sequence[Number]) -> str:
    """Path commands of a polyline."""
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in zip(xs, ys, strict=True))


def label(x: Number, y: Number, content: str, css_class: str = "") -> str:
    """A line of text at a baseline; class ``halo`` puts a paper-coloured edge behind it."""
    names = css_class.split()
    shown = escape(content)
    if "halo" not in names:
        return f"<text{_attributes({'class': css_class or None, 'x': x, 'y': y})}>{shown}</text>"
    # Two elements instead of the property paint-order: the PDF's renderer ignores the order.
    plain = " ".join(name for name in names if name != "halo")
    edge = f"<text{_attributes({'class': css_class, 'x': x, 'y': y, 'aria-hidden': 'true'})}>{shown}</text>"
    return f"{edge}<text{_attributes({'class': plain or None, 'x': x, 'y': y})}>{shown}</text>"


def group(body: Iterable[str], css_class: str | None = None, **attributes: str) -> str:
    """Elements drawn together."""
    return f"<g{_attributes({'class': css_class, **attributes})}>{''.join(body)}</g>"
