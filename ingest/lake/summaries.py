"""Derived tables of a lake: one Parquet file a (dataset, partition), replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.lake import layout
from ingest.lake.folder import Folder
from ingest.store import Partition
from sensors.quantities import Kind

__all__ = ["LakeSummaries"]

_FILE = "table.parquet"
_METADATA_KEY = b"vigiposte.metadata"


class LakeSummaries:
    """See ``SummaryStore``; the metadata stand in the file's footer, readable without the data."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def write_summary(
        self, dataset: str, partition: Partition, table: pa.Table, metadata: Mapping[str, str]
    ) -> None:
        """Replace the table of this partition atomically."""
        kept = dict(table.schema.metadata or {})
        kept[_METADATA_KEY] = json.dumps(dict(metadata), sort_keys=True, ensure_ascii=False).encode()
        sink = pa.BufferOutputStream()
        # Summaries are many small columns, read often: snappy opens them in half of zstd's time for a fifth
        # more bytes. Without "compliant" names, list columns come back with the very type they had.
        pq.write_table(
            table.replace_schema_metadata(kept), sink, compression="snappy", use_compliant_nested_type=False
        )
        self._folder.publish([(_path(dataset, partition), sink.getvalue())])

    def read_summary(
        self, dataset: str, partition: Partition, columns: Sequence[str] | None = None
    ) -> pa.Table | None:
        """Table of the partition, or ``None`` when there is none."""
        try:
            with self._folder.open(_path(dataset, partition)) as source, pq.ParquetFile(source) as file:
                table = file.read(columns=None if columns is None else list(columns), use_threads=False)
        except FileNotFoundError:
            return None
        if columns is not None:
            table = table.select(list(columns))
        kept = {key: value for key, value in (table.schema.metadata or {}).items() if key != _METADATA_KEY}
        return table.replace_schema_metadata(kept or None)

    def summary_metadata(self, dataset: str, partition: Partition) -> Mapping[str, str] | None:
        """Metadata of the partition's table without reading it, or ``None``."""
        try:
            with self._folder.open(_path(dataset, partition)) as source, pq.ParquetFile(source) as file:
                found = (file.metadata.metadata or {}).get(_METADATA_KEY)
        except FileNotFoundError:
            return None
        return {str(key): str(value) for key, value in json.loads(found or b"{}").items()}

    def summary_partitions(
        self,
        dataset: str,
        site: str,
        first: date | None = None,
        last: date | None = None,
        kind: Kind | None = None,
    ) -> list[Partition]:
        """Partitions that have a table in `dataset`, sorted."""
        return [
            partition
            for partition, path in layout.walk(
                self._folder, layout.summary_path(dataset), site, first, last, kind
            )
            if _FILE in self._folder.files(path)
        ]

    def summary_states(
        self,
        dataset: str,
        site: str,
        first: date | None = None,
        last: date | None = None,
        kind: Kind | None = None,
    ) -> Mapping[Partition, str]:
        """See ``SummaryStore.summary_states``; from the folder entries alone."""
        found: dict[Partition, str] = {}
        top = layout.summary_path(dataset)
        for partition, path in layout.walk(self._folder, top, site, first, last, kind):
            state = self._folder.states(path).get(_FILE)
            if state is not None:
                found[partition] = state
        return found

    def delete_summary(self, dataset: str, partition: Partition) -> bool:
        """Remove the table; whether there was one."""
        return self._folder.remove(_path(dataset, partition))

    def write_rollups(self, measurement: str, table: pa.Table, tags: Sequence[str], name: str) -> int:
        """Replace the file `name` of the dataset ``rollups`` by a small table; the rows written."""
        ordered = table.sort_by([(column, "ascending") for column in ("time", *tags)])
        sink = pa.BufferOutputStream()
        pq.write_table(ordered, sink, compression="zstd")
        self._folder.publish([(layout.rollup_path(measurement, name), sink.getvalue())])
        return int(table.num_rows)


def _path(dataset: str, partition: Partition) -> str:
    return f"{layout.summary_path(dataset, partition)}/{_FILE}"
