"""A wearer withdraws: readings and summaries go, new ones are refused, what was published stays as it is.

Published periods are marked and never issued again: the old numbers minus new ones would reveal the person
who left. Later periods simply lack them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from indicators.disclosure.ledger import PublishedLedger
from indicators.governance.chain import RESTORED, read_entries
from indicators.governance.link_register import revoke_links
from indicators.governance.own_data import check_wearer, held_partitions
from indicators.governance.site_logs import LEDGER, WITHDRAWALS, site_chain
from indicators.model import Period
from indicators.reduction.kinds import DATASET
from indicators.reduction.minutes import MINUTE_NS
from indicators.reduction.service import reduce_partitions
from indicators.worker_days.cache import forget_days
from indicators.worker_days.joining import usual_window, worker_days
from indicators.worker_days.merging import merge_days
from ingest.store import MINUTE_MARKS, RAW_PURGED, Partition
from sensors.logs import append_log

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import Posting, SiteBook

__all__ = [
    "GroupEffect",
    "Withdrawal",
    "group_effects",
    "is_marked",
    "withdraw",
    "withdrawn",
]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

Windows = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class GroupEffect:
    """Distinct wearers behind the usual results of a workstation, before and after."""

    workstation: str
    label: str
    before: int
    after: int
    minimum: int

    @property
    def falls_below(self) -> bool:
        """Whether results that could be shown no longer can."""
        return self.after < self.minimum <= self.before


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was done.

    Attributes
    ----------
    rows, summaries : int
        Raw rows erased; summary tables erased or rewritten without the wearer.
    marked : tuple of str
        ISO weeks that were published with the wearer in them: never issued again.
    effects : tuple of GroupEffect
        One a workstation where they wore a sensor.
    waiting : tuple of str
        Journals in use: the running ingest erases what is left there within a day.
    """

    wearer: str
    rows: int
    summaries: int
    marked: tuple[str, ...]
    effects: tuple[GroupEffect, ...]
    waiting: tuple[str, ...]


def group_effects(book: SiteBook, store: Store, wearer: str, today: date) -> tuple[GroupEffect, ...]:
    """Distinct wearers of each workstation of `wearer` in the usual window, with and without them."""
    newest = max(store.last_seen(book.site.site.id).values(), default=None)
    last = today if newest is None else min(today, book.local(newest).date())
    days = [
        day
        for day in worker_days(book, *usual_window(book, last, last))
        if day.mount.worn and day.wearer is not None
    ]
    measured = [item.day for item in merge_days(store, days) if item.minutes]
    effects = []
    for station in book.site.workstations:
        people = {day.wearer for day in measured if day.workstation == station.id}
        if wearer in people:
            effects.append(
                GroupEffect(
                    station.id, station.label, len(people), len(people) - 1, book.site.privacy.group_size
                )
            )
    return tuple(effects)


def withdraw(
    book: SiteBook,
    store: Store,
    wearer: str,
    *,
    today: date,
    reload: Callable[[], SiteBook],
    erase: Callable[[SiteBook, Store, Collection[str]], Any],
) -> Withdrawal:
    """Record the objection, revoke personal links, mark what was published, erase, name the effects.

    The objection stands first, so that nothing new comes in meanwhile; repeated after an interruption, it
    finishes what is left.

    Parameters
    ----------
    book : SiteBook
        The site.
    store : Store
        Raw rows and summaries.
    wearer : str
        Pseudonym.
    today : date
        Site date.
    reload : callable
        Reads the site again, with the objection in it.
    erase : callable(book, store, wearers)
        Erases raw rows, refused messages and what the journal holds.
    """
    check_wearer(book, wearer)
    effects = group_effects(book, store, wearer, today)
    marked = _published_weeks(book, store, wearer)
    if wearer not in book.objecting:
        append_log(book.folder, "objections", {"wearer": wearer})
    revoke_links(book, wearer)
    log = site_chain(book, WITHDRAWALS)
    log.append("withdrawal", {"wearer": wearer, "marked": list(marked)})
    now = reload()
    touched: dict[Partition, list[Posting]] = {}
    for posting, partition in held_partitions(now, store, wearer):
        touched.setdefault(partition, []).append(posting)
    summaries = sum(_forget_minutes(store, partition, postings) for partition, postings in touched.items())
    for partition in touched:
        # A night shift is kept under the day on which it began.
        for day in (partition.day - timedelta(days=1), partition.day):
            forget_days(store, partition.kind, partition.site, day)
    erased = erase(now, store, {wearer})
    if touched:
        days = [partition.day for partition in touched]
        reduce_partitions(now, store, min(days), max(days))
    log.append("erased", {"wearer": wearer, "rows": erased.rows, "summaries": summaries})
    waiting = tuple(str(folder) for folder in erased.journals_in_use)
    return Withdrawal(wearer, erased.rows, summaries, marked, effects, waiting)


def _forget_minutes(store: Store, partition: Partition, postings: Collection[Posting]) -> bool:
    """Take a wearer's minutes out of a summary; whether there were any.

    The table is rewritten rather than made anew because its raw rows may be purged. Where they are not, it
    no longer fits its basis and is made again from what is left.
    """
    table = store.read_summary(DATASET, partition)
    if table is None:
        return False
    starts = table.column("minute").to_numpy().astype("datetime64[ns]").astype("int64")
    theirs = np.zeros(starts.shape[0], np.bool_)
    for row in postings:
        theirs |= (starts > row.start_ns - MINUTE_NS) & (starts < row.end_ns)
    if not theirs.any():
        return False
    metadata = dict(store.summary_metadata(DATASET, partition) or {})
    metadata.pop(MINUTE_MARKS, None)
    kept = table.filter(pa.array(~theirs))
    if not kept.num_rows:
        store.delete_summary(DATASET, partition)
    else:
        # An empty fingerprint fits no rows: where raw rows are left, the table is made again.
        stamp = {} if RAW_PURGED in metadata else {"fingerprint": ""}
        store.write_summary(DATASET, partition, kept, {**metadata, **stamp, "rows": str(kept.num_rows)})
    return True


def _published_weeks(book: SiteBook, store: Store, wearer: str) -> tuple[str, ...]:
    """ISO weeks that were published with `wearer` in them; none when nothing of theirs ever was.

    The ledger names the period of each group it published first, not the days of a wearer: the weeks in which
    they were measured are marked too.
    """
    hashed = PublishedLedger(book).atom(wearer, (), 0.0).wearer
    keys = [
        key
        for entry in read_entries(book.folder / LEDGER)
        for key, pairs in entry.get("cells", {}).items()
        if any(pair[0] == hashed for pair in pairs)
    ]
    if not keys:
        return ()
    days = {partition.day for _, partition in held_partitions(book, store, wearer)}
    for key in keys:
        named = [date.fromisoformat(text) for text in _DATE.findall(key)]
        if named:
            days.update(_days(min(named), max(named)))
    return tuple(sorted({_week(day) for day in days}))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]


def _week(day: date) -> str:
    iso = day.isocalendar()
    return f"{iso.year}-W{iso.week:02d}"


def _log_entries(book: SiteBook) -> tuple[Mapping[str, Any], ...]:
    chain = site_chain(book, WITHDRAWALS)
    report = chain.verify()
    if not report.intact:
        raise chain.trouble(report)
    return read_entries(chain.path)


def withdrawn(book: SiteBook) -> frozenset[str]:
    """Pseudonyms that withdrew, whatever ``objections.csv`` says; raises as `is_marked` does."""
    return frozenset(str(row["wearer"]) for row in _log_entries(book) if row["event"] == "withdrawal")


def is_marked(book: SiteBook, period: Period) -> bool:
    """Whether `period` touches a week that was published with somebody in it who withdrew since.

    Where the log lost lines, every day before that counts as such.

    Raises
    ------
    GovernanceError
        ``log_broken``, ``log_cut_off``, ``log_unsigned``: the log of withdrawals is not whole.
    """
    marked: set[str] = set()
    for entry in _log_entries(book):
        if entry["event"] == RESTORED and period.first <= datetime.fromisoformat(entry["at"]).date():
            return True
        marked.update(str(week) for week in entry.get("marked", ()))
    return bool(marked) and any(_week(day) in marked for day in _days(period.first, period.last))
