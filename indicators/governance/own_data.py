"""What the site holds of one pseudonym: the answer to a wearer who asks for their own data (GDPR art. 15)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from indicators.reduction.kinds import DATASET, day_bounds_ns
from indicators.reduction.service import reduce_partitions
from indicators.weekly import to_period
from indicators.worker_days.joining import worker_days
from indicators.worker_days.merging import merge_days
from indicators.worker_days.values import DayValue, day_values
from ingest.store import Partition, ReadingQuery
from sensors.errors import NotEnoughDataError, UnknownNameError
from sensors.periods import DatePeriod
from sensors.pseudonyms import known_pseudonyms
from sensors.quantities import Kind
from sensors.readings import ReadingBatch
from sensors.site_model import Mount

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import Posting, SiteBook

__all__ = ["HeldDay", "OwnData", "check_wearer", "held_partitions", "own_data", "raw_rows"]


@dataclass(frozen=True, slots=True)
class HeldDay:
    """Readings of one sensor while the wearer wore it, on one UTC day.

    Attributes
    ----------
    start, end : datetime
        When it was worn on that day, site time.
    rows : int
        Raw rows still held; 0 once they were purged.
    minutes : int
        Minute summaries held.
    """

    sensor: str
    kind: Kind
    mount: Mount
    workstation: str
    start: datetime
    end: datetime
    rows: int
    minutes: int


@dataclass(frozen=True, slots=True)
class OwnData:
    """Everything held of one wearer; ``values`` pairs each with the label of its workstation."""

    wearer: str
    days: tuple[HeldDay, ...]
    values: tuple[tuple[str, DayValue], ...]


def check_wearer(book: SiteBook, wearer: str) -> str:
    """Return `wearer`; ``UnknownNameError`` when the site knows no such pseudonym (none is listed)."""
    if wearer not in known_pseudonyms(book):
        raise UnknownNameError(
            "the site knows no such pseudonym",
            value=wearer,
            rule="as listed in wearers.csv, assignments.csv or a placement",
            remedy="ask the holder of the key with `vigiposte pseudonyms of`",
            code="unknown_wearer",
        )
    return wearer


def held_partitions(book: SiteBook, store: Store, wearer: str) -> Iterator[tuple[Posting, Partition]]:
    """Each posting of `wearer` with each UTC day on which the store holds something of its sensor."""
    site = book.site.site.id
    held = {*store.partitions(site), *store.summary_partitions(DATASET, site)}
    for posting in book.worn_by({wearer}):
        for partition in sorted(one for one in held if one.sensor == posting.sensor):
            start, end = day_bounds_ns(partition.day)
            if posting.start_ns < end and start < posting.end_ns:
                yield posting, partition


def own_data(book: SiteBook, store: Store, wearer: str) -> OwnData:
    """Collect what is held of `wearer`; minute summaries are brought up to date first.

    Raises
    ------
    UnknownNameError
        ``unknown_wearer``.
    NotEnoughDataError
        ``nothing_held``: which is an answer too.
    """
    check_wearer(book, wearer)
    days = [partition.day for _, partition in held_partitions(book, store, wearer)]
    if days:
        reduce_partitions(book, store, min(days), max(days))
    held = tuple(
        found
        for posting, partition in held_partitions(book, store, wearer)
        if (found := _held_day(book, store, posting, partition)) is not None
    )
    if not held:
        raise NotEnoughDataError(
            "nothing is held of this pseudonym",
            value=wearer,
            rule="raw readings or minute summaries while it wore a sensor",
            code="nothing_held",
        )
    return OwnData(wearer, held, _values(book, store, wearer, min(days), max(days)))


def raw_rows(book: SiteBook, store: Store, wearer: str) -> Iterator[ReadingBatch]:
    """Raw rows of `wearer`, one batch a sensor and UTC day."""
    for posting, partition in held_partitions(book, store, wearer):
        batch = store.read_columns(_query(posting, partition))
        if len(batch):
            yield batch


def _query(posting: Posting, partition: Partition) -> ReadingQuery:
    start, end = day_bounds_ns(partition.day)
    low, high = max(start, posting.start_ns), min(end, posting.end_ns)
    return ReadingQuery(partition.site, partition.sensor, partition.kind, low, high)


def _held_day(book: SiteBook, store: Store, posting: Posting, partition: Partition) -> HeldDay | None:
    query = _query(posting, partition)
    rows = len(store.read_columns(query))
    minutes = 0
    table = store.read_summary(DATASET, partition, ("minute",))
    if table is not None:
        starts = table.column("minute").to_numpy().astype("datetime64[ns]").astype("int64")
        minutes = int(((starts >= query.start_ns) & (starts < query.end_ns)).sum())
    if not rows and not minutes:
        return None
    return HeldDay(
        partition.sensor,
        partition.kind,
        posting.mount,
        posting.workstation,
        book.local(query.start_ns),
        book.local(query.end_ns),
        rows,
        minutes,
    )


def _values(
    book: SiteBook, store: Store, wearer: str, first: date, last: date
) -> tuple[tuple[str, DayValue], ...]:
    period = to_period(book, DatePeriod(first, last, None))
    own = [day for day in worker_days(book, first, last) if day.wearer == wearer]
    merged = merge_days(store, own)
    return tuple(
        (station.label, value)
        for station in book.site.workstations
        for value in day_values(
            book, station, period, [item for item in merged if item.day.workstation == station.id]
        )
    )
