"""Personal links: a wearer's own data for some days, by an address that only the holder of the key can make.

The link is a capability: whoever has it sees the data of one pseudonym and nothing else, and it cannot be
changed into the link of another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sensors.errors import GovernanceError

__all__ = ["LONGEST_DAYS", "PersonalLink", "make_link", "read_link"]

LONGEST_DAYS = 31
_PURPOSE = b"vigiposte personal link 1"
_ID_BYTES = 6


@dataclass(frozen=True, slots=True)
class PersonalLink:
    """What a link says.

    Attributes
    ----------
    id : str
        Stands for the link in the access log.
    wearer : str
        Pseudonym whose data it shows.
    expires : datetime
        UTC; not valid any more from this moment on.
    """

    id: str
    wearer: str
    expires: datetime


def _signature(key: bytes, body: bytes) -> bytes:
    # A key of its own, so that no line of a log or ledger signed with the site's key can pass as a link.
    own = hmac.new(key, _PURPOSE, hashlib.sha256).digest()
    return hmac.new(own, body, hashlib.sha256).digest()


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def make_link(key: bytes, wearer: str, expires: datetime) -> tuple[PersonalLink, str]:
    """Sign a new link to the data of `wearer`; the link and the token that stands in its address."""
    moment = datetime.fromtimestamp(int(expires.timestamp()), UTC)
    link = PersonalLink(secrets.token_hex(_ID_BYTES), wearer, moment)
    body = f"{link.id}.{int(moment.timestamp())}.{wearer}".encode()
    return link, f"{_plain(body)}.{_plain(_signature(key, body))}"


def read_link(key: bytes, token: str, now: datetime) -> PersonalLink:
    """Return what the link of `token` says.

    Raises
    ------
    GovernanceError
        ``link_invalid``: not signed with this key, or changed; ``link_expired``.
    """
    first, _, second = token.partition(".")
    try:
        body, signature = _bytes(first), _bytes(second)
        genuine = hmac.compare_digest(signature, _signature(key, body))
    except (binascii.Error, ValueError):
        genuine = False
    # Base64 has several spellings of the same bytes: one link has one address.
    if not genuine or token != f"{_plain(body)}.{_plain(signature)}":
        raise GovernanceError(
            "this personal link is not valid",
            rule="links are made and signed by `vigiposte accounts link`",
            remedy="ask for a new link",
            code="link_invalid",
        )
    identifier, seconds, wearer = body.decode().split(".", 2)
    link = PersonalLink(identifier, wearer, datetime.fromtimestamp(int(seconds), UTC))
    if now >= link.expires:
        raise GovernanceError(
            "this personal link has expired",
            rule=f"it was valid until {link.expires:%Y-%m-%d %H:%M} UTC",
            remedy="ask for a new link",
            code="link_expired",
        )
    return link
