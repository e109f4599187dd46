"""A lake's files on this machine: published whole or not at all, and durable."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.lake.locking import FileLock
from sensors.errors import ConfigurationError, LocalResourceError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LocalFolder"]

_TEMPORARY = ".tmp"
_REPLACE_TRIES = 50
_REPLACE_PAUSE_S = 0.02


class LocalFolder:
    """A folder of this machine.

    Files are written below ``.tmp/<writer>/``, flushed to disk, then renamed into place, and the folder
    entry is flushed too. What a killed process left below ``.tmp`` is removed by the next writer: each writer
    holds a lock there while it lives.
    """

    def __init__(self, root: Path, writer: str) -> None:
        self.root = root
        self._name = f"{writer}_{secrets.token_hex(4)}"
        self._held: FileLock | None = None
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        """Path with forward slashes on every system."""
        return self.root.as_posix()

    def check(self) -> None:
        """See `ingest.lake.folder.Folder.check`."""
        if self.root.exists() and not self.root.is_dir():
            raise ConfigurationError(
                "the lake is not a folder",
                value=str(self.root),
                remedy="name a folder",
                code="lake_not_a_folder",
            )
        try:
            self._temporary_folder()
        except (OSError, LocalResourceError) as trouble:
            raise ConfigurationError(
                f"the lake cannot be written: {trouble}",
                value=str(self.root),
                remedy="choose a folder that can be written, or change its owner",
                code="lake_not_writable",
            ) from trouble

    def files(self, path: str) -> list[str]:
        """See `ingest.lake.folder.Folder.files`."""
        return [entry.name for entry in self._files(path)]

    def sizes(self, path: str) -> dict[str, int]:
        """See `ingest.lake.folder.Folder.sizes`."""
        found: dict[str, int] = {}
        for entry in self._files(path):
            with contextlib.suppress(FileNotFoundError):
                found[entry.name] = Path(entry.path).stat().st_size
        return found

    def states(self, path: str) -> dict[str, str]:
        """See `ingest.lake.folder.Folder.states`."""
        found: dict[str, str] = {}
        for entry in self._files(path):
            with contextlib.suppress(FileNotFoundError):
                known = Path(entry.path).stat()
                found[entry.name] = f"{known.st_size}-{known.st_mtime_ns}-{known.st_ino}"
        return found

    def folders(self, path: str) -> list[str]:
        """See `ingest.lake.folder.Folder.folders`."""
        return [entry.name for entry in self._entries(path) if entry.is_dir()]

    def open(self, path: str) -> Any:
        """See `ingest.lake.folder.Folder.open`."""
        import pyarrow as pa

        return pa.OSFile(str(self.root / path), mode="rb")

    def publish(self, files: Sequence[tuple[str, pa.Buffer | bytes]]) -> None:
        """See `ingest.lake.folder.Folder.publish`."""
        try:
            self._publish(files)
        except OSError as trouble:
            raise _local_trouble(self.root, trouble) from trouble

    def _publish(self, files: Sequence[tuple[str, pa.Buffer | bytes]]) -> None:
        staging = self._temporary_folder()
        staged: list[tuple[Path, Path]] = []
        try:
            for path, content in files:
                temporary = staging / f"{os.getpid()}_{next(self._numbers)}.tmp"
                staged.append((temporary, self.root / path))
                with temporary.open("wb", buffering=0) as handle:
                    _write_all(handle.fileno(), memoryview(content))
                    os.fsync(handle.fileno())
            entries: set[Path] = set()
            for temporary, final in staged:
                entries |= self._made(final.parent)
                _replace(temporary, final)
                entries.add(final.parent)
            for entry in sorted(entries):
                _flush_entry(entry)
        finally:
            for temporary, _ in staged:
                temporary.unlink(missing_ok=True)

    def keep(self, path: str, content: bytes) -> None:
        """See `ingest.lake.folder.Folder.keep`."""
        with contextlib.suppress(OSError, LocalResourceError):
            temporary = self._temporary_folder() / f"{os.getpid()}_{next(self._numbers)}.tmp"
            temporary.write_bytes(content)
            temporary.replace(self.root / path)

    def remove(self, path: str) -> bool:
        """See `ingest.lake.folder.Folder.remove`."""
        target = self.root / path
        try:
            target.unlink()
        except FileNotFoundError:
            return False
        except PermissionError:
            if os.name != "nt":
                raise
            return False  # Windows: a reader has it open; the next compaction removes it
        for parent in target.relative_to(self.root).parents:
            if not parent.parts:
                break
            try:
                (self.root / parent).rmdir()
            except OSError:
                break
        return True

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """See `ingest.lake.folder.Folder.exclusive`."""
        self._temporary_folder()
        with FileLock(self.root / _TEMPORARY / "maintenance.lock").held():
            yield

    def close(self) -> None:
        """See `ingest.lake.folder.Folder.close`."""
        if self._held is not None:
            self._held.release()
            self._held = None
            shutil.rmtree(self.root / _TEMPORARY / self._name, ignore_errors=True)

    def _temporary_folder(self) -> Path:
        # Two threads of one process would wait for each other's lock of the same folder.
        with self._guard:
            return self._own_folder()

    def _own_folder(self) -> Path:
        mine = self.root / _TEMPORARY / self._name
        if self._held is None:
            held = FileLock(mine / "lock")
            try:
                mine.mkdir(parents=True, exist_ok=True)
                held.acquire()
                while not (mine / "lock").exists():
                    # Another writer took the new folder for a dead one just before the lock was held.
                    held.release()
                    mine.mkdir(parents=True, exist_ok=True)
                    held.acquire()
            except OSError as trouble:
                raise _local_trouble(self.root, trouble) from trouble
            self._held = held
            self._clean_up()
        return mine

    def _clean_up(self) -> None:
        """Remove the temporary folders of writers that are no longer alive."""
        for entry in list(os.scandir(self.root / _TEMPORARY)):
            if entry.is_dir() and entry.name != self._name:
                lock = FileLock(Path(entry.path) / "lock")
                if lock.try_acquire_existing():
                    shutil.rmtree(entry.path, ignore_errors=True)
                    lock.release()
                    shutil.rmtree(entry.path, ignore_errors=True)  # Windows keeps a file that is open

    def _files(self, path: str) -> list[os.DirEntry[str]]:
        return [entry for entry in self._entries(path) if entry.is_file()]

    def _entries(self, path: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self.root}/{path}") as entries:
                return [entry for entry in entries if not entry.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _made(self, folder: Path) -> set[Path]:
        """Create `folder`; the folders whose entries must be flushed for it to last."""
        missing: set[Path] = set()
        level = folder
        while not level.exists():
            missing.add(level.parent)
            level = level.parent
        folder.mkdir(parents=True, exist_ok=True)
        return missing


def _write_all(descriptor: int, content: memoryview) -> None:
    view = content.cast("B")
    while view:
        view = view[os.write(descriptor, view[: 1 << 30]) :]


def _replace(temporary: Path, final: Path) -> None:
    """Rename into place; on Windows a reader may hold the old file for a moment."""
    for tried in range(_REPLACE_TRIES):
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(final)
        except FileNotFoundError:
            # Another process pruned the empty folder between the two calls.
            if tried + 1 == _REPLACE_TRIES:
                raise
        except PermissionError:
            if os.name != "nt" or tried + 1 == _REPLACE_TRIES:
                raise
            time.sleep(_REPLACE_PAUSE_S)
        else:
            return


def _flush_entry(folder: Path) -> None:
    """Make renames within `folder` last; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _local_trouble(root: Path, trouble: OSError) -> LocalResourceError:
    code = {
        errno.ENOSPC: "disk_full",
        errno.EDQUOT: "disk_full",
        errno.EROFS: "read_only",
        errno.EACCES: "permission_denied",
    }.get(trouble.errno or 0, "lake_trouble")
    return LocalResourceError(
        f"the lake cannot be written: {trouble.strerror or trouble}",
        value=str(root),
        remedy="free space, or choose a folder that can be written",
        code=code,
    )
