"""Brokers that keep what they acknowledge through ``kill -9``: the whole chain then loses nothing at all."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.service import run_ingest
from ingest.store import Store, open_store
from sensors.site_file import load_site

SOAK = os.environ.get("VIGIPOSTE_SOAK") == "1"
ROUNDS = 5
_START_S = 60.0

NATS = """
server_name: vigiposte
listen: 127.0.0.1:{client}
jetstream {{ store_dir: "{folder}/js", max_file: 20GB{sync} }}
mqtt {{ listen: "127.0.0.1:{port}", ack_wait: "2s", max_ack_pending: 5000 }}
"""
RABBITMQ = """
listeners.tcp.1 = 127.0.0.1:{client}
mqtt.listeners.tcp.1 = 127.0.0.1:{port}
mqtt.prefetch = 1000
mqtt.allow_anonymous = true
"""
RABBITMQ_3 = """
mqtt.subscription_ttl = 864000000
mqtt.default_user = guest
mqtt.default_pass = guest
"""
RABBITMQ_4 = """
mqtt.max_session_expiry_interval_seconds = 864000
anonymous_login_user = guest
anonymous_login_pass = guest
"""
# Debian's command in /usr/sbin changes the user and may then not read a test's folder.
_PLACES = "/usr/lib/rabbitmq/bin:" + os.environ.get("PATH", "") + ":/usr/sbin"


class Broker:
    """A broker process group that is started, killed and started again on the same files."""

    def __init__(self, command: list[str], port: int, environment: dict[str, str]) -> None:
        self.port = port
        self.url = f"mqtt://127.0.0.1:{port}?version=3.1.1"
        self._command = command
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=20)
            self._process = None


@pytest.fixture(params=["nats", "nats-sync-always", "rabbitmq"])
def broker(request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Broker]:
    if not SOAK:
        pytest.skip("VIGIPOSTE_SOAK=1 runs it")
    name = "rabbitmq-server" if request.param == "rabbitmq" else "nats-server"
    path = shutil.which(name, path=_PLACES)
    if path is None:
        pytest.skip(f"{name} is not installed")
    port, client = free_port(), free_port()
    if name == "nats-server":
        sync = ", sync_interval: always" if request.param.endswith("always") else ""
        if sync and "v2.9" in subprocess.run([path, "-v"], check=True, capture_output=True, text=True).stdout:
            pytest.skip("sync_interval: always needs NATS 2.10 or newer")
        config = tmp_path / "nats.conf"
        config.write_text(NATS.format(client=client, port=port, folder=tmp_path, sync=sync))
        one = Broker([path, "-c", str(config)], port, {})
    else:
        (tmp_path / "rabbit").mkdir()
        control = shutil.which("rabbitmqctl", path=_PLACES) or "rabbitmqctl"
        mapper = {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(free_port())}
        home = {**os.environ, **mapper, "HOME": str(tmp_path)}
        version = subprocess.run([control, "version"], check=True, capture_output=True, text=True, env=home)
        rest = RABBITMQ_3 if version.stdout.startswith("3.") else RABBITMQ_4
        (tmp_path / "rabbit.conf").write_text(RABBITMQ.format(client=client, port=port) + rest)
        (tmp_path / "plugins").write_text("[rabbitmq_mqtt].")
        one = Broker(
            [path],
            port,
            {
                "HOME": str(tmp_path),
                "RABBITMQ_NODENAME": f"vigiposte{port}@localhost",
                "RABBITMQ_MNESIA_BASE": str(tmp_path / "rabbit"),
                "RABBITMQ_LOG_BASE": str(tmp_path / "rabbit"),
                "RABBITMQ_CONFIG_FILE": str(tmp_path / "rabbit.conf"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(tmp_path / "plugins"),
                "RABBITMQ_DIST_PORT": str(free_port()),
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
                **mapper,
            },
        )
    one.start()
    yield one
    one.kill()
    if "ERL_EPMD_PORT" in one.environment:
        _end_port_mapper(one.environment["ERL_EPMD_PORT"])


def _end_port_mapper(port: str) -> None:
    """RabbitMQ's port mapper is a daemon that outlives it, and stays until it has noticed the end."""
    mapper = shutil.which("epmd")
    for _ in range(20 if mapper else 0):
        command = [str(mapper), "-port", port, "-kill"]
        answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
        if answer.stdout.startswith("Killed"):
            return
        time.sleep(0.2)


def test_a_killed_broker_and_a_killed_ingest_lose_nothing_together(
    broker: Broker,
    blaster: Any,
    load_site_file: Path,
    load_message: Callable[[int], tuple[str, bytes]],
    ingest_process: Callable[..., Any],
    stored_numbers: Callable[[Store], set[int]],
) -> None:
    book = load_site(load_site_file)
    lake = open_store("lake:./lake", base=load_site_file.parent)
    run_ingest(book, lake, mqtt_url=broker.url, until_idle_s=1.0, connect_timeout_s=_START_S)
    accepted: set[int] = set()
    for round_number in range(ROUNDS):
        first = round_number * 1_000_000
        process = ingest_process(load_site_file, mqtt_url=broker.url, connect_timeout_s=_START_S)
        process.wait_connected(_START_S)
        publisher = blaster(broker.port, f"round-{round_number}")
        publisher.publish((load_message(n) for n in range(first, first + 3_000)), rate=3_000)
        if random.random() < 0.5:
            publisher.finish()
        accepted |= set(range(first, first + publisher.accepted))
        publisher.close()
        for victim in random.sample([process.kill, broker.kill], 2):
            victim()
        broker.start()
    deadline = time.monotonic() + 120
    # NATS delivers again only what was not acknowledged within ack_wait: hence the patience.
    while not accepted <= stored_numbers(lake):
        assert time.monotonic() < deadline, f"{len(accepted - stored_numbers(lake))} messages are missing"
        run_ingest(book, lake, mqtt_url=broker.url, until_idle_s=3.0, connect_timeout_s=_START_S)
