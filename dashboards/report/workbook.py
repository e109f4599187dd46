"""Sheets as an XLSX workbook: numbers as numbers, text as text, the same bytes each time."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dashboards.report.tables import Sheet
from sensors.errors import MissingExtraError

__all__ = ["workbook"]


def workbook(sheets: Iterable[Sheet], title: str, created: datetime, comments: str = "") -> bytes:
    """The workbook as bytes; `created` is all that it knows of time.

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
    book.set_properties({"title": title, "created": created.replace(tzinfo=None), "comments": comments})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    for sheet in sheets:
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
