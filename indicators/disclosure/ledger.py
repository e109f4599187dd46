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
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from indicators.context import least_wearers
from indicators.disclosure.rules import Atom, Cell, CellDecision, Outcome, Rules, decide
from indicators.governance.chain import Chain, ChainReport, read_entries
from indicators.governance.site_logs import LEDGER, site_chain
from indicators.model import Audience
from sensors.errors import GovernanceError, LocalResourceError

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["SALT", "PublishedLedger", "ledger_chain"]

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
        self._salt_path = book.folder / SALT
        self._chain = ledger_chain(book, begin=True)
        self._audience = audience
        self._rules = Rules(
            group_size=least_wearers(book, audience),
            inner_group_size=privacy.group_size,
            merge_families=privacy.merge_families,
        )

    @cached_property
    def _secret(self) -> bytes:
        """What wearers are hashed with: a ledger begun with a salt keeps to it after a key was made.

        Hashed otherwise, a new group could not be told from the groups that were published before.
        """
        chain = self._chain
        if chain.key is None:
            return _salt(self._salt_path)
        return chain.earlier_key if chain.earlier_key and chain.verify().unsigned else chain.key

    def atom(self, wearer: str, worker_day: Sequence[str], weight_h: float) -> Atom:
        """One worker-day under its keyed hashes."""
        return Atom(self._hash("wearer", wearer), self._hash("day", wearer, *worker_day), weight_h)

    def _hash(self, *parts: str) -> str:
        message = "\x00".join(parts).encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:_HASH_DIGITS]

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
            self._chain.append_after_reading(_EVENT, settle)
        except OSError as error:
            raise LocalResourceError(
                "nothing new of worn sensors can be shown: what is published cannot be written down",
                value=str(self._chain.path),
                rule=error.strerror or str(error),
                remedy="let this account write to the site's folder",
                code="ledger_unwritable",
            ) from error

    def _read(self) -> tuple[Sets, frozenset[frozenset[Atom]]]:
        """Groups that this audience was shown, and those that only the site itself was."""
        report = self._chain.verify()
        if not report.intact:
            raise _trouble(self._chain, report)
        found: Sets = {}
        inner: set[frozenset[Atom]] = set()
        for entry in read_entries(self._chain.path):
            beyond = entry.get("audience") == Audience.WIDE.value
            for key, pairs in entry.get("cells", {}).items():
                atoms = frozenset(Atom(str(wearer), str(day)) for wearer, day in pairs)
                if beyond or self._audience is not Audience.WIDE:
                    found[f"{key} {len(found)}"] = atoms
                else:
                    inner.add(atoms)
        return found, frozenset(inner)


def ledger_chain(book: SiteBook, *, begin: bool = False) -> Chain:
    """The ledger as a chain, signed with the site's key, or with a salt where there is none.

    Lines from before the key are signed with the salt. With `begin`, a salt is made where one is needed.
    """
    chain = site_chain(book, LEDGER)
    path = book.folder / SALT
    salt = _salt(path) if path.exists() or (begin and chain.key is None) else None
    return replace(chain, key=salt) if chain.key is None else replace(chain, earlier_key=salt)


def _trouble(chain: Chain, report: ChainReport) -> GovernanceError:
    if report.uncovered or report.broken_line is None:
        return chain.trouble(report)
    return GovernanceError(
        f"line {report.broken_line} of the ledger of published groups does not fit",
        value=str(chain.path),
        rule="it is never changed, and needs the key or salt it was begun with",
        remedy="restore it with its key; after a new key for a new campaign, file the old one away",
        code="ledger_broken",
    )


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
