"""The group's summary of annexes as a JSON document, CSV and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from indicators.c2p.annex import FactorShare, csv_cell, unformula

if TYPE_CHECKING:
    from pathlib import Path

    from indicators.fleet.annex import FleetAnnex
    from indicators.words import Text

__all__ = ["summary_csv", "summary_document", "summary_workbook"]

_COUNTS = ("workers", "above", "below", "not_settled", "not_measured", "share_above", "share_at_most")


def _counts(share: FactorShare | None) -> dict[str, Any]:
    return {name: None if share is None else getattr(share, name) for name in _COUNTS}


def summary_document(summary: FleetAnnex) -> dict[str, Any]:
    """Return the summary as a JSON document; counts held back are null."""
    return {
        "fleet": summary.fleet,
        "label": summary.label,
        "period": summary.period,
        "references": summary.references,
        "wording": "for discussion, not a declaration",
        "least_workers": summary.least,
        "factors": [
            {
                "factor": row.factor,
                "total": _counts(row.total),
                "withheld_sites": row.withheld,
                "sites": [
                    {"site": line.site, "label": line.label, "withheld": line.share is None}
                    | _counts(line.share)
                    for line in row.sites
                ],
            }
            for row in summary.factors
        ],
        "missing": list(summary.missing),
    }


def _rows(summary: FleetAnnex, say: Text) -> Iterator[tuple[Any, ...]]:
    """Lines of the tables: the total of a threshold, then its sites."""
    for row in summary.factors:
        named = say(f"decisions.c2p.{row.factor}")
        for label, share in ((summary.label, row.total), *((one.label, one.share) for one in row.sites)):
            held = say("decisions.annex_withheld") if share is None else ""
            yield named, unformula(label), *_counts(share).values(), held


def _heads(say: Text) -> tuple[str, ...]:
    return (
        say("decisions.column.factor"),
        say("decisions.column.site"),
        *(say(f"decisions.column.{name}") for name in _COUNTS),
        say("decisions.column.remark"),
    )


def _notes(summary: FleetAnnex, say: Text) -> Iterator[str]:
    yield say("decisions.annex_fleet_rule", n=summary.least)
    if summary.missing:
        yield say("decisions.annex_fleet_missing", sites=", ".join(summary.missing))
    yield say("decisions.annex_wording")


def summary_csv(summary: FleetAnnex, say: Text, *, separator: str = ";") -> str:
    """Return the summary as CSV; shares are fractions of 1."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerow(_heads(say))
    for row in _rows(summary, say):
        writer.writerow([csv_cell(cell, separator) for cell in row])
    for line in _notes(summary, say):
        writer.writerow([unformula(line)])
    return out.getvalue()


def summary_workbook(summary: FleetAnnex, path: Path, say: Text) -> Path:
    """Write the summary as XLSX.

    Raises
    ------
    MissingExtraError
        The extra ``xlsx`` is not installed.
    """
    from sensors.errors import MissingExtraError

    try:
        import xlsxwriter
    except ImportError:
        raise MissingExtraError("the annex as XLSX", "xlsx") from None
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    percent = book.add_format({"num_format": "0 %"})
    page = book.add_worksheet("shares")
    page.write_row(0, 0, _heads(say), bold)
    page.freeze_panes(1, 2)
    page.set_column(0, 1, 30)
    page.set_column(2, len(_COUNTS) + 2, 16)
    line = 0
    for line, row in enumerate(_rows(summary, say), start=1):
        for column, cell in enumerate(row):
            if isinstance(cell, float):
                page.write_number(line, column, cell, percent)
            elif cell is not None:
                page.write(line, column, cell)
    for offset, text in enumerate(_notes(summary, say), start=2):
        page.write_string(line + offset, 0, text)
    book.close()
    return path
