"""What was read and is not acknowledged yet: gathered, handed over to be journaled, then acknowledged."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

from ingest.counters import IngestCounters
from ingest.journal import MAX_PAYLOAD_BYTES, Arrival
from ingest.session.committer import Committer, Group
from ingest.session.stream import BufferedSocket, Published

__all__ = ["Intake", "StatusHandler"]

_ASIDE = (b"/status", b"/pause")
_GATHER_NS = 20_000_000
_OUTSTANDING_BYTES = 64 * 1024 * 1024
_LEAST_OUTSTANDING = 20_000
_PUBACK = struct.Struct(">BBH")

StatusHandler = Callable[[str, bytes], None]


class Intake:
    """Bounded: when too much is outstanding (the disk is slow or full) there is no room, and reading stops.

    Parameters
    ----------
    committer : Committer
        Journals groups and hands them back.
    counters : IngestCounters
        Mutated in place.
    on_status : callable(topic, payload)
        Called with each message that is no reading.
    receive_maximum : int
        Messages that the broker may leave unacknowledged: half of it is a group worth a flush.
    """

    def __init__(
        self, committer: Committer, counters: IngestCounters, on_status: StatusHandler, receive_maximum: int
    ) -> None:
        self._committer = committer
        self._counters = counters
        self._on_status = on_status
        self._limit = max(2 * receive_maximum, _LEAST_OUTSTANDING)
        self._threshold = max(1, receive_maximum // 2)
        self._arrivals: list[Arrival] = []
        self._message_ids: list[int] = []
        self._bytes = 0
        self._first_ns = 0
        self._groups_out = 0
        self._messages_out = 0
        self._bytes_out = 0
        self.connection = 0
        self.last_received = time.monotonic()

    @property
    def has_room(self) -> bool:
        """Whether more may be read."""
        return (
            self._messages_out + len(self._arrivals) < self._limit
            and self._bytes_out + self._bytes < _OUTSTANDING_BYTES
        )

    @property
    def gathering(self) -> bool:
        """Whether something waits to be handed over."""
        return bool(self._arrivals or self._message_ids)

    def take_in(self, published: list[Published], stream: BufferedSocket) -> None:
        """Gather readings; let status and pauses go to their handler."""
        arrivals, message_ids = self._arrivals, self._message_ids
        now_ns = time.time_ns()
        if not self.gathering:
            self._first_ns = time.monotonic_ns()
        size = aside = 0
        for topic, payload, message_id, retained in published:
            if retained or topic.endswith(_ASIDE):
                aside += 1
                self._take_aside(topic, payload, message_id, stream)
                continue
            size += len(payload)
            arrivals.append(Arrival(topic, payload[:MAX_PAYLOAD_BYTES], now_ns))
            if message_id:
                message_ids.append(message_id)
        self._bytes += size
        self._counters.received += len(published) - aside
        self._counters.received_bytes += size
        self.last_received = time.monotonic()

    def _take_aside(self, topic: bytes, payload: bytes, message_id: int, stream: BufferedSocket) -> None:
        """Status and pauses go to their handler; a retained reading was delivered when it was published."""
        if topic.endswith(_ASIDE):
            self._on_status(topic.decode(errors="replace"), payload)
        if message_id:
            if self._groups_out or self._message_ids:
                # Acknowledgements keep the order of the messages (MQTT 3.1.1, 4.6): rumqttd, for one, closes
                # a connection that does not. This one waits for the readings before it.
                self._message_ids.append(message_id)
            else:
                stream.send(_PUBACK.pack(0x40, 2, message_id))

    def hand_over_when_due(self, *, idle: bool) -> None:
        """Hand over what was gathered: when the line is idle, half the window is full, or 20 ms passed."""
        count = len(self._arrivals) or len(self._message_ids)
        if count and (idle or count >= self._threshold or time.monotonic_ns() - self._first_ns >= _GATHER_NS):
            self.hand_over()

    def hand_over(self) -> None:
        """Hand over what was gathered, if anything."""
        if not self.gathering:
            return
        group = Group(self.connection, self._arrivals, self._message_ids, self._bytes)
        self._groups_out += 1
        self._messages_out += len(group.arrivals)
        self._bytes_out += group.payload_bytes
        self._arrivals, self._message_ids, self._bytes = [], [], 0
        self._committer.submit(group)

    def acknowledge(self, stream: BufferedSocket | None) -> None:
        """Acknowledge what is durable now; without a stream only forget about it."""
        while (group := self._committer.take_committed()) is not None:
            self._groups_out -= 1
            self._messages_out -= len(group.arrivals)
            self._bytes_out -= group.payload_bytes
            if stream is not None and group.connection == self.connection:
                # The shortest PUBACK is the same in MQTT 5 and 3.1.1; the stream keeps packets whole.
                stream.send(b"".join([_PUBACK.pack(0x40, 2, one) for one in group.message_ids]))
