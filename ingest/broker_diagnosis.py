"""What ``doctor`` sees of a broker: whether it lets us in, what it keeps for us, how much goes in flight."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from ingest.session.plain_client import connect_client, leave_client, new_client
from ingest.session.settings import BrokerSettings, MqttVersion
from sensors.errors import VigiposteError
from sensors.findings import Finding, State

__all__ = ["examine_broker"]

_PROBE_MESSAGES = 1_200
_PROBE_WINDOW = 40
_ANSWER_S = 5.0
_SILENT_S = 1.5


class _Probe:
    """A short-lived MQTT client that looks at a broker the way the ingest will use it."""

    def __init__(self, settings: BrokerSettings, protocol: int) -> None:
        import paho.mqtt.client as mqtt

        self._mqtt = mqtt
        self.settings = settings
        self.identity = f"vigiposte-doctor-{os.getpid()}-{protocol}"
        self._arguments: dict[str, Any] = {
            "protocol": protocol,
            "manual_ack": True,
            "client_id": self.identity,
        }
        self._five = protocol == mqtt.MQTTv5
        if not self._five:
            self._arguments["clean_session"] = False
        self.properties: Any = None
        self.received = 0
        self.version = ""
        self._connected = threading.Event()
        self.refusal = ""

    def client(self) -> Any:
        """Return a new client of the one persistent session."""
        client: Any = new_client(self.settings, **self._arguments)
        client.max_inflight_messages_set(1000)
        client.max_queued_messages_set(0)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        return client

    def _on_connect(self, _client: Any, _user: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.refusal = str(reason)
        self.properties = properties
        self._connected.set()

    def _on_message(self, _client: Any, _user: Any, message: Any) -> None:
        if message.topic.startswith("$SYS"):
            self.version = message.payload.decode(errors="replace")
        else:
            self.received += 1

    def connect(self, client: Any, *, expiry_s: int = 60, clean: bool = False) -> bool:
        """Connect `client` and wait for the broker's answer."""
        self._connected.clear()
        extra: dict[str, Any] = {}
        if self._five:
            from paho.mqtt.packettypes import PacketTypes
            from paho.mqtt.properties import Properties

            properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0 if clean else expiry_s
            properties.ReceiveMaximum = 1000
            extra = {"properties": properties, "clean_start": clean}
        connect_client(client, self.settings, keepalive=30, **extra)
        client.loop_start()
        return self._connected.wait(_ANSWER_S) and not self.refusal

    def wait_for(self, count: int) -> None:
        """Wait until `count` messages came, or nothing more comes."""
        deadline = time.monotonic() + _ANSWER_S
        silent_until = time.monotonic() + _SILENT_S
        while self.received < count and time.monotonic() < deadline:
            if not self.received and time.monotonic() > silent_until:
                return
            time.sleep(0.02)


def examine_broker(settings: BrokerSettings, site: str) -> Iterator[Finding]:
    """Connect, then see how many messages the broker keeps for an ingest that is away, and in flight.

    The probe publishes small messages under a topic no sensor uses, to a session of its own that it removes.
    """
    import paho.mqtt.client as mqtt

    probe = _Probe(settings, mqtt.MQTTv5)
    try:
        first = probe.client()
        if settings.version is MqttVersion.V311 or not probe.connect(first):
            leave_client(first)
            probe = _Probe(settings, mqtt.MQTTv311)
            first = probe.client()
            if not probe.connect(first):
                leave_client(first)
                yield Finding(
                    "broker", State.FAULT, probe.refusal or "no answer", "check [mqtt] url, user and password"
                )
                return
    except VigiposteError as error:
        yield Finding("broker", State.FAULT, f"{error.what}: {error.rule}", error.remedy or "")
        return
    topic = f"vigiposte/v1/{site}/doctor-probe/json-doctor"
    first.subscribe("$SYS/broker/version", 0)
    first.subscribe(topic, 1)
    time.sleep(0.3)
    shared = getattr(probe.properties, "SharedSubscriptionAvailable", 1) if probe.properties else 1
    leave_client(first)
    protocol = "MQTT 5" if probe._five else "MQTT 3.1.1"  # noqa: SLF001 - the probe is ours
    name = probe.version or "unnamed broker"
    yield Finding("broker", State.OK, f"{settings.url}: {name}, {protocol}")
    if not shared:
        yield Finding(
            "shared subscriptions", State.NOTICE, "not offered", "run one ingest process, or another broker"
        )
    yield from _examine_queue(probe, topic)


def _examine_queue(probe: _Probe, topic: str) -> Iterator[Finding]:
    import paho.mqtt.client as mqtt

    publisher = new_client(probe.settings, protocol=mqtt.MQTTv311)
    publisher.max_inflight_messages_set(1000)
    connect_client(publisher, probe.settings)
    publisher.loop_start()
    handles = [publisher.publish(topic, b"{}", qos=1) for _ in range(_PROBE_MESSAGES)]
    try:
        for handle in handles:
            handle.wait_for_publish(_ANSWER_S)
    except (RuntimeError, ValueError):
        yield Finding("broker queue", State.NOTICE, "the probe could not publish", "check the access rules")
    leave_client(publisher)
    second = probe.client()
    probe.received = 0
    probe.connect(second)
    probe.wait_for(_PROBE_WINDOW)
    time.sleep(0.2)
    in_flight = probe.received
    leave_client(second)
    third = probe.client()
    third.manual_ack_set(False)  # noqa: FBT003 - paho's signature
    probe.received = 0
    probe.connect(third)
    probe.wait_for(_PROBE_MESSAGES)
    kept = probe.received
    leave_client(third)
    last = probe.client()
    probe.connect(last, clean=True)
    last.unsubscribe(topic)
    leave_client(last)
    if not kept:
        # A broker that keeps too little still keeps some: none at all is a matter of rights.
        yield Finding(
            "broker queue",
            State.NOTICE,
            "not seen: no message of the probe came back",
            f"let this user read and write {topic}, as the acl of `vigiposte init` does",
        )
        return
    settings = "set max_inflight_messages and max_queued_messages as the mosquitto.conf of `vigiposte init`"
    yield Finding(
        "broker queue",
        State.OK if kept >= _PROBE_MESSAGES else State.FAULT,
        f"kept {kept} of {_PROBE_MESSAGES} messages for an ingest that was away",
        "" if kept >= _PROBE_MESSAGES else settings,
    )
    yield Finding(
        "broker window",
        State.OK if in_flight >= _PROBE_WINDOW else State.NOTICE,
        f"{in_flight} messages in flight without acknowledgement",
        "" if in_flight >= _PROBE_WINDOW else settings,
    )
