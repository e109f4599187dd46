"""What tests do to a cluster from outside: count what passes to it, and kill a worker at work."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from indicators.reduction.cluster import Cluster

__all__ = ["Passage", "passage", "worker_killed"]

_PATIENCE_S = 60.0


class Passage:
    """A relay before a TCP port of this machine that counts the bytes of both directions."""

    def __init__(self, port: int) -> None:
        self._onward = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._guard = threading.Lock()
        self.count = 0
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._onward))
                self._sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._relay, args=pair, daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                with self._guard:
                    self.count += len(data)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            one.close()


@contextlib.contextmanager
def passage(address: str) -> Iterator[Passage]:
    """A relay to the scheduler at ``tcp://host:port``."""
    found = Passage(int(address.rpartition(":")[2]))
    try:
        yield found
    finally:
        found.close()


@contextlib.contextmanager
def worker_killed(cluster: Cluster) -> Iterator[list[int]]:
    """Kill a worker that has tasks in its hands; yields how many it had, looked at again and again.

    Stopped processes take work and finish none. All are stopped until one has work, so that the run cannot be
    over before.
    """
    processes: dict[str, int] = cluster._client.run(os.getpid)
    for process in processes.values():
        os.kill(process, signal.SIGSTOP)
    held: list[int] = []

    def kill() -> None:
        end = time.monotonic() + _PATIENCE_S
        while (not held or not held[-1]) and time.monotonic() < end:
            time.sleep(0.01)
            tasks = {address: len(keys) for address, keys in cluster._client.processing().items()}
            busiest = max(processes, key=lambda address: tasks.get(address, 0))
            held.append(tasks.get(busiest, 0))
        if held[-1]:
            os.kill(processes.pop(busiest), signal.SIGKILL)
        for process in processes.values():
            os.kill(process, signal.SIGCONT)

    with ThreadPoolExecutor(1) as other:
        killed = other.submit(kill)
        yield held
        killed.result()
