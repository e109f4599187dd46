"""The door to every store: the protocol that all keep, and what opens the one that a URL names."""

from __future__ import annotations

from typing import Any

from ingest.store_protocol import (
    MINUTE_MARKS,
    RAW_PURGED,
    Partition,
    ReadingQuery,
    ReadingStore,
    RejectedRow,
    Store,
    SummaryStore,
    WriteOutcome,
)

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
    "open_store",
]


def open_store(url: str, *, summaries_url: str | None = None, **options: Any) -> Store:
    """Open the store of `url` (``lake:PATH`` or ``influxdb[+https]://…``).

    Parameters
    ----------
    url, summaries_url : str
        Store URL and, for InfluxDB, the companion lake that keeps the summaries.
    **options
        ``token`` (secret), ``base`` (folder that relative lake paths refer to), ``writer`` (name that keeps
        several ingest processes from writing the same file).

    Raises
    ------
    ConfigurationError
        The URL names no known store.
    """
    from ingest.stores import build_store

    return build_store(url, summaries_url=summaries_url, **options)
