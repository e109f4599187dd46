"""The byte stream under paho: large reads and writes, and PUBLISH packets taken out before paho sees them.

paho reads a packet in four system calls or more and spends 30 to 60 µs on a PUBLISH. Here packets are
found in large reads; a PUBLISH goes straight to the session (about 2 µs), every other packet goes to paho,
one whole packet at a time. What goes over the wire is the same.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from enum import Enum, auto
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt

__all__ = ["BufferedClient", "BufferedSocket", "Found", "Published"]

_READ_BYTES = 262_144
_LINGER_S = 1.0
_PUBLISH = 0x30
_QOS_2 = 0x04
_LENGTH_BYTES = 4


class Found(Enum):
    """What stands next in the stream."""

    NOTHING = auto()
    """No whole packet: more bytes are needed."""
    PUBLISH = auto()
    """The turn is over and there may be more."""
    OTHER = auto()
    """A packet for paho, which may read it now."""


class Published(NamedTuple):
    """One PUBLISH; `message_id` is 0 when none needs acknowledging."""

    topic: bytes
    payload: bytes
    message_id: int
    retained: bool


class MalformedStreamError(OSError):
    """The broker sent bytes that are not MQTT."""


class BufferedSocket:
    """Non-blocking stream over a TCP or TLS socket, as far as paho uses one.

    Until `frame` is called, paho reads freely (the handshake). From then on `recv` gives it only the packets
    that `take` leaves to it.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._chunk = b""
        self._start = 0
        self._readable_to = 0
        self._out = bytearray()
        self._framed = False
        self._five = False
        self.ended = False
        self.linger = False

    def frame(self, *, five: bool) -> None:
        """From now on find packets here; the handshake has left the stream between two of them."""
        self._framed = True
        self._five = five
        self._readable_to = self._start

    def recv(self, count: int) -> bytes:
        """At most `count` bytes; ``BlockingIOError`` when there are none yet, nothing at the end."""
        if self._start >= self._readable_to:
            if self._framed:
                if self.ended:
                    return b""
                raise BlockingIOError
            if not self.fill():
                raise BlockingIOError
            self._readable_to = len(self._chunk)
        end = min(self._start + count, self._readable_to)
        content = self._chunk[self._start : end]
        self._start = end
        return content

    def fill(self) -> bool:
        """Read what the kernel has; whether there was anything (the end included)."""
        try:
            content = self._inner.recv(_READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        if not content:
            self.ended = True
        self._chunk = self._chunk[self._start :] + content
        self._start = 0
        return True

    def take(self, limit: int) -> tuple[list[Published], Found]:
        """Up to `limit` whole PUBLISH packets, and what stands after them.

        Raises
        ------
        MalformedStreamError
            A packet contradicts itself.
        """
        found: list[Published] = []
        chunk, position, size, five = self._chunk, self._start, len(self._chunk), self._five
        append = found.append
        state = Found.PUBLISH
        try:
            while len(found) < limit:
                if size - position < 2:
                    state = Found.NOTHING
                    break
                head, length, body = chunk[position], chunk[position + 1], position + 2
                if length & 0x80:
                    length, body = _varint(chunk, position + 1, size)
                end = body + length
                if body < 0 or end > size:
                    state = Found.NOTHING
                    break
                if head & 0xF0 != _PUBLISH or head & _QOS_2:
                    self._readable_to = end
                    state = Found.OTHER
                    break
                at = body + 2 + (chunk[body] << 8 | chunk[body + 1])
                topic = chunk[body + 2 : at]
                message_id = 0
                if head & 0x06:
                    message_id = chunk[at] << 8 | chunk[at + 1]
                    at += 2
                if five:
                    skip = chunk[at]
                    at += 1
                    if skip & 0x80:
                        skip, at = _varint(chunk, at - 1, size)
                    at += skip
                if at > end or at < body:
                    raise MalformedStreamError("a PUBLISH packet is shorter than what it holds")
                append(Published(topic, chunk[at:end], message_id, bool(head & 1)))
                position = end
        except IndexError:
            raise MalformedStreamError("a PUBLISH packet is shorter than what it holds") from None
        self._start = position
        if state is not Found.OTHER:
            self._readable_to = position
        return found, state

    def send(self, content: bytes | bytearray) -> int:
        """Take all of `content`; `flush` puts it on the wire."""
        self._out += content
        return len(content)

    def flush(self) -> None:
        """Send as much as the kernel takes now."""
        while self._out:
            try:
                sent = self._inner.send(self._out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            del self._out[:sent]

    @property
    def unsent(self) -> bool:
        """Whether something waits for the kernel."""
        return bool(self._out)

    @property
    def buffered(self) -> bool:
        """Whether bytes are at hand that nobody has read."""
        return self._start < len(self._chunk)

    def close(self) -> None:
        """Close; with `linger`, send what is left first and wait for the broker to have read it.

        Closing over unread bytes would reset the connection, and the broker would lose our last words.
        """
        if self.linger:
            deadline = time.monotonic() + _LINGER_S
            with contextlib.suppress(OSError):
                self._inner.settimeout(_LINGER_S)
                self._inner.sendall(self._out)
                self._inner.shutdown(socket.SHUT_WR)
                while time.monotonic() < deadline and self._inner.recv(_READ_BYTES):
                    pass
        self._out.clear()
        self._inner.close()

    def fileno(self) -> int:
        """Descriptor to wait on."""
        return self._inner.fileno()

    def setblocking(self, flag: bool) -> None:
        """Set the inner socket's mode."""
        self._inner.setblocking(flag)


def _varint(chunk: bytes, position: int, size: int) -> tuple[int, int]:
    """Value and following position of a variable byte integer; position -1 when it is not complete."""
    value = 0
    for index in range(_LENGTH_BYTES):
        if position + index >= size:
            return 0, -1
        digit = chunk[position + index]
        value |= (digit & 0x7F) << (7 * index)
        if not digit & 0x80:
            return value, position + index + 1
    raise MalformedStreamError("a packet's length takes more than four bytes")


class BufferedClient(mqtt.Client):
    """paho's client over a `BufferedSocket`, with TLS when `tls` is set."""

    tls: ssl.SSLContext | None = None

    def _create_socket(self) -> Any:
        inner: Any = super()._create_socket()
        try:
            inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                inner = self.tls.wrap_socket(inner, server_hostname=self.host, do_handshake_on_connect=False)
                inner.settimeout(self.connect_timeout)
                inner.do_handshake()
        except OSError:
            inner.close()
            raise
        return BufferedSocket(inner)

    @property
    def stream(self) -> BufferedSocket | None:
        """The open connection, if any."""
        opened: Any = self.socket()
        return opened if isinstance(opened, BufferedSocket) else None
