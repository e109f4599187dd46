"""Moves the times inside payloads of the project's own formats, so that an old trace becomes today's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import cbor2
import msgspec

from sensors.errors import PayloadError
from sensors.formats import WireFormat
from sensors.formats.times import parse_time_ns, wire_time
from sensors.topics import parse_topic
from simulators.messages import Message

__all__ = ["retimed", "shift_payload"]

# SenML: a time below this is relative to the moment of reception (RFC 8428, 4.5.3) and must not be moved.
_SENML_RELATIVE_LIMIT = 2**28
_CBOR_BASE_TIME, _CBOR_TIME = -3, 6


def retimed(messages: Iterable[Message], shift_ns: int) -> Iterator[Message]:
    """Move due times and, in our own formats, the times inside the payloads; everything else is kept."""
    for message in messages:
        try:
            fmt = parse_topic(message.topic).format
        except PayloadError:
            payload = message.payload
        else:
            payload = shift_payload(fmt, message.payload, shift_ns)
        yield replace(message, due_ns=message.due_ns + shift_ns, payload=payload)


def shift_payload(fmt: str, payload: bytes, shift_ns: int) -> bytes:
    """Return `payload` with its times moved; bytes that do not decode as `fmt` are returned as they are."""
    move = _MOVERS.get(fmt)
    if move is None or shift_ns == 0:
        return payload
    try:
        return move(payload, shift_ns)
    except (
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
        PayloadError,
        RecursionError,
        cbor2.CBORDecodeError,
    ):
        return payload


def _moved(value: Any, shift_ns: int) -> Any:
    return wire_time(parse_time_ns(value) + shift_ns)


def _shift_map(message: dict[str, Any], shift_ns: int) -> dict[str, Any]:
    for key in ("t", "t0"):
        value = message.get(key)
        if isinstance(value, list):
            message[key] = [_moved(moment, shift_ns) for moment in value]
        elif value is not None:
            message[key] = _moved(value, shift_ns)
    return message


def _json(payload: bytes, shift_ns: int) -> bytes:
    return msgspec.json.encode(_shift_map(msgspec.json.decode(payload), shift_ns))


def _msgpack(payload: bytes, shift_ns: int) -> bytes:
    return msgspec.msgpack.encode(_shift_map(msgspec.msgpack.decode(payload), shift_ns))


def _shift_records(records: list[dict[Any, Any]], base: Any, own: Any, shift_ns: int) -> list[dict[Any, Any]]:
    """Move each absolute base time; where none stands, each absolute time of its own."""
    moved_base = False
    for record in records:
        if base in record:
            moved_base = abs(record[base]) >= _SENML_RELATIVE_LIMIT
            if moved_base:
                record[base] = _senml_moved(record[base], shift_ns)
        if not moved_base and abs(record.get(own, 0)) >= _SENML_RELATIVE_LIMIT:
            record[own] = _senml_moved(record[own], shift_ns)
    return records


def _senml_moved(value: float, shift_ns: int) -> float:
    moved = parse_time_ns(value) + shift_ns
    return moved // 1_000_000_000 if moved % 1_000_000_000 == 0 else moved / 1e9


def _senml(payload: bytes, shift_ns: int) -> bytes:
    return msgspec.json.encode(_shift_records(msgspec.json.decode(payload), "bt", "t", shift_ns))


def _senml_cbor(payload: bytes, shift_ns: int) -> bytes:
    records = _shift_records(cbor2.loads(payload), _CBOR_BASE_TIME, _CBOR_TIME, shift_ns)
    return bytes(cbor2.dumps(records))


_MOVERS: dict[str, Callable[[bytes, int], bytes]] = {
    WireFormat.JSON: _json,
    WireFormat.COLUMNS: _json,
    WireFormat.COLUMNS_MSGPACK: _msgpack,
    WireFormat.SENML: _senml,
    WireFormat.SENML_CBOR: _senml_cbor,
}
