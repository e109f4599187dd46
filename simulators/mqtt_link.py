"""A paho connection from a URL, for the simulators' publisher and recorder."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sensors.errors import BrokerUnreachableError, UsageError

__all__ = ["BrokerAddress", "connect", "parse_url"]

_CONNECT_TIMEOUT_S = 10.0
_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_VERSIONS = ("auto", "3.1.1", "5")


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens and which protocol to speak; ``auto`` speaks 3.1.1, which every broker knows."""

    host: str
    port: int
    tls: bool
    version: str
    username: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def parse_url(url: str) -> BrokerAddress:
    """Parse ``mqtt[s]://[user:password@]host[:port][?version=auto|5|3.1.1]``.

    The password may come from ``VIGIPOSTE_MQTT_PASSWORD`` instead, so that it stands in no command line; a
    private authority and a client certificate come from ``VIGIPOSTE_MQTT_CA_FILE``, ``…_CERT_FILE`` and
    ``…_KEY_FILE``.
    """
    parts = urlsplit(url)
    version = parse_qs(parts.query).get("version", ["auto"])[-1]
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or version not in _VERSIONS or port == 0:
        raise UsageError(
            "not the address of a broker",
            value=url.replace(parts.password, "***") if parts.password else url,
            rule="mqtt[s]://host:port?version=auto|5|3.1.1",
            remedy="for example mqtt://127.0.0.1:1883",
            code="mqtt_url",
        )
    return BrokerAddress(
        parts.hostname,
        port or _DEFAULT_PORTS[parts.scheme],
        parts.scheme == "mqtts",
        version,
        parts.username or os.environ.get("VIGIPOSTE_MQTT_USERNAME"),
        parts.password or os.environ.get("VIGIPOSTE_MQTT_PASSWORD"),
    )


def connect(address: BrokerAddress, client_id: str, inflight: int = 20, **callbacks: Any) -> Any:
    """Return a connected paho client whose network thread runs.

    Parameters
    ----------
    inflight : int
        Unacknowledged messages at a time with MQTT 3.1.1; MQTT 5 keeps to 20, which brokers grant.
    callbacks
        ``on_publish``, ``on_message``, ``on_connect`` … set before connecting.

    Raises
    ------
    BrokerUnreachableError
        Nothing listens there, the broker refuses, or it does not answer in time.
    """
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    protocol = MQTTProtocolVersion.MQTTv5 if address.version == "5" else MQTTProtocolVersion.MQTTv311
    clean = None if protocol is MQTTProtocolVersion.MQTTv5 else True
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean, protocol=protocol
    )
    client.max_inflight_messages_set(20 if protocol is MQTTProtocolVersion.MQTTv5 else inflight)
    client.max_queued_messages_set(0)
    answered = threading.Event()
    refusal: list[str] = []
    then = callbacks.pop("on_connect", None)

    def on_connect(own: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            refusal.append(str(reason))
        elif then is not None:
            then(own, data, flags, reason, properties)
        answered.set()

    client.on_connect = on_connect
    for name, callback in callbacks.items():
        setattr(client, name, callback)
    if address.username:
        client.username_pw_set(address.username, address.password)
    if address.tls:
        # The names that replace [mqtt] ca_file, cert_file and key_file for the other commands.
        ca, certificate, key = (
            os.environ.get(f"VIGIPOSTE_MQTT_{name}_FILE") for name in ("CA", "CERT", "KEY")
        )
        try:
            client.tls_set(ca, certificate, key)
        except (OSError, ValueError) as error:
            raise _unreachable(address, f"certificates: {error}") from None
    try:
        client.connect(address.host, address.port, keepalive=60)
    except (OSError, ValueError) as error:
        raise _unreachable(address, str(error)) from None
    client.loop_start()
    if not answered.wait(_CONNECT_TIMEOUT_S):
        refusal.append(
            f"no answer within {_CONNECT_TIMEOUT_S:.0f} s (wrong password, or another MQTT version)"
        )
    if refusal:
        client.disconnect()
        client.loop_stop()
        raise _unreachable(address, refusal[0])
    return client


def _unreachable(address: BrokerAddress, why: str) -> BrokerUnreachableError:
    return BrokerUnreachableError(
        f"the broker at {address} cannot be used",
        rule=why,
        remedy="start it (vigiposte broker starts a small one), or correct the address or the password",
        code="broker_unreachable",
    )
