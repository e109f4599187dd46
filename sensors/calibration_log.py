"""``calibrations.toml`` beside the site file: records that commands append and nobody rewrites.

The site file belongs to its author, comments and all; what ``vigiposte calibrate`` finds goes here, in the
same tables, and is checked with them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["CALIBRATION_FILE", "append_calibration", "calibration_text"]

CALIBRATION_FILE = "calibrations.toml"
# In the language of the site, as the comments of the site file that `init` writes.
_HEADS = {
    "en": "# Records of `vigiposte calibrate`, oldest first; they count as those of the site file.\n"
    "# Rows are only ever added.\n",
    "fr": "# Relevés de `vigiposte calibrate`, du plus ancien au plus récent ; ils comptent comme ceux du\n"
    "# fichier de site. Des lignes y sont ajoutées, jamais changées.\n",
}


def calibration_text(record: Mapping[str, Any]) -> str:
    """One ``[[calibrations]]`` table; keys without a value are left out."""
    lines = ["", "[[calibrations]]"]
    for key, value in record.items():
        if value is None:
            continue
        if isinstance(value, datetime):
            shown = value.isoformat()
        elif isinstance(value, tuple | list):
            shown = "[" + ", ".join(f"{float(part):.6g}" for part in value) + "]"
        else:
            # Strings of JSON and of TOML are written alike.
            shown = json.dumps(value, ensure_ascii=False)
        lines.append(f"{key} = {shown}")
    return "\n".join(lines) + "\n"


def append_calibration(book: SiteBook, record: Mapping[str, Any]) -> Path:
    """Append one record in a single write; it is on disk when this returns.

    Parameters
    ----------
    book : SiteBook
        The site; a new file says in its language what it is.
    record : mapping
        Keys of ``[[calibrations]]``; times are aware datetimes.
    """
    path = book.folder / CALIBRATION_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    try:
        size = os.fstat(descriptor).st_size
        joiner = _HEADS[book.site.site.language]
        if size:
            # A last line that somebody left without its end must not swallow the table's head.
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            joiner = "" if os.read(descriptor, 1) == b"\n" else "\n"
        os.write(descriptor, (joiner + calibration_text(record)).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return path
