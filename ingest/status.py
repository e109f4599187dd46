"""What an ingest process leaves beside its journal for ``status``, dashboards and watchdogs to read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.counters import IngestCounters
from ingest.journal import backlog_of
from ingest.pipeline.health import SensorHealth
from sensors.site_book import SiteBook

__all__ = ["IngestHealth", "SensorHealth", "journal_folders", "read_health", "write_health"]

_FILE = "health.json"
_SCHEMA = "vigiposte.health/1"
_ALIVE_S = 15.0


@dataclass(frozen=True, slots=True)
class IngestHealth:
    """State of one ingest process at the time of `updated_ns`.

    Attributes
    ----------
    journal : Path
        Its journal folder.
    updated_ns : int
        When it last wrote this [UTC ns]; 0 = never.
    running : bool
        It wrote within the last 15 s and did not say goodbye.
    broker : str
        ``connecting``, ``connected``, ``away`` or ``stopped``.
    store_trouble, journal_blocked : str or None
        What hinders it, if anything.
    backlog_bytes : int
        Journaled bytes not yet in the store (as seen now, running or not).
    backlog_age_s : float
        Age of the oldest message not yet in the store [s]; 0 when there is none.
    counters : mapping
        ``received``, ``stored``, ``rejected`` … since its start.
    sensors : mapping of str to SensorHealth
        Each sensor that was ever seen or refused.
    unknown : mapping of str to int
        Topics of senders that the site file does not know, and their messages.
    """

    journal: Path
    updated_ns: int = 0
    running: bool = False
    broker: str = "stopped"
    store_trouble: str | None = None
    journal_blocked: str | None = None
    backlog_bytes: int = 0
    backlog_age_s: float = 0.0
    counters: Mapping[str, Any] = field(default_factory=dict)
    sensors: Mapping[str, SensorHealth] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)


def write_health(
    journal: Path,
    counters: IngestCounters,
    sensors: Mapping[str, SensorHealth],
    unknown: Mapping[str, int],
    *,
    stopped: bool = False,
) -> None:
    """Replace the health file atomically; it is a view, so it is not flushed to disk.

    Raises
    ------
    OSError
        The disk refuses.
    """
    document = {
        "schema": _SCHEMA,
        "updated_ns": time.time_ns(),
        "pid": os.getpid(),
        "broker": "stopped" if stopped else counters.broker,
        "store_trouble": counters.store_trouble,
        "journal_blocked": counters.journal_blocked,
        "oldest_waiting_ns": counters.oldest_waiting_ns,
        "counters": counters.to_dict(),
        "sensors": {
            name: state.to_dict()
            for name, state in sorted(sensors.items())
            if state.last_seen_ns or state.rejected or state.online is not None
        },
        "unknown": dict(unknown),
    }
    temporary = journal / f".{_FILE}.tmp"
    temporary.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    temporary.replace(journal / _FILE)


def read_health(journal: Path) -> IngestHealth:
    """State that an ingest left in its journal folder; an empty one when there is none."""
    backlog = backlog_of(journal)
    try:
        document = json.loads((journal / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return IngestHealth(journal, backlog_bytes=backlog.bytes)
    updated_ns = int(document.get("updated_ns") or 0)
    broker = str(document.get("broker") or "stopped")
    fresh = time.time_ns() - updated_ns < _ALIVE_S * 1e9
    oldest_ns = int(document.get("oldest_waiting_ns") or 0) or backlog.after_sequence
    return IngestHealth(
        journal=journal,
        updated_ns=updated_ns,
        running=fresh and broker != "stopped",
        broker=broker if fresh else "stopped",
        store_trouble=document.get("store_trouble"),
        journal_blocked=document.get("journal_blocked"),
        backlog_bytes=backlog.bytes,
        backlog_age_s=max(0.0, (time.time_ns() - oldest_ns) / 1e9) if backlog.bytes and oldest_ns else 0.0,
        counters=document.get("counters") or {},
        sensors={
            name: SensorHealth.from_dict(state) for name, state in (document.get("sensors") or {}).items()
        },
        unknown=document.get("unknown") or {},
    )


def journal_folders(book: SiteBook) -> list[Path]:
    """Journal folders of a site: ``journal``, and ``journal-NAME`` of each named writer."""
    found = [path for path in sorted(book.folder.glob("journal*")) if path.is_dir()]
    return found or [book.folder / "journal"]
