"""What an ingest process has done so far: plain numbers that other threads may read at any time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["IngestCounters"]


@dataclass(slots=True, eq=False)
class IngestCounters:
    """Counts since the start of one ingest, mutated in place.

    Attributes
    ----------
    received, received_bytes : int
        Messages that came from the broker, repeated deliveries included, and their payload.
    journaled : int
        Messages durable in the journal (then acknowledged).
    stored : int
        Messages whose readings are durable in the store.
    rows, values : int
        Rows (one sensor, one time) and single values stored.
    rejected : Counter of str
        Messages in quarantine, by reason.
    rejected_rows : int
        Rows that the store refused for good.
    late, skewed : int
        Rows flagged so.
    damaged : int
        Damaged spans of the journal that were skipped.
    connects : int
        Connections made to the broker.
    broker : str
        ``"connecting"``, ``"connected"`` or ``"away"``.
    store_waits : int
        Times the store had to be tried again.
    store_trouble : str or None
        Why the store does not take anything now.
    journal_blocked : str or None
        Code of the reason why the journal cannot be written now.
    backlog_bytes : int
        Journaled bytes not yet in the store.
    oldest_waiting_ns : int
        Arrival of the oldest message not yet in the store [UTC ns]; 0 when there is none.
    store_seconds : float
        Time spent in writes to the store [s].
    store_writes : int
        Writes to the store.
    """

    received: int = 0
    received_bytes: int = 0
    journaled: int = 0
    stored: int = 0
    rows: int = 0
    values: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_rows: int = 0
    late: int = 0
    skewed: int = 0
    damaged: int = 0
    connects: int = 0
    broker: str = "connecting"
    store_waits: int = 0
    store_trouble: str | None = None
    journal_blocked: str | None = None
    backlog_bytes: int = 0
    oldest_waiting_ns: int = 0
    store_seconds: float = 0.0
    store_writes: int = 0

    @property
    def rejected_messages(self) -> int:
        """Messages in quarantine."""
        return sum(self.rejected.values())

    @property
    def settled(self) -> int:
        """Messages that are done with: stored or in quarantine."""
        return self.stored + self.rejected_messages

    def to_dict(self) -> dict[str, Any]:
        """Return the plain numbers for JSON."""
        return {
            "received": self.received,
            "received_bytes": self.received_bytes,
            "journaled": self.journaled,
            "stored": self.stored,
            "rows": self.rows,
            "values": self.values,
            "rejected": dict(self.rejected),
            "rejected_rows": self.rejected_rows,
            "late": self.late,
            "skewed": self.skewed,
            "damaged": self.damaged,
            "connects": self.connects,
            "store_waits": self.store_waits,
            "store_writes": self.store_writes,
            "store_seconds": round(self.store_seconds, 3),
        }
