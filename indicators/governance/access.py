"""The access log: every look at ungated values is written down, in a chain that shows any change."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from indicators.governance.site_logs import ACCESS_LOG, site_chain

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["log_access"]


def log_access(book: SiteBook, event: str, details: Mapping[str, Any]) -> str:
    """Write down who looked at what; returns the head of the chain, which reports print.

    The operating system's account name stands for the person at the keyboard, unless `details` says ``by``
    whom. A pseudonym appears only where somebody asked for that one; values never do.
    """
    return site_chain(book, ACCESS_LOG).append(event, {"by": _account(), **details})


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
