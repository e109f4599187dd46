"""The embedded store: a folder of Parquet files that any process and any tool can read."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.lake.folder import Folder
from ingest.lake.local_folder import LocalFolder
from ingest.lake.raw import LakeReadings
from ingest.lake.remote_folder import RemoteFolder
from ingest.lake.summaries import LakeSummaries
from ingest.lake.upkeep import LakeUpkeep
from ingest.rows import to_frame
from ingest.store_protocol import Partition, ReadingQuery, WriteOutcome
from sensors.errors import ConfigurationError, StoreUnreachableError
from sensors.quantities import Kind
from sensors.readings import ReadingBatch

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LakeStore", "open_lake"]

_SCHEME = "lake:"
_REMOTE = re.compile(r"^[a-z][a-z0-9+.-]+://")


def open_lake(url: str, *, base: Path | None = None, writer: str | None = None) -> LakeStore:
    """Open ``lake:PATH`` (relative to `base`) or ``lake:s3://…`` and other pyarrow file systems."""
    place = url.removeprefix(_SCHEME)
    if not place:
        raise ConfigurationError(
            "the lake's URL names no folder", value=url, remedy="lake:PATH", code="store_url"
        )
    name = re.sub(r"[^A-Za-z0-9_]", "_", writer or f"{socket.gethostname()}_{os.getpid()}")
    if _REMOTE.match(place):
        return LakeStore(_remote(place), name)
    return LakeStore(LocalFolder(Path(base or Path.cwd()) / Path(place).expanduser(), name), name)


class LakeStore(LakeSummaries):
    """Raw rows and summaries below one folder; see ``ingest.store`` for the protocol."""

    def __init__(self, folder: Folder, writer: str) -> None:
        super().__init__(folder)
        self._readings = LakeReadings(folder, writer)
        self._upkeep = LakeUpkeep(folder, self._readings)

    @property
    def url(self) -> str:
        """Store URL; a lake has no secret."""
        return f"{_SCHEME}{self._folder.url}"

    def check(self) -> None:
        """See ``ReadingStore.check``."""
        self._folder.check()

    def write(self, batches: Sequence[ReadingBatch]) -> WriteOutcome:
        """See ``ReadingStore.write``."""
        return self._readings.write(batches)

    def read_columns(self, query: ReadingQuery) -> ReadingBatch:
        """See ``ReadingStore.read_columns``."""
        return self._readings.read_columns(query)

    def read(self, query: ReadingQuery) -> pd.DataFrame:
        """See ``ReadingStore.read``."""
        return to_frame(self.read_columns(query))

    def partitions(
        self, site: str, first: date | None = None, last: date | None = None, kind: Kind | None = None
    ) -> list[Partition]:
        """See ``ReadingStore.partitions``."""
        return self._readings.partitions(site, first, last, kind)

    def fingerprint(self, partition: Partition) -> str:
        """See ``ReadingStore.fingerprint``."""
        return self._upkeep.fingerprint(partition)

    def last_seen(self, site: str) -> Mapping[str, int]:
        """See ``ReadingStore.last_seen``."""
        return self._readings.last_seen(site)

    def delete(self, partition: Partition) -> int:
        """See ``ReadingStore.delete``."""
        return self._upkeep.delete(partition)

    def delete_rows(self, query: ReadingQuery) -> int:
        """See ``ReadingStore.delete_rows``."""
        return self._upkeep.delete_rows(query)

    def compact(self, site: str) -> int:
        """See ``ReadingStore.compact``."""
        return self._upkeep.compact(site)

    def close(self) -> None:
        """See ``ReadingStore.close``."""
        self._folder.close()


def _remote(place: str) -> RemoteFolder:
    from pyarrow import ArrowException
    from pyarrow.fs import FileSystem

    if "@" in place.partition("://")[2].partition("/")[0]:
        raise ConfigurationError(
            "a secret stands in the lake's URL",
            rule="secrets come from the environment",
            remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and name the bucket only",
            code="store_secret_in_url",
        )
    try:
        filesystem, root = FileSystem.from_uri(place)
    except OSError as trouble:
        raise StoreUnreachableError(
            f"the lake does not answer: {trouble}", value=place, code="store_unreachable"
        ) from trouble
    except (ArrowException, ValueError) as trouble:
        raise ConfigurationError(
            f"the lake's URL is not understood: {trouble}", value=place, code="store_url"
        ) from trouble
    return RemoteFolder(filesystem, root, place)
