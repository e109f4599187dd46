"""``columns-msgpack``: the map of ``columns`` in MessagePack, columns as float32 bytes or arrays."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from sensors.formats.checks import PayloadCode, refusal
from sensors.formats.columns_rows import CHANNELS, CONTROL, assemble, diagnose, time_fields
from sensors.formats.names import Decoded
from sensors.quantities import Kind
from sensors.readings import FloatColumn, TimeColumn

__all__ = ["decode", "encode"]

_Message = msgspec.defstruct(
    "_Message",
    [
        ("t0", float | str | None, None),
        ("dt", float | None, None),
        ("t", list[float | str] | None, None),
        ("unit", str | None, None),
        ("units", dict[str, str] | None, None),
        *((name, bytes | list[float | None] | None, None) for name in CHANNELS),
    ],
    forbid_unknown_fields=True,
)
_DECODE = msgspec.msgpack.Decoder(_Message).decode
_ANY = msgspec.msgpack.Decoder().decode
_ENCODE = msgspec.msgpack.Encoder().encode
_CONTROLS = len(CONTROL)


def decode(payload: bytes, arrival_ns: int, kind: Kind | None) -> Decoded:
    """Decode the MessagePack map; float32 bytes (little-endian) stay float32 without a copy a value."""
    try:
        message = _DECODE(payload)
    except msgspec.ValidationError as error:
        raise _explain(payload, kind, str(error)) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise refusal(PayloadCode.MALFORMED, "payload is not MessagePack", value=str(error)) from None
    values = msgspec.structs.astuple(message)
    return assemble(values[:_CONTROLS], values[_CONTROLS:], arrival_ns, kind)


def _explain(payload: bytes, kind: Kind | None, detail: str) -> Exception:
    try:
        message = _ANY(payload)
    except (ValueError, TypeError, RecursionError):
        return refusal(PayloadCode.MALFORMED, "payload is not usable MessagePack", value=detail)
    return diagnose(message, kind, detail)


def encode(times_ns: TimeColumn, channels: Mapping[str, FloatColumn]) -> bytes:
    """Rows as MessagePack: float32 columns as bytes, others (and any with NaN) as arrays with nil."""
    message = time_fields(times_ns)
    for name, column in channels.items():
        holes = np.isnan(column)
        if holes.any():
            message[name] = [None if value != value else value for value in column.tolist()]  # noqa: PLR0124
        elif column.dtype.kind == "f" and column.dtype.itemsize == 4:
            message[name] = column.astype("<f4", copy=False).tobytes()
        else:
            message[name] = column.tolist()
    return _ENCODE(message)
