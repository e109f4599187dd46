"""Worker-days merged right after their minutes were made, so that the first report finds them kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from indicators.worker_days.joining import worker_days
from indicators.worker_days.merging import merge_days
from sensors.errors import VigiposteError

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import SiteBook

__all__ = ["keep_worker_days"]


def keep_worker_days(book: SiteBook, store: Store, utc_days: Iterable[date]) -> None:
    """Merge and keep the worker-days that touch these UTC days, one site date at a time.

    A worker-day that cannot be merged is left to the report that needs it, which says why.
    """
    step = timedelta(days=1)
    # A shift that starts on the evening before, site time, reaches into a UTC day; so does the next morning.
    dates = {day + offset for day in utc_days for offset in (-step, timedelta(), step)}
    for day in sorted(dates):
        with contextlib.suppress(VigiposteError):
            merge_days(store, worker_days(book, day, day))
