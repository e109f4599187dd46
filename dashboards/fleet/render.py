"""Writes the fleet page and its tables, each whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from markupsafe import Markup

from dashboards.catalogue import text
from dashboards.fleet.view import FleetView, build_fleet_view
from dashboards.plots.svg import HATCH
from dashboards.plots.tokens import plot_css
from dashboards.report.html import asset, drawing_html, environment, font_css
from dashboards.report.tables import Sheet, csv_text
from indicators.fleet.document import fleet_document
from indicators.fleet.model import FleetResult
from sensors.command_line import write_atomic
from sensors.errors import UsageError

__all__ = ["FLEET_FORMATS", "fleet_html", "known_fleet_formats", "render_fleet"]


def fleet_html(
    view: FleetView,
    *,
    link: Callable[[str], str] | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """The fleet page as one HTML document, styles and font inside.

    Parameters
    ----------
    link : callable(site id) -> str, optional
        Address of a site's page.
    links : sequence of (label, address)
        What else the head of the page leads to.
    """
    style = "\n".join((font_css(), asset("static", "style.css"), plot_css()))
    return (
        environment()
        .get_template("fleet.html")
        .render(
            view=view,
            say=view.words,
            style=Markup(style),  # noqa: S704 - shipped style sheets
            hatch=drawing_html(HATCH),
            link=link,
            links=links,
        )
    )


def _csv(result: FleetResult, view: FleetView) -> bytes:
    say = view.words
    head = (
        say["column_family"],
        say["column_factor"],
        say["column_site"],
        say["column_verdict"],
        say["column_station"],
        say["column_indicator"],
        say["column_value"],
        say["column_unit"],
        say["column_ratio"],
        say["column_withheld"],
    )
    rows = tuple(
        (
            row.family,
            row.factor.value,
            place.site,
            place.verdict.value,
            place.station,
            place.indicator.id,
            place.indicator.value,
            place.indicator.unit,
            place.ratio,
            place.withheld,
        )
        for row in result.families
        for place in row.places
    )
    # The byte order mark makes spreadsheets read the accents.
    return csv_text(Sheet(view.fleet, head, rows), view.language).encode("utf-8-sig")


def _json(result: FleetResult, view: FleetView) -> bytes:
    document = fleet_document(result, text(view.language))
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


FLEET_FORMATS: Mapping[str, Callable[[FleetResult, FleetView], bytes]] = MappingProxyType(
    {"html": lambda _, view: fleet_html(view).encode(), "csv": _csv, "json": _json}
)


def known_fleet_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Return `formats` when a fleet can be written in every one of them.

    Raises
    ------
    UsageError
        A format is not one of ``html``, ``csv``, ``json``.
    """
    if unknown := [name for name in formats if name not in FLEET_FORMATS]:
        raise UsageError(
            "a fleet cannot be written in this format",
            value=", ".join(unknown),
            rule=f"one or more of {', '.join(FLEET_FORMATS)}",
            remedy="--format html,csv,json; the report of one site has pdf and xlsx too",
            code="unknown_format",
        )
    return tuple(formats)


def render_fleet(
    result: FleetResult, out: Path, formats: Sequence[str] = ("html",), language: str | None = None
) -> list[Path]:
    """Write the fleet's page into the folder `out`, one file per format; the paths written."""
    names = known_fleet_formats(formats)
    view = build_fleet_view(result, language)
    when = result.week or f"{result.first.isoformat()}_{result.last.isoformat()}"
    stem = f"{result.fleet}-{when}-{view.language}"
    return [
        write_atomic(out / f"{stem}.{name}", FLEET_FORMATS[name](result, view))
        for name in dict.fromkeys(names)
    ]
