"""The DUERP annex: collective exposure to the factors of L4161-1, and shares of workers above thresholds.

R4121-1-1: collective data that help to assess individual exposure, and the proportion of workers exposed
above the thresholds. Made from the gated weekly result, so that a withheld group stays withheld. For
discussion, not a declaration.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indicators.c2p.thresholds import FACTORS
from indicators.model import (
    Factor,
    Indicator,
    LimitAssessment,
    Scope,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)
from indicators.words import quantity

if TYPE_CHECKING:
    from pathlib import Path

    from indicators.words import Text
    from sensors.site_book import SiteBook

__all__ = [
    "Annex",
    "AnnexRow",
    "FactorShare",
    "build_annex",
    "csv_cell",
    "to_csv",
    "to_document",
    "unformula",
    "write_workbook",
]

# Columns whose codes have words in a section of the catalogues.
_WORDED = {
    "factor": "decisions.c2p",
    "verdict": "verdicts",
    "unit": "units",
    "grade": "grades",
    "status": "decisions.status",
}
_COLUMNS = (
    "factor",
    "workstation",
    "label",
    "workers",
    "projected_per_year",
    "low",
    "high",
    "unit",
    "threshold",
    "verdict",
    "crossed_on",
    "measured_days",
    "source",
    "grade",
    "status",
)


@dataclass(frozen=True, slots=True)
class AnnexRow:
    """One factor at one workstation, for one holder of the post.

    Attributes
    ----------
    workers : int
        People in the exposure groups of the workstation.
    crossed_on : str or None
        Day on which the threshold would be reached in a year that starts on 1 January, ISO text.
    verdict : Verdict
        On the annual threshold; `NOT_MEASURED` also where the group is too small to be shown.
    """

    factor: str
    workstation: str
    label: str
    workers: int
    projected_per_year: float | None
    low: float | None
    high: float | None
    unit: str
    threshold: float
    verdict: Verdict
    measured_days: int
    source: str
    grade: str
    status: str
    withheld: bool
    crossed_on: str | None = None


@dataclass(frozen=True, slots=True)
class FactorShare:
    """Share of workers above one threshold; what is open or not measured is counted apart, never as 0."""

    factor: str
    workers: int
    above: int
    below: int
    not_settled: int
    not_measured: int

    @property
    def share_above(self) -> float | None:
        """Share of all workers known to be above; ``None`` without any verdict."""
        return self.above / self.workers if self.above + self.below else None

    @property
    def share_at_most(self) -> float | None:
        """Share if everything open turned out above."""
        return (self.workers - self.below) / self.workers if self.workers else None


@dataclass(frozen=True, slots=True)
class Annex:
    """Rows by workstation and factor, and the shares by factor."""

    site: str
    period: str
    references: str
    rows: tuple[AnnexRow, ...]
    shares: tuple[FactorShare, ...]


def build_annex(result: WeeklyResult, book: SiteBook) -> Annex:
    """Build the annex from a gated result.

    Raises
    ------
    GovernanceError
        ``analyst_circulation``: the result was made for the analyst.
    """
    from indicators.governance.issue import refuse_circulation

    refuse_circulation(result.audience, ("annex",))
    heads = _headcounts(book)
    rows = [
        row
        for factor, limit_id in FACTORS.items()
        for station in result.workstations
        if (row := _row(factor, limit_id, station, heads.get(station.id, 0))) is not None
    ]
    shares = tuple(_share(factor, [row for row in rows if row.factor == factor], book) for factor in FACTORS)
    period = result.period.week or f"{result.period.first}..{result.period.last}"
    return Annex(
        result.site, period, result.references, tuple(rows), tuple(item for item in shares if item.workers)
    )


def _headcounts(book: SiteBook) -> Mapping[str, int]:
    heads: dict[str, int] = {}
    for group in book.site.groups:
        for workstation in group.workstations:
            heads[workstation] = heads.get(workstation, 0) + group.workers
    return heads


def _found(station: WorkstationResult, limit_id: str) -> tuple[Indicator, LimitAssessment] | None:
    for factor in station.factors:
        for item in factor.indicators:
            for row in item.limits:
                if row.limit.id == limit_id and item.scope is Scope.USUAL:
                    return item, row
    return None


def _row(factor: str, limit_id: str, station: WorkstationResult, workers: int) -> AnnexRow | None:
    found = _found(station, limit_id)
    if found is None:
        hidden = station.withheld is not None and _factor_of(limit_id) in station.withheld.factors
        return _empty(factor, limit_id, station, workers) if hidden else None
    item, row = found
    return AnnexRow(
        factor=factor,
        workstation=station.id,
        label=station.label,
        workers=workers,
        projected_per_year=item.value,
        low=None if item.interval is None else item.interval.low,
        high=None if item.interval is None else item.interval.high,
        unit=item.unit,
        threshold=row.limit.value,
        verdict=row.verdict,
        measured_days=item.n_days,
        source=f"{row.limit.source}, {row.limit.clause}",
        grade=row.limit.grade.value,
        status=row.limit.status.value,
        withheld=False,
        crossed_on=next((str(n.params["on_day"]) for n in item.quality if "on_day" in n.params), None),
    )


def _factor_of(limit_id: str) -> Factor:
    return Factor(limit_id.split(".")[1])


def _empty(factor: str, limit_id: str, station: WorkstationResult, workers: int) -> AnnexRow:
    from indicators.limits import limit

    row = limit(limit_id)
    return AnnexRow(
        factor=factor,
        workstation=station.id,
        label=station.label,
        workers=workers,
        projected_per_year=None,
        low=None,
        high=None,
        unit=row.unit,
        threshold=row.value,
        verdict=Verdict.NOT_MEASURED,
        measured_days=0,
        source=f"{row.source}, {row.clause}",
        grade=row.grade.value,
        status=row.status.value,
        withheld=True,
    )


def _share(factor: str, rows: Sequence[AnnexRow], book: SiteBook) -> FactorShare:
    """Count each exposure group once, by its worst workstation: a holder of several posts adds them up."""
    verdicts = {row.workstation: row.verdict for row in rows}
    counts = dict.fromkeys(Verdict, 0)
    order = (Verdict.ABOVE, Verdict.NOT_SETTLED, Verdict.NOT_MEASURED, Verdict.BELOW)
    total = 0
    for group in book.site.groups:
        own = [verdicts.get(place, Verdict.NOT_MEASURED) for place in group.workstations]
        if not rows or not own:
            continue
        worst = next(verdict for verdict in order if verdict in own)
        counts[worst] += group.workers
        total += group.workers
    return FactorShare(
        factor,
        total,
        counts[Verdict.ABOVE],
        counts[Verdict.BELOW],
        counts[Verdict.NOT_SETTLED],
        counts[Verdict.NOT_MEASURED],
    )


def to_document(annex: Annex) -> dict[str, Any]:
    """Return the annex as a JSON document."""
    return {
        "site": annex.site,
        "period": annex.period,
        "references": annex.references,
        "wording": "for discussion, not a declaration",
        "shares": [
            {
                "factor": share.factor,
                "workers": share.workers,
                "above": share.above,
                "below": share.below,
                "not_settled": share.not_settled,
                "not_measured": share.not_measured,
                "share_above": share.share_above,
                "share_at_most": share.share_at_most,
            }
            for share in annex.shares
        ],
        "rows": [
            {name: _plain(getattr(row, name)) for name in (*_COLUMNS, "withheld")} for row in annex.rows
        ],
    }


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Verdict) else value


def _cells(row: AnnexRow, say: Text | None = None) -> Iterable[Any]:
    for name in _COLUMNS:
        value = _plain(getattr(row, name))
        if say is not None and isinstance(value, str) and name in _WORDED:
            value = say(f"{_WORDED[name]}.{value.replace('/', '_per_')}")
        if isinstance(value, float):
            # A projection knows no tenth of an hour.
            value = round(value, 1)
        yield unformula(value) if isinstance(value, str) else value


def unformula(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _heads(say: Text | None) -> tuple[str, ...]:
    return _COLUMNS if say is None else tuple(say(f"decisions.column.{name}") for name in _COLUMNS)


def to_csv(annex: Annex, *, separator: str = ";", say: Text | None = None) -> str:
    """Return the rows as CSV, units in their own column.

    Parameters
    ----------
    separator : str
        Between cells; with a semicolon decimals have a comma, as French spreadsheets read them.
    say : callable, optional
        Catalogue of a language for heads and words; the names of the document otherwise.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerow(_heads(say))
    for row in annex.rows:
        writer.writerow(csv_cell(cell, separator) for cell in _cells(row, say))
    if say is not None:
        writer.writerow([say("decisions.annex_wording")])
    return out.getvalue()


def csv_cell(cell: Any, separator: str) -> Any:
    """A cell as a spreadsheet of the language of `separator` reads it: empty, or with its decimal mark."""
    if cell is None:
        return ""
    return str(cell).replace(".", ",") if isinstance(cell, float) and separator == ";" else cell


def write_workbook(annex: Annex, path: Path, say: Text | None = None) -> Path:
    """Write the annex as XLSX, one sheet of rows and one of shares, in the words of `say` where it is given.

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
    bold = book.add_format({"bold": True})
    rows = book.add_worksheet("annex")
    rows.write_row(0, 0, _heads(say), bold)
    rows.freeze_panes(1, 0)
    rows.set_column(0, len(_COLUMNS) - 1, 16)
    for index, row in enumerate(annex.rows, start=1):
        rows.write_row(index, 0, ["" if cell is None else cell for cell in _cells(row, say)])
    shares = book.add_worksheet("shares")
    names = (
        "factor",
        "workers",
        "above",
        "below",
        "not_settled",
        "not_measured",
        "share_above",
        "share_at_most",
    )
    heads = names if say is None else tuple(say(f"decisions.column.{name}") for name in names)
    shares.write_row(0, 0, heads, bold)
    shares.set_column(0, len(names) - 1, 18)
    percent = book.add_format(
        {"num_format": "0%" if say is None else quantity("0", "%", say).replace("\u00a0", " ")}
    )
    for index, share in enumerate(annex.shares, start=1):
        factor = share.factor if say is None else say(f"decisions.c2p.{share.factor}")
        shares.write_row(index, 0, [factor, *(getattr(share, name) for name in names[1:6])])
        for column, value in ((6, share.share_above), (7, share.share_at_most)):
            if value is not None:
                shares.write_number(index, column, value, percent)
    if say is not None:
        shares.write_string(len(annex.shares) + 2, 0, say("decisions.annex_wording"))
    book.close()
    return path
