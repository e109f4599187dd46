"""Work on whole partitions of a lake: compaction, deletion and fingerprints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ingest.days import day_bounds_ns
from ingest.fingerprint import content_fingerprint
from ingest.lake import layout, parts
from ingest.lake.folder import Folder
from ingest.lake.raw import LakeReadings, compacted_name
from ingest.rows import Rows, answer
from ingest.store_protocol import Partition, ReadingQuery

__all__ = ["LakeUpkeep"]

_FINGERPRINT = "_fingerprint.json"
_GROWING_FILES = 4


class LakeUpkeep:
    """Rewrites and removes files under a lock, so that nothing removed comes back from a compaction."""

    def __init__(self, folder: Folder, readings: LakeReadings) -> None:
        self._folder = folder
        self._readings = readings

    def compact(self, site: str) -> int:
        """Merge the files of each partition into one; the number of files removed.

        Only files seen at the start are merged and removed, the merged one stands before they go, and
        sequences are kept, so readers and other writers go on meanwhile. Of a day that still grows, only the
        newest files are merged, and a large older one waits until they are half its size: otherwise a day
        would be written anew at every compaction.
        """
        removed = 0
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        for partition, path in list(layout.walk(self._folder, layout.RAW, site)):
            choose = self._readings.part_names if partition.day < yesterday else self._newest
            if len(choose(path)) > 1:
                with self._folder.exclusive():
                    removed += self._compact_one(path, choose(path))
        return removed

    def _newest(self, path: str) -> list[str]:
        """Newest files of `path` worth merging: a run without gaps, so that ties keep their order."""
        sizes = self._folder.sizes(path)
        chosen: list[str] = []
        total = 0
        for name in reversed(self._readings.part_names(path)):
            size = sizes.get(name, 0)
            if len(chosen) > 1 and size > 2 * total:
                break
            chosen.append(name)
            total += size
        return chosen[::-1] if len(chosen) >= _GROWING_FILES else []

    def _compact_one(self, path: str, names: Sequence[str]) -> int:
        if len(names) < 2:
            return 0
        rows = self._readings.load(path, names)
        if rows is not None and len(rows):
            self._folder.publish([(f"{path}/{compacted_name(names)}", parts.encode(rows))])
        return self._remove(path, names)

    def delete(self, partition: Partition) -> int:
        """See ``ReadingStore.delete``."""
        path = layout.raw_path(partition)
        with self._folder.exclusive():
            rows = self._readings.rows(partition, channels=())
            names = self._readings.part_names(path)
            self._folder.remove(f"{path}/{_FINGERPRINT}")
            self._remove(path, names)
        return 0 if rows is None else len(rows)

    def delete_rows(self, query: ReadingQuery) -> int:
        """See ``ReadingStore.delete_rows``; files that hold other rows too are written anew without these."""
        count = 0
        for partition in list(self._readings.days(query)):
            start, end = day_bounds_ns(partition.day)
            if query.start_ns <= start and end <= query.end_ns:
                count += self.delete(partition)
                continue
            with self._folder.exclusive():
                count += self._delete_within(partition, query)
        return count

    def _delete_within(self, partition: Partition, query: ReadingQuery) -> int:
        path = layout.raw_path(partition)
        gone = self._readings.rows(partition, query.start_ns, query.end_ns, ())
        if gone is None or not len(gone):
            return 0
        names = self._readings.part_names(path)
        rows = self._readings.load(path, names)
        assert rows is not None
        kept = rows.take((rows.times_ns < query.start_ns) | (rows.times_ns >= query.end_ns))
        self._folder.remove(f"{path}/{_FINGERPRINT}")
        if len(kept):
            self._folder.publish([(f"{path}/{compacted_name(names)}", parts.encode(kept))])
        self._remove(path, names)
        return len(gone)

    def _remove(self, path: str, names: Sequence[str]) -> int:
        return sum(self._folder.remove(f"{path}/{name}") for name in names)

    def fingerprint(self, partition: Partition) -> str:
        """See ``ReadingStore.fingerprint``; kept beside the files it was computed from."""
        path = layout.raw_path(partition)
        names = self._readings.part_names(path)
        known = self._known_fingerprint(path, names)
        if known is not None:
            return known
        start, end = day_bounds_ns(partition.day)
        query = ReadingQuery(partition.site, partition.sensor, partition.kind, start, end)

        def compute(seen: Sequence[str]) -> tuple[str, list[str]]:
            rows: Rows | None = self._readings.load(path, seen) if seen else None
            return content_fingerprint(answer(query, rows)), list(seen)

        value, seen = self._readings.stable(path, compute)
        if seen:
            self._folder.keep(
                f"{path}/{_FINGERPRINT}", json.dumps({"files": seen, "fingerprint": value}).encode()
            )
        return value

    def _known_fingerprint(self, path: str, names: Sequence[str]) -> str | None:
        try:
            with self._folder.open(f"{path}/{_FINGERPRINT}") as source:
                kept = json.loads(source.read())
        except (FileNotFoundError, ValueError):
            return None
        return str(kept["fingerprint"]) if kept.get("files") == list(names) else None
