"""Where the broker is and how to log in: URL, site file and environment put together, secrets kept apart."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from sensors.errors import ConfigurationError
from sensors.site_model import MqttSettings

__all__ = ["BrokerSettings", "MqttVersion", "broker_settings"]

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_CLIENT_ID = re.compile(r"[^A-Za-z0-9_-]")
SESSION_EXPIRY_S = 7 * 86_400
"""How long a broker keeps messages for an ingest that is away [s] (MQTT 5; 3.1.1 leaves it to the broker)."""


class MqttVersion(StrEnum):
    """Protocol versions, and ``auto``: 5 first, then 3.1.1."""

    AUTO = "auto"
    V5 = "5"
    V311 = "3.1.1"


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """All a session needs to know; the password never shows in its representation."""

    host: str
    port: int
    client_id: str
    version: MqttVersion = MqttVersion.AUTO
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    shared_group: str | None = None
    receive_maximum: int = 1000
    keepalive_s: int = 30

    @property
    def url(self) -> str:
        """URL without user and password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def _split_url(url: str) -> tuple[str, int, bool, MqttVersion, str | None, str | None]:
    rule = "mqtt[s]://host[:port][?version=auto|5|3.1.1]"
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    shown = f"{parts.scheme}://{parts.hostname or ''}" if parts.password else url
    if parts.scheme not in _PORTS or not parts.hostname or port == -1 or parts.path not in ("", "/"):
        raise ConfigurationError(
            "the broker's URL is not understood",
            value=shown,
            rule=rule,
            remedy="correct [mqtt] url or --mqtt",
            code="mqtt_url",
        )
    options = parse_qs(parts.query, keep_blank_values=True)
    wanted = options.pop("version", ["auto"])[-1]
    known = [version.value for version in MqttVersion]
    if options or wanted not in known:
        raise ConfigurationError(
            "an option of the broker's URL is not understood",
            value=", ".join(options) or wanted,
            rule=f"version={'|'.join(known)}",
            remedy="correct [mqtt] url or --mqtt",
            code="mqtt_url",
        )
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return (
        parts.hostname,
        port or _PORTS[parts.scheme],
        parts.scheme == "mqtts",
        MqttVersion(wanted),
        username,
        password,
    )


def _readable(folder: Path, name: str | None, key: str) -> Path | None:
    if name is None:
        return None
    path = folder / Path(name).expanduser()
    if not os.access(path, os.R_OK):
        raise ConfigurationError(
            f"[mqtt] {key} cannot be read",
            value=str(path),
            rule="a file that the ingest may read",
            remedy="correct the path or the file's permissions",
            code="mqtt_file",
        )
    return path


def broker_settings(
    mqtt: MqttSettings, folder: Path, site: str, *, url: str | None = None, writer: str | None = None
) -> BrokerSettings:
    """Put together what the site file, the environment and `url` say.

    Parameters
    ----------
    mqtt : MqttSettings
        ``[mqtt]`` of the site file.
    folder : Path
        What relative file names count from.
    site : str
        Site id: makes the client id, which must stay the same for the broker to know the session again.
    url : str, optional
        Replaces the URL of the site file.
    writer : str, optional
        Name of this process when several share one subscription; it is appended to the client id.

    Raises
    ------
    ConfigurationError
        ``mqtt_url``, ``mqtt_file``.
    """
    host, port, tls, version, url_user, url_password = _split_url(url or mqtt.url)
    password = os.environ.get("VIGIPOSTE_MQTT_PASSWORD") or url_password
    password_file = _readable(folder, mqtt.password_file, "password_file") if not password else None
    if password_file is not None:
        password = password_file.read_text(encoding="utf-8").strip()
    client_id = mqtt.client_id or f"vigiposte-ingest-{site}"
    if writer:
        client_id = f"{client_id}-{_CLIENT_ID.sub('_', writer)}"
    return BrokerSettings(
        host=host,
        port=port,
        client_id=client_id,
        version=version,
        tls=tls,
        username=os.environ.get("VIGIPOSTE_MQTT_USERNAME") or url_user or mqtt.username,
        password=password,
        ca_file=_readable(folder, mqtt.ca_file, "ca_file"),
        cert_file=_readable(folder, mqtt.cert_file, "cert_file"),
        key_file=_readable(folder, mqtt.key_file, "key_file"),
        shared_group=mqtt.shared_group,
        receive_maximum=mqtt.receive_maximum,
    )
