"""The report as a workbook: ranking, one sheet per factor with real numbers, limits, versions."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from dashboards.report.model import ReportView
from dashboards.report.tables import Sheet, factor_sheet
from dashboards.wording import Wording
from indicators.model import Factor, WeeklyResult
from sensors.errors import MissingExtraError

__all__ = ["render_xlsx"]


def _sheets(result: WeeklyResult, view: ReportView, words: Wording) -> list[Sheet]:
    say = view.words
    factors = [column.label for column in view.factors]
    ranking = Sheet(
        say["ranking"],
        (say["column_rank"], say["column_station"], *factors, say["column_next"]),
        tuple(
            (
                int(row.rank) if row.rank else None,
                row.label,
                *(cell.mark.word for cell in row.cells),
                row.withheld or row.next_step,
            )
            for row in view.ranking
        ),
    )
    limits = Sheet(
        say["column_limit"],
        tuple(
            say[f"column_{name}"]
            for name in ("id", "name", "figure", "role", "source_name", "edition", "grade")
        ),
        tuple((r.id, r.name, r.value, r.role, r.source, r.edition, r.grade) for r in view.limits),
    )
    versions = Sheet(
        say["versions"],
        (say["versions"], ""),
        (
            *view.versions,
            *((say["governance"], line) for line in view.governance),
            *(((view.circulation, ""),) if view.circulation else ()),
        ),
    )
    present = [factor for factor in Factor if factor.value in {column.key for column in view.factors}]
    return [ranking, *(factor_sheet(result, factor, words) for factor in present), limits, versions]


def render_xlsx(result: WeeklyResult, view: ReportView) -> bytes:
    """The workbook as bytes; its dates come from the period, so the same result gives the same file.

    Raises
    ------
    MissingExtraError
        xlsxwriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingExtraError("the spreadsheet report", "xlsx") from error
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "nan_inf_to_errors": True,
        },
    )
    end = datetime.fromtimestamp(result.period.end_ns / 1e9, tz=UTC).replace(tzinfo=None)
    book.set_properties({"title": f"{view.title}, {view.site}", "created": end, "comments": view.circulation})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    for sheet in _sheets(result, view, Wording(view.language)):
        _write(book, sheet, bold)
    book.close()
    return buffer.getvalue()


def _write(book: Any, sheet: Sheet, bold: Any) -> None:
    name = sheet.name.translate(str.maketrans("[]:*?/\\", "       "))[:31]
    page = book.add_worksheet(name)
    page.freeze_panes(1, 2)
    for column, label in enumerate(sheet.head):
        page.write_string(0, column, label, bold)
        page.set_column(column, column, 24 if column < 2 else 14)
    for line, row in enumerate(sheet.rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                page.write_string(line, column, value)
            elif value is not None:
                page.write_number(line, column, value)
