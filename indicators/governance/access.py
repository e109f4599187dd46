"""The access log: every look at ungated values is written down, in a chain that shows any change."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indicators.governance.chain import ChainReport, append, verify
from indicators.governance.pseudonyms import load_key

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["ACCESS_LOG", "LINKS", "log_access", "site_key", "verify_access", "verify_logs"]

ACCESS_LOG = "access.jsonl"
LINKS = "links.jsonl"


def site_key(book: SiteBook) -> bytes | None:
    """Key of the site, or ``None`` when ``[privacy] key_file`` names none: the chain is then unsigned."""
    name = book.site.privacy.key_file
    if name is None:
        return None
    return load_key((book.folder / Path(name).expanduser()), book.folder)


def log_access(book: SiteBook, event: str, details: Mapping[str, Any]) -> str:
    """Write down who looked at what; returns the head of the chain, which reports print.

    The operating system's account name stands for the person at the keyboard, unless `details` says ``by``
    whom. A pseudonym appears only where somebody asked for that one; values never do.
    """
    return append(book.folder / ACCESS_LOG, event, {"by": _account(), **details}, key=site_key(book))


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def verify_access(book: SiteBook) -> ChainReport:
    """Check the whole access log of a site."""
    return verify(book.folder / ACCESS_LOG, key=site_key(book))


def verify_logs(book: SiteBook) -> Mapping[str, ChainReport]:
    """Check every chained log of a site: access, withdrawals, campaigns, links, published groups."""
    from indicators.disclosure.ledger import LEDGER, verify_ledger
    from indicators.governance.consultation import CAMPAIGN_LOG
    from indicators.governance.withdrawal import WITHDRAWALS

    return {
        ACCESS_LOG: verify_access(book),
        WITHDRAWALS: verify(book.folder / WITHDRAWALS, key=site_key(book)),
        CAMPAIGN_LOG: verify(book.folder / CAMPAIGN_LOG),
        LINKS: verify(book.folder / LINKS, key=site_key(book)),
        LEDGER: verify_ledger(book),
    }
