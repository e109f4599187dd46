"""What every store can do: one protocol, one contract test, two implementations behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

from sensors.quantities import Kind
from sensors.readings import ReadingBatch

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "MINUTE_MARKS",
    "RAW_PURGED",
    "Partition",
    "ReadingQuery",
    "ReadingStore",
    "RejectedRow",
    "Store",
    "SummaryStore",
    "WriteOutcome",
]

RAW_PURGED = "raw_purged"
"""Key in a summary's metadata: the UTC date on which its raw rows were removed. It is then never remade."""

MINUTE_MARKS = "minute_rows"
"""Key in a summary's metadata: a short hash of the raw rows of each minute; it goes when they do."""


@dataclass(frozen=True, slots=True)
class ReadingQuery:
    """Which raw rows: one sensor, ``[start_ns, end_ns)`` UTC, all its channels unless named."""

    site: str
    sensor: str
    kind: Kind
    start_ns: int
    end_ns: int
    channels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One sensor on one UTC day: the unit of reduction, caching, purging and scale-out."""

    kind: Kind
    site: str
    sensor: str
    day: date


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row the store refuses for good, with its reason; it goes to quarantine."""

    sensor: str
    time_ns: int
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """Rows durably stored by one write, and rows refused for good."""

    rows: int
    rejected: tuple[RejectedRow, ...] = ()


class ReadingStore(Protocol):
    """Raw readings, keyed (site, sensor, time); writing the same rows again changes nothing."""

    @property
    def url(self) -> str:
        """Store URL without any secret."""

    def check(self) -> None:
        """Raise ``StoreUnreachableError`` or ``ConfigurationError`` when the store cannot work."""

    def write(self, batches: Sequence[ReadingBatch]) -> WriteOutcome:
        """Make `batches` durable before returning. Later sequences win over earlier ones."""

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        """Rows in time order, one per timestamp, channels coalesced, float64."""

    def read(self, query: ReadingQuery) -> pd.DataFrame:
        """As `read_columns`, with a UTC ``DatetimeIndex`` and units in ``attrs``."""

    def partitions(
        self, site: str, first: date | None = None, last: date | None = None, kind: Kind | None = None
    ) -> list[Partition]:
        """Partitions that hold raw rows, sorted; both dates are included."""

    def fingerprint(self, partition: Partition) -> str:
        """Changes when the rows of the partition change; stable under compaction and re-writing."""

    def last_seen(self, site: str) -> Mapping[str, int]:
        """Newest row time [ns] of each sensor."""

    def delete(self, partition: Partition) -> int:
        """Really remove the raw rows of a partition; the number removed."""

    def delete_rows(self, query: ReadingQuery) -> int:
        """Really remove the raw rows of a sensor within ``[start_ns, end_ns)``; the number removed."""

    def compact(self, site: str) -> int:
        """Merge small files and remove duplicates where the store needs it; files removed."""

    def close(self) -> None:
        """Release connections and files."""


class SummaryStore(Protocol):
    """Derived tables kept beside the raw rows, one Arrow table a (dataset, partition), replaced whole."""

    def write_summary(
        self, dataset: str, partition: Partition, table: pa.Table, metadata: Mapping[str, str]
    ) -> None:
        """Replace the table of this partition atomically, with its metadata (version, fingerprint …)."""

    def read_summary(
        self, dataset: str, partition: Partition, columns: Sequence[str] | None = None
    ) -> pa.Table | None:
        """Table of the partition, or ``None`` when there is none."""

    def summary_metadata(self, dataset: str, partition: Partition) -> Mapping[str, str] | None:
        """Metadata of the partition's table without reading it, or ``None``."""

    def summary_partitions(
        self,
        dataset: str,
        site: str,
        first: date | None = None,
        last: date | None = None,
        kind: Kind | None = None,
    ) -> list[Partition]:
        """Partitions that have a table in `dataset`, sorted."""

    def summary_states(
        self,
        dataset: str,
        site: str,
        first: date | None = None,
        last: date | None = None,
        kind: Kind | None = None,
    ) -> Mapping[Partition, str]:
        """Partitions that have a table, each with a text that changes whenever the table is replaced.

        As `summary_partitions`, and as cheap: nothing is opened. The texts of two stores say nothing about
        each other.
        """

    def delete_summary(self, dataset: str, partition: Partition) -> bool:
        """Remove the table; whether there was one."""


class Store(ReadingStore, SummaryStore, Protocol):
    """A complete store: raw rows and summaries (for InfluxDB the summaries live in a companion lake)."""
