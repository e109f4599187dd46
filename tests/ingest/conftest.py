"""A publisher fast enough that the broker is the bound: raw MQTT 3.1.1 packets, QoS 1, a wide window."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.store import ReadingQuery, Store, open_store
from sensors.init_files import template
from sensors.quantities import Kind
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


REPOSITORY = Path(__file__).resolve().parents[2]
NURSERY = """
import json, os, signal, sys, threading
from pathlib import Path
import ingest.influx.store, ingest.lake.store, ingest.service, pyarrow.parquet
from ingest.service import run_ingest
from ingest.store import open_store
from sensors.site_file import load_site

def run(order):
    sys.stderr.flush()
    os.dup2(os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    stop = threading.Event()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    options = order["options"]
    book = load_site(Path(order["site"]))
    store = open_store(order["store"], base=book.folder, writer=options.get("writer"))
    report = run_ingest(book, store, stop=stop, **options)
    counts = {"reason": report.reason, **report.counters.to_dict()}
    Path(order["result"]).write_text(json.dumps(counts))

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            run(json.loads(line))
        except BaseException:
            import traceback
            traceback.print_exc()
        os._exit(0)
    print(pid, flush=True)
"""


class Nursery:
    """A process that has imported everything and forks an ingest on demand: tests start many."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def start(self, order: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._read())

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    one = Nursery()
    yield one
    one.close()


class IngestProcess:
    """An ingest in a process of its own, to be stopped, killed and asked."""

    def __init__(self, nursery: Nursery, site: Path, *, store: str = "lake:./lake", **options: Any) -> None:
        writer = options.get("writer")
        self.health_file = site.parent / (f"journal-{writer}" if writer else "journal") / "health.json"
        self._result = site.parent / f"result-{time.monotonic_ns()}.json"
        self.log = site.parent / "ingest.log"
        order = {"site": str(site), "store": store, "options": options}
        self.pid = nursery.start({**order, "result": str(self._result), "log": str(self.log)})

    @property
    def running(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def health(self) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(self.health_file.read_text())
        except (OSError, ValueError):
            return {}
        return document if document.get("pid") == self.pid else {}

    def wait_connected(self, timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while self.health().get("broker") != "connected":
            assert self.running, f"the ingest ended: {self.log.read_text()}"
            assert time.monotonic() < deadline, "the ingest did not connect"
            time.sleep(0.01)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._wait(20.0)

    def terminate(self) -> tuple[float, dict[str, Any]]:
        """Seconds that an orderly end took, and the final counts."""
        began = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        self._wait(60.0)
        return time.monotonic() - began, self.finish()

    def finish(self, timeout_s: float = 60.0) -> dict[str, Any]:
        """Counts of an ingest that ended, or ends, by itself."""
        self._wait(timeout_s)
        assert self._result.exists(), self.log.read_text()
        counts: dict[str, Any] = json.loads(self._result.read_text())
        return counts

    def _wait(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while self.running:
            assert time.monotonic() < deadline, "the ingest does not end"
            time.sleep(0.01)


@pytest.fixture
def ingest_process(nursery: Nursery) -> Iterator[Callable[..., IngestProcess]]:
    """Factory of ingest processes; whatever still runs at the end is killed."""
    started: list[IngestProcess] = []

    def start(site: Path, **options: Any) -> IngestProcess:
        one = IngestProcess(nursery, site, **options)
        started.append(one)
        return one

    yield start
    for one in started:
        if one.running:
            one.kill()


LOAD_SENSORS = tuple(f"s-{number}" for number in range(4))
LOAD_START_S = 1_795_000_000


def load_message(number: int) -> tuple[str, bytes]:
    """One reading of the load: each (sensor, time) comes once."""
    sensor = LOAD_SENSORS[number % len(LOAD_SENSORS)]
    level = 40 + number % 500 / 10
    payload = b'{"t": %d, "laeq": %.1f}' % (LOAD_START_S + number // len(LOAD_SENSORS), level)
    return f"vigiposte/v1/plant/{sensor}/json", payload


@pytest.fixture
def load_site_file(tmp_path: Path) -> Path:
    """Site file of the load's sensors."""
    folder = tmp_path / "load"
    folder.mkdir()
    sensors = "".join(
        f'[[sensors]]\nid = "{name}"\nkind = "noise"\norigin = "simulated"\n' for name in LOAD_SENSORS
    )
    path = folder / "site.toml"
    path.write_text('schema = 1\n[site]\nid = "plant"\nlabel = "Plant"\n' + sensors)
    return path


@pytest.fixture
def stored_numbers() -> Callable[[Store], set[int]]:
    """``stored_numbers(store)``: numbers of the load's messages that are stored, each once and right."""

    def read(store: Store) -> set[int]:
        numbers: list[int] = []
        for index, sensor in enumerate(LOAD_SENSORS):
            rows = store.read_columns(ReadingQuery("plant", sensor, Kind.NOISE, 0, 2**62))
            found = (rows.times_ns // 10**9 - LOAD_START_S) * len(LOAD_SENSORS) + index
            assert (rows.times_ns % 10**9 == 0).all()
            if len(rows):
                assert rows.channels["laeq"] == pytest.approx(40 + found % 500 / 10)
            numbers += found.tolist()
        assert len(numbers) == len(set(numbers)), "a reading is stored twice"
        return set(numbers)

    return read


@pytest.fixture
def shipped_mosquitto_conf() -> str:
    """Settings of Mosquitto as ``vigiposte init`` writes them, for a test's port."""
    text = template("mosquitto.conf").replace("listener 1883", "listener {port}", 1)
    return text + ("\nuser root\n" if os.geteuid() == 0 else "")


@pytest.fixture(name="load_message")
def load_message_fixture() -> Callable[[int], tuple[str, bytes]]:
    """``load_message(number)``: topic and payload."""
    return load_message


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an authority, a server and a client certificate, and an authority that signed nothing."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder, timeout=60)

    for name in ("ca", "other"):
        openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.crt"),
        )
    for name, subject in (("server", "/CN=localhost"), ("client", "/CN=ingest")):
        (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            subject,
            "-keyout",
            f"{name}.key",
            "-out",
            "x.csr",
        )
        openssl(
            *("x509", "-req", "-in", "x.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-extfile", "ext", "-out", f"{name}.crt"),
        )
    return folder
