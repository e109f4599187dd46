"""The access log: every look at ungated values is written down, in a chain that shows any change."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indicators.governance.chain import Chain, ChainReport
from indicators.governance.pseudonyms import load_key

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = [
    "ACCESS_LOG",
    "LEDGER",
    "LINKS",
    "key_file",
    "log_access",
    "sign_logs",
    "site_chain",
    "site_key",
    "verify_logs",
]

ACCESS_LOG = "access.jsonl"
LINKS = "links.jsonl"
LEDGER = "published.jsonl"


def key_file(book: SiteBook) -> Path | None:
    """Where the site's key lies by ``[privacy] key_file``, or ``None`` when it names none."""
    name = book.site.privacy.key_file
    return None if name is None else book.folder / Path(name).expanduser()


def site_key(book: SiteBook) -> bytes | None:
    """Key of the site, or ``None`` when ``[privacy] key_file`` names none: the chain is then unsigned."""
    path = key_file(book)
    return None if path is None else load_key(path, book.folder)


def site_chain(book: SiteBook, name: str) -> Chain:
    """The log `name` of a site, signed with the site's key; its length and head are kept beside that key."""
    path = key_file(book)
    if path is None:
        return Chain(book.folder / name)
    anchor = path.with_name(f"{path.stem}.{book.site.site.id}.{Path(name).stem}.head")
    return Chain(book.folder / name, load_key(path, book.folder), anchor=anchor)


def log_access(book: SiteBook, event: str, details: Mapping[str, Any]) -> str:
    """Write down who looked at what; returns the head of the chain, which reports print.

    The operating system's account name stands for the person at the keyboard, unless `details` says ``by``
    whom. A pseudonym appears only where somebody asked for that one; values never do.
    """
    return site_chain(book, ACCESS_LOG).append(event, {"by": _account(), **details})


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _chains(book: SiteBook) -> Mapping[str, Chain]:
    """Every chained log of a site: access, withdrawals, campaigns, links, published groups."""
    from indicators.disclosure.ledger import ledger_chain
    from indicators.governance.consultation import CAMPAIGN_LOG
    from indicators.governance.withdrawal import WITHDRAWALS

    names = (ACCESS_LOG, WITHDRAWALS, CAMPAIGN_LOG, LINKS)
    return {name: site_chain(book, name) for name in names} | {LEDGER: ledger_chain(book)}


def verify_logs(book: SiteBook) -> Mapping[str, ChainReport]:
    """Check every chained log of a site."""
    return {name: chain.verify() for name, chain in _chains(book).items()}


def sign_logs(book: SiteBook, reason: str | None = None) -> Mapping[str, int]:
    """Cover, in each log, the lines from before the key; how many, where there were any.

    Parameters
    ----------
    reason : str, optional
        Why a log has lost its end, as after a restore from a backup: it then goes on, the loss stays written
        in it, and its readers take the worst for what was lost.

    Raises
    ------
    GovernanceError
        Of the first log in which more is wrong than that; see `Chain.seal` and `Chain.restore`. What was
        published cannot be guessed: a ledger that lost its end is ``log_cut_off`` for good.
    """
    done = {}
    for name, chain in _chains(book).items():
        lost = chain.verify() if reason is not None and name == LEDGER else None
        if lost is not None and not lost.intact:
            raise chain.trouble(lost)
        lines = chain.seal() if reason is None else chain.restore(reason)
        if lines:
            done[name] = lines
    return done
