"""How reading commands come to what they show: a store opened, brought up to date where asked, and closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indicators.commands.options import reduced_on_cluster

if TYPE_CHECKING:
    from indicators.model import Audience, WeeklyResult
    from ingest.store import Store
    from sensors.command_line import Services
    from sensors.periods import DatePeriod
    from sensors.site_book import SiteBook

__all__ = ["Opened", "opened_store", "result_of"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A store, and whether a scheduler brought its summaries up to date already."""

    store: Store
    ready: bool


@contextmanager
def opened_store(
    services: Services,
    book: SiteBook,
    scheduler: str | None,
    say: Callable[..., str],
    *periods: DatePeriod,
) -> Iterator[Opened]:
    """Store of the site for results of `periods`; closed in any case."""
    store = services.open_store(book)
    try:
        yield Opened(store, reduced_on_cluster(services, book, store, scheduler, say, *periods))
    finally:
        store.close()


def result_of(
    services: Services,
    book: SiteBook,
    period: DatePeriod,
    audience: Audience,
    scheduler: str | None,
    say: Callable[..., str],
    *,
    workstation: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> WeeklyResult:
    """Result of a period for an audience, of one workstation or of all."""
    with opened_store(services, book, scheduler, say, period) as opened:
        found: WeeklyResult = services.weekly_result(
            book,
            opened.store,
            period,
            audience,
            reduce=not opened.ready,
            workstation=workstation,
            progress=progress,
        )
    return found
