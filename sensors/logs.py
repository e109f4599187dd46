"""Reading and appending the CSV logs beside the site file."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sensors.errors import Problem, SiteFileError, UsageError
from sensors.local_time import OPEN_END_NS, clock_oddity, to_ns
from sensors.log_tables import (
    Action,
    ActionFactor,
    Assignment,
    ControlLevel,
    Episode,
    Exclusion,
    Pause,
    SiteLogs,
    Situation,
    Vigilance,
    Wearer,
)

__all__ = ["LOGS", "SiteLogs", "append_log", "parse_logs", "read_logs"]

_ISO = "2026-11-16T08:00"
_CLOCK_RULES = {
    "ambiguous_time": "the clocks go back: this reading comes twice",
    "nonexistent_time": "the clocks go forward: this reading does not exist",
}


class _CellError(Exception):
    def __init__(self, code: str, rule: str, remedy: str) -> None:
        super().__init__(rule)
        self.code = code
        self.rule = rule
        self.remedy = remedy


def _moment(text: str, zone: ZoneInfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _CellError("bad_time", "a time is year-month-dayThour:minute", f"write it as {_ISO}") from None
    oddity = clock_oddity(moment, zone)
    if oddity is not None:
        raise _CellError(oddity, _CLOCK_RULES[oddity], "add the offset, for example +01:00")
    return to_ns(moment, zone)


def _date(text: str, _zone: ZoneInfo) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _CellError("bad_date", "a date is year-month-day", "write it as 2026-11-16") from None


def _text(text: str, _zone: ZoneInfo) -> str:
    return text


def _borg(text: str, _zone: ZoneInfo) -> float:
    # Borg CR10: 0 (nothing at all) to 10 (extremely strong); a French decimal comma is understood.
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 10.0:
        raise _CellError("out_of_range", "Borg CR10 goes from 0 to 10", "correct or empty the cell")
    return value


def _choice(choices: type[StrEnum]) -> Callable[[str, ZoneInfo], StrEnum]:
    def parse(text: str, _zone: ZoneInfo) -> StrEnum:
        names = [choice.value for choice in choices]
        if text not in names:
            close = get_close_matches(text.lower(), names, n=1)
            raise _CellError(
                "not_one_of",
                f"one of {', '.join(names)}",
                f"did you mean {close[0]}?" if close else "use one of them",
            )
        return choices(text)

    return parse


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    parse: Callable[[str, ZoneInfo], Any]
    required: bool = False


@dataclass(frozen=True, slots=True)
class LogTable:
    """One log: its name (the file is ``NAME.csv``), its columns, and the row they make."""

    name: str
    columns: tuple[_Column, ...]
    row: Callable[..., Any]
    open_ended: bool = False

    @property
    def file(self) -> str:
        """File name beside the site file."""
        return f"{self.name}.csv"

    @property
    def header(self) -> tuple[str, ...]:
        """Column names in the order they are written."""
        return tuple(column.name for column in self.columns)


_FROM = _Column("from", _moment, required=True)
_TO = _Column("to", _moment, required=True)
_OPEN_TO = _Column("to", _moment)
_SENSOR = _Column("sensor", _text, required=True)

LOGS: Mapping[str, LogTable] = {
    table.name: table
    for table in (
        LogTable(
            "assignments",
            (_FROM, _OPEN_TO, _SENSOR, *(_Column(name, _text) for name in ("wearer", "workstation", "task"))),
            Assignment,
            open_ended=True,
        ),
        LogTable(
            "exclusions",
            (_FROM, _TO, _SENSOR, _Column("reason", _text, required=True), _Column("who", _text)),
            Exclusion,
        ),
        LogTable("pauses", (_FROM, _TO, _Column("sensor", _text), _Column("reason", _text)), Pause),
        LogTable(
            "actions",
            (
                _Column("id", _text, required=True),
                _Column("workstation", _text, required=True),
                _Column("factor", _choice(ActionFactor), required=True),
                _Column("level", _choice(ControlLevel), required=True),
                _Column("what", _text, required=True),
                _Column("owner", _text),
                _Column("due", _date),
                _Column("done", _date),
                _Column("reason", _text),
            ),
            Action,
        ),
        LogTable(
            "situations",
            (
                _FROM,
                _OPEN_TO,
                _Column("workstation", _text, required=True),
                _Column("text", _text, required=True),
                _Column("borg", _borg),
            ),
            Situation,
        ),
        LogTable(
            "episodes",
            (_FROM, _TO, _Column("level", _choice(Vigilance), required=True), _Column("source", _text)),
            Episode,
        ),
        LogTable("wearers", (_Column("wearer", _text, required=True),), Wearer),
    )
}


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
    text, _ = _decoded(path.read_bytes())
    return csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)


def _decoded(raw: bytes) -> tuple[str, str]:
    try:
        return raw.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        # Spreadsheets on French Windows save in this code page.
        return raw.decode("cp1252", errors="replace"), "cp1252"


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return ";" if first.count(";") > first.count(",") else ","


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
        except _CellError as error:
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


def append_log(folder: Path, name: str, row: Mapping[str, str]) -> Path:
    """Append one row to a log; the header is written with the first one.

    The row goes out in a single write to a file opened for appending, so that rows of several programs
    never mix, and is on disk when this returns.

    Parameters
    ----------
    folder : Path
        Folder of the site file.
    name : str
        Log without its suffix, such as ``exclusions``.
    row : mapping
        Text of each column; columns left out stay empty.

    Raises
    ------
    UsageError
        An unknown log or column, or a required column without text.
    """
    table = LOGS.get(name)
    if table is None:
        raise UsageError("there is no such log", value=name, rule=f"one of {', '.join(LOGS)}")
    unknown = sorted(set(row) - set(table.header))
    if unknown:
        raise UsageError(
            f"{table.file} has no column {unknown[0]}", rule=f"columns: {', '.join(table.header)}"
        )
    for column in table.columns:
        if column.required and not row.get(column.name, "").strip():
            raise UsageError(f"{table.file} needs {column.name}", rule="the cell may not be empty")
    path = folder / table.file
    folder.mkdir(parents=True, exist_ok=True)
    _create(path, table)
    shape = _shape(path, table)
    cells = [re.sub(r"[\r\n]+", " ", row.get(column, "")) for column in shape.header]
    _write(path, (shape.joiner + _line(cells, shape.delimiter)).encode(shape.encoding, errors="replace"))
    return path


def _create(path: Path, table: LogTable) -> None:
    """Make the file appear with its header in it, so that no other program ever sees it empty."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    temporary.write_text(_line(table.header, ","), encoding="utf-8", newline="")
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError:
        # A file system without hard links: the header and the first row are then two writes.
        with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8", newline="") as handle:
            handle.write(_line(table.header, ","))
    finally:
        temporary.unlink()


@dataclass(frozen=True, slots=True)
class _Shape:
    """How an existing log is written: a row appended to it must look the same."""

    header: tuple[str, ...]
    delimiter: str
    encoding: str
    joiner: str


def _shape(path: Path, table: LogTable) -> _Shape:
    raw = path.read_bytes()
    text, encoding = _decoded(raw)
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    cells = next((row for row in reader if row and not row[0].startswith("#")), None)
    joiner = "" if raw.endswith(b"\n") or not raw else "\n"
    if cells is None:
        return _Shape(table.header, ",", encoding, joiner + _line(table.header, ","))
    return _Shape(tuple(cell.strip().lower() for cell in cells), delimiter, encoding, joiner)


def _line(cells: tuple[str, ...] | list[str], delimiter: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _write(path: Path, row: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
    try:
        os.write(descriptor, row)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
