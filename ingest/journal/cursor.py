"""How far the stores have been fed: two slots overwritten in turn, which a full disk cannot stop."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from ingest.journal.segments import sync_data, sync_folder

__all__ = ["Cursor", "Position"]

_SLOT = struct.Struct("<QqQq")
_CHECKSUM = struct.Struct("<I")
_SLOT_BYTES = 512
_FILE = "cursor"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the journal: segment (by its ``first``), byte offset in it, last sequence before it."""

    segment: int = 0
    offset: int = 0
    sequence: int = 0


class Cursor:
    """The durable position of the feeder; a torn write leaves the other, previous slot."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._generation, self.position = self._load(self._path)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self._path, flags, 0o640)
        size = os.fstat(self._descriptor).st_size
        if size < 2 * _SLOT_BYTES:
            os.lseek(self._descriptor, size, os.SEEK_SET)
            os.write(self._descriptor, bytes(2 * _SLOT_BYTES - size))
            os.fsync(self._descriptor)
            sync_folder(folder)

    @staticmethod
    def _load(path: Path) -> tuple[int, Position]:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return 0, Position()
        best = (0, Position())
        for start in (0, _SLOT_BYTES):
            slot = content[start : start + _CHECKSUM.size + _SLOT.size]
            if len(slot) < _CHECKSUM.size + _SLOT.size:
                continue
            (checksum,) = _CHECKSUM.unpack_from(slot)
            body = slot[_CHECKSUM.size :]
            if zlib.crc32(body) == checksum:
                generation, segment, offset, sequence = _SLOT.unpack(body)
                best = max(best, (generation, Position(segment, offset, sequence)))
        return best

    @classmethod
    def peek(cls, folder: Path) -> Position:
        """Position as another process sees it, without opening anything for writing."""
        return cls._load(folder / _FILE)[1]

    def move(self, position: Position) -> None:
        """Durably move to `position`; needs no free disk space."""
        generation = self._generation + 1
        body = _SLOT.pack(generation, position.segment, position.offset, position.sequence)
        os.lseek(self._descriptor, (generation % 2) * _SLOT_BYTES, os.SEEK_SET)
        os.write(self._descriptor, _CHECKSUM.pack(zlib.crc32(body)) + body)
        sync_data(self._descriptor)
        self._generation = generation
        self.position = position

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
        self._descriptor = -1
