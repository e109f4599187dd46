"""Length and head of a log, kept beside the key: what shows that the log's end was cut off."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from sensors.command_line import write_atomic

__all__ = ["Anchor", "read_anchor", "write_anchor"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """Number of lines, and hash of the last one."""

    lines: int
    head: str


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"anchor" + key).hexdigest()[:16]


def read_anchor(path: Path, key: bytes) -> Anchor | None:
    """What was last written down of a log; ``None`` when nothing was under this key."""
    try:
        found = json.loads(path.read_text(encoding="ascii"))
        if found["key"] != _fingerprint(key):
            return None
        return Anchor(int(found["lines"]), str(found["head"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_anchor(path: Path, key: bytes, anchor: Anchor) -> None:
    """Write down length and head; a folder of keys that cannot be written to is left as it is."""
    document = {"key": _fingerprint(key), "lines": anchor.lines, "head": anchor.head}
    with contextlib.suppress(OSError):
        write_atomic(path, json.dumps(document) + "\n")
