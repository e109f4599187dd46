"""What is known of each sensor while readings flow: written beside the journal, shown by ``status``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SensorHealth"]

_RATE_WINDOW_NS = 60 * 10**9


@dataclass(slots=True, eq=False)
class SensorHealth:
    """State and counts of one sensor.

    Attributes
    ----------
    last_seen_ns : int
        Arrival of its last message [UTC ns]; 0 = never.
    newest_ns : int
        Newest plausible time of its own rows [UTC ns]; 0 = none.
    messages, rows : int
        Accepted ones.
    rate_per_s : float
        Rows a second over the last minute or so of arrivals.
    battery : float or None
        Last battery level [%].
    online : bool or None
        Its retained status, where it publishes one.
    skew_s : float or None
        Own clock minus arrival at the last message [s], once the clock was found wrong; else ``None``.
    late, skewed, stuck, clipped : int
        Rows flagged so.
    rejected : Counter of str
        Messages in quarantine, by reason.
    """

    last_seen_ns: int = 0
    newest_ns: int = 0
    messages: int = 0
    rows: int = 0
    rate_per_s: float = 0.0
    battery: float | None = None
    online: bool | None = None
    skew_s: float | None = None
    late: int = 0
    skewed: int = 0
    stuck: int = 0
    clipped: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    window_start_ns: int = 0
    window_rows: int = 0

    def saw(self, arrival_ns: int, messages: int, rows: int) -> None:
        """Count accepted messages that arrived until `arrival_ns`."""
        self.messages += messages
        self.rows += rows
        if self.window_start_ns == 0:
            self.window_start_ns = arrival_ns
        self.window_rows += rows
        elapsed_ns = arrival_ns - self.window_start_ns
        if elapsed_ns >= _RATE_WINDOW_NS or (self.rate_per_s == 0.0 and elapsed_ns >= 10**9):
            self.rate_per_s = self.window_rows * 1e9 / elapsed_ns
            if elapsed_ns >= _RATE_WINDOW_NS:
                self.window_start_ns, self.window_rows = arrival_ns, 0
        self.last_seen_ns = max(self.last_seen_ns, arrival_ns)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain mapping for JSON."""
        return {
            "last_seen_ns": self.last_seen_ns,
            "newest_ns": self.newest_ns,
            "messages": self.messages,
            "rows": self.rows,
            "rate_per_s": round(self.rate_per_s, 3),
            "battery": self.battery,
            "online": self.online,
            "skew_s": self.skew_s,
            "late": self.late,
            "skewed": self.skewed,
            "stuck": self.stuck,
            "clipped": self.clipped,
            "rejected": dict(self.rejected),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> SensorHealth:
        """Return the state that `to_dict` gave, as far as it is there."""
        known = cls()
        for name in ("last_seen_ns", "newest_ns", "messages", "rows", "late", "skewed", "stuck", "clipped"):
            setattr(known, name, int(document.get(name) or 0))
        known.rate_per_s = float(document.get("rate_per_s") or 0.0)
        known.battery = document.get("battery")
        known.online = document.get("online")
        known.skew_s = document.get("skew_s")
        known.rejected = Counter(document.get("rejected") or {})
        return known
