"""The thread that owns the connection: it reads, hands over, acknowledges, reconnects.

Every call into paho happens on this thread. Messages are handed to the committer at once when the line is
idle, else when half the window is full or 20 ms have passed; what the committer gives back is acknowledged.
When too much is outstanding (the disk is slow or full) reading stops, and the broker keeps the rest.
"""

from __future__ import annotations

import contextlib
import logging
import random
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.counters import IngestCounters
from ingest.journal import MAX_PAYLOAD_BYTES, Arrival, JournalWriter
from ingest.session.committer import Committer, Group
from ingest.session.handshake import Connection, RefusedError, open_connection
from ingest.session.settings import BrokerSettings, MqttVersion
from ingest.session.stream import BufferedSocket, Found, Published
from sensors.errors import BrokerUnreachableError, ConfigurationError, VigiposteError

__all__ = ["MqttSession"]

_LOG = logging.getLogger("vigiposte.ingest")
_ASIDE = (b"/status", b"/pause")
_GATHER_NS = 20_000_000
_IDLE_S = 0.001
_REST_S = 0.5
_PACKETS_A_TURN = 256
_OUTSTANDING_BYTES = 64 * 1024 * 1024
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 15.0
_SAY_AWAY_AFTER_S = 1.0
_SHORT_LIVED_S = 5.0
_SUSPICIOUS = 4
_PUBACK = struct.Struct(">BBH")
_PINGREQ = b"\xc0\x00"
_DO_NOT_SEND_RETAINED = 2
_TAKEN_OVER = 142

StatusHandler = Callable[[str, bytes], None]


class MqttSession:
    """A persistent QoS 1 subscription that feeds a journal.

    Parameters
    ----------
    settings : BrokerSettings
        Broker, credentials, client id.
    filters : sequence of str
        Topic filters of readings, shared ones with their ``$share/`` prefix. Retained copies of readings are
        not taken in: they were delivered when they were published.
    status_filters : sequence of str
        Topic filters of sensor status, whose retained messages are wanted.
    journal : JournalWriter
        Where messages become durable before they are acknowledged.
    counters : IngestCounters
        Mutated in place.
    on_status : callable(topic, payload)
        Called on the network thread with each status message.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        filters: Sequence[str],
        status_filters: Sequence[str],
        journal: JournalWriter,
        counters: IngestCounters,
        on_status: StatusHandler,
    ) -> None:
        self._settings = settings
        self._filters = tuple(filters)
        self._status_filters = tuple(status_filters)
        self._counters = counters
        self._on_status = on_status
        self._version = settings.version
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)  # noqa: FBT003 - the standard signature
        self._wake_write.setblocking(False)  # noqa: FBT003 - the standard signature
        self._committer = Committer(journal, counters, self._wake)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._arrivals: list[Arrival] = []
        self._message_ids: list[int] = []
        self._first_ns = 0
        self._bytes = 0
        self._outstanding = 0
        self._unacknowledged = 0
        self._outstanding_bytes = 0
        self._limit = max(2 * settings.receive_maximum, 20_000)
        self._threshold = max(1, settings.receive_maximum // 2)
        self._connection = 0
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._paused_ping = 0.0
        self._short_lived = 0
        self.failure: VigiposteError | None = None
        self.last_received = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="vigiposte-mqtt", daemon=True)

    def start(self, timeout_s: float) -> None:
        """Connect and subscribe.

        Raises
        ------
        BrokerUnreachableError, ConfigurationError
            No connection within `timeout_s`, or the broker refuses.
        """
        self._deadline = time.monotonic() + timeout_s
        self._thread.start()
        self._ready.wait(timeout_s + 20)
        if self.failure is not None:
            self._thread.join(2.0)
            raise self.failure

    def stop(self, timeout_s: float = 3.0) -> None:
        """Stop reading, journal and acknowledge what was read, and leave the session to the broker."""
        self._stopping.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        self._committer.close(0.1)
        for end in (self._wake_read, self._wake_write):
            end.close()
        self._selector.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_write.send(b"\0")

    # The life of the session, on its own thread from here on.

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                connection = self._connect()
                if connection is None:
                    return
                began = time.monotonic()
                self._serve(connection)
                self._pause_after(time.monotonic() - began)
        except VigiposteError as error:
            self.failure = error
            self._counters.broker = "away"
        finally:
            self._ready.set()

    def _pause_after(self, lived_s: float) -> None:
        """Wait longer and longer between connections that end as soon as they stand."""
        if lived_s >= _SHORT_LIVED_S:
            self._short_lived = 0
            return
        self._short_lived += 1
        if self._short_lived == _SUSPICIOUS:
            _LOG.warning(
                "the broker keeps closing the connection: does another program use the client id %s? "
                "For several ingests set [mqtt] shared_group and give each a --writer",
                self._settings.client_id,
            )
        self._stopping.wait(min(_FIRST_BACKOFF_S * 2**self._short_lived, _LONGEST_BACKOFF_S))

    def _connect(self) -> Connection | None:
        """Try until it works; ``None`` when told to stop. The first time there is a deadline."""
        delay_s = _FIRST_BACKOFF_S
        began = time.monotonic()
        said = False
        while not self._stopping.is_set():
            first = not self._ready.is_set()
            try:
                connection = open_connection(self._settings, self._version, self._prepare)
            except BrokerUnreachableError as error:
                if first and (isinstance(error, RefusedError) or time.monotonic() + delay_s > self._deadline):
                    raise
                if not said and time.monotonic() - began > _SAY_AWAY_AFTER_S:
                    said = True
                    _LOG.warning("%s; trying again until it does", error)
                self._counters.broker = "away"
                # A broker that came back may speak another version than before.
                self._version = self._settings.version
                self._stopping.wait(delay_s * random.uniform(0.7, 1.3))  # noqa: S311 - spreads reconnections
                delay_s = min(2 * delay_s, _LONGEST_BACKOFF_S)
                continue
            self._welcome(connection, first=first)
            if said:
                _LOG.warning("connected to the broker again after %.0f s", time.monotonic() - began)
            return connection
        return None

    def _prepare(self, client: mqtt.Client) -> None:
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect

    def _welcome(self, connection: Connection, *, first: bool) -> None:
        self._connection += 1
        self._counters.connects += 1
        if not first and not connection.session_present:
            _LOG.warning(
                "the broker has forgotten this session: messages published while the ingest was away are lost"
            )
        if self._version is MqttVersion.AUTO:
            self._version = connection.version
        shared = any(name.startswith("$share/") for name in self._filters)
        if shared and not connection.shared_available:
            raise ConfigurationError(
                "the broker has no shared subscriptions",
                value=self._settings.url,
                rule="[mqtt] shared_group needs them",
                remedy="remove shared_group and run one ingest, or use Mosquitto, EMQX or HiveMQ",
                code="no_shared_subscriptions",
            )
        client = connection.client
        if connection.version is MqttVersion.V5:
            client.subscribe(
                [
                    (name, SubscribeOptions(qos=1, retainHandling=_DO_NOT_SEND_RETAINED))
                    for name in self._filters
                ]
                + [(name, SubscribeOptions(qos=1)) for name in self._status_filters]
            )
        else:
            client.subscribe([(name, 1) for name in (*self._filters, *self._status_filters)])

    def _on_subscribe(
        self, _client: Any, _user: Any, _mid: int, reasons: list[Any], _properties: Any
    ) -> None:
        refused = [
            name
            for name, reason in zip((*self._filters, *self._status_filters), reasons, strict=False)
            if reason.is_failure
        ]
        if refused:
            self.failure = BrokerUnreachableError(
                "the broker does not let this user subscribe",
                value=refused[0],
                rule="the ingest reads all topics of its site",
                remedy="give the user read rights on vigiposte/v1/SITE/# in the broker's access list",
                code="broker_subscription",
            )
            return
        self._counters.broker = "connected"
        self._ready.set()

    def _on_disconnect(self, _client: Any, _user: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._counters.broker = "away"
        if getattr(reason, "value", 0) == _TAKEN_OVER and not self._stopping.is_set():
            self.failure = ConfigurationError(
                "another client took over this session",
                value=self._settings.client_id,
                rule="one running ingest a client id",
                remedy="stop the other ingest; for several, set [mqtt] shared_group and give each a --writer",
                code="client_id_in_use",
            )

    def _serve(self, connection: Connection) -> None:
        """Read and acknowledge until the connection ends or the session stops."""
        client = connection.client
        opened = client.stream
        if opened is None:
            return
        stream: BufferedSocket = opened
        stream.frame(five=connection.version is MqttVersion.V5)
        self._selector.register(stream, selectors.EVENT_READ)
        interest = selectors.EVENT_READ
        more = True
        misc_at = 0.0
        try:
            while client.socket() is stream and not self._stopping.is_set() and self.failure is None:
                self._acknowledge(stream)
                if client.want_write():
                    client.loop_write()
                stream.flush()
                reading = self._outstanding + len(self._arrivals) < self._limit and (
                    self._outstanding_bytes + self._bytes < _OUTSTANDING_BYTES
                )
                idle = False
                if not (reading and more):
                    wanted = (selectors.EVENT_READ if reading else 0) | (
                        selectors.EVENT_WRITE if stream.unsent else 0
                    )
                    if wanted != interest:
                        interest = self._watch(stream, interest, wanted)
                    events = self._selector.select(
                        _IDLE_S if self._arrivals or self._message_ids else _REST_S
                    )
                    idle = not events
                    more = self._look_at(events, stream) or more
                if reading and more:
                    more = self._read(client, stream)
                self._hand_over_when_due(idle=idle)
                now = time.monotonic()
                if now >= misc_at:
                    misc_at = now + _REST_S
                    self._keep_alive(client, stream, reading=reading)
        except OSError as error:
            _LOG.info("the connection to the broker broke: %s", error)
            stream.ended = True
            client.loop_read()
        finally:
            if interest:
                self._selector.unregister(stream)
        self._leave(client, stream)

    def _watch(self, stream: BufferedSocket, before: int, wanted: int) -> int:
        if not wanted:
            self._selector.unregister(stream)
        elif not before:
            self._selector.register(stream, wanted)
        else:
            self._selector.modify(stream, wanted)
        return wanted

    def _look_at(self, events: list[tuple[selectors.SelectorKey, int]], stream: BufferedSocket) -> bool:
        readable = False
        for key, mask in events:
            if key.fileobj is stream:
                readable = bool(mask & selectors.EVENT_READ)
            else:
                with contextlib.suppress(OSError):
                    while self._wake_read.recv(4096):
                        pass
        return readable

    def _read(self, client: mqtt.Client, stream: BufferedSocket) -> bool:
        """Take in a number of packets; whether more may be at hand."""
        published, found = stream.take(_PACKETS_A_TURN)
        if published:
            self._take_in(published, stream)
        if found is Found.OTHER:
            client.loop_read()
        elif found is Found.NOTHING:
            if not stream.fill():
                return False
            if stream.ended:
                client.loop_read()
        return True

    def _take_in(self, published: list[Published], stream: BufferedSocket) -> None:
        arrivals, message_ids = self._arrivals, self._message_ids
        now_ns = time.time_ns()
        if not arrivals:
            self._first_ns = time.monotonic_ns()
        size = 0
        for topic, payload, message_id, retained in published:
            if retained or topic.endswith(_ASIDE):
                self._take_aside(topic, payload, message_id, stream)
                continue
            size += len(payload)
            arrivals.append(Arrival(topic, payload[:MAX_PAYLOAD_BYTES], now_ns))
            if message_id:
                message_ids.append(message_id)
        self._bytes += size
        self._counters.received += len(published)
        self._counters.received_bytes += size
        self.last_received = time.monotonic()

    def _take_aside(self, topic: bytes, payload: bytes, message_id: int, stream: BufferedSocket) -> None:
        """Status and pauses go to their handler; a retained reading was delivered when it was published."""
        if topic.endswith(_ASIDE):
            self._on_status(topic.decode(errors="replace"), payload)
        if message_id:
            if self._unacknowledged or self._message_ids:
                # Acknowledgements keep the order of the messages (MQTT 3.1.1, 4.6): rumqttd, for one, closes
                # a connection that does not. This one waits for the readings before it.
                self._message_ids.append(message_id)
            else:
                stream.send(_PUBACK.pack(0x40, 2, message_id))
        self._counters.received -= 1

    def _hand_over_when_due(self, *, idle: bool) -> None:
        count = len(self._arrivals) or len(self._message_ids)
        if count and (idle or count >= self._threshold or time.monotonic_ns() - self._first_ns >= _GATHER_NS):
            self._hand_over()

    def _hand_over(self) -> None:
        group = Group(self._connection, self._arrivals, self._message_ids, self._bytes)
        self._unacknowledged += 1
        self._outstanding += len(group.arrivals)
        self._outstanding_bytes += group.payload_bytes
        self._arrivals, self._message_ids, self._bytes = [], [], 0
        self._committer.submit(group)

    def _acknowledge(self, stream: BufferedSocket | None) -> None:
        while (group := self._committer.take_committed()) is not None:
            self._unacknowledged -= 1
            self._outstanding -= len(group.arrivals)
            self._outstanding_bytes -= group.payload_bytes
            if stream is not None and group.connection == self._connection:
                # The shortest PUBACK is the same in MQTT 5 and 3.1.1; the stream keeps packets whole.
                stream.send(b"".join([_PUBACK.pack(0x40, 2, one) for one in group.message_ids]))

    def _keep_alive(self, client: mqtt.Client, stream: BufferedSocket, *, reading: bool) -> None:
        now = time.monotonic()
        if reading:
            client.loop_misc()
            self._paused_ping = now
        elif now - self._paused_ping > self._settings.keepalive_s / 2:
            # Unread messages hide the broker's answers, so paho would wrongly take the line for dead.
            stream.send(_PINGREQ)
            self._paused_ping = now

    def _leave(self, client: mqtt.Client, stream: BufferedSocket) -> None:
        """Settle what was read; on a stop also acknowledge it and say goodbye."""
        if self._arrivals or self._message_ids:
            self._hand_over()
        if not self._stopping.is_set() and self.failure is None:
            self._acknowledge(None)
            return
        self._committer.close()
        with contextlib.suppress(OSError):
            self._acknowledge(stream if client.socket() is stream else None)
            if client.socket() is stream:
                stream.linger = True
                client.disconnect()
                stream.close()
