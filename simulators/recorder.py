"""Records MQTT messages as they come into a trace file."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulators.messages import Message
from simulators.mqtt_link import connect, parse_url
from simulators.trace import TraceWriter

__all__ = ["record"]


def record(
    mqtt_url: str,
    path: Path,
    filters: tuple[str, ...],
    seconds: float | None = None,
    messages: int | None = None,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Record until Ctrl+C, for `seconds`, or until so many `messages`; the number written.

    Relative times count from the moment the recording starts. Retained messages that the broker hands out on
    subscription are recorded as retained. `on_ready` is called once the subscriptions stand.
    """
    arrived: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        arrived.put(Message(time.time_ns(), message.topic, bytes(message.payload), bool(message.retain)))

    def on_connect(client: Any, *_: Any) -> None:
        client.subscribe([(name, 1) for name in filters])

    def on_subscribe(*_: Any) -> None:
        if on_ready is not None:
            on_ready()

    begun_ns = time.time_ns()
    deadline = None if seconds is None else time.monotonic() + seconds
    with TraceWriter(path, begun_ns, {"filters": list(filters)}) as writer:
        client = connect(
            parse_url(mqtt_url),
            f"vigiposte-recorder-{os.getpid()}",
            on_message=on_message,
            on_connect=on_connect,
            on_subscribe=on_subscribe,
        )
        try:
            while messages is None or writer.messages < messages:
                left = 0.5 if deadline is None else min(0.5, deadline - time.monotonic())
                if left <= 0:
                    break
                try:
                    writer.write(arrived.get(timeout=left))
                except queue.Empty:
                    continue
        except KeyboardInterrupt:
            pass
        finally:
            client.disconnect()
            client.loop_stop()
    return writer.messages
