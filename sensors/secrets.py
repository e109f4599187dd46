"""Secrets: from the environment, or from a file that the site file names; never from the site file itself."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["read_secret"]


def read_secret(variable: str, folder: Path, file: str | None) -> str | None:
    """Value of the environment's `variable`, else what `file` (relative to `folder`) holds, else ``None``."""
    if os.environ.get(variable):
        return os.environ[variable]
    if file is None:
        return None
    return (folder / file).expanduser().read_text(encoding="utf-8").strip()
