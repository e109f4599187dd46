"""How one message lies in a segment, and how to find the intact ones again after damage.

A record is ``magic(4) crc32(4) | length(4) sequence(8) topic_length(2) topic payload``; ``length`` counts
topic and payload, and the checksum covers everything after itself. It starts from the salt of the segment,
which no publisher knows, so that bytes inside a payload cannot pass for a record when a damaged part is
skipped.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "HEADER_BYTES",
    "MAX_PAYLOAD_BYTES",
    "MAX_RECORD_BYTES",
    "Arrival",
    "Damage",
    "Message",
    "Scan",
    "pack_records",
    "scan",
]

_MAGIC = b"VPr\x01"
_OUTER = struct.Struct("<4sI")
_INNER = struct.Struct("<IqH")
_HEADER = struct.Struct("<4sIIqH")
HEADER_BYTES = _HEADER.size
_MAX_TOPIC_BYTES = 65_535
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
"""No message larger than this is ever taken in, whatever the configured limit."""
MAX_RECORD_BYTES = HEADER_BYTES + _MAX_TOPIC_BYTES + MAX_PAYLOAD_BYTES


class Arrival(NamedTuple):
    """A message as it came from the broker: topic, payload and the time of arrival [UTC ns]."""

    topic: bytes
    payload: bytes
    arrival_ns: int


class Message(NamedTuple):
    """A journaled message; ``sequence`` is its arrival time [UTC ns], made strictly increasing."""

    sequence: int
    topic: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that hold no intact record."""

    segment: str
    offset: int
    content: bytes


class Scan(NamedTuple):
    """Intact records of a buffer, damaged spans ``(start, end)`` between them, and where scanning ended."""

    messages: list[Message]
    damaged: list[tuple[int, int]]
    end: int


def pack_records(arrivals: Iterable[Arrival], last_sequence: int, salt: int) -> tuple[bytes, int]:
    """Records of `arrivals`, each with a sequence above the previous one; the bytes and the last sequence."""
    parts: list[bytes] = []
    inner, outer, crc32 = _INNER.pack, _OUTER.pack, zlib.crc32
    sequence = last_sequence
    for topic, payload, arrival_ns in arrivals:
        sequence = arrival_ns if arrival_ns > sequence else sequence + 1
        body = inner(len(topic) + len(payload), sequence, len(topic)) + topic + payload
        parts.append(outer(_MAGIC, crc32(body, salt)))
        parts.append(body)
    return b"".join(parts), sequence


def scan(buffer: bytes, start: int, salt: int, *, complete: bool) -> Scan:
    """Read the records of `buffer` from `start`.

    Parameters
    ----------
    buffer : bytes
        Part of a segment.
    start : int
        Offset of a record.
    salt : int
        Salt of the segment's checksums.
    complete : bool
        Nothing follows `buffer`, so that a record running over its end is damage and not a reason to wait.
    """
    messages: list[Message] = []
    damaged: list[tuple[int, int]] = []
    position, size = start, len(buffer)
    view = memoryview(buffer)
    unpack, crc32, append = _HEADER.unpack_from, zlib.crc32, messages.append
    while size - position >= HEADER_BYTES:
        magic, checksum, length, sequence, topic_bytes = unpack(buffer, position)
        body = position + HEADER_BYTES
        end = body + length
        if magic == _MAGIC and topic_bytes <= length <= MAX_RECORD_BYTES - HEADER_BYTES:
            if end <= size:
                if crc32(view[position + 8 : end], salt) == checksum:
                    payload = body + topic_bytes
                    append(Message(sequence, buffer[body:payload], buffer[payload:end]))
                    position = end
                    continue
            elif not complete:
                break
        following = _next_record(buffer, position + 1, salt, complete=complete)
        if following is None:
            if complete:
                damaged.append((position, size))
                position = size
            break
        damaged.append((position, following))
        position = following
    if complete and position < size:
        damaged.append((position, size))
        position = size
    return Scan(messages, damaged, position)


def _next_record(buffer: bytes, start: int, salt: int, *, complete: bool) -> int | None:
    """Offset of the next intact record, or ``None``: wait for more bytes unless `complete`."""
    size = len(buffer)
    view = memoryview(buffer)
    candidate = buffer.find(_MAGIC, start)
    while candidate >= 0:
        if size - candidate < HEADER_BYTES:
            return None
        _magic, checksum, length, _sequence, topic_bytes = _HEADER.unpack_from(buffer, candidate)
        end = candidate + HEADER_BYTES + length
        if topic_bytes <= length <= MAX_RECORD_BYTES - HEADER_BYTES:
            if end <= size:
                if zlib.crc32(view[candidate + 8 : end], salt) == checksum:
                    return candidate
            elif not complete:
                return None
        candidate = buffer.find(_MAGIC, candidate + 1)
    return None
