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
from typing import Any

__all__ = ["CALIBRATION_FILE", "append_calibration", "calibration_text"]

CALIBRATION_FILE = "calibrations.toml"
_HEAD = (
    "# Records of `vigiposte calibrate`, oldest first; they count as those of the site file.\n"
    "# Rows are only ever added.\n"
)


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


def append_calibration(folder: Path, record: Mapping[str, Any]) -> Path:
    """Append one record in a single write; it is on disk when this returns.

    Parameters
    ----------
    folder : Path
        Folder of the site file.
    record : mapping
        Keys of ``[[calibrations]]``; times are aware datetimes.
    """
    path = folder / CALIBRATION_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    try:
        size = os.fstat(descriptor).st_size
        joiner = _HEAD
        if size:
            # A last line that somebody left without its end must not swallow the table's head.
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            joiner = "" if os.read(descriptor, 1) == b"\n" else "\n"
        os.write(descriptor, (joiner + calibration_text(record)).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return path
