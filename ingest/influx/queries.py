"""InfluxQL: the one query language that 1.x, 2.x and 3.x all answer. Time is bounded on both sides."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from ingest.days import day_bounds_ns
from ingest.influx.client import InfluxClient
from ingest.rows import FLAGS, Rows, merge
from ingest.store_protocol import Partition, ReadingQuery
from sensors.quantities import Kind

__all__ = [
    "FIRST_NS",
    "LAST_NS",
    "bounds",
    "days_with_rows",
    "fields_of",
    "newest_by_sensor",
    "read_rows",
    "select",
    "where",
]

FIRST_NS = -(2**63) + 2
LAST_NS = 2**63 - 2
_PAGE_ROWS = 500_000
_NUMBERS = ("float", "integer", "unsigned")
_PROBE_DAYS = 32
_PROBES_AT_ONCE = 16


def quoted(text: str) -> str:
    """`text` as a string literal."""
    return "'" + text.replace("\\", r"\\").replace("'", r"\'") + "'"


def named(text: str) -> str:
    """`text` as an identifier."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def where(site: str, sensor: str | None, start_ns: int, end_ns: int) -> str:
    """Condition for a site, perhaps one sensor, and ``[start_ns, end_ns)``."""
    tags = f'"site" = {quoted(site)}' + ("" if sensor is None else f' AND "sensor" = {quoted(sensor)}')
    # The parser takes no literal beyond the range of times, and rows at the very ends are refused on writing.
    low, high = max(start_ns, FIRST_NS), min(end_ns, LAST_NS)
    return f"{tags} AND time >= {low} AND time < {high}"


def select(what: str, measurement: str, condition: str, tail: str = "") -> str:
    """A SELECT statement; `condition` comes from `where`, which quotes what it is given."""
    return " ".join(("SELECT", what, "FROM", named(measurement), "WHERE", condition, tail))


def fields_of(client: InfluxClient, kind: Kind) -> list[str]:
    """Fields of a measurement that hold numbers."""
    (series,) = client.query(f"SHOW FIELD KEYS FROM {named(kind.value)}")
    return sorted({row[0] for one in series for row in one["values"] if row[1] in _NUMBERS})


def read_rows(client: InfluxClient, query: ReadingQuery) -> Rows | None:
    """Rows that `query` asks for, read in pages of CSV; ``None`` when there are none."""
    known = fields_of(client, query.kind)
    wanted = [name for name in known if name != FLAGS and (query.channels is None or name in query.channels)]
    if not wanted:
        return None
    fields = [*wanted, *([FLAGS] if FLAGS in known else [])]
    selected = ",".join(f"{named(name)}::float" for name in fields)
    pages: list[Rows] = []
    start_ns = query.start_ns
    while True:
        condition = where(query.site, query.sensor, start_ns, query.end_ns)
        body = client.select(select(selected, query.kind.value, condition, f"LIMIT {_PAGE_ROWS}"))
        page = _parse(body, fields)
        if page is None:
            break
        pages.append(page)
        if len(page) < _PAGE_ROWS:
            break
        start_ns = int(page.times_ns[-1]) + 1
    return merge(pages) if pages else None


def bounds(client: InfluxClient, kind: Kind, site: str) -> tuple[int, int] | None:
    """Oldest and newest time of a site's rows of one kind, or ``None``."""
    condition = where(site, None, FIRST_NS, LAST_NS)
    oldest, newest = client.query(
        select("*", kind.value, condition, "ORDER BY time ASC LIMIT 1"),
        select("*", kind.value, condition, "ORDER BY time DESC LIMIT 1"),
    )
    if not oldest or not newest:
        return None
    return _time_of(oldest[0]), _time_of(newest[0])


def days_with_rows(client: InfluxClient, kind: Kind, site: str, first: date, last: date) -> list[Partition]:
    """Partitions of one kind, found by asking for a single row a sensor and day: no day is read."""
    months = [
        (day, min(day + timedelta(days=_PROBE_DAYS - 1), last)) for day in _every(first, last, _PROBE_DAYS)
    ]
    found: list[Partition] = []
    filled = (
        span for span, sensors in zip(months, _probe(client, kind, site, months), strict=True) if sensors
    )
    days = [(day, day) for start, end in filled for day in _every(start, end, 1)]
    for (day, _), sensors in zip(days, _probe(client, kind, site, days), strict=True):
        found.extend(Partition(kind, site, sensor, day) for sensor in sensors)
    return found


def newest_by_sensor(client: InfluxClient, kind: Kind, site: str) -> dict[str, int]:
    """Newest row time [ns] of each sensor of one kind."""
    condition = where(site, None, FIRST_NS, LAST_NS)
    (series,) = client.query(
        select("*", kind.value, condition, 'GROUP BY "sensor" ORDER BY time DESC LIMIT 1')
    )
    return {str(one["tags"]["sensor"]): _time_of(one) for one in series}


def _every(first: date, last: date, step: int) -> Iterable[date]:
    return (first + timedelta(days=offset) for offset in range(0, (last - first).days + 1, step))


def _probe(
    client: InfluxClient, kind: Kind, site: str, spans: Sequence[tuple[date, date]]
) -> list[list[str]]:
    """Sensors that have a row in each span of days."""
    answers: list[list[str]] = []
    for start in range(0, len(spans), _PROBES_AT_ONCE):
        statements = []
        for first, last in spans[start : start + _PROBES_AT_ONCE]:
            condition = where(site, None, day_bounds_ns(first)[0], day_bounds_ns(last)[1])
            statements.append(select("*", kind.value, condition, 'GROUP BY "sensor" LIMIT 1'))
        answers += [
            sorted(str(one["tags"]["sensor"]) for one in series) for series in client.query(*statements)
        ]
    return answers


def _time_of(series: Any) -> int:
    return int(series["values"][0][series["columns"].index("time")])


def _parse(body: bytes, fields: Sequence[str]) -> Rows | None:
    if not body.strip():
        return None
    table = pa_csv.read_csv(
        io.BytesIO(body),
        convert_options=pa_csv.ConvertOptions(
            include_columns=["time", *fields],
            column_types={"time": pa.int64(), **dict.fromkeys(fields, pa.float64())},
            null_values=[""],
        ),
    )
    if not table.num_rows:
        return None
    times = table["time"].to_numpy()
    columns = {name: table[name].to_numpy() for name in fields}
    flags = columns.pop(FLAGS, None)
    marked = np.zeros(times.shape[0]) if flags is None else np.nan_to_num(flags)
    return Rows(times, columns, marked.astype(np.uint16), np.zeros(times.shape[0], np.int64))
