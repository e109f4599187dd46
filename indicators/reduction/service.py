"""Raw rows to minute summaries for a whole site: only what changed, in any order, on one or many machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol

from indicators.reduction.kinds import DATASET, analysis_version
from indicators.reduction.partition import Outcome, PartitionOutcome, reduce_partition
from ingest.store import Partition
from sensors.errors import ConfigurationError

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import SiteBook

__all__ = ["Executor", "ReduceReport", "check_versions", "pending_partitions", "reduce_partitions"]


class Executor(Protocol):
    """Reduces partitions elsewhere; `indicators.reduction.cluster.Cluster` is one."""

    def reduce(
        self, book: SiteBook, store: Store, partitions: Sequence[Partition], *, force: bool
    ) -> Iterable[PartitionOutcome]:
        """Bring each partition's summary in `store` up to date; outcomes come in the order of the input."""


@dataclass(frozen=True, slots=True)
class ReduceReport:
    """What a reduction did.

    Attributes
    ----------
    outcomes : tuple of PartitionOutcome
        One a partition, sorted.
    unknown_sensors : tuple of str
        Sensors that have raw rows and are not in the site file.
    """

    outcomes: tuple[PartitionOutcome, ...]
    unknown_sensors: tuple[str, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """Partitions with this outcome."""
        return sum(item.outcome is outcome for item in self.outcomes)

    @property
    def computed(self) -> int:
        """Partitions that were computed."""
        return self.count(Outcome.COMPUTED)

    @property
    def current(self) -> int:
        """Partitions whose summaries were still true."""
        return self.count(Outcome.CURRENT)

    @property
    def refused(self) -> tuple[PartitionOutcome, ...]:
        """Partitions to which a method did not apply, with the reason."""
        return tuple(item for item in self.outcomes if item.outcome is Outcome.REFUSED)

    @property
    def rows(self) -> int:
        """Minutes that the partitions hold now."""
        return sum(item.rows for item in self.outcomes)


def pending_partitions(
    book: SiteBook, store: Store, first: date, last: date
) -> tuple[list[Partition], tuple[str, ...]]:
    """Raw partitions that the site dates can touch, and sensors that the site file does not know."""
    known = {(row.id, row.kind) for row in book.site.sensors}
    # Site midnight is not UTC midnight, and a shift may end on the day after the last one.
    found = store.partitions(book.site.site.id, first - timedelta(days=1), last + timedelta(days=1))
    unknown = sorted({item.sensor for item in found if (item.sensor, item.kind) not in known})
    return sorted(item for item in found if (item.sensor, item.kind) in known), tuple(unknown)


def reduce_partitions(
    book: SiteBook,
    store: Store,
    first: date,
    last: date,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
    utc_day: date | None = None,
) -> ReduceReport:
    """Bring the minute summaries of the site dates `first` to `last` up to date.

    Parameters
    ----------
    book : SiteBook
        Site, placements and calibrations.
    store : Store
        Raw rows and summaries.
    first, last : date
        Site dates, both included.
    force : bool
        Compute every partition again.
    progress : callable(done, total), optional
        Called after each partition.
    executor : Executor, optional
        Reduces the partitions elsewhere; the default works here. Every way writes the same bytes.
    utc_day : date, optional
        Only the partitions of this UTC day.

    Raises
    ------
    ConfigurationError
        Code ``summary_version``: summaries of an older analysis version whose raw rows are gone.
    StoreUnreachableError
        The store does not answer.
    """
    todo, unknown = pending_partitions(book, store, first, last)
    check_versions(book, store, first, last, frozenset(todo))
    if utc_day is not None:
        todo = [one for one in todo if one.day == utc_day]
    results: Iterable[PartitionOutcome]
    if executor is None:
        work = partial(reduce_partition, book, store, force=force, fingerprint=cache(store.fingerprint))
        results = map(work, todo)
    else:
        results = executor.reduce(book, store, todo, force=force)
    outcomes = []
    for outcome in results:
        outcomes.append(outcome)
        if progress is not None:
            progress(len(outcomes), len(todo))
    return ReduceReport(tuple(outcomes), unknown)


def check_versions(book: SiteBook, store: Store, first: date, last: date, raw: frozenset[Partition]) -> None:
    """Refuse summaries that cannot be brought to the present analysis version because raw was purged."""
    stored = store.summary_partitions(
        DATASET, book.site.site.id, first - timedelta(days=1), last + timedelta(days=1)
    )
    for partition in stored:
        if partition in raw:
            continue
        metadata: Mapping[str, str] = store.summary_metadata(DATASET, partition) or {}
        version = analysis_version(partition.kind)
        if metadata.get("version") != version:
            raise ConfigurationError(
                f"summaries of {partition.sensor} on {partition.day} cannot be brought up to date",
                value=metadata.get("version"),
                rule=f"analysis version {version}; the raw rows they came from are purged",
                remedy="report this period with the version of vigiposte that made the summaries",
                code="summary_version",
            )
