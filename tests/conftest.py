"""Real servers on free loopback ports for any test that asks; each is stopped when the test ends."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent
_REQUIRED = os.environ.get("VIGIPOSTE_REQUIRE_SERVICES") == "1"
_DEADLINE_S = 20.0

# Neither the machine's language nor that of a test's site decides what is read; a test of French unsets this.
os.environ["VIGIPOSTE_LANG"] = "en"
os.environ["LC_ALL"] = "C.UTF-8"

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


def influxd(major: int) -> str:
    """Path of an InfluxDB server of one major version; both are called ``influxd`` where they come alone.

    2.x is in no Debian release: where it is absent its tests are skipped even if real parts are required.
    """
    names = ("influxd", "influxd2") if major == 2 else ("influxd",)
    for name in names:
        found = shutil.which(name)
        if found is not None and _is_2x(found) == (major == 2):
            return found
    if major == 2:
        pytest.skip("influxd of version 2.x is not installed")
    return program("influxd")


@functools.cache
def _is_2x(path: str) -> bool:
    # A 2.x says "InfluxDB v2.7.11", or "InfluxDB dev" when it was built from its module.
    said = subprocess.run([path, "version"], capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    return re.match(r"InfluxDB (v?2\.|dev)", said.stdout) is not None


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
            [influxd(1), "run", "-config", str(path)], stdout=log, stderr=subprocess.STDOUT
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
    influxd(1)
    server = InfluxServer(tmp_path_factory.mktemp("influxdb"), take_free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., InfluxServer]]:
    """Factory of private InfluxDB servers, for tests that stop, pause or kill one."""
    influxd(1)
    started: list[InfluxServer] = []

    def make(*, auth: bool = False) -> InfluxServer:
        server = InfluxServer(tmp_path_factory.mktemp("influxdb"), take_free_port(), auth)
        server.start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.kill()


@dataclass
class Influx2Server:
    """An InfluxDB 2.x, set up with an organisation and a token for everything."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    made: int = 0
    organisation: str = ""

    org = "works"
    token = "token-of-the-whole-organisation=="

    def start(self) -> None:
        arguments = [
            *("--bolt-path", str(self.folder / "influxd.bolt")),
            *("--engine-path", str(self.folder / "engine")),
            *("--http-bind-address", f"127.0.0.1:{self.port}"),
            *("--reporting-disabled", "--no-tasks", "--log-level", "error"),
        ]
        log = (self.folder / "influxd.log").open("ab")
        self.process = subprocess.Popen([influxd(2), *arguments], stdout=log, stderr=subprocess.STDOUT)
        log.close()
        wait_for_port(self.port, self.process)
        deadline = time.monotonic() + _DEADLINE_S
        while self.ask("GET", "/health")["status"] != "pass":
            assert time.monotonic() < deadline, "InfluxDB 2.x does not become ready"
            time.sleep(0.02)
        if not self.organisation:
            account = {
                "username": "boss",
                "password": "boss-of-the-tests",
                "org": self.org,
                "bucket": "first",
            }
            made = self.ask("POST", "/api/v2/setup", {**account, "token": self.token})
            self.organisation = made["org"]["id"]

    def new_database(self) -> str:
        """Store URL of a fresh bucket; its token is ``token``."""
        self.made += 1
        return self.url(self.new_bucket(f"test{self.made}"))

    def new_bucket(self, name: str, keep_s: int = 0) -> str:
        rules = [{"type": "expire", "everySeconds": keep_s}] if keep_s else []
        self.ask(
            "POST",
            "/api/v2/buckets",
            {"orgID": self.organisation, "name": name, "retentionRules": rules},
        )
        return name

    def url(self, bucket: str) -> str:
        return f"influxdb://127.0.0.1:{self.port}/{bucket}?org={self.org}"

    def bucket_id(self, name: str) -> str:
        (found,) = self.ask("GET", f"/api/v2/buckets?name={name}&org={self.org}")["buckets"]
        return str(found["id"])

    def token_for(self, *rights: tuple[str, str]) -> str:
        """Token for pairs of ``read`` or ``write`` and a bucket's name."""
        permissions = [
            {
                "action": action,
                "resource": {"type": "buckets", "id": self.bucket_id(name), "orgID": self.organisation},
            }
            for action, name in rights
        ]
        order = {"orgID": self.organisation, "permissions": permissions}
        return str(self.ask("POST", "/api/v2/authorizations", order)["token"])

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        """What the server itself answers, without our client."""
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method)
        request.add_header("Authorization", f"Token {self.token}")
        with urllib.request.urlopen(request, timeout=_DEADLINE_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def post_lines(self, bucket: str, lines: bytes) -> None:
        """Store line protocol without our client."""
        path = f"/api/v2/write?bucket={bucket}&org={self.org}&precision=ns"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=lines)
        request.add_header("Authorization", f"Token {self.token}")
        with urllib.request.urlopen(request, timeout=_DEADLINE_S) as answer:
            assert answer.status == 204

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=_DEADLINE_S)
        self.process = None


@pytest.fixture(scope="session")
def influxdb2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx2Server]:
    """One InfluxDB 2.x for the whole run, where one is installed."""
    influxd(2)
    server = Influx2Server(tmp_path_factory.mktemp("influxdb2"), take_free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_influxdb2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Influx2Server]]:
    """Factory of private InfluxDB 2.x servers, for tests that kill one."""
    influxd(2)
    started: list[Influx2Server] = []

    def make() -> Influx2Server:
        server = Influx2Server(tmp_path_factory.mktemp("influxdb2"), take_free_port())
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
