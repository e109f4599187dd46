"""Real servers on free loopback ports for any test that asks; each is stopped when the test ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent
_REQUIRED = os.environ.get("VIGIPOSTE_REQUIRE_SERVICES") == "1"
_DEADLINE_S = 20.0

# The same examples in every run, so that no run fails by luck; `make soak` searches at random.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", print_blob=True, deadline=None)
settings.load_profile("search" if os.environ.get("VIGIPOSTE_SOAK") == "1" else "fixed")

_MOSQUITTO_DEFAULTS = """\
persistence true
persistence_location {folder}/
autosave_interval 1
autosave_on_changes false
max_inflight_messages 0
max_queued_messages 0
max_queued_bytes 0
allow_anonymous true
"""


def missing(what: str) -> None:
    """Skip by name, or fail where real parts are required."""
    if _REQUIRED:
        pytest.fail(f"{what} is required here (VIGIPOSTE_REQUIRE_SERVICES=1) and was not found")
    pytest.skip(f"{what} is not installed")


def program(name: str) -> str:
    """Path of a server program, looked for where Debian puts daemons too."""
    found = shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    )
    if found is None:
        missing(name)
        raise AssertionError
    return found


def take_free_port() -> int:
    """Loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Return once something listens on `port`."""
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            pytest.fail(f"server on port {port} ended with code {process.returncode} before it listened")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return
        time.sleep(0.02)
    pytest.fail(f"nothing listens on port {port} after {_DEADLINE_S} s")


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return take_free_port


@dataclass
class MosquittoServer:
    """A Mosquitto that can be stopped, killed and started again on the same port and files."""

    folder: Path
    port: int
    config: str | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        text = _MOSQUITTO_DEFAULTS if self.config is None else self.config
        text = text.replace("{folder}", str(self.folder)).replace("{port}", str(self.port))
        if "listener" not in text:
            text += f"\nlistener {self.port} 127.0.0.1\n"
        if os.geteuid() == 0 and "user " not in text:
            text += "user root\n"
        path = self.folder / "mosquitto.conf"
        path.write_text(text)
        log = (self.folder / "mosquitto.log").open("ab")
        self.process = subprocess.Popen(
            [program("mosquitto"), "-c", str(path)], stdout=log, stderr=subprocess.STDOUT, cwd=self.folder
        )
        log.close()
        wait_for_port(self.port, self.process)

    def stop(self) -> None:
        """Orderly shutdown: Mosquitto saves its sessions and queues."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """What a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sign)
            self.process.wait(timeout=_DEADLINE_S)
        self.process = None


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., MosquittoServer]]:
    """Factory: ``mosquitto()`` or ``mosquitto(config_text)`` (``{port}`` and ``{folder}`` are filled in)."""
    program("mosquitto")
    started: list[MosquittoServer] = []

    def make(config: str | None = None) -> MosquittoServer:
        server = MosquittoServer(tmp_path_factory.mktemp("mosquitto"), take_free_port(), config)
        server.start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def shared_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MosquittoServer]:
    """One Mosquitto for the whole run, for tests that only need a broker and use ids of their own."""
    program("mosquitto")
    server = MosquittoServer(tmp_path_factory.mktemp("mosquitto"), take_free_port())
    server.start()
    yield server
    server.kill()


@dataclass
class InfluxServer:
    """An InfluxDB 1.x that can be paused, killed and started again on the same port and files."""

    folder: Path
    port: int
    auth: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    made: int = 0

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"influxdb://127.0.0.1:{self.port}/vigiposte"

    def new_database(self) -> str:
        """Store URL of a fresh database."""
        self.made += 1
        name = f"test{self.made}"
        if not self.auth:
            request = urllib.request.Request(f"{self.http_url}/query?q=CREATE+DATABASE+{name}", method="POST")
            with urllib.request.urlopen(request, timeout=_DEADLINE_S) as answer:
                answer.read()
        return f"influxdb://127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        config = f"""
reporting-disabled = true
bind-address = "127.0.0.1:{take_free_port()}"
[meta]
dir = "{self.folder}/meta"
[data]
dir = "{self.folder}/data"
wal-dir = "{self.folder}/wal"
query-log-enabled = false
series-id-set-cache-size = 100
[http]
bind-address = "127.0.0.1:{self.port}"
auth-enabled = {"true" if self.auth else "false"}
log-enabled = false
[monitor]
store-enabled = false
"""
        path = self.folder / "influxdb.conf"
        path.write_text(config)
        log = (self.folder / "influxd.log").open("ab")
        self.process = subprocess.Popen(
            [program("influxd"), "run", "-config", str(path)], stdout=log, stderr=subprocess.STDOUT
        )
        log.close()
        wait_for_port(self.port, self.process)

    def pause(self) -> None:
        """Stop answering without closing connections."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(sign)
            self.process.wait(timeout=_DEADLINE_S)
        self.process = None


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """One InfluxDB for the whole run; ask it for a fresh database with ``new_database()``."""
    program("influxd")
    server = InfluxServer(tmp_path_factory.mktemp("influxdb"), take_free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., InfluxServer]]:
    """Factory of private InfluxDB servers, for tests that stop, pause or kill one."""
    program("influxd")
    started: list[InfluxServer] = []

    def make(*, auth: bool = False) -> InfluxServer:
        server = InfluxServer(tmp_path_factory.mktemp("influxdb"), take_free_port(), auth)
        server.start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's Chromium."""
    return program("chromium")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the shared real recordings, beside the project."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        if _REQUIRED:
            pytest.fail("the real recordings are required here and were not found beside the project")
        pytest.skip("the real recordings are not beside the project")
    return folder
