"""Messages and rows that were refused, kept with their reason: JSON lines, bounded in size and age.

They are on disk before the journal forgets them. A line carries ``time`` (arrival, UTC), ``sequence``,
``topic``, ``sensor`` where known, ``code``, ``reason``, ``payload`` (base64, cut at 64 KiB; ``null`` where it
would tell of a person what may not be stored) and ``payload_bytes``. After a crash the newest lines may stand
twice, with the same ``sequence``.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sensors.command_line import write_atomic
from sensors.formats.checks import PayloadCode
from sensors.quantities import REFUSED

__all__ = ["Quarantine", "Refused", "erase_lines", "quarantine_files", "read_quarantine"]

_FILE_BYTES = 8 * 1024 * 1024
_TOTAL_BYTES = 256 * 1024 * 1024
_SHOWN_PAYLOAD_BYTES = 65_536
_DAY_S = 86_400
# What may not be stored may not be kept here either.
_NEVER_KEPT = frozenset({PayloadCode.REFUSED_QUANTITY, PayloadCode.AUDIO_LIKE})
_REFUSED_NAMES = tuple(f'"{name}"'.encode() for name in REFUSED)


@dataclass(frozen=True, slots=True)
class Refused:
    """One message or stored row that is not good, why, and what it was."""

    code: str
    reason: str
    topic: str
    payload: bytes
    sequence: int
    sensor: str | None = None

    def line(self) -> str:
        """Return the JSON line of the quarantine file."""
        moment = datetime.fromtimestamp(self.sequence / 1e9, UTC) if self.sequence > 0 else None
        return json.dumps(
            {
                "time": moment.isoformat() if moment else None,
                "sequence": self.sequence,
                "topic": self.topic,
                "sensor": self.sensor,
                "code": self.code,
                "reason": self.reason,
                "payload": None if self._tells_of_a_person() else self._shown(),
                "payload_bytes": len(self.payload),
            },
            ensure_ascii=False,
        )

    def _shown(self) -> str:
        return base64.b64encode(self.payload[:_SHOWN_PAYLOAD_BYTES]).decode("ascii")

    def _tells_of_a_person(self) -> bool:
        """Whether it was refused for that, or has such a name in it and was refused for something else."""
        if self.code in _NEVER_KEPT:
            return True
        text = self.payload.lower()
        return any(name in text for name in _REFUSED_NAMES)


class Quarantine:
    """Appends to the newest file of a folder and removes the oldest ones beyond the bounds.

    Parameters
    ----------
    folder : Path
        Quarantine folder.
    max_age_days : int
        Older files are removed: what they hold is raw data, kept no longer than other raw data.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_age_days: int,
        file_bytes: int = _FILE_BYTES,
        total_bytes: int = _TOTAL_BYTES,
    ) -> None:
        self._folder = folder
        self._max_age_days = max_age_days
        self._file_bytes = file_bytes
        self._total_bytes = total_bytes
        self._path: Path | None = None
        self._number = 0
        self.tidy()

    def add(self, refused: Iterable[Refused]) -> None:
        """Durably append; nothing is written for an empty iterable.

        Raises
        ------
        OSError
            The disk refuses; a part of the lines may have been written.
        """
        lines = [one.line() for one in refused]
        if not lines:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        if self._path is None or not self._fits(self._path, stamp):
            self._number += 1
            self._path = self._folder / f"quarantine-{stamp}-{os.getpid()}-{self._number:04d}.jsonl"
            self.tidy()
        with self._path.open("a", encoding="utf-8") as handle:
            handle.write("\n".join(lines) + "\n")
            handle.flush()
            os.fsync(handle.fileno())

    def _fits(self, path: Path, stamp: str) -> bool:
        """Whether `path` takes more lines: one UTC day a file, so that whole files fall due."""
        try:
            return path.stat().st_size < self._file_bytes and _stamp(path)[:8] == stamp[:8]
        except FileNotFoundError:
            return False

    def tidy(self) -> None:
        """Remove files that are too old, then the oldest while all together are too large."""
        files = sorted(_files(self._folder))
        limit_s = time.time() - self._max_age_days * _DAY_S
        sizes = []
        for path in files:
            state = path.stat()
            if state.st_mtime < limit_s:
                path.unlink(missing_ok=True)
            else:
                sizes.append((path, state.st_size))
        total = sum(size for _, size in sizes)
        for path, size in sizes[:-1]:
            if total <= self._total_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size


def _files(folder: Path) -> list[Path]:
    return list(folder.glob("quarantine-*.jsonl")) if folder.is_dir() else []


def _stamp(path: Path) -> str:
    """UTC moment at which a file was begun, from its name."""
    return path.name.split("-")[1]


def quarantine_files(folder: Path, before: date) -> list[Path]:
    """Files of a quarantine folder begun on a UTC day before `before`, oldest first."""
    return sorted(path for path in _files(folder) if _stamp(path)[:8] < f"{before:%Y%m%d}")


def erase_lines(folder: Path, doomed: Callable[[Mapping[str, Any]], bool], before: date | None = None) -> int:
    """Remove the lines for which `doomed` holds, and lines that cannot be read; the number removed.

    Files are replaced whole. While an ingest appends to the folder, only those begun before today may be:
    `before` is then the present UTC day.
    """
    removed = 0
    for path in quarantine_files(folder, before or date.max):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [line for line in lines if _stays(line, doomed)]
        removed += len(lines) - len(kept)
        if not kept:
            path.unlink()
        elif len(kept) < len(lines):
            write_atomic(path, "\n".join(kept) + "\n")
    return removed


def _stays(line: str, doomed: Callable[[Mapping[str, Any]], bool]) -> bool:
    try:
        return not doomed(json.loads(line))
    except ValueError:
        return False


def read_quarantine(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Lines of a quarantine folder, oldest file first; a half-written last line is left out."""
    for path in sorted(_files(folder)):
        with path.open(encoding="utf-8", errors="replace") as handle:
            for line in handle:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue
