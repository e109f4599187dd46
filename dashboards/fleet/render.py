"""Writes the fleet page and its tables, each whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from dashboards.catalogue import text
from dashboards.fleet.tables import fleet_sheets, places_sheet
from dashboards.fleet.view import FleetView, build_fleet_view
from dashboards.plots.svg import HATCH
from dashboards.plots.tokens import plot_css
from dashboards.report.html import asset, drawing_html, environment, font_css
from dashboards.report.tables import csv_text
from dashboards.wording import Wording
from indicators.fleet.document import fleet_document
from indicators.fleet.model import FleetResult
from sensors.command_line import write_atomic
from sensors.errors import UsageError

if TYPE_CHECKING:
    from dashboards.fleet.door import SignedIn

__all__ = ["FLEET_FORMATS", "fleet_html", "frame_html", "known_fleet_formats", "render_fleet"]

# Worst first; what is left out stands in the workbook.
_ROWS_ON_PAPER = 24


def fleet_html(
    view: FleetView,
    *,
    link: Callable[[str], str] | None = None,
    links: Sequence[tuple[str, str]] = (),
    who: SignedIn | None = None,
) -> str:
    """The fleet page as one HTML document, styles and font inside.

    Parameters
    ----------
    link : callable(site id) -> str, optional
        Address of a site's page.
    links : sequence of (label, address)
        What else the head of the page leads to.
    who : SignedIn, optional
        Who has logged in.
    """
    return frame_html("fleet.html", view.language, view=view, say=view.words, link=link, links=links, who=who)


def frame_html(template: str, language: str, **values: Any) -> str:
    """A page in the frame of the fleet, which needs nothing beside itself."""
    sheets = ("style.css", "web.css") if values.get("who") else ("style.css",)
    style = "\n".join((font_css(), *(asset("static", name) for name in sheets), plot_css()))
    return (
        environment()
        .get_template(template)
        .render(
            language=language,
            style=Markup(style),  # noqa: S704 - shipped style sheets
            hatch=drawing_html(HATCH),
            **values,
        )
    )


def _html(result: FleetResult, view: FleetView) -> bytes:
    del result
    return fleet_html(view).encode()


def _pdf(result: FleetResult, view: FleetView) -> bytes:
    from dashboards.report.pdf import compile_pdf, paper_json

    paper = build_fleet_view(result, view.language, most=_ROWS_ON_PAPER)
    return compile_pdf("templates/fleet.typ", paper_json(paper, result.last), _end(result))


def _csv(result: FleetResult, view: FleetView) -> bytes:
    # The byte order mark makes spreadsheets read the accents.
    return csv_text(places_sheet(result, view), view.language).encode("utf-8-sig")


def _xlsx(result: FleetResult, view: FleetView) -> bytes:
    from dashboards.report.workbook import workbook

    sheets = fleet_sheets(result, view, Wording(view.language))
    return workbook(sheets, f"{view.title}, {view.fleet}", _end(result))


def _end(result: FleetResult) -> datetime:
    """End of the last day; sites have time zones of their own, a document has one date."""
    return datetime.combine(result.last + timedelta(days=1), time(), tzinfo=UTC)


def _json(result: FleetResult, view: FleetView) -> bytes:
    document = fleet_document(result, text(view.language))
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


FLEET_FORMATS: Mapping[str, Callable[[FleetResult, FleetView], bytes]] = MappingProxyType(
    {"html": _html, "pdf": _pdf, "csv": _csv, "xlsx": _xlsx, "json": _json}
)


def known_fleet_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Return `formats` when a fleet can be written in every one of them.

    Raises
    ------
    UsageError
        A format is unknown.
    """
    if unknown := [name for name in formats if name not in FLEET_FORMATS]:
        raise UsageError(
            "a fleet cannot be written in this format",
            value=", ".join(unknown),
            rule=f"one or more of {', '.join(FLEET_FORMATS)}",
            remedy="--format html,pdf,csv,xlsx,json",
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
    contents = {name: FLEET_FORMATS[name](result, view) for name in dict.fromkeys(names)}
    return [write_atomic(out / f"{stem}.{name}", content) for name, content in contents.items()]
