"""The regular jobs of a running ingest: health, tidying the store, summaries, and retention."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ingest.store import Store

__all__ = ["Upkeep"]

_LOG = logging.getLogger("vigiposte.ingest")
_HEALTH_EVERY_S = 2.0
_FIRST_PURGE_S = 300.0


class Upkeep:
    """Does what is due when asked to.

    Parameters
    ----------
    store : Store
        Store whose small files are merged every `compact_every_s`.
    site : str
        Site id.
    publish_health : callable
        Called every 2 s.
    compact_every_s, reduce_every_s : float
        Intervals [s].
    reduce, purge : callable or None
        Called on a thread of their own, never two at a time: what is purged is not being reduced. `purge`
        is first due five minutes after the start, so that an ingest restarted every night purges too.
    """

    def __init__(
        self,
        store: Store,
        site: str,
        publish_health: Callable[[], None],
        *,
        compact_every_s: float,
        reduce: Callable[[], object] | None,
        reduce_every_s: float,
        purge: Callable[[], object] | None = None,
        purge_every_s: float = 86_400.0,
    ) -> None:
        self._store = store
        self._site = site
        self._publish_health = publish_health
        self._compact_every_s = compact_every_s
        self._reduce = reduce
        self._reduce_every_s = reduce_every_s
        now = time.monotonic()
        self._health_at = now
        self._compact_at = now + compact_every_s
        self._reduce_at = now + reduce_every_s
        self._purge = purge
        self._purge_every_s = purge_every_s
        self._purge_at = now + min(purge_every_s, _FIRST_PURGE_S)
        self._working: threading.Thread | None = None

    def tidy(self) -> None:
        """Have the store tidied when that is due."""
        now = time.monotonic()
        if now >= self._compact_at:
            self._compact_at = now + self._compact_every_s
            self._compact()

    def tick(self) -> None:
        """Do the other jobs that are due; none of them waits for the store."""
        now = time.monotonic()
        if now >= self._health_at:
            self._health_at = now + _HEALTH_EVERY_S
            self._publish_health()
        if self._working is not None and self._working.is_alive():
            return
        if self._reduce is not None and now >= self._reduce_at:
            self._reduce_at = now + self._reduce_every_s
            self._start(self._reduce, "minute summaries could not be computed now")
        elif self._purge is not None and now >= self._purge_at:
            self._purge_at = now + self._purge_every_s
            self._start(self._purge, "data past its retention could not be removed now")

    def _compact(self) -> None:
        try:
            self._store.compact(self._site)
        except Exception as error:  # noqa: BLE001 - tidying up must never stop the ingest
            _LOG.warning("small files of the store could not be merged now: %s", error)

    def _start(self, job: Callable[[], object], trouble: str) -> None:
        def work() -> None:
            try:
                job()
            except Exception as error:  # noqa: BLE001 - the ingest goes on without
                _LOG.warning("%s: %s", trouble, error)

        self._working = threading.Thread(target=work, name="vigiposte-upkeep", daemon=True)
        self._working.start()
