"""How long data is kept: what is due, what must wait for its summary, and removing it for good.

Raw rows go after ``[privacy] raw_days``, minute summaries after ``summary_days``; aggregates of workstations
are kept with the risk assessment. A sensor-day is due once the whole of it is old enough. Raw rows go only
when a current summary of them exists, which is then marked, so that readings that come later still cannot
replace it by a summary of themselves alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.copying import SUMMARY_DATASETS
from ingest.journal_retention import consumed_bytes, forget_consumed
from ingest.quarantine import quarantine_files
from ingest.store import MINUTE_MARKS, RAW_PURGED, Partition, Store
from sensors.site_book import SiteBook
from sensors.site_model import Origin

__all__ = ["Kept", "PurgePlan", "PurgeReport", "Reason", "journals_of", "plan_purge", "purge"]

Reason = str
"""Why raw rows must wait: ``no_summary``, ``stale_summary``, ``unplaced``, ``unknown_sensor``."""

# Hashes of rows that an InfluxDB store remembers beside the summaries.
_REMEMBERED = ("fingerprints", "worker_days")


@dataclass(frozen=True, slots=True)
class Kept:
    """A sensor-day that is due and stays, with the reason."""

    partition: Partition
    reason: Reason

    @property
    def name(self) -> str:
        """How a person names it: ``SENSOR/YYYY-MM-DD``."""
        return f"{self.partition.sensor}/{self.partition.day}"


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What a purge would do.

    Attributes
    ----------
    raw_before, summaries_before : date
        UTC days before these are due.
    raw : tuple of Partition
        Raw sensor-days to remove.
    refused : tuple of Kept
        Raw sensor-days that are due and lack a current summary.
    exempt : int
        Sensor-days that are due and stay because their sensor is simulated or replayed.
    summaries : tuple of (str, Partition)
        Summary tables to remove, with their dataset.
    quarantine : tuple of Path
        Files of refused messages to remove.
    journals : mapping of Path to int
        Journal folders and the bytes in them that are in the store already.
    """

    raw_before: date
    summaries_before: date
    raw: tuple[Partition, ...]
    refused: tuple[Kept, ...]
    exempt: int
    summaries: tuple[tuple[str, Partition], ...]
    quarantine: tuple[Path, ...]
    journals: Mapping[Path, int]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.raw or self.summaries or self.quarantine or any(self.journals.values()))


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What a purge did; ``journals_in_use`` are tidied by the ingest that holds them."""

    plan: PurgePlan
    rows: int
    summaries: int
    quarantine_files: int
    journal_bytes: int
    journals_in_use: tuple[Path, ...]


def journals_of(book: SiteBook) -> tuple[Path, ...]:
    """Journal folders beside the site file: ``journal``, and ``journal-WRITER`` of further writers."""
    return tuple(sorted(path.parent for path in book.folder.glob("journal*/cursor")))


def plan_purge(
    book: SiteBook,
    store: Store,
    now: datetime,
    summary_gap: Callable[[Partition], Reason | None],
    *,
    journals: Collection[Path] | None = None,
    include_simulated: bool = False,
    without_summary: Collection[str] = (),
) -> PurgePlan:
    """Find what is older than the site's retention allows; nothing is changed.

    Parameters
    ----------
    book : SiteBook
        Retention periods and origins of sensors.
    store : Store
        Raw rows and summaries.
    now : datetime
        Aware moment.
    summary_gap : callable(Partition) -> str or None
        Why the summary of a sensor-day does not stand for its raw rows; ``None`` when it does.
    journals : collection of Path, optional
        Journal folders; default those beside the site file.
    include_simulated : bool
        Whether data of simulated and replayed sensors is due too: nobody's privacy asks for it.
    without_summary : collection of str
        Sensor-days (``SENSOR/YYYY-MM-DD``) whose raw rows go although no summary stands for them.
    """
    raw_before = _cutoff(now, book.site.privacy.raw_days)
    summaries_before = _cutoff(now, book.site.privacy.summary_days)
    made_up = {row.id for row in book.site.sensors if row.origin is not Origin.LIVE}
    exempt: set[Partition] = set()

    def due(found: list[Partition]) -> list[Partition]:
        if include_simulated:
            return found
        exempt.update(one for one in found if one.sensor in made_up)
        return [one for one in found if one.sensor not in made_up]

    site = book.site.site.id
    raw: list[Partition] = []
    refused: list[Kept] = []
    for partition in due(store.partitions(site, last=raw_before - timedelta(days=1))):
        reason = summary_gap(partition)
        kept = None if reason is None else Kept(partition, reason)
        if kept is None or kept.name in without_summary:
            raw.append(partition)
        else:
            refused.append(kept)
    waiting = {item.partition for item in refused}
    last = summaries_before - timedelta(days=1)
    summaries = [
        (dataset, partition)
        for dataset in (*SUMMARY_DATASETS, *_REMEMBERED)
        for partition in due(store.summary_partitions(dataset, site, last=last))
        if partition not in waiting
    ]
    folders = journals_of(book) if journals is None else journals
    return PurgePlan(
        raw_before,
        summaries_before,
        tuple(raw),
        tuple(refused),
        len(exempt),
        tuple(summaries),
        tuple(path for folder in folders for path in quarantine_files(folder / "quarantine", raw_before)),
        {folder: consumed_bytes(folder) for folder in folders},
    )


def purge(store: Store, plan: PurgePlan, log: Callable[[str, Mapping[str, Any]], object]) -> PurgeReport:
    """Remove what `plan` names, for good.

    The log is told before the first removal what is going, and afterwards what went, so that a purge that
    was interrupted shows too.

    Parameters
    ----------
    store : Store
        Raw rows and summaries.
    plan : PurgePlan
        From `plan_purge`.
    log : callable(event, details)
        The site's signed log.
    """
    # Opening a lake for writing removes what killed writers left half written.
    store.check()
    log("purge_begun", _announced(plan))
    rows = 0
    for partition in plan.raw:
        _mark(store, partition)
        rows += store.delete(partition)
    summaries = sum(store.delete_summary(dataset, partition) for dataset, partition in plan.summaries)
    files = 0
    for path in plan.quarantine:
        path.unlink(missing_ok=True)
        files += 1
    freed, in_use = 0, []
    for folder in plan.journals:
        removed = forget_consumed(folder)
        if removed is None:
            in_use.append(folder)
        else:
            freed += removed
    report = PurgeReport(plan, rows, summaries, files, freed, tuple(in_use))
    log(
        "purge",
        {
            "rows": rows,
            "summaries": summaries,
            "quarantine_files": files,
            "journal_bytes": freed,
            "refused": [item.name for item in plan.refused],
        },
    )
    return report


def _announced(plan: PurgePlan) -> dict[str, Any]:
    return {
        "raw_before": plan.raw_before.isoformat(),
        "summaries_before": plan.summaries_before.isoformat(),
        "raw": [f"{one.sensor}/{one.day}" for one in plan.raw],
        "summaries": [f"{dataset}/{one.sensor}/{one.day}" for dataset, one in plan.summaries],
        "quarantine": [path.name for path in plan.quarantine],
    }


def _mark(store: Store, partition: Partition) -> None:
    """Write into the summary that its raw rows are gone, before they go."""
    for dataset in SUMMARY_DATASETS:
        metadata = store.summary_metadata(dataset, partition)
        if metadata is None or RAW_PURGED in metadata:
            continue
        table = store.read_summary(dataset, partition)
        if table is not None:
            today = datetime.now(UTC).date().isoformat()
            kept = {key: text for key, text in metadata.items() if key != MINUTE_MARKS}
            store.write_summary(dataset, partition, table, {**kept, RAW_PURGED: today})


def _cutoff(now: datetime, days: int) -> date:
    """First UTC day that is not due: the day before it ended `days` or more ago."""
    return (now.astimezone(UTC) - timedelta(days=days)).date()
