"""Raw readings in InfluxDB, summaries in a companion lake."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from ingest.days import day_bounds_ns, day_of, day_starts
from ingest.fingerprint import content_fingerprint
from ingest.influx import administration, queries
from ingest.influx.address import InfluxAddress
from ingest.influx.client import InfluxClient
from ingest.influx.lines import blocks
from ingest.influx.revisions import Revisions
from ingest.influx.rollups import rollup_values, write_rollups
from ingest.influx.sending import send
from ingest.lake.store import LakeStore
from ingest.rows import answer, collect, to_frame
from ingest.store_protocol import Partition, ReadingQuery, WriteOutcome
from sensors.errors import ConfigurationError, LocalResourceError, StoreUnreachableError, VigiposteError
from sensors.quantities import KINDS, Kind
from sensors.readings import ReadingBatch

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["InfluxStore"]

_FINGERPRINTS = "fingerprints"


class InfluxStore:
    """See ``ingest.store`` for the protocol.

    Measurement = kind, tags ``site`` and ``sensor``, fields = channels (floats) and ``flags`` when there are
    any, time in ns. Journal sequences are not kept: of two writes the last one wins, as journal order has it.

    Parameters
    ----------
    address : InfluxAddress
        Server, database and secret.
    summaries : LakeStore
        Where summaries (and remembered fingerprints) live.
    """

    def __init__(self, address: InfluxAddress, summaries: LakeStore) -> None:
        self._address = address
        self._client = InfluxClient(address)
        self._summaries = summaries
        self._revisions = Revisions(self._client)

    @property
    def url(self) -> str:
        """Store URL without any secret."""
        return self._address.url

    def check(self) -> None:
        """See ``ReadingStore.check``; a missing 1.x database or 2.x mapping is created."""
        condition = queries.where("", None, 0, 1)
        try:
            self._client.query(queries.select("*", Kind.NOISE.value, condition, "LIMIT 1"))
        except ConfigurationError as trouble:
            creatable = trouble.code == "store_not_found" and self._address.policy is None
            if not creatable or self._client.major > 2:
                raise
            self.prepare()
        administration.confirm_mapping(self._client, self._address)

    def prepare(self) -> None:
        """Create what the store needs: the database of a 1.x, the DBRP mapping of a 2.x bucket."""
        administration.prepare(self._client, self._address)

    def write(self, batches: Sequence[ReadingBatch]) -> WriteOutcome:
        """See ``ReadingStore.write``."""
        merged, refused = collect(batches)
        rejected = list(refused)
        if merged:
            touched = [
                Partition(*key, day_of(int(rows.times_ns[start])))
                for key, rows in merged.items()
                for start in day_starts(rows.times_ns)
            ]
            try:
                rejected += send(
                    self._client, (one for key in sorted(merged) for one in blocks(key, merged[key]))
                )
            except ConfigurationError:
                # Some of the rows may be stored: what was remembered of these partitions is no longer true.
                # (When the server is unreachable, the same rows come again.)
                with contextlib.suppress(VigiposteError):
                    self._revisions.advance(touched)
                raise
            self._revisions.advance(touched)
        return WriteOutcome(sum(map(len, batches)) - len(rejected), tuple(rejected))

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        """See ``ReadingStore.read_columns``."""
        return answer(query, queries.read_rows(self._client, query))

    def read(self, query: ReadingQuery) -> pd.DataFrame:
        """See ``ReadingStore.read``."""
        return to_frame(self.read_columns(query))

    def partitions(
        self, site: str, first: date | None = None, last: date | None = None, kind: Kind | None = None
    ) -> list[Partition]:
        """See ``ReadingStore.partitions``."""
        found: list[Partition] = []
        for one in KINDS if kind is None else (kind,):
            extent = queries.bounds(self._client, one, site)
            if extent is None:
                continue
            oldest, newest = map(day_of, extent)
            start = oldest if first is None else max(first, oldest)
            end = newest if last is None else min(last, newest)
            found += queries.days_with_rows(self._client, one, site, start, end)
        return sorted(found)

    def fingerprint(self, partition: Partition) -> str:
        """See ``ReadingStore.fingerprint``; computed from the rows, remembered beside the summaries."""
        revision = f"{self.url} {self._revisions.of(partition)}"
        known = self._summaries.summary_metadata(_FINGERPRINTS, partition)
        if known is not None and known["revision"] == revision:
            return known["fingerprint"]
        start, end = day_bounds_ns(partition.day)
        query = ReadingQuery(partition.site, partition.sensor, partition.kind, start, end)
        value = content_fingerprint(self.read_columns(query))
        with contextlib.suppress(LocalResourceError):
            self._summaries.write_summary(
                _FINGERPRINTS, partition, _nothing(), {"revision": revision, "fingerprint": value}
            )
        return value

    def last_seen(self, site: str) -> Mapping[str, int]:
        """See ``ReadingStore.last_seen``."""
        newest: dict[str, int] = {}
        for kind in KINDS:
            for sensor, time_ns in queries.newest_by_sensor(self._client, kind, site).items():
                newest[sensor] = max(newest.get(sensor, time_ns), time_ns)
        return newest

    def delete(self, partition: Partition) -> int:
        """See ``ReadingStore.delete``."""
        start, end = day_bounds_ns(partition.day)
        return self.delete_rows(ReadingQuery(partition.site, partition.sensor, partition.kind, start, end))

    def delete_rows(self, query: ReadingQuery) -> int:
        """See ``ReadingStore.delete_rows``."""
        rows = queries.read_rows(self._client, replace(query, channels=None))
        if rows is None or not len(rows):
            return 0
        span = (query.start_ns, query.end_ns)
        administration.remove(self._client, self._address, query.kind.value, query.site, query.sensor, *span)
        touched = [
            Partition(query.kind, query.site, query.sensor, day_of(int(rows.times_ns[start])))
            for start in day_starts(rows.times_ns)
        ]
        self._revisions.advance(touched)
        for partition in touched:
            self._summaries.delete_summary(_FINGERPRINTS, partition)
        left = queries.read_rows(self._client, replace(query, channels=None))
        if left is not None and len(left):
            raise StoreUnreachableError(
                "InfluxDB still holds rows that it was told to delete",
                value=len(left),
                remedy="delete again; look at the server's log",
                code="store_kept_rows",
            )
        return len(rows)

    def compact(self, site: str) -> int:  # noqa: ARG002 - the protocol's argument
        """Nothing to do: the server compacts by itself."""
        return 0

    def close(self) -> None:
        """See ``ReadingStore.close``."""
        self._client.close()
        self._summaries.close()

    def write_summary(
        self, dataset: str, partition: Partition, table: pa.Table, metadata: Mapping[str, str]
    ) -> None:
        """See ``SummaryStore.write_summary``."""
        self._summaries.write_summary(dataset, partition, table, metadata)

    def read_summary(
        self, dataset: str, partition: Partition, columns: Sequence[str] | None = None
    ) -> pa.Table | None:
        """See ``SummaryStore.read_summary``."""
        return self._summaries.read_summary(dataset, partition, columns)

    def summary_metadata(self, dataset: str, partition: Partition) -> Mapping[str, str] | None:
        """See ``SummaryStore.summary_metadata``."""
        return self._summaries.summary_metadata(dataset, partition)

    def summary_partitions(
        self,
        dataset: str,
        site: str,
        first: date | None = None,
        last: date | None = None,
        kind: Kind | None = None,
    ) -> list[Partition]:
        """See ``SummaryStore.summary_partitions``."""
        return self._summaries.summary_partitions(dataset, site, first, last, kind)

    def summary_states(
        self,
        dataset: str,
        site: str,
        first: date | None = None,
        last: date | None = None,
        kind: Kind | None = None,
    ) -> Mapping[Partition, str]:
        """See ``SummaryStore.summary_states``."""
        return self._summaries.summary_states(dataset, site, first, last, kind)

    def delete_summary(self, dataset: str, partition: Partition) -> bool:
        """See ``SummaryStore.delete_summary``."""
        return self._summaries.delete_summary(dataset, partition)

    def write_rollups(self, measurement: str, table: pa.Table, tags: Sequence[str], name: str) -> int:  # noqa: ARG002 - a lake's file name
        """Store a small table as `measurement` with `tags`; the rows written."""
        self.check()
        return write_rollups(self._client, measurement, table, tags)

    def rollup_values(self, measurement: str, field: str, always: str) -> frozenset[str]:
        """Values of a text field in all rows of `measurement`; empty text for rows without it."""
        self.check()
        return rollup_values(self._client, measurement, field, always)


def _nothing() -> pa.Table:
    import pyarrow as pa

    return pa.table({"nothing": pa.array([], pa.bool_())})
