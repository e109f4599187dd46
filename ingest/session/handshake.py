"""Opening one MQTT connection: protocol version, credentials, TLS, persistent session, and plain refusals."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from select import select
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.session.settings import SESSION_EXPIRY_S, BrokerSettings, MqttVersion
from ingest.session.stream import BufferedClient
from sensors.errors import BrokerUnreachableError, ConfigurationError

__all__ = ["Connection", "RefusedError", "open_connection"]

_TRY_V5_S = 3.0
_ANSWER_S = 8.0
_CONNECT_S = 5.0
_BAD_LOGIN = ("bad user name or password", "not authorized", "banned")
_BAD_VERSION = ("unsupported protocol version", "unacceptable protocol version")


class RefusedError(BrokerUnreachableError):
    """The broker answered and said no; trying again at once changes nothing."""


@dataclass(slots=True)
class Connection:
    """An accepted connection."""

    client: BufferedClient
    version: MqttVersion
    session_present: bool
    shared_available: bool


@dataclass(slots=True)
class _Answer:
    reason: ReasonCode | None = None
    session_present: bool = False
    shared_available: bool = True


def open_connection(
    settings: BrokerSettings, version: MqttVersion, prepare: Callable[[mqtt.Client], None]
) -> Connection:
    """Connect once; ``auto`` tries 5 for 3 s, then 3.1.1.

    Parameters
    ----------
    settings : BrokerSettings
        Where and how.
    version : MqttVersion
        What to speak.
    prepare : callable
        Sets the callbacks of a new client (all but ``on_connect``).

    Raises
    ------
    RefusedError
        ``broker_login``, ``broker_refused``, ``broker_tls``.
    BrokerUnreachableError
        ``broker_unreachable``, ``broker_silent``.
    """
    if version is MqttVersion.AUTO:
        connection = _attempt(settings, MqttVersion.V5, prepare, _TRY_V5_S)
        return connection or _answered(
            _attempt(settings, MqttVersion.V311, prepare, _ANSWER_S), settings, "5 and 3.1.1"
        )
    return _answered(_attempt(settings, version, prepare, _ANSWER_S), settings, version.value)


def _answered(connection: Connection | None, settings: BrokerSettings, versions: str) -> Connection:
    if connection is None:
        raise BrokerUnreachableError(
            "something listens there but does not accept an MQTT connection",
            value=settings.url,
            rule=f"MQTT {versions}",
            remedy="check the port, the protocol version (?version=…) and, for brokers that refuse without a "
            "word, user and password",
            code="broker_silent",
        )
    return connection


def _tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except ssl.SSLError as error:
        raise ConfigurationError(
            "a TLS file of [mqtt] is not usable",
            value=str(error),
            rule="PEM files: ca_file, and cert_file with its key_file",
            remedy="correct the files",
            code="mqtt_tls_files",
        ) from error
    return context


def _client(settings: BrokerSettings, version: MqttVersion) -> BufferedClient:
    five = version is MqttVersion.V5
    client = BufferedClient(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=None if five else False,
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    client.connect_timeout = _CONNECT_S
    if settings.username:
        client.username_pw_set(settings.username, settings.password)
    client.tls = _tls_context(settings) if settings.tls else None
    properties: Properties | None = None
    if five:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = settings.receive_maximum
    extra: dict[str, Any] = {"clean_start": False, "properties": properties} if five else {}
    client.connect_async(settings.host, settings.port, settings.keepalive_s, **extra)
    return client


def _attempt(
    settings: BrokerSettings,
    version: MqttVersion,
    prepare: Callable[[mqtt.Client], None],
    timeout_s: float,
) -> Connection | None:
    """Connect with one version; ``None`` when the broker does not speak it or says nothing."""
    answer = _Answer()
    client = _client(settings, version)

    def on_connect(
        _client: mqtt.Client, _user: Any, flags: mqtt.ConnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        answer.reason = reason
        answer.session_present = flags.session_present
        answer.shared_available = bool(getattr(properties, "SharedSubscriptionAvailable", 1))

    client.on_connect = on_connect
    prepare(client)
    try:
        client.reconnect()
        _wait_for_answer(client, answer, timeout_s)
    except ssl.SSLError as error:
        raise RefusedError(
            "the secure connection to the broker fails",
            value=settings.url,
            rule=getattr(error, "verify_message", "") or error.reason or str(error),
            remedy="check [mqtt] ca_file, the name in the broker's certificate, and the port",
            code="broker_tls",
        ) from error
    except OSError as error:
        raise BrokerUnreachableError(
            "the broker does not answer",
            value=settings.url,
            rule=error.strerror or str(error),
            remedy="start the broker, or correct [mqtt] url or --mqtt",
            code="broker_unreachable",
        ) from error
    reason = answer.reason
    if reason is not None and not reason.is_failure:
        return Connection(client, version, answer.session_present, answer.shared_available)
    _drop(client)
    if reason is None:
        return None
    said = str(reason).lower()
    if any(text in said for text in _BAD_VERSION):
        return None
    if any(text in said for text in _BAD_LOGIN):
        raise RefusedError(
            "the broker refuses the user name or password",
            value=settings.username or "no user name",
            rule=str(reason),
            remedy="set [mqtt] username, and password_file or VIGIPOSTE_MQTT_PASSWORD",
            code="broker_login",
        )
    raise RefusedError(
        "the broker refuses the connection",
        value=settings.url,
        rule=str(reason),
        remedy="look into the broker's log",
        code="broker_refused",
    )


def _wait_for_answer(client: BufferedClient, answer: _Answer, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while answer.reason is None and (stream := client.stream) is not None:
        stream.flush()
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return
        if not stream.buffered:
            select([stream], [stream] if stream.unsent else [], [], min(left_s, 0.2))
        client.loop_read()


def _drop(client: BufferedClient) -> None:
    client.on_disconnect = None
    stream = client.stream
    if stream is not None:
        stream.close()
