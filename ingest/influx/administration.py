"""What a server must be asked beyond reading and writing: databases, mappings and deletion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ingest.influx.address import InfluxAddress
from ingest.influx.client import InfluxClient
from ingest.influx.queries import FIRST_NS, LAST_NS, named, where
from sensors.errors import ConfigurationError

__all__ = ["prepare", "remove"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def prepare(client: InfluxClient, address: InfluxAddress) -> None:
    """Create the database of a 1.x, or the mapping by which InfluxQL reads a 2.x bucket; 3.x needs none."""
    if client.major == 1:
        client.query(f"CREATE DATABASE {named(address.database)}", change=True)
        return
    if client.major >= 3:
        return
    org = address.org or ""
    listed = client.get_json("/api/v2/buckets", [("name", address.database), ("org", org)])
    buckets = (listed or {}).get("buckets") or []
    if not buckets:
        raise ConfigurationError(
            "InfluxDB has no such bucket",
            value=address.database,
            remedy="create the bucket, or correct [store] url",
            code="store_not_found",
        )
    mapped = client.get_json("/api/v2/dbrps", [("db", address.database), ("org", org)])
    if (mapped or {}).get("content"):
        return
    client.post_json(
        "/api/v2/dbrps",
        {
            "bucketID": buckets[0]["id"],
            "database": address.database,
            "retention_policy": "autogen",
            "default": True,
            "org": org,
        },
    )


def remove(
    client: InfluxClient,
    address: InfluxAddress,
    measurement: str,
    site: str,
    sensor: str,
    start_ns: int,
    end_ns: int,
) -> None:
    """Remove the rows of one sensor within ``[start_ns, end_ns)``; on 1.x, from every retention policy."""
    if client.major == 1:
        condition = where(site, sensor, start_ns, end_ns)
        client.query(" ".join(("DELETE FROM", named(measurement), "WHERE", condition)), change=True)
        return
    predicate = (
        f"_measurement={_literal(measurement)} AND site={_literal(site)} AND sensor={_literal(sensor)}"
    )
    try:
        client.post_json(
            "/api/v2/delete",
            # The last nanosecond to remove: the server includes it.
            {
                "start": _rfc3339(max(start_ns, FIRST_NS)),
                "stop": _rfc3339(min(end_ns, LAST_NS) - 1),
                "predicate": predicate,
            },
            [("org", address.org or ""), ("bucket", address.database)],
        )
    except ConfigurationError as refused:
        if refused.code not in ("store_not_influxdb", "store_refused"):
            raise
        raise ConfigurationError(
            "this InfluxDB cannot delete rows",
            value=address.url,
            rule="deletion needs InfluxDB 1.x or 2.x",
            remedy="let the database's retention period remove them",
            code="store_cannot_delete",
        ) from refused


def _literal(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def _rfc3339(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 10**9)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
