"""Raw rows as Parquet bytes and back: one row a timestamp, one column a channel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.rows import FLAGS, Rows
from sensors.errors import ConfigurationError
from sensors.quantities import QUANTITIES

__all__ = ["SCHEMA_NUMBER", "SEQUENCE", "TIME", "check_schema", "decode", "encode", "newest_ns"]

SCHEMA_NUMBER = 1
TIME = "time"
SEQUENCE = "sequence"
_OWN = "_sequence_"
_SCHEMA_KEY = b"vigiposte.schema"
_ROW_GROUP = 1_000_000
_NANOSECONDS = pa.timestamp("ns", tz="UTC")


def encode(rows: Rows) -> pa.Buffer:
    """Parquet file of `rows`: zstd, delta-coded times, byte-stream-split floats; missing values are null."""
    names = tuple(rows.channels)
    kinds = tuple(column.dtype.str for column in rows.channels.values())
    own = tuple(rows.own_sequence)
    columns = [
        pa.array(rows.times_ns).cast(_NANOSECONDS),
        *(pa.array(column, from_pandas=True) for column in rows.channels.values()),
        pa.array(rows.flags),
        pa.array(rows.sequence),
        *(pa.array(rows.own_sequence[name]) for name in own),
    ]
    table = pa.Table.from_arrays(columns, schema=_schema(names, kinds, own))
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        use_dictionary=[FLAGS],
        column_encoding={
            TIME: "DELTA_BINARY_PACKED",
            SEQUENCE: "DELTA_BINARY_PACKED",
            **{_OWN + name: "DELTA_BINARY_PACKED" for name in own},
            **dict.fromkeys(names, "BYTE_STREAM_SPLIT"),
        },
        write_statistics=[TIME],
        row_group_size=_ROW_GROUP,
    )
    return sink.getvalue()


def decode(
    source: Any,
    start_ns: int | None,
    end_ns: int | None,
    channels: Sequence[str] | None,
    *,
    sequences: bool = True,
) -> Rows | None:
    """Rows of a Parquet file within ``[start_ns, end_ns)``, or ``None`` when it holds none there.

    Parameters
    ----------
    source : file
        Random-access file for pyarrow.
    start_ns, end_ns : int or None
        Bounds [ns UTC]; ``None`` = unbounded.
    channels : sequence of str or None
        Columns wanted; those that the file lacks are absent from the result. ``None`` = all.
    sequences : bool
        False leaves out the journal sequences (zeros instead) when nothing will be merged.
    """
    with pq.ParquetFile(source, pre_buffer=False) as file:
        check_schema(file.metadata.metadata)
        groups = [
            group for group in range(file.num_row_groups) if _overlaps(file.metadata, group, start_ns, end_ns)
        ]
        if not groups:
            return None
        stored = file.schema_arrow.names
        names = [
            name
            for name in stored
            if name not in (TIME, FLAGS, SEQUENCE)
            and not name.startswith(_OWN)
            and (channels is None or name in channels)
        ]
        own = [name for name in (*names, FLAGS) if sequences and _OWN + name in stored]
        columns = [TIME, *names, FLAGS, *([SEQUENCE] if sequences else []), *(_OWN + name for name in own)]
        table = file.read_row_groups(groups, columns=columns, use_threads=False)
    times = _numpy(table[TIME].cast(pa.int64()))
    rows = Rows(
        times,
        {name: _numpy(table[name]) for name in names},
        _numpy(table[FLAGS]),
        _numpy(table[SEQUENCE]) if sequences else np.zeros(times.shape[0], np.int64),
        {name: _numpy(table[_OWN + name]) for name in own},
    )
    low = np.iinfo(np.int64).min if start_ns is None else start_ns
    high = np.iinfo(np.int64).max if end_ns is None else end_ns
    return rows.between(low, high)


def newest_ns(source: Any) -> int | None:
    """Newest time of a Parquet file, from its footer."""
    with pq.ParquetFile(source) as file:
        check_schema(file.metadata.metadata)
        bounds = [_bounds(file.metadata, group) for group in range(file.num_row_groups)]
    return max((high for _, high in bounds), default=None)


def check_schema(metadata: dict[bytes, bytes] | None) -> None:
    """Refuse a file that a newer version of the program wrote, and one that no version wrote."""
    number = (metadata or {}).get(_SCHEMA_KEY)
    if number is None:
        raise ConfigurationError(
            "a Parquet file of the lake does not say which schema it follows",
            rule="vigiposte.schema in the file's metadata",
            remedy="keep other files out of the lake's raw folder",
            code="lake_schema_missing",
        )
    if int(number) > SCHEMA_NUMBER:
        raise ConfigurationError(
            "the lake was written by a newer version",
            value=int(number),
            rule=f"this version reads schema {SCHEMA_NUMBER} and older",
            remedy="upgrade vigiposte",
            code="lake_schema_newer",
        )


@lru_cache(maxsize=256)
def _schema(names: tuple[str, ...], kinds: tuple[str, ...], own: tuple[str, ...]) -> pa.Schema:
    fields = [
        pa.field(TIME, _NANOSECONDS, nullable=False),
        *(
            pa.field(name, pa.from_numpy_dtype(np.dtype(kind)), metadata=_unit(name))
            for name, kind in zip(names, kinds, strict=True)
        ),
        pa.field(FLAGS, pa.uint16(), nullable=False),
        pa.field(SEQUENCE, pa.int64(), nullable=False),
        *(pa.field(_OWN + name, pa.int64(), nullable=False) for name in own),
    ]
    return pa.schema(fields, metadata={_SCHEMA_KEY: str(SCHEMA_NUMBER).encode()})


def _unit(name: str) -> dict[str, str] | None:
    return {"unit": QUANTITIES[name].unit} if name in QUANTITIES else None


def _bounds(metadata: Any, group: int) -> tuple[int, int]:
    statistics = metadata.row_group(group).column(0).statistics
    return int(statistics.min_raw), int(statistics.max_raw)


def _overlaps(metadata: Any, group: int, start_ns: int | None, end_ns: int | None) -> bool:
    low, high = _bounds(metadata, group)
    return (start_ns is None or high >= start_ns) and (end_ns is None or low < end_ns)


def _numpy(column: pa.ChunkedArray) -> Any:
    return column.to_numpy()
