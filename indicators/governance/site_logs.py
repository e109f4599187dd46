"""The chained logs of a site: what each is called, and how it is signed with the site's key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indicators.governance.chain import Chain
from indicators.governance.pseudonyms import load_key

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = [
    "ACCESS_LOG",
    "CAMPAIGN_LOG",
    "LEDGER",
    "LINKS",
    "SUMMARIES",
    "WITHDRAWALS",
    "key_file",
    "site_chain",
    "site_key",
]

ACCESS_LOG = "access.jsonl"
CAMPAIGN_LOG = "campaigns.jsonl"
LEDGER = "published.jsonl"
LINKS = "links.jsonl"
SUMMARIES = "summaries.jsonl"
WITHDRAWALS = "withdrawals.jsonl"


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
