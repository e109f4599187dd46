"""A lock between machines that share an object store, from nothing but writing and listing.

Whoever wants the lock writes a claim of its own and then lists all claims: alone, it holds the lock;
otherwise it takes its claim back and tries again a little later. Listings that show every finished write (S3,
GCS, Azure and MinIO promise that) cannot let two in at once: each would have listed before the other wrote.
pyarrow has no conditional write to build on.

A claim ends by itself after `LEASE_S`, told by the server's clock alone, so that a machine that died holds up
the others for that long. Its owner trusts it for half of that time only.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

from sensors.errors import StoreUnreachableError

__all__ = ["LEASE_S", "Lease"]

LEASE_S = 600.0
_GIVE_UP_S = 1200.0
_TRUSTED_SHARE = 0.5
_LEAST_PAUSE_S = 0.02
_MOST_PAUSE_S = 2.0


class Lease:
    """Exclusive right to rewrite and delete below a folder of an object store.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
    folder : str
        Where the claims lie; nothing else may.
    """

    def __init__(self, filesystem: Any, folder: str) -> None:
        self._filesystem = filesystem
        self._folder = folder
        # Another thread that only writes new files owes the lease nothing.
        self._own = threading.local()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lease within a ``with`` block.

        Raises
        ------
        StoreUnreachableError
            ``lease_busy``: others held it for longer than one of them can.
        """
        claim = self._acquire()
        try:
            yield
        finally:
            self._own.trusted_until_s = None
            # What cannot be taken back ends by itself.
            with contextlib.suppress(OSError):
                self._withdraw(claim)

    def require(self) -> None:
        """Refuse to go on when the lease, if it is held, may soon be another's.

        Raises
        ------
        StoreUnreachableError
            ``lease_lost``.
        """
        until_s: float | None = getattr(self._own, "trusted_until_s", None)
        if until_s is not None and time.monotonic() > until_s:
            raise StoreUnreachableError(
                "rewriting files of the lake took too long",
                value=f"more than {LEASE_S * _TRUSTED_SHARE:.0f} s",
                rule="afterwards another machine may rewrite the same files",
                remedy="repeat the command; what is done is kept",
                code="lease_lost",
            )

    def _acquire(self) -> str:
        give_up_s = time.monotonic() + _GIVE_UP_S
        pause_s = _LEAST_PAUSE_S
        self._filesystem.create_dir(self._folder, recursive=True)
        while True:
            began_s = time.monotonic()
            claim = f"{self._folder}/{secrets.token_hex(8)}"
            with self._filesystem.open_output_stream(claim) as stream:
                stream.write(b"claim")
            if self._alone(claim):
                self._own.trusted_until_s = began_s + LEASE_S * _TRUSTED_SHARE
                return claim
            self._withdraw(claim)
            if time.monotonic() > give_up_s:
                raise StoreUnreachableError(
                    "other machines keep rewriting files of the lake",
                    value=self._folder,
                    remedy="compact and purge from fewer places",
                    code="lease_busy",
                )
            # Two that met must not meet again.
            time.sleep(random.uniform(0.5, 1.5) * pause_s)  # noqa: S311 - no secret
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def _alone(self, claim: str) -> bool:
        from pyarrow.fs import FileSelector

        found = self._filesystem.get_file_info(FileSelector(self._folder, allow_not_found=True))
        written_ns = {info.path: info.mtime_ns for info in found if info.is_file}
        if claim not in written_ns:
            # Somebody's clock says that this claim is over.
            return False
        others = [path for path in written_ns if path != claim]
        ended = [path for path in others if written_ns[claim] - written_ns[path] > LEASE_S * 1e9]
        for path in ended:
            self._withdraw(path)
        return len(ended) == len(others)

    def _withdraw(self, claim: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._filesystem.delete_file(claim)
