"""What a server must be asked beyond reading and writing: databases, mappings and deletion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.influx.address import InfluxAddress
from ingest.influx.client import InfluxClient
from ingest.influx.queries import FIRST_NS, LAST_NS, named, where
from sensors.errors import ConfigurationError

__all__ = ["confirm_mapping", "prepare", "remove"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def prepare(client: InfluxClient, address: InfluxAddress) -> None:
    """Create the database of a 1.x, or the mapping by which InfluxQL reads a 2.x bucket; 3.x needs none."""
    if client.major == 1:
        client.query(f"CREATE DATABASE {named(address.database)}", change=True)
        return
    if client.major >= 3:
        return
    bucket = _bucket_id(client, address)
    if bucket is None:
        raise ConfigurationError(
            "InfluxDB has no such bucket",
            value=address.database,
            remedy="create the bucket, correct [store] url, or give the token the right to read the bucket",
            code="store_not_found",
        )
    if _mappings(client, address):
        confirm_mapping(client, address)
        return
    client.post_json(
        "/api/v2/dbrps",
        {
            "bucketID": bucket,
            "database": address.database,
            "retention_policy": "autogen",
            "default": True,
            "org": address.org or "",
        },
    )


def confirm_mapping(client: InfluxClient, address: InfluxAddress) -> None:
    """See that InfluxQL reads the bucket that is written to; only a 2.x can have them apart.

    Its mappings choose the bucket for reading by the database's name; an older one may lead elsewhere, and
    what is stored would then never be seen.

    Raises
    ------
    ConfigurationError
        The database's default mapping leads to another bucket.
    """
    if client.major != 2:
        return
    bucket = _bucket_id(client, address)
    ours = [one for one in _mappings(client, address) if one.get("bucketID") == bucket]
    if bucket is None or not ours or any(one.get("default") for one in ours):
        return
    raise ConfigurationError(
        "InfluxDB reads another bucket under this name",
        value=address.database,
        rule="the default DBRP mapping of the name must lead to the bucket of the same name",
        remedy="delete the other mapping (influx v1 dbrp list, influx v1 dbrp delete), or use another bucket",
        code="store_mapped_elsewhere",
    )


def _bucket_id(client: InfluxClient, address: InfluxAddress) -> str | None:
    answer = client.get_json("/api/v2/buckets", [("name", address.database), ("org", address.org or "")])
    buckets = (answer or {}).get("buckets") or []
    return str(buckets[0]["id"]) if buckets else None


def _mappings(client: InfluxClient, address: InfluxAddress) -> list[dict[str, Any]]:
    answer = client.get_json("/api/v2/dbrps", [("db", address.database), ("org", address.org or "")])
    return list((answer or {}).get("content") or [])


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
