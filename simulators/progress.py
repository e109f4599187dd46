"""A progress bar on stderr, shown to people at a terminal only."""

from __future__ import annotations

import os
import shutil
import sys
import time

__all__ = ["ProgressBar"]

_EVERY_S = 0.1


class ProgressBar:
    """One line that is drawn again and again; silent when stderr is no terminal or ``--quiet`` was given."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty() and not os.environ.get("VIGIPOSTE_QUIET")
        self._next = 0.0
        self._drawn = False

    def show(self, label: str, share: float, detail: str = "") -> None:
        """Draw ``label ███░░ 42 % detail``; `share` is between 0 and 1."""
        now = time.monotonic()
        if not self._shown or (now < self._next and share < 1.0):
            return
        self._next = now + _EVERY_S
        share = min(max(share, 0.0), 1.0)
        width = max(10, min(30, shutil.get_terminal_size().columns - len(label) - len(detail) - 12))
        full = round(share * width)
        line = f"\r{label} {'█' * full}{'░' * (width - full)} {100 * share:3.0f} % {detail}"
        sys.stderr.write(f"{line}\x1b[K")
        sys.stderr.flush()
        self._drawn = True

    def clear(self) -> None:
        """Remove the line."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False
