"""The PDF report: typst with our own fonts only, data through its inputs, tagged as PDF/UA-1."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from dashboards.plots.svg import standalone
from dashboards.report.front import end_of
from dashboards.report.model import ReportView
from indicators.model import Period
from sensors.errors import MissingExtraError

__all__ = ["compile_pdf", "paper_json", "render_pdf"]

_DRAWINGS = frozenset({"glyph", "chart", "whisker", "scale", "scale_narrow", "drawing", "axis"})


def _paper(value: Any, key: str = "") -> Any:
    """The view as JSON holds it, every drawing with its own style."""
    if isinstance(value, dict):
        return {name: _paper(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_paper(item) for item in value]
    return standalone(value) if key in _DRAWINGS and value else value


@cache
def _compiler(template: str) -> Any:
    try:
        import typst
    except ImportError as error:
        raise MissingExtraError("the PDF report", "pdf") from error
    folder = Path(str(files("dashboards")))
    return typst.Compiler(
        input=str(folder / template),
        root=str(folder),
        font_paths=[str(folder / "fonts")],
        ignore_system_fonts=True,
    )


def render_pdf(view: ReportView, period: Period) -> bytes:
    """The report as PDF/UA-1; dates come from the period, so the same view gives the same bytes.

    Raises
    ------
    MissingExtraError
        typst is not installed.
    """
    return compile_pdf("templates/report.typ", paper_json(view, period.last), end_of(period))


def paper_json(view: Any, last: date) -> str:
    """A view as its template reads it: drawings with their own style, and the date of the document."""
    payload = _paper(asdict(view)) | {"date": [last.year, last.month, last.day]}
    return json.dumps(payload, ensure_ascii=False)


def compile_pdf(template: str, view: str, end: datetime) -> bytes:
    """A typst template of ours, filled with `view` as JSON and dated `end`.

    Raises
    ------
    MissingExtraError
        typst is not installed.
    """
    made = _compiler(template).compile(
        format="pdf",
        sys_inputs={"view": view},
        pdf_standards=["ua-1"],
        timestamp=end,
    )
    if not isinstance(made, bytes):
        message = "typst gave no PDF"
        raise TypeError(message)
    return made
