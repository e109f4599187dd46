"""What a worker of a cluster does: raw rows of one partition in, its minutes and nothing else out."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import scipy

from indicators.reduction.kinds import analysis_version
from indicators.reduction.partition import Worked, work_out
from indicators.reduction.posture import THREADS
from ingest.fingerprint import NO_ROWS
from ingest.place import StorePlace
from ingest.store import Partition, ReadingQuery
from sensors.errors import ConfigurationError, StoreUnreachableError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import SiteBook

__all__ = ["Assignment", "Reduced", "installation", "reduce_away", "together"]

_STORES_OPEN = 64


@dataclass(frozen=True, slots=True)
class Assignment:
    """One partition to reduce, with what is known of its summary and of its neighbours' summaries."""

    partition: Partition
    known: Mapping[Partition, Mapping[str, str]]
    force: bool


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """What comes back from a worker; the one who asked writes it.

    Attributes
    ----------
    worked : Worked
        Outcome, and the minutes that were computed.
    worker : str
        Process that did it.
    peak_bytes : int
        Most memory that this process ever held.
    """

    worked: Worked
    worker: str
    peak_bytes: int


class _RawOnly:
    """The store as a worker sees it: its raw rows, with summaries known from the one who asks."""

    def __init__(self, store: Store, assignment: Assignment) -> None:
        self._store = store
        self._assignment = assignment

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        return self._store.read_columns(query)

    def fingerprint(self, partition: Partition) -> str:
        found = self._store.fingerprint(partition)
        if partition == self._assignment.partition and found == NO_ROWS:
            # Rows were listed where the command runs: an empty answer here would become an empty summary.
            raise StoreUnreachableError(
                f"worker {_name()} sees no raw rows of {partition.sensor} on {partition.day}",
                value=self._store.url,
                rule="every worker reads the same store",
                remedy="put the lake on storage that all workers share, such as lake:s3://…",
                code="worker_without_rows",
            )
        return found

    def summary_metadata(self, dataset: str, partition: Partition) -> Mapping[str, str] | None:  # noqa: ARG002 - the protocol's argument
        return self._assignment.known.get(partition)


def installation() -> tuple[str, ...]:
    """Versions that a number depends on; every worker must have those of the one who asks."""
    return (
        f"vigiposte {version('vigiposte')}",
        *(f"{kind.value} {analysis_version(kind)}" for kind in Kind),
        *(f"{library.__name__} {library.__version__}" for library in (np, scipy, pa)),
    )


def reduce_away(
    book: SiteBook, place: StorePlace, assignment: Assignment, expected: Sequence[str]
) -> Reduced:
    """Work out one partition; whoever asks for it keeps the result.

    Raises
    ------
    ConfigurationError
        ``worker_version``: this worker has other versions than the one who asks.
    StoreUnreachableError
        ``worker_without_rows``: the raw rows that were listed are not to be seen from here.
    """
    here = installation()
    if tuple(expected) != here:
        other = next((pair for pair in zip(here, expected, strict=True) if pair[0] != pair[1]), here[:2])
        raise ConfigurationError(
            f"worker {_name()} has another installation",
            value=other[0],
            rule=f"{other[1]}, as where the command runs",
            remedy="install the same versions on every worker (requirements.lock)",
            code="worker_version",
        )
    partition = assignment.partition
    store = _opened(place, threading.get_ident())
    # A worker has the cores of its threads and no more: others have the rest.
    before = THREADS.set(_threads())
    try:
        worked = work_out(book, _RawOnly(store, assignment), partition, force=assignment.force)
    finally:
        THREADS.reset(before)
    return Reduced(worked, _name(), _peak_bytes())


def together(parts: Sequence[Reduced]) -> list[Reduced]:
    """A branch of the tree: the leaves below it in their order, to travel as one."""
    return list(parts)


@lru_cache(maxsize=_STORES_OPEN)
def _opened(place: StorePlace, thread: int) -> Store:  # noqa: ARG001 - a store serves one thread
    return place.open()


def _name() -> str:
    from distributed import get_worker

    return str(get_worker().name)


def _threads() -> int:
    from distributed import get_worker

    # Tasks share the worker's threads, and each runs on one.
    worker = get_worker()
    return max(1, int(worker.state.nthreads) // max(1, len(worker.state.executing)))


def _peak_bytes() -> int:
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
