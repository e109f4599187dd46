"""A paho client with the site's login and certificates, for all that is not the ingest's own session."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from ingest.session.settings import BrokerSettings
from sensors.errors import BrokerUnreachableError, ConfigurationError

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

__all__ = ["connect_client", "leave_client", "new_client"]


def new_client(settings: BrokerSettings, **arguments: Any) -> mqtt.Client:
    """Client that is not connected yet; `arguments` are those of paho (``client_id``, ``protocol`` …).

    Raises
    ------
    ConfigurationError
        ``broker_certificate``: a file of the certificates is not what it should be.
    """
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    client = mqtt.Client(CallbackAPIVersion.VERSION2, **arguments)
    if settings.username:
        client.username_pw_set(settings.username, settings.password)
    if settings.tls:
        files = (settings.ca_file, settings.cert_file, settings.key_file)
        ca, certificate, key = (None if path is None else str(path) for path in files)
        try:
            client.tls_set(ca_certs=ca, certfile=certificate, keyfile=key)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise ConfigurationError(
                "the certificates for the broker cannot be used",
                value=", ".join(name for name in (ca, certificate, key) if name),
                rule=str(error),
                remedy="check ca_file, cert_file and key_file: PEM files that belong together",
                code="broker_certificate",
            ) from None
    return client


def connect_client(client: mqtt.Client, settings: BrokerSettings, **arguments: Any) -> None:
    """Open the connection; the broker's answer to the login comes later, to ``on_connect``.

    Raises
    ------
    BrokerUnreachableError
        ``broker_tls``: the certificates do not fit; ``broker_unreachable``: nothing answers.
    """
    try:
        client.connect(settings.host, settings.port, **arguments)
    except ssl.SSLError as error:
        raise BrokerUnreachableError(
            f"the secure connection to {settings.url} fails",
            rule=getattr(error, "verify_message", "") or error.reason or str(error),
            remedy="check ca_file, cert_file, the name in the broker's certificate, and the port",
            code="broker_tls",
        ) from None
    except OSError as error:
        raise BrokerUnreachableError(
            f"broker {settings.url} does not answer",
            rule=error.strerror or str(error),
            remedy="start it, or correct [mqtt] url or --mqtt",
            code="broker_unreachable",
        ) from None


def leave_client(client: mqtt.Client) -> None:
    """Disconnect and end the network thread; paho leaves the socket of a refused login open."""
    client.disconnect()
    client.loop_stop()
    left = client.socket()
    if left is not None:
        left.close()
