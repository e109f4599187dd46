"""Reading the CSV logs beside the site file; every problem names line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sensors.errors import Problem, SiteFileError
from sensors.local_time import OPEN_END_NS
from sensors.log_append import append_log
from sensors.log_schema import LOGS, CellError, LogTable, decoded_text, delimiter_of
from sensors.log_tables import SiteLogs

__all__ = ["LOGS", "SiteLogs", "append_log", "parse_logs", "read_logs"]


def read_logs(folder: Path, zone: ZoneInfo) -> SiteLogs:
    """Logs found in `folder`; a missing file is an empty log.

    Raises
    ------
    SiteFileError
        Everything wrong in any of them.
    """
    logs, problems = parse_logs(folder, zone)
    if problems:
        raise SiteFileError(problems)
    return logs


def parse_logs(folder: Path, zone: ZoneInfo) -> tuple[SiteLogs, list[Problem]]:
    """Readable rows of all logs, and what is wrong with the others."""
    problems: list[Problem] = []
    rows: dict[str, tuple[Any, ...]] = {}
    for name, table in LOGS.items():
        path = folder / table.file
        if path.is_file():
            rows[name] = tuple(_rows(path, table, zone, problems))
    return SiteLogs(**rows), problems


def _rows(path: Path, table: LogTable, zone: ZoneInfo, problems: list[Problem]) -> Iterator[Any]:
    try:
        reader = _reader(path)
        header = _header(reader, table, problems)
        if header is None:
            return
        for cells in reader:
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            row = _row(cells, reader.line_num, header, table, zone, problems)
            if row is not None:
                yield row
    except OSError as error:
        problems.append(
            Problem(
                table.file,
                "file",
                None,
                f"it cannot be read: {error.strerror}",
                "check its rights",
                "unreadable",
            )
        )
    except csv.Error as error:
        problems.append(
            Problem(
                table.file, "file", None, f"it is not CSV: {error}", "check quotes and columns", "csv_syntax"
            )
        )


def _reader(path: Path) -> Any:
    text, _ = decoded_text(path.read_bytes())
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)


def _header(reader: Any, table: LogTable, problems: list[Problem]) -> list[str] | None:
    cells = next((row for row in reader if row and not row[0].startswith("#")), None)
    if cells is None:
        return None
    header = [cell.strip().lower() for cell in cells]
    before = len(problems)
    where = f"line {reader.line_num}"
    for name in header:
        if name not in table.header:
            close = get_close_matches(name, table.header, n=1)
            remedy = f"did you mean {close[0]}?" if close else f"columns: {', '.join(table.header)}"
            problems.append(
                Problem(table.file, where, name, f"{table.file} has no such column", remedy, "unknown_column")
            )
        elif header.count(name) > 1:
            problems.append(
                Problem(table.file, where, name, "a column stands once", "remove one", "duplicate_column")
            )
    problems.extend(
        Problem(
            table.file,
            where,
            ",".join(header)[:80],
            f"column {column.name} is missing",
            f"the first line is {','.join(table.header)}",
            "missing_column",
        )
        for column in table.columns
        if column.required and column.name not in header
    )
    return header if len(problems) == before else None


def _row(
    cells: list[str], line: int, header: list[str], table: LogTable, zone: ZoneInfo, problems: list[Problem]
) -> Any:
    before = len(problems)
    where = f"line {line}"
    if len(cells) > len(header):
        problems.append(
            Problem(
                table.file,
                where,
                len(cells),
                f"a row has at most {len(header)} cells",
                "put a text that holds a comma between double quotes",
                "row_length",
            )
        )
        return None
    texts = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    values: dict[str, Any] = {}
    for column in table.columns:
        text = texts.get(column.name, "")
        key = f"{where}, {column.name}"
        values[column.name] = None
        if not text:
            if column.required:
                problems.append(
                    Problem(table.file, key, None, "the cell is empty", "fill it in", "missing_cell")
                )
            continue
        try:
            values[column.name] = column.parse(text, zone)
        except CellError as error:
            problems.append(Problem(table.file, key, text, error.rule, error.remedy, error.code))
    if len(problems) > before:
        return None
    return _built(values, where, texts, table, problems, line)


def _built(
    values: dict[str, Any],
    where: str,
    texts: dict[str, str],
    table: LogTable,
    problems: list[Problem],
    line: int,
) -> Any:
    if "from" in values:
        start = values.pop("from")
        end = values.pop("to")
        if end is None:
            end = OPEN_END_NS if table.open_ended else start
        elif end <= start:
            problems.append(
                Problem(
                    table.file,
                    where,
                    f"{texts['from']} to {texts['to']}",
                    "an interval ends after it starts",
                    "correct from or to",
                    "from_after_to",
                )
            )
            return None
        values = {"start_ns": start, "end_ns": end, **values}
    return table.row(**values, line=line)
