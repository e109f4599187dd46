"""How the dashboard is served, and the rules that keep it from being open by accident."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from indicators.model import Audience
from sensors.errors import ConfigurationError

__all__ = ["DEFAULT_PORT", "WebSettings", "is_loopback"]

DEFAULT_PORT = 8050
_SHORTEST_SECRET = 12


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Address, audience and secret of one running dashboard.

    Attributes
    ----------
    secret : str, optional
        Password or token of the viewers; required on any address that other machines can reach.

    Raises
    ------
    ConfigurationError
        A non-loopback address without a secret, or with one that is too short.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    audience: Audience = Audience.REPORT
    secret: str | None = None

    def __post_init__(self) -> None:
        if is_loopback(self.host) and self.secret is None:
            return
        if self.secret is None:
            raise ConfigurationError(
                "the dashboard would be open to the network",
                value=self.host,
                rule="an address that other machines can reach needs a password or a token",
                remedy="set VIGIPOSTE_WEB_PASSWORD or --password-file, or keep --host 127.0.0.1",
                code="password_required",
            )
        if len(self.secret) < _SHORTEST_SECRET:
            raise ConfigurationError(
                "the password of the dashboard is too short",
                rule=f"at least {_SHORTEST_SECRET} characters",
                remedy="choose a longer one, for example: openssl rand -base64 24",
                code="password_short",
            )

    @property
    def open_to_network(self) -> bool:
        """Whether other machines can reach the address."""
        return not is_loopback(self.host)
