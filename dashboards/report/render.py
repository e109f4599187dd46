"""Writes the report files, each whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dashboards.report.build import Surroundings, build_view
from dashboards.report.model import ReportView
from indicators.governance.issue import refuse_circulation
from indicators.model import Audience, WeeklyResult
from sensors.command_line import write_atomic
from sensors.errors import UsageError

__all__ = ["FORMATS", "known_formats", "render_report", "slug"]


def _html(result: WeeklyResult, view: ReportView, around: Surroundings) -> bytes:
    from dashboards.report.html import render_html

    del result, around
    return render_html(view).encode()


def _pdf(result: WeeklyResult, view: ReportView, around: Surroundings) -> bytes:
    from dashboards.report.pdf import render_pdf

    del around
    return render_pdf(view, result.period)


def _csv(result: WeeklyResult, view: ReportView, around: Surroundings) -> bytes:
    from dashboards.report.tables import csv_text, plain_sheet

    del around
    # The byte order mark makes spreadsheets read the accents.
    return csv_text(plain_sheet(result, view.circulation), view.language).encode("utf-8-sig")


def _xlsx(result: WeeklyResult, view: ReportView, around: Surroundings) -> bytes:
    from dashboards.report.xlsx import render_xlsx

    del around
    return render_xlsx(result, view)


def _json(result: WeeklyResult, view: ReportView, around: Surroundings) -> bytes:
    from dashboards.catalogue import text
    from indicators.accounts.document import accounts_document
    from indicators.actions.document import actions_document
    from indicators.document import to_document

    say = text(view.language)
    document: Mapping[str, Any] = {
        **to_document(result, say),
        "actions": actions_document(around.actions, say),
        "accounts": accounts_document(around.accounts),
    }
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


FORMATS: Mapping[str, Callable[[WeeklyResult, ReportView, Surroundings], bytes]] = MappingProxyType(
    {"html": _html, "pdf": _pdf, "csv": _csv, "xlsx": _xlsx, "json": _json}
)


def known_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """Return `formats` when every one of them can be written.

    Raises
    ------
    UsageError
        A format is unknown.
    """
    names = tuple(formats)
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise UsageError(
            "unknown report format",
            value=", ".join(unknown),
            rule=f"one or more of {', '.join(FORMATS)}",
            remedy="--format html,pdf,csv,xlsx,json",
            code="unknown_format",
        )
    return names


def render_report(
    result: WeeklyResult,
    out: Path,
    formats: Sequence[str] = ("html",),
    language: str | None = None,
    *,
    around: Surroundings | None = None,
    previous: WeeklyResult | None = None,
) -> list[Path]:
    """Write the report of `result` into the folder `out`, one file per format; the paths written.

    Parameters
    ----------
    formats : sequence of str
        Any of ``html``, ``pdf``, ``csv``, ``xlsx``, ``json``.
    language : str, optional
        ``fr`` or ``en``; the site's own by default.
    around : Surroundings, optional
        Sensor health, exclusions, names and the period before.
    previous : WeeklyResult, optional
        The period before, when there is nothing else to say around the result.

    Raises
    ------
    UsageError
        A format is unknown.
    GovernanceError
        ``analyst_circulation``: PDF or XLSX of an ungated result.
    MissingExtraError
        A format needs an optional part that is not installed.
    """
    names = known_formats(formats)
    refuse_circulation(result.audience, names)
    beside = around or Surroundings(previous=previous)
    view = build_view(result, language, beside)
    stem = f"{slug(result)}-{view.language}"
    contents = {name: FORMATS[name](result, view, beside) for name in dict.fromkeys(names)}
    return [write_atomic(out / f"{stem}.{name}", content) for name, content in contents.items()]


def slug(result: WeeklyResult) -> str:
    """Start of the names of a result's files: site, period, and whether it is for the analyst."""
    period = result.period
    when = period.week or f"{period.first.isoformat()}_{period.last.isoformat()}"
    circle = "" if result.audience is Audience.REPORT else f"-{result.audience.value}"
    return f"{result.site}-{when}{circle}"
