"""What kind of text table a file is: encoding, separator, decimal sign, header row, unit row, dates."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sensors.errors import PayloadError

__all__ = ["Dialect", "TextTable", "parse_moment", "parse_number", "read_text_table"]

_ENCODINGS = ("utf-8-sig", "latin-1")
_SEPARATORS = (";", "\t", ",")
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")
_HEADER_WORDS = re.compile(r"date|time|heure|zeit|hora|temp|leq|laeq|peak|humid", re.IGNORECASE)
_HEADER_SEARCH_ROWS = 60
_SAMPLE_ROWS = 200


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the text was read.

    Attributes
    ----------
    encoding, separator, decimal : str
        As found; ``decimal`` is ``","`` or ``"."``.
    header_line : int
        Line of the column names, from 1.
    unit_row : bool
        Whether the line after the names holds units.
    """

    encoding: str
    separator: str
    decimal: str
    header_line: int
    unit_row: bool


@dataclass(frozen=True, slots=True)
class TextTable:
    """Cells of a text export; ``first_line`` is the line of the first data row, from 1."""

    dialect: Dialect
    names: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first_line: int


def _decode(raw: bytes) -> tuple[str, str]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16"), "utf-16"
    for encoding in _ENCODINGS:
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1"), "latin-1"


def _refuse(path: Path, code: str, what: str, rule: str, remedy: str) -> PayloadError:
    return PayloadError(f"{path.name}: {what}", rule=rule, remedy=remedy, code=code)


def _header_index(lines: list[str], separator: str) -> int | None:
    for index, line in enumerate(lines[:_HEADER_SEARCH_ROWS]):
        cells = next(csv.reader([line], delimiter=separator), [])
        named = [cell for cell in cells if cell.strip() and not _NUMBER.match(cell.strip())]
        if len(cells) > 1 and len(named) > 1 and _HEADER_WORDS.search(cells[0] + cells[1]):
            return index
    return None


def read_text_table(path: Path) -> TextTable:
    """Read a logger's text export, whatever its regional habits.

    Raises
    ------
    PayloadError
        ``empty_file``, ``binary_file`` or ``no_header``.
    """
    raw = path.read_bytes()
    if not raw.strip():
        raise _refuse(path, "empty_file", "the file is empty", "a header row and data", "export again")
    if b"\x00" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refuse(path, "binary_file", "the file is not text", "CSV", "export as CSV from its software")
    text, encoding = _decode(raw)
    lines = text.splitlines()
    for separator in _SEPARATORS:
        header = _header_index(lines, separator)
        if header is not None:
            break
    else:
        raise _refuse(
            path,
            "no_header",
            "no row of column names was found",
            "a row whose first columns are a date or time and a quantity, separated by ; tab or ,",
            "name the columns under [[imports]] columns = {…}, or export with column names",
        )
    cells = [
        tuple(cell.strip() for cell in row)
        for row in csv.reader(io.StringIO("\n".join(lines[header:])), delimiter=separator)
    ]
    names = cells[0]
    unit_row = len(cells) > 1 and not any(re.search(r"\d", cell) for cell in cells[1])
    data = tuple(cells[2:] if unit_row else cells[1:])
    units = cells[1] if unit_row else tuple(_unit_in_name(name) for name in names)
    sample = [cell for row in data[:_SAMPLE_ROWS] for cell in row if _NUMBER.match(cell)]
    decimal = "," if separator != "," and any("," in cell for cell in sample) else "."
    return TextTable(
        Dialect(encoding, separator, decimal, header + 1, unit_row),
        names,
        units + ("",) * (len(names) - len(units)),
        data,
        header + (3 if unit_row else 2),
    )


def _unit_in_name(name: str) -> str:
    found = re.search(r"[\[(]\s*([^\])]+?)\s*[\])]\s*$", name)
    return found[1] if found else ""


def parse_number(cell: str, decimal: str) -> float | None:
    """Return a number, or ``None`` for an empty cell; raises ``ValueError`` for anything else."""
    plain = cell.strip().replace(" ", "").replace("\u202f", "").replace("\u00a0", "")
    if plain in ("", "-", "--", "---", "n/a", "N/A", "NaN"):
        return None
    return float(plain.replace(".", "").replace(",", ".") if decimal == "," and "," in plain else plain)


_DATE_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_CLOCKS = ("%H:%M:%S", "%H:%M:%S.%f", "%H:%M", "%I:%M:%S %p", "%I:%M %p")


def parse_moment(cell: str, *, day_first: bool) -> datetime:
    """Parse a date and time as loggers write them; raises ``ValueError`` when no known form fits."""
    text = " ".join(cell.replace(",", ".").split())
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for day in _DATE_FIRST if day_first else _MONTH_FIRST:
        for clock in _CLOCKS:
            try:
                return datetime.strptime(text, f"{day} {clock}")  # noqa: DTZ007 - site time by the contract
            except ValueError:
                continue
    message = f"no date and time in {cell!r}"
    raise ValueError(message)
