"""Where things lie in a lake: Hive-style folders that other tools read as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Protocol
from urllib.parse import quote, unquote

from ingest.store_protocol import Partition
from sensors.quantities import Kind

__all__ = [
    "RAW",
    "partition_path",
    "raw_path",
    "rollup_folder",
    "rollup_path",
    "sensor_path",
    "sensors_in",
    "summary_path",
    "walk",
]

RAW = "raw"
_SUMMARIES = "summaries"
_ROLLUPS = "rollups"


class Lister(Protocol):
    """Names the folders directly within a path."""

    def folders(self, path: str) -> Sequence[str]:
        """Names of the folders directly within `path`."""


def partition_path(partition: Partition) -> str:
    """Folder of `partition`, relative to its dataset; ids are percent-encoded as Hive readers expect."""
    sensor = (
        f"kind={partition.kind.value}/site={_encoded(partition.site)}/sensor={_encoded(partition.sensor)}"
    )
    return f"{sensor}/date={partition.day.isoformat()}"


def raw_path(partition: Partition) -> str:
    """Folder of the raw rows of `partition`."""
    return f"{RAW}/{partition_path(partition)}"


def sensor_path(kind: Kind, site: str, sensor: str) -> str:
    """Folder of all days of raw rows of one sensor."""
    return f"{RAW}/kind={kind.value}/site={_encoded(site)}/sensor={_encoded(sensor)}"


def summary_path(dataset: str, partition: Partition | None = None) -> str:
    """Folder of a summary dataset, or of one partition of it."""
    top = f"{_SUMMARIES}/{_encoded(dataset)}"
    return top if partition is None else f"{top}/{partition_path(partition)}"


def rollup_folder(measurement: str) -> str:
    """Folder of all published periods of `measurement`."""
    return f"{_ROLLUPS}/{_encoded(measurement)}"


def rollup_path(measurement: str, name: str) -> str:
    """File of one published period of `measurement`."""
    return f"{rollup_folder(measurement)}/{_encoded(name)}.parquet"


def sensors_in(
    folder: Lister, top: str, site: str, kind: Kind | None = None
) -> Iterator[tuple[Kind, str, str]]:
    """Each (kind, sensor, folder) of `site` within the dataset folder `top`, sorted."""
    for one in sorted(Kind if kind is None else [kind]):
        within = f"{top}/kind={one.value}/site={_encoded(site)}"
        for name in sorted(folder.folders(within)):
            key, _, value = name.partition("=")
            if key == "sensor":
                yield one, unquote(value), f"{within}/{name}"


def walk(
    folder: Lister,
    top: str,
    site: str,
    first: date | None = None,
    last: date | None = None,
    kind: Kind | None = None,
) -> Iterator[tuple[Partition, str]]:
    """Each partition of `site` below the dataset folder `top` and its folder, sorted; both dates included."""
    for one, sensor, within in sensors_in(folder, top, site, kind):
        for day, name in sorted(_days(folder.folders(within))):
            if (first is None or first <= day) and (last is None or day <= last):
                yield Partition(one, site, sensor, day), f"{within}/{name}"


def _days(names: Sequence[str]) -> Iterator[tuple[date, str]]:
    for name in names:
        key, _, value = name.partition("=")
        if key != "date":
            continue
        try:
            yield date.fromisoformat(value), name
        except ValueError:
            continue


def _encoded(value: str) -> str:
    return quote(value, safe="")
