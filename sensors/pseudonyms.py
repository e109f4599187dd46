"""Pseudonyms of wearers: random, readable, tied to nobody here."""

from __future__ import annotations

import secrets
from importlib.resources import files

from sensors.logs import append_log
from sensors.site_book import SiteBook

__all__ = ["add_pseudonyms", "known_pseudonyms"]

_LOWEST, _HIGHEST = 10, 99


def known_pseudonyms(book: SiteBook) -> tuple[str, ...]:
    """Pseudonyms of the site, sorted: those listed, and those in use where no list is kept."""
    listed = {row.wearer for row in book.logs.wearers or ()}
    used = {row.wearer for row in book.logs.assignments if row.wearer}
    kept = {row.wearer for row in book.site.placements if row.wearer}
    return tuple(sorted(listed | used | kept))


def add_pseudonyms(book: SiteBook, count: int) -> tuple[str, ...]:
    """Add `count` new pseudonyms to ``wearers.csv`` and return them.

    Those already in use are listed first when the file is new, so that the site stays valid.
    """
    known = known_pseudonyms(book)
    listed = {row.wearer for row in book.logs.wearers or ()}
    for pseudonym in known:
        if pseudonym not in listed:
            append_log(book.folder, "wearers", {"wearer": pseudonym})
    taken = set(known)
    fresh = []
    for _ in range(count):
        pseudonym = _draw(taken)
        taken.add(pseudonym)
        append_log(book.folder, "wearers", {"wearer": pseudonym})
        fresh.append(pseudonym)
    return tuple(fresh)


def _draw(taken: set[str]) -> str:
    words = files("sensors").joinpath("templates", "pseudonyms.txt").read_text(encoding="utf-8").split()
    digits = 0
    while True:
        # Longer numbers once the short ones are nearly used up.
        number = secrets.randbelow(_HIGHEST - _LOWEST + 1) + _LOWEST + digits
        pseudonym = f"{secrets.choice(words)}-{number}"
        if pseudonym not in taken:
            return pseudonym
        digits += 1
