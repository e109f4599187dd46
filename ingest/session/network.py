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
import threading
import time
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.counters import IngestCounters
from ingest.journal import JournalWriter
from ingest.session.committer import Committer
from ingest.session.handshake import Connection, RefusedError, open_connection
from ingest.session.intake import Intake, StatusHandler
from ingest.session.settings import BrokerSettings, MqttVersion
from ingest.session.stream import BufferedSocket, Found
from sensors.errors import BrokerUnreachableError, ConfigurationError, VigiposteError

__all__ = ["MqttSession"]

_LOG = logging.getLogger("vigiposte.ingest")
_IDLE_S = 0.001
_REST_S = 0.5
_PACKETS_A_TURN = 256
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 15.0
_SAY_AWAY_AFTER_S = 1.0
_SHORT_LIVED_S = 5.0
_SUSPICIOUS = 4
_PINGREQ = b"\xc0\x00"
_DO_NOT_SEND_RETAINED = 2
_TAKEN_OVER = 142


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
        self._version = settings.version
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)  # noqa: FBT003 - the standard signature
        self._wake_write.setblocking(False)  # noqa: FBT003 - the standard signature
        self._committer = Committer(journal, counters, self._wake)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._intake = Intake(self._committer, counters, on_status, settings.receive_maximum)
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._paused_ping = 0.0
        self._short_lived = 0
        self.failure: VigiposteError | None = None
        self._thread = threading.Thread(target=self._run, name="vigiposte-mqtt", daemon=True)

    @property
    def last_received(self) -> float:
        """When the last message came (monotonic seconds)."""
        return self._intake.last_received

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
        self._intake.connection += 1
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
                self._intake.acknowledge(stream)
                if client.want_write():
                    client.loop_write()
                stream.flush()
                reading = self._intake.has_room
                idle = False
                if not (reading and more):
                    wanted = (selectors.EVENT_READ if reading else 0) | (
                        selectors.EVENT_WRITE if stream.unsent else 0
                    )
                    if wanted != interest:
                        interest = self._watch(stream, interest, wanted)
                    events = self._selector.select(_IDLE_S if self._intake.gathering else _REST_S)
                    idle = not events
                    more = self._look_at(events, stream) or more
                if reading and more:
                    more = self._read(client, stream)
                self._intake.hand_over_when_due(idle=idle)
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
            self._intake.take_in(published, stream)
        if found is Found.OTHER:
            client.loop_read()
        elif found is Found.NOTHING:
            if not stream.fill():
                return False
            if stream.ended:
                client.loop_read()
        return True

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
        self._intake.hand_over()
        if not self._stopping.is_set() and self.failure is None:
            self._intake.acknowledge(None)
            return
        self._committer.close()
        with contextlib.suppress(OSError):
            self._intake.acknowledge(stream if client.socket() is stream else None)
            if client.socket() is stream:
                stream.linger = True
                client.disconnect()
                stream.close()
