"""What ``doctor`` says of the site's key: it signs the logs and makes the pseudonyms, away from the data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from indicators.governance.pseudonyms import OTHERS, alias_files, key_troubles
from indicators.governance.site_logs import key_file
from sensors.findings import Finding, State
from sensors.site_book import SiteBook
from sensors.site_checks import worn_live_sensors

__all__ = ["examine_key"]

_KEY = "site key"
_FOLDER = "key folder"
_WRITABLE_BY_ALL = 0o002


def examine_key(book: SiteBook) -> Iterator[Finding]:
    """Whether the key is there, whole, apart from the data and closed to others, and so is its folder."""
    path = key_file(book)
    if path is None:
        yield _unnamed(worn=bool(worn_live_sensors(book.site)))
        return
    try:
        troubles = tuple(key_troubles(path, book.folder))
        there = path.is_file()
    except OSError as error:
        yield Finding(
            _KEY, State.FAULT, f"{path}: {error.strerror}", "let this account read the key, and nobody else"
        )
        return
    for trouble in troubles:
        yield Finding(_KEY, State.FAULT, f"{path}: {trouble.what}", trouble.remedy or "")
    if not troubles:
        yield Finding(_KEY, State.OK, f"{path}: outside the site's folder, read by its owner only")
    if there:
        yield from _around(path)


def _unnamed(*, worn: bool) -> Finding:
    if not worn:
        return Finding(_KEY, State.OK, "none named, and no live sensor is worn")
    return Finding(
        _KEY,
        State.NOTICE,
        "none named: a log written anew from its start, or one that lost its end, would not show",
        "set [privacy] key_file to a place outside the folder of the site file, then run "
        "`vigiposte pseudonyms create-key`",
    )


def _around(path: Path) -> Iterator[Finding]:
    """What lies with the key, and whether lengths of logs can be written down beside it."""
    folder = path.parent
    if os.name == "posix":
        for aliases in alias_files(path):
            if aliases.stat().st_mode & OTHERS:
                seen = f"{aliases}: this list of devices and aliases can be read by others"
                yield Finding(_FOLDER, State.FAULT, seen, f"chmod 600 {aliases}")
        if folder.stat().st_mode & _WRITABLE_BY_ALL:
            seen = (
                f"{folder}: everybody can write there, and so take the key away or put another in its place"
            )
            yield Finding(_FOLDER, State.FAULT, seen, f"chmod o-w {folder}")
            return
    if os.access(folder, os.W_OK):
        yield Finding(_FOLDER, State.OK, f"{folder}: this account can write there, not everybody")
    else:
        yield Finding(
            _FOLDER,
            State.NOTICE,
            f"{folder}: this account cannot write there, so that a log that lost its end would not show",
            "let the account that writes the logs write there, where their length is kept (*.head)",
        )
