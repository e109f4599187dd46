"""Wire formats: bytes of one MQTT message to rows of one sensor, and back.

Whatever the bytes are, `decode` gives rows or raises ``PayloadError`` with a stable code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sensors.errors import UsageError
from sensors.formats import columns_json, columns_msgpack, reading_json, senml_cbor, senml_json
from sensors.formats.checks import MAX_PAYLOAD_BYTES, MAX_ROWS, PayloadCode, refusal
from sensors.formats.names import Decoded, WireFormat
from sensors.quantities import QUANTITIES, Kind
from sensors.readings import FloatColumn, TimeColumn

__all__ = ["MAX_PAYLOAD_BYTES", "MAX_ROWS", "Decoded", "PayloadCode", "WireFormat", "decode", "encode"]

_DECODERS: Mapping[str, Callable[[bytes, int, Kind | None], Decoded]] = {
    WireFormat.JSON: reading_json.decode,
    WireFormat.COLUMNS: columns_json.decode,
    WireFormat.COLUMNS_MSGPACK: columns_msgpack.decode,
    WireFormat.SENML: senml_json.decode,
    WireFormat.SENML_CBOR: senml_cbor.decode,
}
_ENCODERS: Mapping[str, Callable[[TimeColumn, Mapping[str, FloatColumn]], bytes]] = {
    WireFormat.JSON: reading_json.encode,
    WireFormat.COLUMNS: columns_json.encode,
    WireFormat.COLUMNS_MSGPACK: columns_msgpack.encode,
    WireFormat.SENML: senml_json.encode,
    WireFormat.SENML_CBOR: senml_cbor.encode,
}


def decode(fmt: WireFormat, payload: bytes, arrival_ns: int, *, kind: Kind | None = None) -> Decoded:
    """Rows of one message.

    Parameters
    ----------
    fmt : WireFormat
        Last level of the topic.
    payload : bytes
        Body of the message.
    arrival_ns : int
        Moment of arrival, UTC nanoseconds: stands in for a time that the device does not send.
    kind : Kind, optional
        Kind of the sensor; quantities of other kinds are then refused.

    Raises
    ------
    PayloadError
        The message is refused; ``code`` is a `PayloadCode`.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise refusal(
            PayloadCode.TOO_LARGE,
            "message is too large",
            value=len(payload),
            rule=f"at most {MAX_PAYLOAD_BYTES} bytes",
            remedy="send more often",
        )
    return _DECODERS[fmt](payload, arrival_ns, kind)


def encode(fmt: WireFormat, times_ns: TimeColumn, channels: Mapping[str, FloatColumn]) -> bytes:
    """Bytes of one message, so that `decode` gives the same rows back.

    Parameters
    ----------
    fmt : WireFormat
        Target format; ``json`` takes exactly one row.
    times_ns : int64 array, shape (n,)
        UTC nanoseconds.
    channels : mapping of str to float array, shape (n,)
        Columns in the unit of the quantities table; NaN = missing.

    Raises
    ------
    UsageError
        No row, an unknown channel, columns of unequal length, or more rows than the format takes.
    """
    rows = times_ns.shape[0]
    if rows == 0:
        raise UsageError("there is no row to encode")
    for name, column in channels.items():
        if name not in QUANTITIES:
            raise UsageError("unknown quantity", value=name, rule=f"one of {', '.join(QUANTITIES)}")
        if column.shape != (rows,):
            raise UsageError(f"channel {name} differs in length from its times", value=column.shape)
    return _ENCODERS[fmt](times_ns, channels)
