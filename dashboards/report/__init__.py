"""The weekly report: one result, rendered as HTML, PDF, CSV, XLSX and JSON."""

from __future__ import annotations

from dashboards.report.build import Surroundings
from dashboards.report.render import FORMATS, render_report

__all__ = ["FORMATS", "Surroundings", "render_report"]
