"""Where pages get their data: one site, its store, weekly results kept until readings or logs change."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from dashboards.health import survey_site
from indicators.governance.issue import may_issue, refuse_issue
from indicators.governance.site_logs import WITHDRAWALS
from indicators.model import Audience, WeeklyResult
from sensors.calibration_log import CALIBRATION_FILE
from sensors.errors import GovernanceError, NotEnoughDataError, UnknownNameError
from sensors.periods import DatePeriod, date_period, week_period
from sensors.site_book import SiteBook

__all__ = ["SiteSource"]


class _KeptOpen:
    """The shared store for code that closes what it opens."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def close(self) -> None:
        """Leave the store open for the other viewers."""


Made = TypeVar("Made")

_KEPT_RESULTS = 16
_LOOK_EVERY_S = 5.0


class SiteSource:
    """Reads one site for all viewers; safe to use from several threads.

    Parameters
    ----------
    load : callable
        Gives the site's current book (its logs change while the dashboard runs).
    store : Store
        Open store, shared by all requests.
    weekly : callable
        ``weekly(book, store, period, audience) -> WeeklyResult``.
    extra : mapping
        Further callables of other rooms by name, such as ``compare``, ``plan`` and ``explain``.
    """

    def __init__(
        self,
        load: Callable[[], SiteBook],
        store: Any,
        weekly: Callable[..., WeeklyResult],
        audience: Audience,
        extra: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self._load = load
        self._weekly = weekly
        self.store = store
        self.audience = audience
        self.extra = extra or {}
        self._book = load()
        self._looked = time.monotonic()
        self._stamp = self._look()
        self._results: OrderedDict[tuple[Any, ...], WeeklyResult] = OrderedDict()
        self._looks: set[tuple[date, str, str, str]] = set()
        self._made: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = threading.Lock()
        self._computing = threading.Lock()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="vigiposte-results")
        self._pending: dict[tuple[Any, ...], Future[WeeklyResult]] = {}

    def close(self) -> None:
        """Stop background work and release the store."""
        self._background.shutdown(wait=True, cancel_futures=True)
        self.store.close()

    @property
    def book(self) -> SiteBook:
        """The site file and its logs as they are now."""
        self._refresh()
        return self._book

    @property
    def language(self) -> str:
        """The site's language, as last read: it is there even when the site file cannot be read any more."""
        return self._book.site.site.language

    def _look(self) -> tuple[Any, ...]:
        folder: Path = self._book.folder
        # A withdrawal writes its objection first and its marks a moment later.
        watched = [
            self._book.path,
            folder / CALIBRATION_FILE,
            folder / WITHDRAWALS,
            *sorted(folder.glob("*.csv")),
        ]
        files = tuple((path.name, path.stat().st_mtime_ns) for path in watched if path.is_file())
        newest = max(self.store.last_seen(self._book.site.site.id).values(), default=0)
        return (*files, newest)

    def _refresh(self, *, now: bool = False) -> None:
        with self._lock:
            if not now and time.monotonic() - self._looked < _LOOK_EVERY_S:
                return
            self._looked = time.monotonic()
        stamp = self._look()
        with self._lock:
            if stamp != self._stamp:
                self._stamp = stamp
                self._results.clear()
                self._made.clear()
                self._book = self._load()

    def explanation(self, period: DatePeriod, workstation: str, indicator: str) -> Any:
        """Windows, sensors and versions behind a number; ``None`` where nothing explains it."""
        explain = self.extra.get("explain")
        if explain is None:
            return None

        def ask() -> Any:
            try:
                return explain(self.book, self.store, period, workstation, indicator, self.audience)
            except (NotEnoughDataError, UnknownNameError):
                return None

        return self.remembered(period, ("why", workstation, indicator), ask)

    def log(self, event: str, details: Mapping[str, Any]) -> None:
        """Write into the site's access log."""
        write = self.extra.get("log_access")
        if write is not None:
            write(self.book, event, details)

    def log_once(self, event: str, by: str, what: str) -> None:
        """Write a look into the access log, once a day, person and thing.

        Without accounts the log names whoever runs the dashboard.
        """
        today = self.today
        with self._lock:
            if (today, event, by, what) in self._looks:
                return
            self._looks = {look for look in self._looks if look[0] == today}
        self.log(event, {"what": what, **({"by": by} if by else {})})
        with self._lock:
            # Only a look that stands in the log is not written again.
            self._looks.add((today, event, by, what))

    def overview(self) -> Any:
        """State of ingest, store and sensors at this moment."""
        return survey_site(self.book, self.shared_store)

    def shared_store(self) -> Any:
        """The open store, for code that opens and closes its own."""
        return _KeptOpen(self.store)

    def changed(self) -> None:
        """A log was written through a page: read it at once."""
        self._refresh(now=True)

    def period(self, week: str | None) -> DatePeriod:
        """An ISO week, the last complete one by default."""
        return week_period(week, self.book.zone, datetime.now(UTC))

    @property
    def today(self) -> date:
        """Site date of this moment."""
        return datetime.now(UTC).astimezone(self.book.zone).date()

    @staticmethod
    def earlier(period: DatePeriod, steps: int = 1) -> DatePeriod:
        """The period of the same length `steps` before."""
        length = timedelta(days=((period.last - period.first).days + 1) * steps)
        first, last = period.first - length, period.last - length
        if period.week is None:
            return date_period(first, last)
        iso = first.isocalendar()
        return DatePeriod(first, last, f"{iso.year}-W{iso.week:02d}")

    def _key(self, period: DatePeriod) -> tuple[Any, ...]:
        return (period.first, period.last, self._stamp)

    def result(self, period: DatePeriod) -> WeeklyResult:
        """The weekly result, computed once per state of the data.

        Raises
        ------
        GovernanceError
            ``period_marked``: it was published and somebody in it withdrew since; a page would issue it anew.
        """
        book = self.book
        key = self._key(period)
        with self._lock:
            found = self._results.get(key)
            if found is not None:
                self._results.move_to_end(key)
        if found is None:
            with self._computing:
                with self._lock:
                    found = self._results.get(key)
                if found is None:
                    found = self._weekly(book, self.store, period, self.audience)
                with self._lock:
                    self._results[key] = found
                    while len(self._results) > _KEPT_RESULTS:
                        self._results.popitem(last=False)
        refuse_issue(found)
        return found

    def remembered(self, period: DatePeriod, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        """What a page made of a result, kept as long as the result."""
        full = (*self._key(period), *key)
        with self._lock:
            if full in self._made:
                self._made.move_to_end(full)
                found: Made = self._made[full]
                return found
        made = make()
        with self._lock:
            self._made[full] = made
            while len(self._made) > _KEPT_RESULTS:
                self._made.popitem(last=False)
        return made

    def known(self, period: DatePeriod) -> WeeklyResult | None:
        """The result when it is at hand; otherwise it is computed in the background for the next page."""
        key = self._key(period)
        with self._lock:
            if key in self._results:
                found = self._results[key]
                return found if may_issue(found) else None
            running = self._pending.get(key)
            if running is None or running.done():
                if running is not None and running.exception() is not None:
                    return None
                self._pending = {k: f for k, f in self._pending.items() if k[-1] == self._stamp}
                self._pending[key] = self._background.submit(self.result, period)
        return None

    def hopeless(self, period: DatePeriod) -> bool:
        """Whether computing the result of a period failed: nothing was measured then."""
        with self._lock:
            running = self._pending.get(self._key(period))
        return running is not None and running.done() and running.exception() is not None

    def wait_known(self, period: DatePeriod, seconds: float) -> WeeklyResult | None:
        """As `known`, waiting a little for a result that is nearly ready."""
        found = self.known(period)
        if found is not None:
            return found
        with self._lock:
            running = self._pending.get(self._key(period))
        if running is None:
            return None
        try:
            return running.result(timeout=seconds)
        except (TimeoutError, NotEnoughDataError, GovernanceError):
            return None
