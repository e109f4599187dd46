"""Line protocol from columns: whole blobs built by pyarrow, never a string per reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.rows import FLAGS, Rows, SensorKey
from sensors.errors import UsageError

__all__ = ["Lines", "blocks", "escape_tag", "series_key"]

_BLOCK_ROWS = 20_000
_CONTROL = frozenset(map(chr, range(32))) | {"\\", "\x7f"}


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines of one sensor, each ended by a newline."""

    sensor: str
    body: bytes
    count: int

    def split(self) -> list[bytes]:
        """Single lines, each with its newline."""
        return self.body.splitlines(keepends=True)


def escape_tag(value: str) -> str:
    """`value` as a tag value of line protocol.

    Raises
    ------
    UsageError
        It holds a backslash or a control character, which no InfluxDB keeps unchanged, or nothing.
    """
    if not value or _CONTROL & set(value):
        raise UsageError(
            "InfluxDB cannot keep this id",
            value=value,
            rule="not empty, no backslash, no control character",
            code="store_id",
        )
    return value.replace(",", r"\,").replace("=", r"\=").replace(" ", r"\ ")


def series_key(measurement: str, site: str, sensor: str) -> str:
    """Measurement and tags, in the order InfluxDB likes best (sorted by key)."""
    return f"{measurement},sensor={escape_tag(sensor)},site={escape_tag(site)}"


def blocks(key: SensorKey, rows: Rows) -> Iterator[Lines]:
    """Lines of one sensor in blocks of at most 20,000.

    Fields are always floats in their shortest exact form, float32 widened to float64 first, so that reading
    gives the same bits; missing values and zero flags are left out.
    """
    kind, site, sensor = key
    prefix = series_key(kind.value, site, sensor) + " "
    for start in range(0, len(rows), _BLOCK_ROWS):
        piece = rows.take(slice(start, start + _BLOCK_ROWS))
        yield Lines(sensor, _body(prefix, piece), len(piece))


def _body(prefix: str, rows: Rows) -> bytes:
    fields = {name: _text(column) for name, column in rows.channels.items()}
    if rows.flags.any():
        fields[FLAGS] = pa.array(rows.flags, mask=rows.flags == 0).cast(pa.string())
    fields = {name: text for name, text in fields.items() if text.null_count < len(rows)}
    times = pa.array(rows.times_ns).cast(pa.string())
    if any(text.null_count for text in fields.values()):
        # A missing field takes its name and comma with it.
        named = [pc.binary_join_element_wise(f"{name}=", text, "") for name, text in fields.items()]
        pieces: list[Any] = [prefix, pc.binary_join_element_wise(*named, ",", null_handling="skip")]
    else:
        pieces = [prefix]
        for position, (name, text) in enumerate(fields.items()):
            pieces += [f"{',' if position else ''}{name}=", text]
    return _bytes_of(pc.binary_join_element_wise(*pieces, " ", times, "\n", ""))


def _text(column: Any) -> pa.Array:
    return pa.array(np.asarray(column, dtype=np.float64), from_pandas=True).cast(pa.string())


def _bytes_of(lines: pa.Array) -> bytes:
    """The lines one after the other: a string array's own data buffer."""
    offsets = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return bytes(memoryview(lines.buffers()[2])[int(offsets[0]) : int(offsets[-1])])
