"""An embedded MQTT broker (iotcore, that is rumqttd) for demonstrations and tests without an installed one.

It speaks MQTT 3.1.1, keeps nothing across a restart, and drops the oldest messages without a word once its
log is full: publishers must wait for the consumer (``publish`` does), and real plants use a real broker.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sensors.errors import LocalResourceError, UsageError

__all__ = ["MAX_PAYLOAD_BYTES", "EmbeddedBroker", "is_loopback", "take_free_port"]

MAX_PAYLOAD_BYTES = 20_480
DEFAULT_LOG_BYTES = 768 * 1024 * 1024
_SEGMENTS = 24
_LOOPBACK = ("127.", "localhost", "::1")


def take_free_port(host: str = "127.0.0.1") -> int:
    """TCP port of `host` that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    return host.startswith(_LOOPBACK[0]) or host in _LOOPBACK


class EmbeddedBroker:
    """MQTT 3.1.1 broker in a child process; a context manager.

    The child goes with its parent, however the parent ends. A process forked while the broker runs would hold
    it alive: start workers by ``spawn``.

    Parameters
    ----------
    port : int, optional
        TCP port; a free one by default.
    host : str
        Address to listen on; anything but loopback needs `credentials`.
    credentials : mapping of str to str, optional
        User names and passwords; without them anyone on this machine may connect.
    log_bytes : int
        Memory for the messages of one subscription. Beyond it the oldest are lost silently; the default holds
        the 30,000 posture messages of a week of the demonstration plant.

    Raises
    ------
    UsageError
        Listening beyond loopback without credentials.
    LocalResourceError
        The port is in use, or the broker did not start.
    """

    def __init__(
        self,
        port: int | None = None,
        host: str = "127.0.0.1",
        credentials: Mapping[str, str] | None = None,
        log_bytes: int = DEFAULT_LOG_BYTES,
    ) -> None:
        if not is_loopback(host) and not credentials:
            raise UsageError(
                "the embedded broker would be open to the network",
                value=host,
                rule="beyond this machine only with credentials",
                remedy="listen on 127.0.0.1, or give a user and a password file",
                code="open_broker",
            )
        self.host = host
        self.port = take_free_port(host) if port is None else port
        self._credentials = dict(credentials or {})
        self._log_bytes = log_bytes
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._broker: Any = None

    @property
    def url(self) -> str:
        """Address for clients on this machine, without credentials."""
        reach = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host  # noqa: S104 - compared, not bound
        return f"mqtt://{reach}:{self.port}?version=3.1.1"

    @property
    def running(self) -> bool:
        """Whether the broker process lives."""
        return self._broker is not None and bool(self._broker.is_running)

    def start(self) -> Self:
        """Start the broker and return once it accepts connections."""
        from iotcore import Broker

        self._folder = tempfile.TemporaryDirectory(prefix="vigiposte-broker-", ignore_cleanup_errors=True)
        config = Path(self._folder.name) / "broker.toml"
        config.touch(mode=0o600)
        config.write_text(self._configuration(), encoding="utf-8")
        try:
            with _child_ignores_interrupt():
                self._broker = Broker(config_path=str(config))
                self._broker.start()
        except (OSError, RuntimeError) as error:
            self.stop()
            raise LocalResourceError(
                f"the embedded broker cannot listen on {self.host}:{self.port}",
                rule=str(error),
                remedy="stop the other program or choose another port with --port",
                code="port_in_use",
            ) from None
        return self

    def stop(self) -> None:
        """End the broker process and release its port; harmless when it does not run."""
        broker, self._broker = self._broker, None
        if broker is not None:
            broker.stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _configuration(self) -> str:
        lines = [
            "id = 0",
            "[router]",
            "id = 0",
            "max_connections = 1000",
            "max_outgoing_packet_count = 200",
            f"max_segment_size = {max(self._log_bytes // _SEGMENTS, MAX_PAYLOAD_BYTES * 64)}",
            f"max_segment_count = {_SEGMENTS}",
            "[v4.1]",
            'name = "v4-1"',
            f'listen = "{self.host}:{self.port}"',
            "next_connection_delay_ms = 1",
            "[v4.1.connections]",
            "connection_timeout_ms = 60000",
            f"max_payload_size = {MAX_PAYLOAD_BYTES}",
            "max_inflight_count = 100",
            "dynamic_filters = true",
        ]
        if self._credentials:
            lines.append("[v4.1.connections.auth]")
            lines += [f"{_toml(user)} = {_toml(password)}" for user, password in self._credentials.items()]
        return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    escaped = "".join(f"\\u{ord(char):04x}" if ord(char) < 32 or char in '"\\' else char for char in text)
    return f'"{escaped}"'


@contextlib.contextmanager
def _child_ignores_interrupt() -> Iterator[None]:
    """Ctrl+C reaches the whole process group: the broker must outlive it until its parent has finished."""
    if threading.current_thread() is not threading.main_thread() or os.name == "nt":
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
