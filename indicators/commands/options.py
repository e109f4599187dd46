"""What the commands of this room share: the period, the audience and the progress line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sensors.command_line import note
from sensors.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from indicators.model import Audience
    from indicators.reduction.cluster import Cluster
    from ingest.store import Store
    from sensors.command_line import Services
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = [
    "chosen_audience",
    "chosen_circle",
    "chosen_period",
    "log_analyst",
    "on_cluster",
    "on_one_cluster",
    "progress_line",
    "reduced_on_cluster",
    "reduced_with",
]

_MIB = 1 << 20
_RUNNING: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


def chosen_period(book: SiteBook, week: str | None, first: str | None, last: str | None) -> DatePeriod:
    """Period asked for: a week, two dates, or the last complete week.

    Raises
    ------
    UsageError
        Code ``period_mixed``, and those of `sensors.periods`.
    """
    from sensors.periods import date_period, week_period

    if first is None and last is None:
        return week_period(week, book.zone, datetime.now(UTC))
    if week is not None or first is None or last is None:
        raise UsageError(
            "a period is either a week or two dates",
            rule="--week, or --from with --to",
            remedy="--week 2026-W47, or --from 2026-11-16 --to 2026-11-22",
            code="period_mixed",
        )
    return date_period(first, last)


def chosen_audience(name: str) -> Audience:
    """Audience by its name.

    Raises
    ------
    UsageError
        Code ``unknown_audience``.
    """
    from indicators.model import Audience

    if name not in tuple(Audience):
        raise UsageError(
            "unknown audience",
            value=name,
            rule="report, wide or analyst",
            remedy="--audience report",
            code="unknown_audience",
        )
    return Audience(name)


def chosen_circle(name: str) -> Audience:
    """Audience of what always passes the gate: the site itself, or a wider circle.

    Raises
    ------
    UsageError
        Code ``unknown_audience``.
    GovernanceError
        Code ``always_gated``.
    """
    chosen = chosen_audience(name)
    if not chosen.gated:
        from sensors.errors import GovernanceError

        raise GovernanceError(
            "this is always gated",
            value=name,
            rule="report or wide",
            remedy="--audience report",
            code="always_gated",
        )
    return chosen


def log_analyst(services: Services, book: SiteBook, audience: Audience, what: str) -> None:
    """Write a look at ungated values into the access log, where the analyst's audience was asked for."""
    from indicators.model import Audience

    if audience is Audience.ANALYST:
        services.extra["log_access"](book, "analyst_access", {"what": what})


def progress_line(label: str, *, passing: bool = False) -> Callable[[int, int], None] | None:
    """Return a callback that draws ``label done/total`` on stderr; ``None`` unless a person watches.

    A `passing` line is wiped when it is done: it is a part of something that has a line of its own.
    """
    if os.environ.get("VIGIPOSTE_QUIET") or not sys.stderr.isatty():
        return None

    def draw(done: int, total: int) -> None:
        line = f"{label} {done}/{total}"
        over = f"\r{' ' * len(line)}\r" if passing else "\n"
        end = over if done >= total else ""
        sys.stderr.write(f"\r{line}{end}")
        sys.stderr.flush()

    return draw


@contextmanager
def on_cluster(
    services: Services, book: SiteBook, scheduler: str | None, say: Callable[..., str]
) -> Iterator[Cluster | None]:
    """Workers of `scheduler` for the store of `book`, their memory told before and after; or ``None``.

    Within another one, those workers that run already.
    """
    if scheduler is None:
        yield None
        return
    running = _RUNNING.get()
    if running is not None:
        yield services.extra["cluster_at"](running, book)
        return
    with services.extra["cluster"](book, scheduler) as cluster:
        bound = max(cluster.bounds.values(), default=0) // _MIB
        note(
            say("commands.cluster_bound", n=len(cluster.bounds), mib=bound)
            if bound
            else say("commands.cluster_unbound", n=len(cluster.bounds))
        )
        before = _RUNNING.set(cluster)
        try:
            yield cluster
        finally:
            _RUNNING.reset(before)
            for row in cluster.memory:
                note(say("commands.cluster_peak", worker=row.worker, mib=row.peak_bytes // _MIB))


@contextmanager
def on_one_cluster(services: Services, fleet: Path, scheduler: str | None) -> Iterator[None]:
    """Let all sites of the fleet at this path share the workers of `scheduler`, where one is named."""
    if scheduler is None:
        yield
        return
    book = services.extra["load_fleet"](fleet).sites[0].book
    with on_cluster(services, book, scheduler, services.words(None, book)):
        yield


def reduced_on_cluster(
    services: Services,
    book: SiteBook,
    store: Store,
    scheduler: str | None,
    say: Callable[..., str],
    *periods: DatePeriod,
) -> bool:
    """Bring the summaries that results of `periods` rest on up to date, where a scheduler was named.

    Returns
    -------
    bool
        Whether it was done, so that the command itself need not.
    """
    with on_cluster(services, book, scheduler, say) as cluster:
        if cluster is not None:
            progress = progress_line(say("commands.reducing"))
            reduced_with(services, cluster, book, store, progress, *periods)
    return scheduler is not None


def reduced_with(
    services: Services,
    cluster: Cluster,
    book: SiteBook,
    store: Store,
    progress: Callable[[int, int], None] | None,
    *periods: DatePeriod,
) -> None:
    """Bring the summaries that results of `periods` rest on up to date with workers that run already."""
    from indicators.worker_days.joining import usual_window
    from sensors.periods import DatePeriod

    executor = services.extra["cluster_at"](cluster, book)
    for period in periods:
        window = DatePeriod(*usual_window(book, period.first, period.last), None)
        services.reduce(book, store, window, executor=executor, progress=progress)
