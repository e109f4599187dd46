"""What was ever published of worn sensors: an append-only ledger beside the site file.

It holds keyed hashes of wearers and worker-days, never a pseudonym or a value. Without it nobody could tell
whether this week's output and last week's, subtracted, speak of one person.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from indicators.context import least_wearers
from indicators.disclosure.rules import Atom, Cell, CellDecision, Outcome, Rules, decide
from indicators.governance.access import site_key
from indicators.governance.chain import ChainReport, append_after_reading, read_entries, verify
from indicators.model import Audience
from sensors.errors import GovernanceError, LocalResourceError

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["LEDGER", "SALT", "PublishedLedger", "verify_ledger"]

LEDGER = "published.jsonl"
SALT = "published.salt"
_EVENT = "published"
_SALT_BYTES = 32
_HASH_DIGITS = 20

Sets = dict[str, frozenset[Atom]]


class PublishedLedger:
    """The ledger of one site; safe to use from several processes at once.

    Parameters
    ----------
    book : SiteBook
        Its folder holds the ledger, its privacy settings give the rules.
    audience : Audience
        Who will see it. Whoever reads what is for the site may read what went beyond it too, not the reverse.
    """

    def __init__(self, book: SiteBook, audience: Audience = Audience.REPORT) -> None:
        privacy = book.site.privacy
        self._path = book.folder / LEDGER
        self._audience = audience
        self._rules = Rules(
            group_size=least_wearers(book, audience),
            inner_group_size=privacy.group_size,
            merge_families=privacy.merge_families,
        )
        self._key = site_key(book) or _salt(book.folder / SALT)

    def atom(self, wearer: str, worker_day: Sequence[str], weight_h: float) -> Atom:
        """One worker-day under its keyed hashes."""
        return Atom(self._hash("wearer", wearer), self._hash("day", wearer, *worker_day), weight_h)

    def _hash(self, *parts: str) -> str:
        message = "\x00".join(parts).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_HASH_DIGITS]

    def decide(self, cells: Sequence[Cell]) -> Mapping[str, CellDecision]:
        """Decide what may be shown of `cells` and write down, before it is shown, what is new in it.

        Raises
        ------
        GovernanceError
            ``ledger_broken``: lines were changed, removed or written with another key.
        LocalResourceError
            ``ledger_unwritable``: something new would be shown and cannot be written down.
        """
        known, inner = self._read()
        decisions = decide(cells, known, self._rules, inner)
        if not _new(decisions, known):
            return decisions
        kept: list[Mapping[str, CellDecision]] = []

        def settle() -> Mapping[str, object] | None:
            known, inner = self._read()
            again = decide(cells, known, self._rules, inner)
            kept.append(again)
            fresh = _new(again, known)
            if not fresh:
                return None
            return {
                "audience": self._audience.value,
                "cells": {
                    key: [[atom.wearer, atom.worker_day] for atom in sorted(atoms)]
                    for key, atoms in fresh.items()
                },
            }

        self._append(settle)
        return kept[0]

    def _append(self, settle: Callable[[], Mapping[str, object] | None]) -> None:
        try:
            append_after_reading(self._path, _EVENT, settle, key=self._key)
        except OSError as error:
            raise LocalResourceError(
                "nothing new of worn sensors can be shown: what is published cannot be written down",
                value=str(self._path),
                rule=error.strerror or str(error),
                remedy="let this account write to the site's folder",
                code="ledger_unwritable",
            ) from error

    def _read(self) -> tuple[Sets, frozenset[frozenset[Atom]]]:
        """Groups that this audience was shown, and those that only the site itself was."""
        if not self._path.exists():
            return {}, frozenset()
        report = verify(self._path, key=self._key)
        if not report.intact:
            raise GovernanceError(
                f"line {report.broken_line} of the ledger of published groups does not fit",
                value=str(self._path),
                rule="it is never changed, and needs the key or salt it was begun with",
                remedy="restore it with its key; after a new key for a new campaign, file the old one away",
                code="ledger_broken",
            )
        found: Sets = {}
        inner: set[frozenset[Atom]] = set()
        for entry in read_entries(self._path):
            beyond = entry.get("audience") == Audience.WIDE.value
            for key, pairs in entry.get("cells", {}).items():
                atoms = frozenset(Atom(str(wearer), str(day)) for wearer, day in pairs)
                if beyond or self._audience is not Audience.WIDE:
                    found[f"{key} {len(found)}"] = atoms
                else:
                    inner.add(atoms)
        return found, frozenset(inner)


def verify_ledger(book: SiteBook) -> ChainReport:
    """Check the ledger of a site; nothing is made where there is none."""
    if not (book.folder / LEDGER).exists():
        return verify(book.folder / LEDGER)
    return verify(book.folder / LEDGER, key=site_key(book) or _salt(book.folder / SALT))


def _new(decisions: Mapping[str, CellDecision], known: Sets) -> Sets:
    before = set(known.values())
    return {
        key: decision.atoms
        for key, decision in decisions.items()
        if decision.outcome is not Outcome.WITHHELD and decision.atoms not in before
    }


def _salt(path: Path) -> bytes:
    """Random secret of a site without a pseudonym key, made on first need, readable by its owner only."""
    try:
        if not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(_SALT_BYTES) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            try:
                # Whoever links first gives the salt; the others read it.
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        text = path.read_text(encoding="ascii").strip()
        return bytes.fromhex(text)
    except (OSError, ValueError) as error:
        raise LocalResourceError(
            "nothing of worn sensors can be shown: the salt of the ledger can be neither read nor made",
            value=str(path),
            rule=getattr(error, "strerror", None) or str(error),
            remedy="let this account read and write the site's folder, or set [privacy] key_file",
            code="ledger_unwritable",
        ) from error
