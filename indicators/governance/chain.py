"""Append-only logs whose every line carries the hash of the one before: removed or changed lines show."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensors.errors import LocalResourceError

__all__ = ["ChainReport", "append", "append_after_reading", "read_entries", "verify"]

_START = "0" * 64
_LOCK_WAIT_S = 10.0
_STALE_LOCK_S = 60.0


@dataclass(frozen=True, slots=True)
class ChainReport:
    """Whether a log is whole.

    Attributes
    ----------
    intact : bool
        Every line's hash fits its content and the line before.
    entries : int
        Lines read.
    broken_line : int or None
        First line, from 1, that does not fit.
    head : str
        Hash of the last line: written down elsewhere (in each report) it also shows a cut-off end.
    """

    intact: bool
    entries: int
    broken_line: int | None
    head: str


def _digest(previous: str, body: str, key: bytes | None) -> str:
    message = f"{previous}\n{body}".encode()
    if key is None:
        return hashlib.sha256(message).hexdigest()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(path.name + ".lock")
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            try:
                if time.time() - lock.stat().st_mtime > _STALE_LOCK_S:
                    lock.unlink(missing_ok=True)
                    continue
            except FileNotFoundError:
                continue
            if time.monotonic() > deadline:
                raise LocalResourceError(
                    f"{path.name} is being written by another process",
                    rule=f"free within {_LOCK_WAIT_S:g} s",
                    remedy=f"wait, or remove {lock.name} if no vigiposte process runs",
                    code="log_locked",
                ) from None
            time.sleep(0.01)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def append(path: Path, event: str, details: Mapping[str, Any], *, key: bytes | None = None) -> str:
    """Add one event to the log at `path` and flush it to disk; returns the line's hash.

    Parameters
    ----------
    path : Path
        The log; made when missing.
    event : str
        What happened, in snake case.
    details : mapping
        JSON values; never a name, a value of a person, or a secret.
    key : bytes, optional
        Signs the chain (HMAC): without the key nobody can write it anew.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        return _write(path, event, details, key)


def append_after_reading(
    path: Path, event: str, make: Callable[[], Mapping[str, Any] | None], *, key: bytes | None = None
) -> str | None:
    """Add what `make` returns, nobody else writing between its look at the log and the new line.

    `make` reads the log itself; when it returns ``None``, nothing is written. Arguments as of `append`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        details = make()
        return None if details is None else _write(path, event, details, key)


def _write(path: Path, event: str, details: Mapping[str, Any], key: bytes | None) -> str:
    previous = _last_hash(path)
    body = json.dumps(
        {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details},
        ensure_ascii=False,
        sort_keys=True,
    )
    digest = _digest(previous, body, key)
    line = json.dumps({"hash": digest, "previous": previous, "body": body}, ensure_ascii=False)
    with path.open("ab") as handle:
        handle.write(line.encode() + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    return digest


def _last_hash(path: Path) -> str:
    if not path.exists():
        return _START
    last = b""
    with path.open("rb") as handle:
        for line in handle:
            if line.strip():
                last = line
    if not last:
        return _START
    try:
        return str(json.loads(last)["hash"])
    except (ValueError, KeyError, TypeError):
        # A torn last line stays visible as broken; the chain goes on from its bytes.
        return hashlib.sha256(last).hexdigest()


def verify(path: Path, *, key: bytes | None = None) -> ChainReport:
    """Read the log at `path` and check every hash; a missing file is an intact, empty log."""
    previous, count = _START, 0
    if not path.exists():
        return ChainReport(intact=True, entries=0, broken_line=None, head=_START)
    with path.open("rb") as handle:
        for number, raw in enumerate(handle, start=1):
            try:
                entry = json.loads(raw)
                fits = entry["previous"] == previous and hmac.compare_digest(
                    entry["hash"], _digest(previous, entry["body"], key)
                )
            except (ValueError, KeyError, TypeError):
                fits = False
            if not fits:
                return ChainReport(intact=False, entries=count, broken_line=number, head=previous)
            previous, count = entry["hash"], count + 1
    return ChainReport(intact=True, entries=count, broken_line=None, head=previous)


def read_entries(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Events of the log in order, whatever its hashes say; unreadable lines are left out."""
    if not path.exists():
        return ()
    entries = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entries.append(json.loads(json.loads(line)["body"]))
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(entries)
