"""Small tables with tags of their own as line protocol: published rollups, health of sensors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from ingest.influx.client import InfluxClient, LinesRefusedError
from ingest.influx.lines import escape_tag
from sensors.errors import ConfigurationError

__all__ = ["rollup_lines", "rollup_values", "write_rollups"]

_TIME = "time"
_BODY_LINES = 5_000


def rollup_lines(measurement: str, table: pa.Table, tags: Sequence[str]) -> Iterator[str]:
    """One line a row: `tags` sorted, then every other column that holds something.

    Parameters
    ----------
    table : pa.Table
        Column ``time`` (UTC, ns), string columns `tags`, and fields: numbers (stored as floats) and texts.
    """
    times = table.column(_TIME).cast(pa.int64()).to_pylist()
    for moment, row in zip(times, table.drop_columns([_TIME]).to_pylist(), strict=True):
        keys = ",".join(f"{tag}={escape_tag(row.pop(tag))}" for tag in sorted(tags))
        fields = ",".join(f"{name}={_field(value)}" for name, value in row.items() if _present(value))
        if fields:
            yield f"{measurement},{keys} {fields} {moment}\n"


def _present(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _field(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", r"\\").replace('"', r"\"").replace("\n", " ") + '"'
    return repr(float(value))


def write_rollups(client: InfluxClient, measurement: str, table: pa.Table, tags: Sequence[str]) -> int:
    """Store the rows of `table`; those of the same tags and time are replaced. Rows written."""
    lines = list(rollup_lines(measurement, table, tags))
    for part in _parts(lines):
        try:
            client.write("".join(part).encode())
        except LinesRefusedError as refused:
            raise ConfigurationError(
                f"InfluxDB refuses the rollups: {refused}",
                value=measurement,
                remedy="publish into another database: fields of an older form stand in this one",
                code="rollups_refused",
            ) from refused
    return len(lines)


def rollup_values(client: InfluxClient, measurement: str, field: str, always: str) -> frozenset[str]:
    """Values of a text field in all rows of `measurement`; empty text for rows without it.

    Parameters
    ----------
    always : str
        Text field that every row has: rows are counted by it.
    """
    # Names of our own, never of a user: nothing to quote but the name itself.
    rows = f'FROM "{measurement}"'
    distinct, counted = client.query(
        " ".join(("SELECT", f'DISTINCT("{field}")', rows)),
        " ".join(("SELECT", f'COUNT("{field}"), COUNT("{always}")', rows)),
    )
    found = {str(row[1]) for series in distinct for row in series["values"]}
    # A server leaves the count of a field out where no row has it.
    bare = any((row[1] or 0) < (row[2] or 0) for series in counted for row in series["values"])
    return frozenset(found | ({""} if bare else set()))


def _parts(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(lines), _BODY_LINES):
        yield lines[start : start + _BODY_LINES]
