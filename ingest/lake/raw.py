"""Raw readings of a lake: immutable Parquet files, merged when read."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ingest.days import day_bounds_ns, day_of, day_starts
from ingest.lake import layout, parts
from ingest.lake.folder import Folder
from ingest.rows import Rows, SensorKey, answer, collect, merge
from ingest.store_protocol import Partition, ReadingQuery, WriteOutcome
from sensors.errors import StoreUnreachableError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LakeReadings", "compacted_name"]

_PART = re.compile(r"^part-(?P<writer>.+)-(?P<number>\d+)\.parquet$")
_COMPACTED = "compact"
_LIST_TRIES = 100
_T = TypeVar("_T")


class LakeReadings:
    """Raw rows in ``raw/kind=/site=/sensor=/date=<UTC>/part-<writer>-<number>.parquet``.

    A file never changes once it has its name, so any process reads while others write. The number is the
    time of writing [ns]; it settles ties between equal journal sequences. A compacted file stands for the
    files it was made from, takes the largest of their numbers and is read after them.
    """

    def __init__(self, folder: Folder, writer: str) -> None:
        self._folder = folder
        self._writer = f"{writer}_{secrets.token_hex(4)}"
        self._lock = threading.Lock()
        self._last_number = 0

    def write(self, batches: Sequence[ReadingBatch]) -> WriteOutcome:
        """One file a (sensor, UTC day), all of them durable when this returns."""
        merged, rejected = collect(batches)
        files: list[tuple[str, pa.Buffer | bytes]] = []
        for key, rows in sorted(merged.items()):
            number = self._next_number()
            for partition, within in _by_day(key, rows):
                name = f"part-{self._writer}-{number:020d}.parquet"
                files.append((f"{layout.raw_path(partition)}/{name}", parts.encode(within)))
        if files:
            self._folder.publish(files)
        return WriteOutcome(sum(map(len, batches)) - len(rejected), tuple(rejected))

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        """See ``ReadingStore.read_columns``."""
        found: list[Rows] = []
        for partition in self.days(query):
            rows = self.rows(partition, query.start_ns, query.end_ns, query.channels)
            if rows is not None and len(rows):
                found.append(rows)
        return answer(query, merge(found) if found else None)

    def rows(
        self,
        partition: Partition,
        start_ns: int | None = None,
        end_ns: int | None = None,
        channels: Sequence[str] | None = None,
    ) -> Rows | None:
        """Merged rows of one partition, or ``None`` when it holds no file."""
        path = layout.raw_path(partition)
        return self.stable(path, lambda names: self.load(path, names, start_ns, end_ns, channels))

    def load(
        self,
        path: str,
        names: Sequence[str],
        start_ns: int | None = None,
        end_ns: int | None = None,
        channels: Sequence[str] | None = None,
    ) -> Rows | None:
        """Merged rows of the files `names` of the folder `path`, or ``None`` when they hold none."""
        several = len(names) > 1
        found = []
        for name in names:
            with self._folder.open(f"{path}/{name}") as source:
                rows = parts.decode(source, start_ns, end_ns, channels, sequences=several)
            if rows is not None:
                found.append(rows)
        return merge(found) if found else None

    def stable(self, path: str, read: Callable[[Sequence[str]], _T]) -> _T:
        """Apply `read` to the files of `path`, again when a compaction replaced some meanwhile."""
        for _ in range(_LIST_TRIES):
            names = self.part_names(path)
            try:
                result = read(names)
            except FileNotFoundError:
                continue
            now = self.part_names(path)
            if set(names) <= set(now) and not any(map(is_compacted, set(now) - set(names))):
                return result
        raise StoreUnreachableError(
            "the files of the lake change too fast to be read", value=path, code="lake_restless"
        )

    def part_names(self, path: str) -> list[str]:
        """Files of `path` in the order in which they were written."""
        return sorted(filter(_PART.match, self._folder.files(path)), key=part_order)

    def partitions(
        self, site: str, first: date | None = None, last: date | None = None, kind: Kind | None = None
    ) -> list[Partition]:
        """See ``ReadingStore.partitions``."""
        return [
            partition
            for partition, path in layout.walk(self._folder, layout.RAW, site, first, last, kind)
            if self.part_names(path)
        ]

    def last_seen(self, site: str) -> Mapping[str, int]:
        """See ``ReadingStore.last_seen``; only footers of the newest day are read."""
        newest: dict[str, int] = {}
        days: dict[tuple[Kind, str], str] = {}
        for partition, path in layout.walk(self._folder, layout.RAW, site):
            if self.part_names(path):
                days[partition.kind, partition.sensor] = path
        for (_, sensor), path in days.items():
            times = self.stable(path, partial(self._newest, path))
            if times:
                newest[sensor] = max(newest.get(sensor, times[0]), *times)
        return newest

    def _newest(self, path: str, names: Sequence[str]) -> list[int]:
        found = []
        for name in names:
            with self._folder.open(f"{path}/{name}") as source:
                found.append(parts.newest_ns(source))
        return [one for one in found if one is not None]

    def _next_number(self) -> int:
        with self._lock:
            self._last_number = max(self._last_number + 1, time.time_ns())
            return self._last_number

    def days(self, query: ReadingQuery) -> Iterator[Partition]:
        """Partitions of the sensor that the query touches."""
        within = layout.sensor_path(query.kind, query.site, query.sensor)
        for name in sorted(self._folder.folders(within)):
            try:
                day = date.fromisoformat(name.removeprefix("date="))
            except ValueError:
                continue
            start, end = day_bounds_ns(day)
            if start < query.end_ns and query.start_ns < end:
                yield Partition(query.kind, query.site, query.sensor, day)


def part_order(name: str) -> tuple[int, bool, str]:
    """Sort key of a part's name: number, compacted ones last, writer."""
    found = _PART.match(name)
    assert found is not None
    return int(found["number"]), is_compacted(name), found["writer"]


def is_compacted(name: str) -> bool:
    """Whether a part was made from other parts."""
    return name.startswith(f"part-{_COMPACTED}_")


def compacted_name(names: Sequence[str]) -> str:
    """Name of a part that stands for `names`."""
    return (
        f"part-{_COMPACTED}_{secrets.token_hex(4)}-{max(part_order(name)[0] for name in names):020d}.parquet"
    )


def _by_day(key: SensorKey, rows: Rows) -> Iterator[tuple[Partition, Rows]]:
    """Split rows in time order at UTC midnights."""
    kind, site, sensor = key
    starts = [int(start) for start in day_starts(rows.times_ns)]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        day = day_of(int(rows.times_ns[start]))
        yield Partition(kind, site, sensor, day), rows.take(slice(start, end)) if len(starts) > 1 else rows
