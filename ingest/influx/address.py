"""What an InfluxDB store URL says, and the same without its secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from sensors.errors import ConfigurationError

__all__ = ["SCHEMES", "InfluxAddress", "parse_address"]

SCHEMES = ("influxdb", "influxdb+https")
_DEFAULT_PORT = 8086
_DEFAULT_TIMEOUT_S = 60.0
_FORMS = "influxdb[+https]://host:port/DATABASE[/POLICY] or influxdb[+https]://host:port/BUCKET?org=NAME"


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """A server, a database or bucket, and how to be let in.

    Attributes
    ----------
    server : str
        ``http://host:port`` or ``https://host:port``.
    database : str
        Database (1.x, 3.x) or bucket (2.x).
    policy : str or None
        Retention policy (1.x); ``None`` = the database's default.
    org : str or None
        Organisation; given for 2.x and 3.x, ``None`` says that the server is a 1.x.
    timeout_s : float
        Longest wait for an answer [s].
    secret : str or None
        Token, or ``user:password``; never shown.
    """

    server: str
    database: str
    policy: str | None
    org: str | None
    timeout_s: float
    secret: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Store URL without any secret."""
        scheme, _, place = self.server.partition("://")
        path = self.database if self.policy is None else f"{self.database}/{self.policy}"
        query: dict[str, str] = {}
        if self.org is not None:
            query["org"] = self.org
        if self.timeout_s != _DEFAULT_TIMEOUT_S:
            query["timeout_s"] = f"{self.timeout_s:g}"
        name = "influxdb" if scheme == "http" else "influxdb+https"
        return f"{name}://{place}/{path}" + (f"?{urlencode(query)}" if query else "")

    def masked(self, text: str) -> str:
        """`text` with the secret, and the password in it, blotted out."""
        if self.secret:
            for part in (self.secret, self.secret.partition(":")[2]):
                if part:
                    text = text.replace(part, "***")
        return text


def parse_address(url: str, token: str | None = None) -> InfluxAddress:
    """Read an InfluxDB store URL.

    Parameters
    ----------
    url : str
        ``influxdb://host:port/DB[/RP]`` (1.x) or ``influxdb://host:port/BUCKET?org=…`` (2.x, 3.x);
        ``influxdb+https://`` for TLS. ``timeout_s`` may be added to the query.
    token : str, optional
        Token or ``user:password``; wins over ``user:password@`` in the URL.

    Raises
    ------
    ConfigurationError
        The URL is malformed; the message never repeats a secret.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or _DEFAULT_PORT
    except ValueError as trouble:
        raise _malformed(f"the store's URL has no usable port: {trouble}") from trouble
    path = [unquote(piece) for piece in parts.path.split("/") if piece]
    query = parse_qs(parts.query, keep_blank_values=True)
    unknown = sorted(set(query) - {"org", "timeout_s"})
    if parts.scheme not in SCHEMES or not host or not 1 <= len(path) <= 2 or unknown:
        raise _malformed(
            "the store's URL is not understood" + (f" at {', '.join(unknown)}" if unknown else "")
        )
    org = query["org"][0] if "org" in query else None
    if org is not None and len(path) == 2:
        raise _malformed("the store's URL names both an organisation (2.x, 3.x) and a retention policy (1.x)")
    try:
        timeout_s = float(query.get("timeout_s", [str(_DEFAULT_TIMEOUT_S)])[0])
    except ValueError as trouble:
        raise _malformed("timeout_s of the store's URL is not a number of seconds") from trouble
    if not 0 < timeout_s <= 3600:
        raise _malformed("timeout_s of the store's URL must lie within 0 to 3600 seconds")
    if token is None and parts.username:
        token = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if parts.scheme.endswith("+https") else "http"
    return InfluxAddress(
        server=f"{scheme}://{shown}:{port}",
        database=path[0],
        policy=path[1] if len(path) == 2 else None,
        org=org,
        timeout_s=timeout_s,
        secret=token or None,
    )


def _malformed(what: str) -> ConfigurationError:
    return ConfigurationError(
        what, rule=_FORMS, remedy="correct [store] url in the site file", code="store_url"
    )
