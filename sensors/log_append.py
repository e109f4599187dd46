"""Appending to a CSV log beside the site file: whole rows, durable, in the shape the file already has."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sensors.errors import UsageError
from sensors.log_schema import LOGS, LogTable, decoded_text, delimiter_of

__all__ = ["append_log"]


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
    text, encoding = decoded_text(raw)
    delimiter = delimiter_of(text)
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
