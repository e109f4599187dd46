"""Partitions reduced by the workers of a Dask cluster: the same bytes, sooner.

The tree has (sensor, day) partitions as its leaves. Workers read raw rows where they lie and hand back minute
tables; branches of a few leaves travel as one; whoever asked writes them, in order, with the code of the
single-process path. Arithmetic across partitions happens nowhere on the way, so no order of arrival and no
lost worker can change a digit.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from indicators.reduction.away import Assignment, Reduced, installation, reduce_away, together
from indicators.reduction.kinds import DATASET
from indicators.reduction.partition import PartitionOutcome, keep
from ingest.place import StorePlace
from ingest.store import Partition
from sensors.errors import LocalResourceError, MissingExtraError, UnreachableError, UsageError

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import SiteBook

__all__ = ["Cluster", "WorkerMemory", "open_cluster"]

_LOCAL = "local"
_SCHEMES = ("tcp://", "tls://")
_BRANCH = 8
_BRANCHES_A_WORKER = 2
_RETRIES = 2
_CONNECT_S = 10.0
_LOOK_EVERY_S = 2.0
_NO_WORKER_S = 60.0
_LOCAL_BOUND_BYTES = 2 << 30
_LOCAL_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """Bound and peak of one worker's memory [bytes]; a bound of 0 means that none is set."""

    worker: str
    bound_bytes: int
    peak_bytes: int


class Cluster:
    """An executor for `reduce_partitions` over the workers of a scheduler.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    place : StorePlace
        Where workers find the raw rows.
    peaks : dict, optional
        Most memory of each worker so far [bytes], by name, kept up to date.
    """

    def __init__(self, client: Any, place: StorePlace, peaks: dict[str, int] | None = None) -> None:
        self._client = client
        self._place = place
        self._bounds = {
            str(row["name"]): int(row["memory_limit"] or 0)
            for row in client.scheduler_info(n_workers=-1)["workers"].values()
        }
        self._peaks = {} if peaks is None else peaks
        self._quiet_since: float | None = None

    def at(self, place: StorePlace) -> Cluster:
        """The same workers for raw rows elsewhere; what is known of their memory is shared."""
        return Cluster(self._client, place, self._peaks)

    @property
    def bounds(self) -> Mapping[str, int]:
        """Memory each worker may hold [bytes], by its name."""
        return self._bounds

    @property
    def memory(self) -> tuple[WorkerMemory, ...]:
        """Memory of the workers that did something, by name."""
        return tuple(
            WorkerMemory(name, self._bounds.get(name, 0), peak) for name, peak in sorted(self._peaks.items())
        )

    def reduce(
        self, book: SiteBook, store: Store, partitions: Sequence[Partition], *, force: bool
    ) -> Iterator[PartitionOutcome]:
        """See ``indicators.reduction.service.Executor``.

        Only a few branches a worker are under way at a time, whatever the number of partitions.

        Raises
        ------
        LocalResourceError
            ``worker_killed``: a partition killed its worker again and again.
        UnreachableError
            ``no_workers``, ``scheduler_lost``.
        """
        # A task, not scattered data: were its holder lost, it would be made again.
        kept_book = self._client.submit(_itself, book, pure=False)
        expected = installation()
        waiting: deque[Any] = deque()
        limit = max(2, _BRANCHES_A_WORKER * len(self._bounds))
        for start in range(0, len(partitions), _BRANCH):
            leaves = [
                self._client.submit(
                    reduce_away,
                    kept_book,
                    self._place,
                    Assignment(one, _known(store, one), force),
                    expected,
                    pure=False,
                    retries=_RETRIES,
                )
                for one in partitions[start : start + _BRANCH]
            ]
            waiting.append(self._client.submit(together, leaves, pure=False, retries=_RETRIES))
            if len(waiting) >= limit:
                yield from self._settled(book, store, waiting.popleft())
        while waiting:
            yield from self._settled(book, store, waiting.popleft())

    def _settled(self, book: SiteBook, store: Store, branch: Any) -> Iterator[PartitionOutcome]:
        for part in self._result(branch):
            self._peaks[part.worker] = max(self._peaks.get(part.worker, 0), part.peak_bytes)
            yield keep(book, store, part.worked)

    def _result(self, branch: Any) -> list[Reduced]:
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        while True:
            try:
                found: list[Reduced] = branch.result(timeout=_LOOK_EVERY_S)
            except KilledWorker as trouble:
                raise LocalResourceError(
                    "a partition ended its worker again and again",
                    value=str(trouble.last_worker.address),
                    rule="a worker's memory must hold one day of one sensor",
                    remedy="give the workers more memory, or run without --scheduler",
                    code="worker_killed",
                ) from trouble
            except (CancelledError, OSError) as trouble:
                # A branch may be finished between the end of the waiting and this line.
                if isinstance(trouble, TimeoutError) and branch.status in ("pending", "finished"):
                    self._require_workers()
                    continue
                raise UnreachableError(
                    f"the cluster was lost: {trouble}",
                    remedy="start it again and repeat the command; what is done is kept",
                    code="scheduler_lost",
                ) from trouble
            else:
                self._quiet_since = None
                return found

    def _require_workers(self) -> None:
        """Wait for lost workers to come back, but not for ever."""
        if self._client.scheduler_info(n_workers=-1)["workers"]:
            self._quiet_since = None
            return
        now = time.monotonic()
        self._quiet_since = self._quiet_since or now
        if now - self._quiet_since > _NO_WORKER_S:
            raise UnreachableError(
                "the cluster has no worker",
                value=self._client.scheduler.address,
                remedy="start workers with `dask worker ADDRESS`; what is done is kept",
                code="no_workers",
            )


@contextmanager
def open_cluster(scheduler: str, place: StorePlace) -> Iterator[Cluster]:
    """Connect to a scheduler, or start workers on this machine.

    Parameters
    ----------
    scheduler : str
        ``local`` (a worker per core), ``local:N``, or the address of a Dask scheduler: ``tcp://host:8786``,
        ``tls://host:8786``.
    place : StorePlace
        Where workers find the raw rows.

    Raises
    ------
    UsageError
        ``scheduler_format``.
    MissingExtraError
        ``distributed`` is not installed.
    UnreachableError
        ``scheduler_unreachable``, ``no_workers``.
    """
    workers = _workers(scheduler)
    try:
        from distributed import Client, LocalCluster
    except ImportError as trouble:
        raise MissingExtraError("a cluster", "cluster") from trouble
    if workers is not None:
        with (
            LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=_local_bound_bytes(workers),
                dashboard_address="127.0.0.1:0",
                silence_logs="CRITICAL",
            ) as started,
            Client(started) as client,  # type: ignore[no-untyped-call]
        ):
            yield Cluster(client, place)
        return
    try:
        connected = Client(scheduler, timeout=_CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except OSError as trouble:
        raise UnreachableError(
            "the Dask scheduler does not answer",
            value=scheduler,
            remedy="start it with `dask scheduler`, or use --scheduler local",
            code="scheduler_unreachable",
        ) from trouble
    with connected as client:
        try:
            client.wait_for_workers(1, timeout=_CONNECT_S)
        except TimeoutError as trouble:
            raise UnreachableError(
                "the cluster has no worker",
                value=scheduler,
                remedy=f"start workers with `dask worker {scheduler}`",
                code="no_workers",
            ) from trouble
        yield Cluster(client, place)


def _workers(scheduler: str) -> int | None:
    """Workers to start here; ``None`` for a scheduler elsewhere."""
    name, _, number = scheduler.partition(":")
    if name == _LOCAL and (not number or (number.isdecimal() and int(number) > 0)):
        return int(number) if number else os.cpu_count() or 1
    if scheduler.startswith(_SCHEMES):
        return None
    raise UsageError(
        "this is no scheduler",
        value=scheduler,
        rule="local, local:N, or the address of a Dask scheduler",
        remedy="--scheduler local, or --scheduler tcp://host:8786",
        code="scheduler_format",
    )


def _local_bound_bytes(workers: int) -> int:
    import psutil

    return min(_LOCAL_BOUND_BYTES, int(psutil.virtual_memory().total * _LOCAL_SHARE / workers))


def _known(store: Store, partition: Partition) -> dict[Partition, Mapping[str, str]]:
    """What is known of a partition's summary and of those of the days beside it."""
    days = (partition.day + timedelta(days=step) for step in (-1, 0, 1))
    places = [Partition(partition.kind, partition.site, partition.sensor, day) for day in days]
    found = {place: store.summary_metadata(DATASET, place) for place in places}
    return {place: metadata for place, metadata in found.items() if metadata is not None}


def _itself(book: SiteBook) -> SiteBook:
    return book
