"""A publisher fast enough that the broker is the bound: raw MQTT 3.1.1 packets, QoS 1, a wide window."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ingest.store import Store, open_store
from sensors.site_book import SiteBook
from sensors.site_file import load_site

_WINDOW = 1000


def _length(count: int) -> bytes:
    out = bytearray()
    while True:
        count, digit = divmod(count, 128)
        out.append(digit | (0x80 if count else 0))
        if not count:
            return bytes(out)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


class Blaster:
    """One publishing connection; it knows how many messages the broker accepted (PUBACK)."""

    def __init__(self, port: int, client_id: str = "blaster") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        body = _text("MQTT") + bytes([4, 2]) + struct.pack(">H", 0) + _text(client_id)
        self._socket.sendall(b"\x10" + _length(len(body)) + body)
        answer = self._socket.recv(4)
        assert answer[:2] == b"\x20\x02", answer
        assert answer[3] == 0, answer
        self._identifier = 0
        self._rest = b""
        self.sent = 0
        self.accepted = 0

    def publish(self, messages: Iterable[tuple[str, bytes]], *, rate: float | None = None) -> None:
        """Send all, never more than a window ahead of the acknowledgements."""
        began = time.monotonic()
        for burst in _bursts(messages, 100 if rate is None else max(1, min(100, int(rate / 50)))):
            packets = []
            for topic, payload in burst:
                self._identifier = self._identifier % 65_535 + 1
                body = _text(topic) + struct.pack(">H", self._identifier) + payload
                packets.append(b"\x32" + _length(len(body)) + body)
            self._socket.sendall(b"".join(packets))
            self.sent += len(burst)
            while self.sent - self.accepted >= _WINDOW:
                self._take_acknowledgements()
            if rate is not None:
                ahead_s = self.sent / rate - (time.monotonic() - began)
                if ahead_s > 0:
                    time.sleep(ahead_s)

    def finish(self) -> int:
        """Wait for the last acknowledgement; messages accepted by the broker."""
        while self.accepted < self.sent:
            self._take_acknowledgements()
        self.close()
        return self.accepted

    def close(self) -> None:
        self._socket.close()

    def _take_acknowledgements(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionError("the broker closed the connection")
        data = self._rest + data
        whole = len(data) // 4
        self.accepted += whole
        self._rest = data[4 * whole :]


def _bursts(messages: Iterable[tuple[str, bytes]], size: int) -> Iterator[list[tuple[str, bytes]]]:
    burst: list[tuple[str, bytes]] = []
    for message in messages:
        burst.append(message)
        if len(burst) >= size:
            yield burst
            burst = []
    if burst:
        yield burst


def publish_all(port: int, messages: Iterable[tuple[str, bytes]], *, rate: float | None = None) -> int:
    """Publish and wait; messages accepted."""
    blaster = Blaster(port)
    blaster.publish(messages, rate=rate)
    return blaster.finish()


@pytest.fixture
def publish() -> Callable[..., int]:
    """``publish(port, messages, rate=None)``: messages that the broker accepted."""
    return publish_all


@pytest.fixture
def blaster() -> type[Blaster]:
    """Class of publishers, for tests that go on while something else happens."""
    return Blaster


SITE = """\
schema = 1
[site]
id = "plant"
label = "Plant"
[[sensors]]
id = "mic-1"
kind = "noise"
[[sensors]]
id = "mic-2"
kind = "noise"
channels = ["laeq"]
[[sensors]]
id = "sim-1"
kind = "noise"
origin = "simulated"
[[sensors]]
id = "back-1"
kind = "posture"
range_g = 8
[[sensors]]
id = "air-1"
kind = "climate"
"""


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[..., SiteBook]:
    """``make_site(extra_toml="", mqtt="")``: a site of five sensors in the test's folder."""

    def make(extra: str = "", folder: Path | None = None) -> SiteBook:
        place = folder or tmp_path / "site"
        place.mkdir(parents=True, exist_ok=True)
        (place / "site.toml").write_text(SITE + extra)
        return load_site(place / "site.toml")

    return make


@pytest.fixture
def make_lake(tmp_path: Path) -> Callable[..., Store]:
    """``make_lake(folder=None)``: the embedded store of a site folder."""

    def make(folder: Path | None = None, writer: str | None = None) -> Store:
        return open_store("lake:./lake", base=folder or tmp_path / "site", writer=writer)

    return make
