"""The report as tables of real numbers: one row a workstation and shift, units in the headers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.typography import Language
from dashboards.wording import Wording
from indicators.headlines import indicator_verdict
from indicators.model import Factor, Indicator, Scope, WeeklyResult
from indicators.verdicts import telling_guidance

__all__ = ["Sheet", "csv_text", "factor_sheet", "guarded", "notice_version", "plain_sheet"]

Value = str | int | float | None
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its name."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _columns(result: WeeklyResult, factor: Factor | None) -> list[tuple[str, str]]:
    """Indicators that occur, with their units, in the order of factors and results."""
    found: dict[str, str] = {}
    for wanted in Factor if factor is None else (factor,):
        for station in result.workstations:
            for part in station.factors:
                for indicator in part.indicators if part.factor is wanted else ():
                    if indicator.scope is Scope.USUAL:
                        found.setdefault(indicator.id, indicator.unit)
    return list(found.items())


def _by_shift(
    result: WeeklyResult, factor: Factor | None
) -> list[tuple[str, str, str, dict[str, Indicator]]]:
    rows = []
    for station in result.workstations:
        shifts: dict[str, dict[str, Indicator]] = {}
        for part in station.factors:
            for indicator in part.indicators if factor in (None, part.factor) else ():
                if indicator.scope is Scope.USUAL:
                    shifts.setdefault(indicator.shift, {})[indicator.id] = indicator
        rows += [(station.id, station.label, shift, found) for shift, found in shifts.items()]
    return rows


def _verdict_code(indicator: Indicator) -> str:
    verdict = indicator_verdict(indicator)
    return "" if verdict is None else verdict.value


def _mark_codes(indicator: Indicator) -> str:
    return "; ".join(f"{row.limit.id} {row.verdict.value}" for row in telling_guidance(indicator))


def _cells(
    indicator: Indicator | None,
    word: Callable[[Indicator], str],
    mark: Callable[[Indicator], str],
    method: Callable[[str], str] = str,
) -> tuple[Value, ...]:
    if indicator is None:
        return (None,) * 9
    interval = indicator.interval
    return (
        indicator.value,
        interval.low if interval else None,
        interval.high if interval else None,
        word(indicator),
        mark(indicator),
        method(indicator.method),
        round(indicator.coverage * 100.0, 1),
        indicator.n_days,
        indicator.n_wearers if indicator.worn else None,
    )


def plain_sheet(result: WeeklyResult, circulation: str = "") -> Sheet:
    """All factors in one table with stable names, for scripts; `circulation` ends every line."""
    columns = _columns(result, None)
    notice = notice_version(result)
    head = ["workstation", "label", "shift"]
    for identifier, unit in columns:
        head += [
            f"{identifier} [{unit}]",
            f"{identifier} low [{unit}]",
            f"{identifier} high [{unit}]",
            f"{identifier} verdict",
            f"{identifier} marks",
            f"{identifier} method",
            f"{identifier} coverage [%]",
            f"{identifier} days [count]",
            f"{identifier} wearers [count]",
        ]
    rows = []
    for station, label, shift, found in _by_shift(result, None):
        cells: list[Value] = [station, label, shift]
        for identifier, _ in columns:
            cells += _cells(found.get(identifier), _verdict_code, _mark_codes)
        rows.append((*cells, *(text for text in (notice, circulation) if text)))
    if notice:
        head.append("notice version")
    if circulation:
        head.append("circulation")
    return Sheet("indicators", tuple(head), tuple(rows))


def notice_version(result: WeeklyResult) -> str:
    """Version of the notice to employees in force when the result was made; empty where nobody asked."""
    return next((str(row.params["version"]) for row in result.notes if row.code == "papers_version"), "")


def factor_sheet(result: WeeklyResult, factor: Factor, words: Wording) -> Sheet:
    """One factor with headers and verdicts in the reader's language."""
    say = words.say
    columns = _columns(result, factor)
    head = [say("report.column_station"), say("report.column_shift")]
    for identifier, unit in columns:
        label, shown = words.indicator_text(identifier), words.unit(unit)
        head += [
            f"{label} [{shown}]",
            f"{say('report.column_low')} [{shown}]",
            f"{say('report.column_high')} [{shown}]",
            say("report.column_verdict"),
            say("report.column_marks"),
            say("report.column_method"),
            f"{say('report.column_coverage')} [%]",
            say("report.column_n_days"),
            say("report.column_wearers"),
        ]

    def word(indicator: Indicator) -> str:
        return words.mark(indicator_verdict(indicator)).word

    def marks(indicator: Indicator) -> str:
        return " · ".join(words.guidance(indicator))

    rows = []
    for _, label, shift, found in _by_shift(result, factor):
        cells: list[Value] = [label, shift]
        for identifier, _unit in columns:
            cells += _cells(found.get(identifier), word, marks, words.method)
        rows.append(tuple(cells))
    return Sheet(words.factor(factor), tuple(head), tuple(rows))


def csv_text(sheet: Sheet, language: str) -> str:
    """CSV as spreadsheets of the language open it: French uses semicolons and decimal commas."""
    french = language == Language.FR
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if french else ",", lineterminator="\r\n")
    writer.writerow(sheet.head)
    for row in sheet.rows:
        writer.writerow(_csv_cells(row, french=french))
    return out.getvalue()


def _csv_cells(row: Sequence[Value], *, french: bool) -> list[str]:
    cells = []
    for value in row:
        if value is None:
            cells.append("")
        elif isinstance(value, str):
            cells.append(guarded(value))
        else:
            figure = repr(value)
            cells.append(figure.replace(".", ",") if french else figure)
    return cells
