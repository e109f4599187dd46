"""Chooses the store that a URL names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sensors.errors import ConfigurationError

if TYPE_CHECKING:
    from ingest.store_protocol import Store

__all__ = ["build_store"]

_LAKE = "lake:"
_DEFAULT_SUMMARIES = "lake:./lake"


def build_store(
    url: str,
    *,
    summaries_url: str | None = None,
    token: str | None = None,
    base: Path | str | None = None,
    writer: str | None = None,
) -> Store:
    """Open the store of `url`; see ``ingest.store.open_store``.

    Parameters
    ----------
    url : str
        ``lake:PATH``, ``lake:s3://…``, ``influxdb://host:port/DB[/RP]`` or
        ``influxdb[+https]://host:port/BUCKET?org=…``.
    summaries_url : str, optional
        Lake that keeps the summaries of an InfluxDB store; default ``lake:./lake``. A lake keeps its own.
    token : str, optional
        Token or ``user:password`` of InfluxDB.
    base : path, optional
        Folder that relative lake paths refer to; default the current one.
    writer : str, optional
        Name of the writing process; it appears in the names of the lake's files.
    """
    folder = None if base is None else Path(base)
    if summaries_url is not None and not summaries_url.startswith(_LAKE):
        raise ConfigurationError(
            "summaries live in a lake",
            value=summaries_url.partition(":")[0],
            rule=_LAKE + "PATH",
            remedy="correct [store] summaries in the site file",
            code="store_url",
        )
    if url.startswith(_LAKE):
        from ingest.lake.store import open_lake

        return open_lake(url, base=folder, writer=writer)
    if url.startswith("influxdb"):
        from ingest.influx.address import parse_address
        from ingest.influx.store import InfluxStore
        from ingest.lake.store import open_lake

        address = parse_address(url, token)
        return InfluxStore(
            address, open_lake(summaries_url or _DEFAULT_SUMMARIES, base=folder, writer=writer)
        )
    raise ConfigurationError(
        "the store's URL names no known store",
        value=url.partition(":")[0],
        rule="lake:PATH or influxdb[+https]://host:port/NAME",
        remedy="correct [store] url in the site file",
        code="store_url",
    )
