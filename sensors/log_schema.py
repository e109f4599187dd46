"""The columns of each log beside the site file, and how their cells are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sensors.local_time import END_YEAR, FIRST_YEAR, clock_oddity, to_ns
from sensors.log_tables import (
    Action,
    ActionFactor,
    Assignment,
    ControlLevel,
    Episode,
    Exclusion,
    Objection,
    Pause,
    Situation,
    Vigilance,
    Wearer,
)

__all__ = ["LOGS", "CellError", "LogTable", "decoded_text", "delimiter_of"]

_ISO = "2026-11-16T08:00"
_CLOCK_RULES = {
    "ambiguous_time": "the clocks go back: this reading comes twice",
    "nonexistent_time": "the clocks go forward: this reading does not exist",
}


class CellError(Exception):
    """A cell that cannot be read: stable code, rule and remedy."""

    def __init__(self, code: str, rule: str, remedy: str) -> None:
        super().__init__(rule)
        self.code = code
        self.rule = rule
        self.remedy = remedy


def _moment(text: str, zone: ZoneInfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CellError("bad_time", "a time is year-month-dayThour:minute", f"write it as {_ISO}") from None
    _check_year(moment)
    oddity = clock_oddity(moment, zone)
    if oddity is not None:
        raise CellError(oddity, _CLOCK_RULES[oddity], "add the offset, for example +01:00")
    return to_ns(moment, zone)


def _date(text: str, _zone: ZoneInfo) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise CellError("bad_date", "a date is year-month-day", "write it as 2026-11-16") from None
    _check_year(day)
    return day


def _check_year(day: date) -> None:
    if not FIRST_YEAR <= day.year < END_YEAR:
        raise CellError("bad_time", f"years go from {FIRST_YEAR} to {END_YEAR - 1}", "correct the year")


def _text(text: str, _zone: ZoneInfo) -> str:
    return text


def _borg(text: str, _zone: ZoneInfo) -> float:
    # Borg CR10: 0 (nothing at all) to 10 (extremely strong); a French decimal comma is understood.
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 10.0:
        raise CellError("out_of_range", "Borg CR10 goes from 0 to 10", "correct or empty the cell")
    return value


def _choice(choices: type[StrEnum]) -> Callable[[str, ZoneInfo], StrEnum]:
    def parse(text: str, _zone: ZoneInfo) -> StrEnum:
        names = [choice.value for choice in choices]
        if text not in names:
            close = get_close_matches(text.lower(), names, n=1)
            raise CellError(
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
                _Column("control", _text),
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
                _Column("factor", _choice(ActionFactor)),
            ),
            Situation,
        ),
        LogTable(
            "episodes",
            (_FROM, _TO, _Column("level", _choice(Vigilance), required=True), _Column("source", _text)),
            Episode,
        ),
        LogTable("wearers", (_Column("wearer", _text, required=True),), Wearer),
        LogTable("objections", (_Column("wearer", _text, required=True),), Objection),
    )
}


def decoded_text(raw: bytes) -> tuple[str, str]:
    """Text of a log and the encoding it was saved in."""
    try:
        return raw.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        # Spreadsheets on French Windows save in this code page.
        return raw.decode("cp1252", errors="replace"), "cp1252"


def delimiter_of(text: str) -> str:
    """Delimiter of a log, by its first line: French spreadsheets save with semicolons."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return ";" if first.count(";") > first.count(",") else ","
