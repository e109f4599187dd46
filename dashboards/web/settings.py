"""How the dashboard is served, and the rules that keep it from being open by accident."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from dashboards.web.accounts import SHORTEST_PASSWORD, AccountFile
from indicators.model import Audience
from sensors.errors import ConfigurationError

__all__ = ["DEFAULT_PORT", "WebSettings", "is_loopback"]

DEFAULT_PORT = 8050


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
    """Address, audience and doors of one running dashboard.

    Attributes
    ----------
    audience : Audience
        `report`: gated for every role. `analyst`: nothing held back, and only ergonomists enter.
    secret : str, optional
        Password or token shared by the viewers of a dashboard without accounts; an address that other
        machines can reach needs it, or accounts.
    accounts : AccountFile, optional
        From the first account on, they alone open the dashboard.
    session_hours : float
        Time after a login when it is asked for again.

    Raises
    ------
    ConfigurationError
        A non-loopback address without accounts or a secret, or with a secret that is too short.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    audience: Audience = Audience.REPORT
    secret: str | None = None
    accounts: AccountFile | None = None
    session_hours: float = 8.0

    def __post_init__(self) -> None:
        if self.secret is None and (is_loopback(self.host) or (self.accounts and self.accounts.all())):
            return
        if self.secret is None:
            raise ConfigurationError(
                "the dashboard would be open to the network",
                value=self.host,
                rule="an address that other machines can reach needs accounts, or a password",
                remedy="add one with `vigiposte accounts add`, or set VIGIPOSTE_WEB_PASSWORD or"
                " --password-file, or keep --host 127.0.0.1",
                code="password_required",
            )
        if len(self.secret) < SHORTEST_PASSWORD:
            raise ConfigurationError(
                "the password of the dashboard is too short",
                rule=f"at least {SHORTEST_PASSWORD} characters",
                remedy="choose a longer one, for example: openssl rand -base64 24",
                code="password_short",
            )

    @property
    def analyst(self) -> bool:
        """Whether nothing is held back."""
        return self.audience is Audience.ANALYST

    @property
    def open_to_network(self) -> bool:
        """Whether other machines can reach the address."""
        return not is_loopback(self.host)
