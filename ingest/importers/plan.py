"""One file understood: rows ready for the store, rows refused with their line and reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.importers.axivity import read_axivity
from ingest.importers.columns import ColumnUse, find_time_columns, use_columns
from ingest.importers.dialect import Dialect, TextTable, parse_moment, parse_number, read_text_table
from sensors.errors import PayloadError
from sensors.quantities import QUANTITIES, Kind
from sensors.readings import Flag, FloatColumn, ReadingBatch
from sensors.site_model import ImportRule, Sensor

__all__ = ["ImportPlan", "RefusedRow", "plan_import"]

_BATCH_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A line of the file that is not stored."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class ImportPlan:
    """What an import would store, shown by ``--dry-run``.

    Attributes
    ----------
    batch : ReadingBatch
        Accepted rows in time order.
    dialect : Dialect or None
        ``None`` for a binary table (Parquet).
    columns : tuple of ColumnUse
        Columns used, with their units and conversions.
    ignored : tuple of str
        Columns that are not used.
    """

    file: Path
    sensor: str
    kind: Kind
    dialect: Dialect | None
    columns: tuple[ColumnUse, ...]
    ignored: tuple[str, ...]
    batch: ReadingBatch
    refused: tuple[RefusedRow, ...]

    def batches(self) -> Iterator[ReadingBatch]:
        """Rows in pieces that a store takes well."""
        for start in range(0, len(self.batch), _BATCH_ROWS):
            piece = slice(start, start + _BATCH_ROWS)
            yield ReadingBatch(
                self.batch.site,
                self.batch.sensor,
                self.batch.kind,
                self.batch.times_ns[piece],
                {name: column[piece] for name, column in self.batch.channels.items()},
                self.batch.flags[piece],
            )


def plan_import(
    path: Path, rule: ImportRule, sensor: Sensor, site: str, to_ns: Callable[[datetime], int]
) -> ImportPlan:
    """Read `path` as `rule` says and judge every row.

    Parameters
    ----------
    path : Path
        File to import.
    rule : ImportRule
        Row of ``[[imports]]``.
    sensor : Sensor
        Sensor the rows belong to.
    site : str
        Site id.
    to_ns : callable
        UTC nanoseconds of a datetime; one without offset is site time.

    Raises
    ------
    PayloadError
        The file cannot be understood at all.
    """
    if rule.codec == "axivity":
        return _plan_axivity(path, sensor, site, to_ns)
    table = read_text_table(path)
    chosen = {channel: column for channel, column in rule.columns.items() if channel != "time"}
    uses = use_columns(path.name, table.names, table.units, sensor.kind, chosen, rule.units)
    time_columns = find_time_columns(path.name, table.names, rule.columns.get("time"))
    times, values, refused = _read_rows(table, uses, time_columns, rule.day_first, to_ns)
    order = np.argsort(times, kind="stable")
    channels: dict[str, FloatColumn] = {use.channel: values[order, i] for i, use in enumerate(uses)}
    batch = ReadingBatch(
        site,
        sensor.id,
        sensor.kind,
        times[order],
        channels,
        np.full(len(times), int(Flag.IMPORTED), np.uint16),
    )
    taken = {use.index for use in uses} | {index for index in time_columns if index is not None}
    ignored = tuple(name for index, name in enumerate(table.names) if index not in taken and name)
    return ImportPlan(path, sensor.id, sensor.kind, table.dialect, uses, ignored, batch, tuple(refused))


def _plan_axivity(path: Path, sensor: Sensor, site: str, to_ns: Callable[[datetime], int]) -> ImportPlan:
    times, channels, dropped = read_axivity(path, to_ns)
    order = np.argsort(times, kind="stable")
    uses = tuple(ColumnUse(i, name, name, "g", 1.0, 0.0) for i, name in enumerate(channels, start=1))
    batch = ReadingBatch(
        site,
        sensor.id,
        sensor.kind,
        times[order],
        {name: column[order] for name, column in channels.items()},
        np.full(len(times), int(Flag.IMPORTED), np.uint16),
    )
    refused = (RefusedRow(0, f"{dropped} rows are not numbers within ±32 g"),) if dropped else ()
    return ImportPlan(path, sensor.id, sensor.kind, None, uses, (), batch, refused)


def _read_rows(
    table: TextTable,
    uses: tuple[ColumnUse, ...],
    time_columns: tuple[int, int | None],
    day_first: bool,
    to_ns: Callable[[datetime], int],
) -> tuple[NDArray[np.int64], NDArray[np.float64], list[RefusedRow]]:
    refused: list[RefusedRow] = []
    moments: list[int] = []
    rows: list[list[float]] = []
    decimal = table.dialect.decimal
    for number, cells in enumerate(table.rows, start=table.first_line):
        if not any(cells):
            continue
        try:
            moment = _moment(cells, time_columns, day_first, to_ns)
            rows.append([_value(cells, use, decimal) for use in uses])
        except (ValueError, IndexError, PayloadError) as error:
            refused.append(RefusedRow(number, str(error) or "row is shorter than its header"))
            continue
        moments.append(moment)
    values = np.array(rows, np.float64).reshape(len(rows), len(uses))
    return np.array(moments, np.int64), values, refused


def _moment(
    cells: tuple[str, ...], columns: tuple[int, int | None], day_first: bool, to_ns: Callable[[datetime], int]
) -> int:
    day, clock = columns
    text = cells[day] if clock is None else f"{cells[day]} {cells[clock]}"
    return to_ns(parse_moment(text, day_first=day_first))


def _value(cells: tuple[str, ...], use: ColumnUse, decimal: str) -> float:
    number = parse_number(cells[use.index], decimal)
    if number is None:
        return float("nan")
    value = number * use.factor + use.offset
    quantity = QUANTITIES[use.channel]
    if not quantity.low <= value <= quantity.high:
        message = (
            f"{use.channel} = {value:g} is outside {quantity.low:g} to {quantity.high:g} {quantity.unit}"
        )
        raise ValueError(message)
    return value
