"""What ``doctor`` looks at outside the code: broker and its settings, store, disk, permissions, clock."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ingest.session.plain_client import connect_client, leave_client, new_client
from ingest.session.settings import BrokerSettings, MqttVersion, broker_settings
from ingest.store import Store
from sensors.errors import VigiposteError
from sensors.site_book import SiteBook

__all__ = ["Finding", "State", "examine", "examine_broker", "examine_extras", "examine_folder"]

_PROBE_MESSAGES = 1_200
_PROBE_WINDOW = 40
_ANSWER_S = 5.0
_SILENT_S = 1.5
_LOW_DISK_BYTES = 1_000_000_000
_NO_DISK_BYTES = 100_000_000
_FIRST_PLAUSIBLE_YEAR = 2025
_EXTRAS = {
    "web": "fastapi",
    "pdf": "typst",
    "xlsx": "xlsxwriter",
    "thermal": "pythermalcomfort",
    "fusion": "vqf",
    "cluster": "distributed",
}


class State(StrEnum):
    """How a finding stands."""

    OK = "ok"
    NOTICE = "notice"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, what was seen, and what to do about it."""

    subject: str
    state: State
    seen: str
    remedy: str = ""


def examine_extras() -> Iterator[Finding]:
    """Optional parts and whether they are installed."""
    for extra, module in _EXTRAS.items():
        there = find_spec(module) is not None
        yield Finding(
            f"extra {extra}",
            State.OK if there else State.NOTICE,
            "installed" if there else "not installed",
            "" if there else f"pip install 'vigiposte[{extra}]' if it is wanted",
        )


def examine_clock(now: datetime | None = None) -> Iterator[Finding]:
    """Whether the clock can be believed."""
    seen = now or datetime.now(UTC)
    if seen.year < _FIRST_PLAUSIBLE_YEAR:
        yield Finding(
            "clock", State.FAULT, f"{seen:%Y-%m-%d %H:%M} UTC", "set the clock: readings would be refused"
        )
        return
    synchronised = Path("/run/systemd/timesync/synchronized").exists()
    yield Finding(
        "clock",
        State.OK,
        f"{seen:%Y-%m-%d %H:%M} UTC" + (", synchronised" if synchronised else ", synchronisation unknown"),
    )


def examine_folder(name: str, folder: Path) -> Iterator[Finding]:
    """Whether `folder` can be written and has room."""
    parent = folder
    while not parent.exists():
        parent = parent.parent
    try:
        with tempfile.TemporaryFile(dir=parent) as probe:
            probe.write(b"vigiposte")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        yield Finding(
            f"{name} folder",
            State.FAULT,
            f"{folder}: {error.strerror}",
            "choose a folder that can be written",
        )
        return
    free = shutil.disk_usage(parent).free
    state = State.FAULT if free < _NO_DISK_BYTES else State.NOTICE if free < _LOW_DISK_BYTES else State.OK
    remedy = "" if state is State.OK else "free space: ingest stops acknowledging when the disk is full"
    yield Finding(f"{name} folder", state, f"{folder}: writable, {free / 1e9:.1f} GB free", remedy)


def examine_store(store: Store) -> Iterator[Finding]:
    """Whether the store answers and accepts us."""
    try:
        store.check()
    except VigiposteError as error:
        yield Finding("store", State.FAULT, error.what, error.remedy or "")
    else:
        yield Finding("store", State.OK, f"{store.url} answers")


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


def examine(book: SiteBook, store: Store, journal: Path) -> Iterator[Finding]:
    """Everything around one site, in the order a person would look."""
    yield Finding("python", State.OK, f"{sys.version.split()[0]} on {sys.platform}")
    yield from examine_clock()
    yield from examine_folder("journal", journal)
    yield from examine_store(store)
    try:
        settings = broker_settings(book.site.mqtt, book.folder, book.site.site.id)
    except VigiposteError as error:
        yield Finding("broker", State.FAULT, error.what, error.remedy or "")
    else:
        yield from examine_broker(settings, book.site.site.id)
    yield from examine_extras()
