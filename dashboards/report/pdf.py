"""The PDF report: typst with our own fonts only, data through its inputs, tagged as PDF/UA-1."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from dashboards.plots.svg import standalone
from dashboards.report.model import ReportView
from indicators.model import Period
from sensors.errors import MissingExtraError

__all__ = ["compile_pdf", "render_pdf"]

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
    payload = _paper(asdict(view)) | {"date": [period.last.year, period.last.month, period.last.day]}
    return compile_pdf("templates/report.typ", json.dumps(payload, ensure_ascii=False), period)


def compile_pdf(template: str, view: str, period: Period) -> bytes:
    """A typst template of ours, filled with `view` as JSON; its dates come from the period.

    Raises
    ------
    MissingExtraError
        typst is not installed.
    """
    end = datetime.fromtimestamp(period.end_ns / 1e9, tz=UTC)
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
