"""Group commit: what arrived meanwhile goes to the journal with one flush, then is acknowledged."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ingest.counters import IngestCounters
from ingest.journal import Arrival, JournalBlockedError, JournalWriter

__all__ = ["Committer", "Group"]

_LOG = logging.getLogger("vigiposte.ingest")
_FIRST_RETRY_S = 0.05
_LONGEST_RETRY_S = 5.0
_SAY_EVERY_S = 60.0


@dataclass(slots=True)
class Group:
    """Messages of one connection that were handed over together.

    Attributes
    ----------
    connection : int
        Number of the connection they came by: acknowledgements are only good on that one.
    arrivals : list of Arrival
        What is to be journaled.
    message_ids : list of int
        Packet identifiers to acknowledge afterwards (QoS 1).
    payload_bytes : int
        Size of all payloads together.
    """

    connection: int
    arrivals: list[Arrival]
    message_ids: list[int]
    payload_bytes: int


class Committer:
    """A thread that appends groups to the journal and hands them back for acknowledgement.

    Parameters
    ----------
    journal : JournalWriter
        Where the messages become durable.
    counters : IngestCounters
        Counts what was journaled, and says whether the journal is blocked.
    wake : callable
        Called after groups were handed back; must be quick and safe to call from any thread.
    """

    def __init__(self, journal: JournalWriter, counters: IngestCounters, wake: Callable[[], None]) -> None:
        self._journal = journal
        self._counters = counters
        self._wake = wake
        self._waiting: deque[Group] = deque()
        self._committed: deque[Group] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._said = -_SAY_EVERY_S
        self._thread = threading.Thread(target=self._run, name="vigiposte-commit", daemon=True)
        self._thread.start()

    def submit(self, group: Group) -> None:
        """Queue a group; the caller bounds how much it leaves outstanding."""
        with self._changed:
            self._waiting.append(group)
            self._changed.notify()

    def take_committed(self) -> Group | None:
        """A group that is durable now, oldest first."""
        try:
            return self._committed.popleft()
        except IndexError:
            return None

    def close(self, timeout_s: float = 3.0) -> None:
        """Commit what was submitted, unless the disk refuses: then the broker still has it."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                groups = list(self._waiting)
                self._waiting.clear()
            if not groups:
                return
            arrivals = [arrival for group in groups for arrival in group.arrivals]
            if not self._append(arrivals):
                return
            self._counters.journaled += len(arrivals)
            self._committed.extend(groups)
            self._wake()

    def _append(self, arrivals: list[Arrival]) -> bool:
        """Append, patiently; ``False`` when told to close while the disk refuses."""
        delay_s = _FIRST_RETRY_S
        blocked_since = 0.0
        while True:
            try:
                self._journal.append(arrivals)
            except JournalBlockedError as error:
                if not blocked_since:
                    blocked_since = time.monotonic()
                    self._counters.journal_blocked = error.code
                if blocked_since - self._said >= _SAY_EVERY_S:
                    self._said = blocked_since
                    _LOG.error("%s (%s); messages are no longer acknowledged", error.what, error.remedy)
                with self._changed:
                    if self._changed.wait_for(lambda: self._closing, delay_s):
                        return False
                delay_s = min(2 * delay_s, _LONGEST_RETRY_S)
            else:
                if blocked_since:
                    self._counters.journal_blocked = None
                    _LOG.info(
                        "the journal is writable again after %.0f s; acknowledging again",
                        time.monotonic() - blocked_since,
                    )
                return True
