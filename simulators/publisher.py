"""Publishes at QoS 1, as fast as the broker acknowledges and the consumer keeps up, or in real time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from sensors.errors import BrokerUnreachableError
from simulators.messages import Message
from simulators.mqtt_link import BrokerAddress, connect

__all__ = ["PublishReport", "StopSignal", "publish"]

WINDOW = 400
MAX_BACKLOG = 2000
_PATIENCE_S = 60.0
_PROGRESS_EVERY = 200


@dataclass(frozen=True, slots=True)
class PublishReport:
    """How many messages the broker acknowledged, their payload bytes, and how long it took."""

    messages: int
    payload_bytes: int
    seconds: float


class StopSignal(Protocol):
    """A ``threading.Event``, or its twin between processes."""

    def is_set(self) -> bool:
        """Whether to stop."""

    def wait(self, timeout: float) -> bool:
        """Wait for it, at most so long."""


class _Window:
    """Counts messages on their way; the sender waits here while too many are."""

    def __init__(self) -> None:
        self.sent = 0
        self.acknowledged = 0
        self._changed = threading.Condition()

    @property
    def outstanding(self) -> int:
        return self.sent - self.acknowledged

    def on_publish(self, *_: Any) -> None:
        with self._changed:
            self.acknowledged += 1
            self._changed.notify_all()

    def wait_down_to(self, outstanding: int, stop: StopSignal | None) -> None:
        """Wait until no more than this many are on their way, as long as acknowledgements keep coming."""
        with self._changed:
            seen, since = self.acknowledged, time.monotonic()
            while self.outstanding > outstanding and not (stop is not None and stop.is_set()):
                self._changed.wait(0.05)
                if self.acknowledged != seen:
                    seen, since = self.acknowledged, time.monotonic()
                elif time.monotonic() - since > _PATIENCE_S:
                    raise BrokerUnreachableError(
                        "the broker stopped acknowledging messages",
                        value=f"{_PATIENCE_S:.0f} s without one",
                        remedy="check that the broker runs and accepts payloads of this size",
                        code="no_puback",
                    )


def publish(
    messages: Iterable[Message],
    address: BrokerAddress,
    *,
    speed: float | None = None,
    backlog: Callable[[int], int] | None = None,
    stop: StopSignal | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> PublishReport:
    """Publish `messages` in their order at QoS 1 and return once the broker has acknowledged all.

    Parameters
    ----------
    speed : float, optional
        Simulated seconds a second, by the messages' due times; ``None`` is as fast as possible.
    backlog : callable, optional
        Given the number of messages published so far, how many of them are not stored yet; the publisher
        waits while there are more than 2,000, for a full broker drops messages silently.
    stop : event, optional
        Ends the publishing early when set.
    on_progress : callable, optional
        Told now and then ``(messages published, due time of the last [ns])``.

    Raises
    ------
    BrokerUnreachableError
        No connection, or no acknowledgement for a minute.
    """
    window = _Window()
    client = connect(
        address, f"vigiposte-simulator-{os.getpid()}", inflight=WINDOW + 1, on_publish=window.on_publish
    )
    begun = time.monotonic()
    size = 0
    first_due_ns: int | None = None
    try:
        for message in messages:
            if stop is not None and stop.is_set():
                break
            if speed is not None and not message.retain:
                first_due_ns = message.due_ns if first_due_ns is None else first_due_ns
                _sleep_until(begun + (message.due_ns - first_due_ns) / 1e9 / speed, stop)
            if window.outstanding >= WINDOW:
                window.wait_down_to(WINDOW // 2, stop)
            if backlog is not None and window.sent % 16 == 0:
                _wait_for_consumer(backlog, window.sent, stop)
            client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            window.sent += 1
            size += len(message.payload)
            if on_progress is not None and window.sent % _PROGRESS_EVERY == 0:
                on_progress(window.sent, message.due_ns)
        window.wait_down_to(0, None)
    finally:
        client.disconnect()
        client.loop_stop()
    return PublishReport(window.sent, size, time.monotonic() - begun)


def _wait_for_consumer(backlog: Callable[[int], int], sent: int, stop: StopSignal | None) -> None:
    while backlog(sent) > MAX_BACKLOG and not (stop is not None and stop.is_set()):
        time.sleep(0.005)


def _sleep_until(moment: float, stop: StopSignal | None) -> None:
    while (left := moment - time.monotonic()) > 0:
        if stop is None:
            time.sleep(min(left, 1.0))
        elif stop.wait(min(left, 1.0)):
            return
