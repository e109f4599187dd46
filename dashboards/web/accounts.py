"""Accounts of the dashboard: names, roles and password hashes, in a file that its owner only can read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensors.errors import ConfigurationError, LocalResourceError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from sensors.fleet_file import Fleet
    from sensors.site_book import SiteBook

__all__ = ["SHORTEST_PASSWORD", "Account", "AccountFile", "Role", "accounts_of", "fleet_accounts"]

SHORTEST_PASSWORD = 12
_SCHEMA = "vigiposte.accounts/1"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Role(StrEnum):
    """What somebody may see; workers have no account but a personal link to their own data."""

    VIEWER = "viewer"
    ERGONOMIST = "ergonomist"
    OPERATOR = "operator"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Account:
    """One person who may log in; ``password_hash`` is argon2's own text form.

    Attributes
    ----------
    sites : tuple of str
        Of a fleet: ids of the sites that the account may see; empty for all.
    """

    name: str
    role: Role
    password_hash: str
    since: str
    sites: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Changes with password, role or sites: sessions opened before then end."""
        parts = (self.role, self.password_hash, *self.sites)
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


class AccountFile:
    """The accounts of one site; read again whenever the file changes. Safe to use from several threads.

    Parameters
    ----------
    path : Path
        May be missing: there are no accounts then.
    """

    def __init__(self, path: Path) -> None:
        from argon2 import PasswordHasher

        self.path = path
        self._hasher = PasswordHasher()
        self._nobody = ""
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._kept: Mapping[str, Account] = {}

    def all(self) -> Mapping[str, Account]:
        """Accounts by name.

        Raises
        ------
        ConfigurationError
            ``accounts_readable_by_others``, ``accounts_damaged``.
        """
        try:
            seen = self.path.stat()
        except FileNotFoundError:
            return {}
        stamp = (seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)
        with self._lock:
            if stamp == self._stamp:
                return self._kept
        if os.name == "posix" and seen.st_mode & 0o077:
            raise ConfigurationError(
                "the accounts of the dashboard can be read by others",
                value=oct(seen.st_mode & 0o777),
                rule="its owner only",
                remedy=f"chmod 600 {self.path}",
                code="accounts_readable_by_others",
            )
        found = _parsed(self.path)
        with self._lock:
            self._stamp, self._kept = stamp, found
        return found

    def get(self, name: str) -> Account:
        """Account of `name`; ``UnknownNameError`` when there is none."""
        found = self.all().get(name)
        if found is None:
            raise UnknownNameError(
                "there is no such account",
                value=name,
                rule="see `vigiposte accounts list`",
                code="unknown_account",
            )
        return found

    def add(self, name: str, role: Role, password: str, sites: Sequence[str] = ()) -> Account:
        """Make an account.

        Raises
        ------
        UsageError
            ``account_name``, ``account_exists``, ``worker_account``, ``password_short``,
            ``password_is_name``.
        """
        if role is Role.WORKER:
            raise UsageError(
                "workers have no account",
                rule="a worker sees their own data by a personal link that expires",
                remedy="vigiposte accounts link PSEUDONYM",
                code="worker_account",
            )
        if not _NAME.fullmatch(name):
            raise UsageError(
                "not a name for an account",
                value=name,
                rule="a–z, 0–9, dot, _ and -, at most 63 characters",
                remedy="for instance: a.martin",
                code="account_name",
            )
        if name in self.all():
            raise UsageError(
                "the account exists already",
                value=name,
                remedy="vigiposte accounts password NAME, or accounts remove NAME first",
                code="account_exists",
            )
        return self._keep(Account(name, role, self._hashed(name, password), _today(), tuple(sites)))

    def change_password(self, name: str, password: str) -> Account:
        """Give an account another password; its sessions end."""
        return self._keep(replace(self.get(name), password_hash=self._hashed(name, password)))

    def remove(self, name: str) -> None:
        """Remove an account; its sessions end."""
        self.get(name)
        self._write({key: row for key, row in self.all().items() if key != name})

    def check(self, name: str, password: str) -> Account | None:
        """Account of `name` when `password` is its own; an unknown name takes as long to refuse."""
        from argon2.exceptions import InvalidHashError, VerificationError

        account = self.all().get(name)
        try:
            self._hasher.verify(self._nobodys_hash() if account is None else account.password_hash, password)
        except (VerificationError, InvalidHashError):
            return None
        return account

    def _nobodys_hash(self) -> str:
        if not self._nobody:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        return self._nobody

    def _hashed(self, name: str, password: str) -> str:
        if len(password) < SHORTEST_PASSWORD:
            raise UsageError(
                "the password is too short",
                rule=f"at least {SHORTEST_PASSWORD} characters",
                remedy="a few words in a row are easy to keep in mind",
                code="password_short",
            )
        if name in password.casefold():
            raise UsageError(
                "the password holds the name of the account",
                rule="it cannot be guessed from the name",
                remedy="choose another",
                code="password_is_name",
            )
        hashed: str = self._hasher.hash(password)
        return hashed

    def _keep(self, account: Account) -> Account:
        self._write({**self.all(), account.name: account})
        return account

    def _write(self, accounts: Mapping[str, Account]) -> None:
        rows = [
            {"name": row.name, "role": row.role.value, "password": row.password_hash, "since": row.since}
            | ({"sites": list(row.sites)} if row.sites else {})
            for _, row in sorted(accounts.items())
        ]
        text = json.dumps({"schema": _SCHEMA, "accounts": rows}, indent=2) + "\n"
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Private from its first byte on, not made so afterwards.
            handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self.path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise LocalResourceError(
                "the accounts cannot be written",
                value=str(self.path),
                rule=error.strerror or str(error),
                remedy="let this account of the machine write to the folder",
                code="accounts_unwritable",
            ) from error


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _parsed(path: Path) -> Mapping[str, Account]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != _SCHEMA:
            raise ValueError(document["schema"])  # noqa: TRY301 - told below with the file's name
        return {row["name"]: _account(row) for row in document["accounts"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            "the accounts of the dashboard cannot be read",
            value=str(path),
            rule=f"a file that `vigiposte accounts` wrote ({_SCHEMA})",
            remedy="restore it, or remove it and make the accounts anew",
            code="accounts_damaged",
        ) from error


def _account(row: Mapping[str, Any]) -> Account:
    sites = tuple(str(name) for name in row.get("sites", ()))
    return Account(row["name"], Role(row["role"]), row["password"], row["since"], sites)


def fleet_accounts(fleet: Fleet) -> AccountFile:
    """Account file that the fleet file names, beside it by default."""
    return AccountFile(fleet.path.parent / Path(fleet.accounts_file).expanduser())


def accounts_of(book: SiteBook) -> AccountFile:
    """Account file that the site file names, beside it by default."""
    return AccountFile(book.folder / Path(book.site.dashboard.accounts_file).expanduser())
