"""Readings and minute summaries as files for other tools, with units in the header or the metadata."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ingest.days import day_bounds_ns, day_of
from ingest.store import Partition, ReadingQuery, Store
from sensors.errors import GovernanceError
from sensors.local_time import OPEN_END_NS
from sensors.quantities import QUANTITIES, Kind
from sensors.readings import ReadingBatch
from sensors.site_book import SiteBook

__all__ = [
    "ExportFormat",
    "ExportedFile",
    "exportable_sensors",
    "minute_tables",
    "raw_tables",
    "write_export",
]

_MINUTES = "minutes"
_FROM_EVER = -(2**62)
_CIRCULATION = "circulation"


class ExportFormat(StrEnum):
    """File format of an export."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One written file."""

    path: Path
    sensor: str
    rows: int


def worn_sensors(book: SiteBook) -> frozenset[str]:
    """Sensors whose readings may speak of a person.

    Those ever placed on a body or assigned to a wearer, and those never placed at all: nobody said that they
    are fixed.
    """
    found = set()
    for sensor in book.site.sensors:
        postings = book.assignments(sensor.id, _FROM_EVER, OPEN_END_NS)
        if not postings or any(one.mount.worn or one.wearer is not None for one in postings):
            found.add(sensor.id)
    return frozenset(found)


def exportable_sensors(
    book: SiteBook, asked: Sequence[str], *, analyst: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sensors that may be exported, and those held back because they are worn.

    Raises
    ------
    UnknownNameError
        A sensor that the site file does not have.
    GovernanceError
        Only worn sensors were asked for, by name, and the audience is not the analyst.
    """
    names = [book.sensor(name).id for name in asked] or [sensor.id for sensor in book.site.sensors]
    worn = frozenset[str]() if analyst else worn_sensors(book)
    held = tuple(name for name in names if name in worn)
    if asked and len(held) == len(names):
        raise GovernanceError(
            "traces of worn sensors show single persons",
            value=", ".join(held),
            rule="raw and minute data of worn sensors are for the analyst only",
            remedy="--audience analyst, where that is justified; or use the weekly report",
            code="worn_raw",
        )
    return tuple(name for name in names if name not in worn), held


def raw_tables(
    store: Store, book: SiteBook, sensor: str, start_ns: int, end_ns: int, channels: tuple[str, ...] | None
) -> Iterator[pa.Table]:
    """Raw rows of one sensor within ``[start_ns, end_ns)``, a table a UTC day; pauses are left out."""
    kind = book.sensor(sensor).kind
    pauses = book.pauses(sensor, start_ns, end_ns)
    for partition in _partitions(store.partitions, book, sensor, kind, start_ns, end_ns):
        start, end = day_bounds_ns(partition.day)
        batch = store.read_columns(
            ReadingQuery(partition.site, sensor, kind, max(start, start_ns), min(end, end_ns), channels)
        )
        keep = np.ones(len(batch), np.bool_)
        for first, last in pauses:
            keep &= (batch.times_ns < first) | (batch.times_ns >= last)
        if keep.any():
            yield _table(batch, keep)


def minute_tables(
    store: Store, book: SiteBook, sensor: str, start_ns: int, end_ns: int
) -> Iterator[pa.Table]:
    """Minute summaries of one sensor whose minute starts within ``[start_ns, end_ns)``."""
    kind = book.sensor(sensor).kind

    def listed(site: str, first: date, last: date, kind: Kind) -> list[Partition]:
        return store.summary_partitions(_MINUTES, site, first, last, kind)

    for partition in _partitions(listed, book, sensor, kind, start_ns, end_ns):
        table = store.read_summary(_MINUTES, partition)
        if table is None:
            continue
        minutes = table["minute"].cast(pa.int64()).to_numpy()
        table = table.filter(pa.array((minutes >= start_ns) & (minutes < end_ns)))
        if table.num_rows:
            yield table


def write_export(
    tables: Iterator[pa.Table],
    path: Path,
    form: ExportFormat,
    sensor: str,
    metadata: dict[str, str],
    circulation: str = "",
) -> ExportedFile | None:
    """Write `tables` one after the other to `path`, which appears when it is complete.

    The columns are those of any table; memory holds one table at a time. ``None`` when there was nothing.
    `circulation` fills a last column of that name: a comment above the header would stop most readers, and
    a file cut into pieces or sorted would lose it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        pieces: list[Path] = []
        for table in tables:
            piece = Path(folder) / f"{len(pieces)}.arrow"
            with pa.OSFile(str(piece), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            pieces.append(piece)
        if not pieces:
            return None
        schema = _common_schema([_schema_of(piece) for piece in pieces], metadata)
        if circulation:
            schema = schema.append(pa.field(_CIRCULATION, pa.string()))
        whole = Path(folder) / path.name
        rows = 0
        with _writer(whole, form, schema) as write:
            for piece in pieces:
                table = _fitted(_marked(_read(piece), circulation), schema)
                write(table)
                rows += table.num_rows
        with whole.open("rb+") as handle:
            os.fsync(handle.fileno())
        whole.replace(path)
    return ExportedFile(path, sensor, rows)


def _partitions(
    listed: Callable[..., list[Partition]],
    book: SiteBook,
    sensor: str,
    kind: Kind,
    start_ns: int,
    end_ns: int,
) -> list[Partition]:
    first, last = day_of(start_ns), day_of(end_ns - 1)
    found = listed(book.site.site.id, first, last, kind)
    return [partition for partition in found if partition.sensor == sensor]


def _table(batch: ReadingBatch, keep: Any) -> pa.Table:
    columns = {
        "time": pa.array(batch.times_ns[keep]).cast(pa.timestamp("ns", tz="UTC")),
        **{name: pa.array(column[keep], from_pandas=True) for name, column in batch.channels.items()},
        "flags": pa.array(batch.flags[keep]),
    }
    fields = [pa.field(name, column.type, metadata=_unit(name)) for name, column in columns.items()]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def _unit(name: str) -> dict[str, str] | None:
    return {"unit": QUANTITIES[name].unit} if name in QUANTITIES else None


def _schema_of(piece: Path) -> pa.Schema:
    with pa.OSFile(str(piece), "rb") as source, pa.ipc.open_file(source) as reader:
        return reader.schema


def _read(piece: Path) -> pa.Table:
    with pa.OSFile(str(piece), "rb") as source, pa.ipc.open_file(source) as reader:
        return reader.read_all()


def _common_schema(schemas: Sequence[pa.Schema], metadata: dict[str, str]) -> pa.Schema:
    """Every column of any day: times first, flags last."""
    fields = {field.name: field for schema in schemas for field in schema}
    order = sorted(fields, key=lambda name: (name not in ("time", "minute"), name == "flags"))
    return pa.schema([fields[name] for name in order], metadata=metadata)


def _marked(table: pa.Table, circulation: str) -> pa.Table:
    if not circulation:
        return table
    return table.append_column(_CIRCULATION, pa.repeat(pa.scalar(circulation), table.num_rows))


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table[field.name] if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


@contextmanager
def _writer(path: Path, form: ExportFormat, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    if form is ExportFormat.PARQUET:
        with pq.ParquetWriter(path, schema, compression="zstd") as parquet:
            yield parquet.write_table
        return
    plain = pa.schema([pa.field(_heading(field), _plain_type(field.type)) for field in schema])
    with path.open("wb") as sink, pa_csv.CSVWriter(sink, plain) as writer:
        yield lambda table: writer.write_table(_plain(table, plain))


def _heading(field: pa.Field) -> str:
    """Name with its unit, so that a spreadsheet's reader need not guess."""
    unit = (field.metadata or {}).get(b"unit")
    if unit is None and field.name.endswith("_ns"):
        unit = b"ns"
    return field.name if unit is None else f"{field.name} [{unit.decode()}]"


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_nested(kind) or pa.types.is_binary(kind) or _timed(kind) else kind


def _timed(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def _plain(table: pa.Table, plain: pa.Schema) -> pa.Table:
    """Columns that a text file can hold: ISO 8601 times, lists as JSON, bytes in hexadecimal."""
    columns = []
    for column in table.columns:
        if _timed(column.type):
            nanoseconds = column.cast(pa.int64()).to_numpy()
            texts = np.datetime_as_string(nanoseconds.view("datetime64[ns]"), timezone="UTC")
            columns.append(pa.array(texts.tolist(), pa.string()))
        elif pa.types.is_nested(column.type):
            columns.append(pa.array([json.dumps(value) for value in column.to_pylist()], pa.string()))
        elif pa.types.is_binary(column.type):
            columns.append(
                pa.array(
                    [None if value is None else value.hex() for value in column.to_pylist()], pa.string()
                )
            )
        else:
            columns.append(column)
    return pa.Table.from_arrays(columns, schema=plain)
