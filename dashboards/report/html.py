"""The HTML report: one self-contained file, styles and font inside, readable without a network."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from dashboards.catalogue import Run
from dashboards.plots.svg import HATCH, XMLNS
from dashboards.plots.tokens import plot_css
from dashboards.report.model import ReportView

__all__ = ["environment", "render_html", "runs_html"]


def runs_html(runs: tuple[Run, ...]) -> Markup:
    """Styled text as HTML; only the catalogue's own markup becomes elements."""
    parts = []
    for run in runs:
        shown = escape(run.text)
        shown = Markup("<sub>{}</sub>").format(shown) if run.sub else shown
        parts.append(Markup("<b>{}</b>").format(shown) if run.bold else shown)
    return Markup("").join(parts)


def drawing_html(drawing: str) -> Markup:
    """A drawing of `dashboards.plots`, whose texts are already escaped."""
    # Inside HTML an SVG needs no namespace; a large page has hundreds of drawings.
    bare = drawing.replace(f" {XMLNS}", "")
    return Markup(bare)  # noqa: S704 - written by our plots, which escape every label


@cache
def environment() -> Environment:
    """Jinja environment shared by report and pages: everything is escaped unless it is our own drawing."""
    made = Environment(
        loader=PackageLoader("dashboards", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["runs"] = runs_html
    made.filters["svg"] = drawing_html
    return made


def asset(*parts: str) -> str:
    """Text of a file that ships with the dashboards."""
    return files("dashboards").joinpath(*parts).read_text(encoding="utf-8")


@cache
def font_css() -> str:
    """The shipped font as data, so that the file looks the same anywhere."""
    rules = []
    for weight, face in ((400, "Regular"), (700, "Bold")):
        data = files("dashboards").joinpath("fonts", f"SourceSans3-{face}.ttf.woff2").read_bytes()
        encoded = base64.b64encode(data).decode()
        rules.append(
            f'@font-face{{font-family:"Source Sans 3";font-weight:{weight};'
            f"src:url(data:font/woff2;base64,{encoded}) format('woff2')}}"
        )
    return "".join(rules)


def render_html(view: ReportView) -> str:
    """The report as one HTML document."""
    style = "\n".join((font_css(), asset("static", "style.css"), plot_css()))
    return (
        environment()
        .get_template("report.html")
        .render(
            view=view,
            say=view.words,
            style=Markup(style),  # noqa: S704 - shipped style sheets
            hatch=drawing_html(HATCH),
        )
    )
