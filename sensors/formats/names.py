"""The five wire formats and what decoding any of them gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sensors.readings import FloatColumn, TimeColumn

__all__ = ["Decoded", "WireFormat"]


class WireFormat(StrEnum):
    """Last level of a reading's topic."""

    SENML = "senml"
    SENML_CBOR = "senml-cbor"
    JSON = "json"
    COLUMNS = "columns"
    COLUMNS_MSGPACK = "columns-msgpack"


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Rows of one message.

    Attributes
    ----------
    times_ns : int64 array, shape (n,)
        UTC nanoseconds since 1970, in the order sent.
    channels : dict of str to float array, shape (n,)
        Columns in the unit of the quantities table; NaN = not sent. float32 when the wire said float32;
        such columns are read-only views of the payload.
    flags_all : int
        `sensors.readings.Flag` bits that hold for every row.
    """

    times_ns: TimeColumn
    channels: dict[str, FloatColumn]
    flags_all: int = 0
