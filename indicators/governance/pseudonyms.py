"""Keyed pseudonyms: who is who can be worked out with the key only, and the key lies away from the data.

This is pseudonymous, never anonymous: whoever holds the key and the list of people can find a person again,
by a separate command that is logged.
"""

from __future__ import annotations

import glob
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensors.command_line import write_atomic
from sensors.errors import GovernanceError

__all__ = [
    "OTHERS",
    "AliasBook",
    "alias_files",
    "campaign_alias",
    "create_key",
    "key_troubles",
    "load_aliases",
    "load_key",
    "pseudonym",
    "save_aliases",
]

OTHERS = 0o077
"""Rights in a file's mode that nobody but its owner may have on the key, or on what lies with it."""

_KEY_BYTES = 32
# No letters that are mistaken for one another when read out on the shop floor.
_DIGITS = "23456789"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz" + _DIGITS
_LENGTH = 10


@dataclass(frozen=True, slots=True)
class AliasBook:
    """Which device publishes under which alias in one campaign; lies with the key."""

    campaign: str
    device_of: Mapping[str, str]


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def create_key(path: Path, data_folder: Path) -> None:
    """Make a new random key at `path`, readable by its owner only.

    Raises
    ------
    GovernanceError
        ``key_in_data_folder`` or ``key_exists``.
    """
    if _inside(path, data_folder):
        raise _misplaced(path)
    if path.exists():
        raise GovernanceError(
            "the key exists already",
            value=str(path),
            rule="a key is never overwritten: pseudonyms made with it would be lost",
            remedy="choose another file for a new campaign",
            code="key_exists",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(_KEY_BYTES) + "\n")


def _misplaced(path: Path) -> GovernanceError:
    return GovernanceError(
        "the pseudonym key lies in the data folder",
        value=str(path),
        rule="key and data are kept apart, so that a copy of the data alone identifies nobody",
        remedy="set [privacy] key_file to a place outside the folder of the site file",
        code="key_in_data_folder",
    )


def key_troubles(path: Path, data_folder: Path) -> Iterator[GovernanceError]:
    """Everything that keeps the key at `path` from being used, the gravest first; none where it is well.

    Raises
    ------
    OSError
        This account may not look at the file.
    """
    if _inside(path, data_folder):
        yield _misplaced(path)
    if not path.is_file():
        yield GovernanceError(
            "the pseudonym key is missing",
            value=str(path),
            rule="[privacy] key_file names it",
            remedy="make one with `vigiposte pseudonyms create-key`, or restore it from its safe place",
            code="key_missing",
        )
        return
    if os.name == "posix" and path.stat().st_mode & OTHERS:
        yield GovernanceError(
            "the pseudonym key can be read by others",
            value=oct(path.stat().st_mode & 0o777),
            rule="its owner only",
            remedy=f"chmod 600 {path}",
            code="key_readable_by_others",
        )
    if len(_read(path)) != _KEY_BYTES:
        yield GovernanceError(
            "the pseudonym key is damaged",
            value=str(path),
            rule=f"{2 * _KEY_BYTES} hexadecimal digits",
            remedy="restore it from its safe place",
            code="key_damaged",
        )


def _read(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (ValueError, UnicodeDecodeError):
        return b""


def load_key(path: Path, data_folder: Path) -> bytes:
    """Return the key at `path`.

    Raises
    ------
    GovernanceError
        ``key_in_data_folder``, ``key_missing``, ``key_readable_by_others``, ``key_damaged``.
    """
    for trouble in key_troubles(path, data_folder):
        raise trouble
    return _read(path)


def _name(key: bytes, *parts: str) -> str:
    digest = hmac.new(key, "\x00".join(parts).encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    if not set(letters) & set(_DIGITS):
        # A pseudonym without a digit could be a name, and the site file takes none.
        letters[-1] = _DIGITS[number % len(_DIGITS)]
    return "".join(letters)


def pseudonym(key: bytes, campaign: str, person: str) -> str:
    """Pseudonym of a person in one campaign; another campaign gives another one.

    `person` is whatever the holder of the key uses to tell people apart; it is not stored.
    """
    return f"p-{_name(key, 'wearer', campaign, person.strip().casefold())}"


def campaign_alias(key: bytes, campaign: str, device: str) -> str:
    """Sensor id under which a worn device publishes during one campaign."""
    return f"s-{_name(key, 'device', campaign, device)}"


def _alias_path(key_file: Path, campaign: str) -> Path:
    return key_file.with_name(f"{key_file.stem}.aliases.{campaign}.json")


def alias_files(key_file: Path) -> tuple[Path, ...]:
    """Lists of aliases that lie with the key."""
    return tuple(sorted(key_file.parent.glob(f"{glob.escape(key_file.stem)}.aliases.*.json")))


def save_aliases(key_file: Path, key: bytes, campaign: str, devices: Sequence[str]) -> AliasBook:
    """Write, beside the key, which alias stands for which device in `campaign`."""
    book = AliasBook(campaign, {campaign_alias(key, campaign, device): device for device in sorted(devices)})
    path = _alias_path(key_file, campaign)
    write_atomic(path, json.dumps({"campaign": campaign, "device_of": dict(book.device_of)}, indent=2) + "\n")
    path.chmod(0o600)
    return book


def load_aliases(key_file: Path, campaign: str) -> AliasBook:
    """Return the aliases of `campaign`.

    Raises
    ------
    GovernanceError
        ``aliases_missing``.
    """
    path = _alias_path(key_file, campaign)
    if not path.is_file():
        raise GovernanceError(
            "no aliases were made for this campaign",
            value=campaign,
            remedy="make them with `vigiposte pseudonyms aliases`",
            code="aliases_missing",
        )
    document = json.loads(path.read_text(encoding="utf-8"))
    return AliasBook(document["campaign"], document["device_of"])
