"""A lake's files behind a pyarrow file system, such as an object store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ingest.lake.lease import Lease
from sensors.errors import ConfigurationError, StoreUnreachableError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RemoteFolder"]

_CLAIMS = ".lease"


class RemoteFolder:
    """A place behind a pyarrow file system, such as an object store: a finished upload appears whole."""

    def __init__(self, filesystem: Any, root: str, url: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")
        self._url = url
        self._lease = Lease(filesystem, f"{self._root}/{_CLAIMS}")

    @property
    def url(self) -> str:
        """URL as given."""
        return self._url

    def check(self) -> None:
        """See `ingest.lake.folder.Folder.check`."""
        from pyarrow.fs import FileType

        bucket = self._root.partition("/")[0]
        with self._reaching():
            found = self._filesystem.get_file_info(bucket or self._root)
        # Other file systems make missing folders; a bucket is made by its owner.
        if self._filesystem.type_name == "s3" and found.type is FileType.NotFound:
            raise ConfigurationError(
                "the bucket of the lake does not exist",
                value=bucket,
                remedy="create it, or correct [store] url in the site file",
                code="store_not_found",
            )

    def files(self, path: str) -> list[str]:
        """See `ingest.lake.folder.Folder.files`."""
        return [info.base_name for info in self._entries(path) if info.is_file]

    def sizes(self, path: str) -> dict[str, int]:
        """See `ingest.lake.folder.Folder.sizes`."""
        return {info.base_name: info.size for info in self._entries(path) if info.is_file}

    def states(self, path: str) -> dict[str, str]:
        """See `ingest.lake.folder.Folder.states`."""
        return {
            info.base_name: f"{info.size}-{info.mtime_ns}" for info in self._entries(path) if info.is_file
        }

    def folders(self, path: str) -> list[str]:
        """See `ingest.lake.folder.Folder.folders`."""
        from pyarrow.fs import FileType

        return [info.base_name for info in self._entries(path) if info.type is FileType.Directory]

    def open(self, path: str) -> Any:
        """See `ingest.lake.folder.Folder.open`."""
        return self._filesystem.open_input_file(f"{self._root}/{path}")

    def publish(self, files: Sequence[tuple[str, pa.Buffer | bytes]]) -> None:
        """See `ingest.lake.folder.Folder.publish`."""
        with self._reaching():
            for path, content in files:
                self._lease.require()
                target = f"{self._root}/{path}"
                self._filesystem.create_dir(target.rpartition("/")[0], recursive=True)
                with self._filesystem.open_output_stream(target) as stream:
                    stream.write(content)

    def keep(self, path: str, content: bytes) -> None:
        """See `ingest.lake.folder.Folder.keep`."""
        with contextlib.suppress(OSError, StoreUnreachableError):
            self.publish([(path, content)])

    def remove(self, path: str) -> bool:
        """See `ingest.lake.folder.Folder.remove`."""
        self._lease.require()
        try:
            self._filesystem.delete_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """See `ingest.lake.folder.Folder.exclusive`; other machines are held off by `ingest.lake.lease`."""
        with contextlib.ExitStack() as stack:
            with self._reaching():
                stack.enter_context(self._lease.held())
            yield

    def close(self) -> None:
        """Nothing is held."""

    def _entries(self, path: str) -> list[Any]:
        from pyarrow.fs import FileSelector

        with self._reaching():
            found = self._filesystem.get_file_info(
                FileSelector(f"{self._root}/{path}", allow_not_found=True, recursive=False)
            )
        return [info for info in found if not info.base_name.startswith(".")]

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except OSError as trouble:
            raise StoreUnreachableError(
                f"the lake does not answer: {trouble}", value=self._url, code="store_unreachable"
            ) from trouble
