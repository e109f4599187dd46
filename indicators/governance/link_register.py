"""Register of personal links: one opens only while it stands here as made and not as revoked.

It is a chain signed with the site's key. Without the register no link opens: removing it opens nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indicators.governance.chain import RESTORED, read_entries
from indicators.governance.site_logs import LINKS, site_chain
from sensors.errors import GovernanceError

if TYPE_CHECKING:
    from indicators.governance.personal_link import PersonalLink
    from sensors.site_book import SiteBook

__all__ = ["enter_link", "open_links", "require_open", "revoke_links"]

_MADE, _REVOKED = "link_made", "link_revoked"


def enter_link(book: SiteBook, link: PersonalLink) -> None:
    """Enter a link that was just made; before it is handed over, for without this it opens nothing."""
    details = {"link": link.id, "pseudonym": link.wearer, "expires": link.expires.isoformat()}
    site_chain(book, LINKS).append(_MADE, details)


def open_links(book: SiteBook) -> dict[str, str]:
    """Pseudonym of each link that was made and not revoked, by the link's id.

    None if the chain is broken or has lost its end: a revocation that was cut off opens nothing again.
    """
    chain = site_chain(book, LINKS)
    if not chain.verify().intact:
        return {}
    found: dict[str, str] = {}
    for entry in read_entries(chain.path):
        if entry["event"] == _MADE:
            found[str(entry["link"])] = str(entry["pseudonym"])
        elif entry["event"] == _REVOKED:
            found.pop(str(entry["link"]), None)
        elif entry["event"] == RESTORED:
            # Revocations may be among what was lost.
            found.clear()
    return found


def revoke_links(book: SiteBook, wanted: str) -> tuple[str, ...]:
    """Revoke the link of the id `wanted`, or every link of that pseudonym, at once; their ids."""
    gone = tuple(name for name, wearer in open_links(book).items() if wanted in (name, wearer))
    for name in gone:
        site_chain(book, LINKS).append(_REVOKED, {"link": name})
    return gone


def require_open(book: SiteBook, link: PersonalLink) -> None:
    """Let a genuine link open, unless it was revoked.

    Raises
    ------
    GovernanceError
        ``link_revoked``.
    """
    if open_links(book).get(link.id) != link.wearer:
        raise GovernanceError(
            "this personal link was revoked",
            value=link.id,
            rule="a link opens while the site's register of links has it",
            remedy="ask for a new link",
            code="link_revoked",
        )
