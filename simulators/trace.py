"""Trace files: MQTT messages with their relative times, order and bytes kept.

Format ``vigiposte.trace/1``; gzipped when its name ends in ``.gz`` (readers look at the first bytes)::

    VIGITRACE1 and a line feed
    frame*            each: uint32 little-endian length, then that many bytes of MessagePack

The first frame is the header, a map: ``schema``, ``start_ns`` (UTC ns of relative time zero), ``site`` and
whatever the writer adds. Each further frame is an array ``[relative_ns, topic, payload, retain]``, payload as
binary. A file cut short is read up to its last whole frame.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator, Mapping
from io import BufferedReader, BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from sensors.errors import ConfigurationError, UsageError
from simulators.messages import Message

__all__ = ["SCHEMA", "TraceReader", "TraceWriter"]

SCHEMA = "vigiposte.trace/1"
_MAGIC = b"VIGITRACE1\n"
_GZIP_MAGIC = b"\x1f\x8b"
_LENGTH = struct.Struct("<I")
_LONGEST_FRAME = 64 * 1024 * 1024
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE_HEADER = msgspec.msgpack.Decoder(dict[str, Any]).decode
_DECODE_FRAME = msgspec.msgpack.Decoder(tuple[int, str, bytes, bool]).decode


class TraceWriter:
    """Writes a trace; a context manager. The file has its name only once it is complete.

    Parameters
    ----------
    path : Path
        Target; a name that ends in ``.gz`` is compressed.
    start_ns : int
        UTC nanoseconds that relative times count from.
    about : mapping, optional
        More header fields.
    """

    def __init__(self, path: Path, start_ns: int, about: Mapping[str, object] | None = None) -> None:
        self.path = path
        self.messages = 0
        self._start_ns = start_ns
        if path.is_dir():
            raise UsageError("a trace is a file", value=str(path), remedy="name a file", code="trace_folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = path.with_name(f".{path.name}.part")
        self._file = _open_for_writing(self._temporary, compressed=path.suffix == ".gz")
        self._file.write(_MAGIC)
        self._frame({"schema": SCHEMA, "start_ns": start_ns, **(about or {})})

    def write(self, message: Message) -> None:
        """Append one message."""
        self._frame((message.due_ns - self._start_ns, message.topic, message.payload, message.retain))
        self.messages += 1

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._file.close()
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _frame(self, content: object) -> None:
        data = _ENCODE(content)
        self._file.write(_LENGTH.pack(len(data)))
        self._file.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def _open_for_writing(path: Path, *, compressed: bool) -> gzip.GzipFile | BufferedWriter:
    return gzip.GzipFile(path, "wb", compresslevel=1) if compressed else path.open("wb")


class TraceReader:
    """Reads a trace; iterate over it as often as needed.

    Attributes
    ----------
    header : dict
        Fields of the first frame.
    complete : bool
        False once an iteration met a file cut short.

    Raises
    ------
    ConfigurationError
        The file is not a trace of this project.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.complete = True
        with self._open() as file:
            header = self._header(file)
        self.header = header
        self.start_ns = int(header.get("start_ns", 0))

    def __iter__(self) -> Iterator[Message]:
        with self._open() as file:
            self._header(file)
            for data in self._frames(file):
                try:
                    relative_ns, topic, payload, retain = _DECODE_FRAME(data)
                except msgspec.DecodeError:
                    raise self._foreign("a frame is damaged") from None
                yield Message(self.start_ns + relative_ns, topic, payload, retain)

    def _open(self) -> gzip.GzipFile | BufferedReader:
        try:
            with self.path.open("rb") as probe:
                compressed = probe.read(2) == _GZIP_MAGIC
            return gzip.GzipFile(self.path, "rb") if compressed else self.path.open("rb")
        except (FileNotFoundError, IsADirectoryError):
            raise UsageError(
                "no such trace", value=str(self.path), remedy="check the path", code="no_trace"
            ) from None

    def _header(self, file: gzip.GzipFile | BufferedReader) -> dict[str, Any]:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise self._foreign("it does not start like one")
        try:
            header = _DECODE_HEADER(next(self._frames(file), b""))
        except msgspec.DecodeError:
            header = {}
        if header.get("schema") != SCHEMA:
            raise self._foreign(f"its schema is {header.get('schema')!r}")
        return header

    def _frames(self, file: gzip.GzipFile | BufferedReader) -> Iterator[bytes]:
        try:
            while length_bytes := file.read(_LENGTH.size):
                if len(length_bytes) < _LENGTH.size:
                    break
                length = int(_LENGTH.unpack(length_bytes)[0])
                if length > _LONGEST_FRAME:
                    raise self._foreign("a frame is damaged")
                data = file.read(length)
                if len(data) < length:
                    break
                yield data
            else:
                return
        except EOFError:
            pass
        self.complete = False

    def _foreign(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.path} is not a trace that can be read",
            rule=f"{SCHEMA}: {why}",
            remedy="traces come from vigiposte record or vigiposte simulate --out",
            code="not_a_trace",
        )
