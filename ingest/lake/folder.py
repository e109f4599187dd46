"""What a lake needs from the place it lies in."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Folder"]


class Folder(Protocol):
    """What the lake needs from the place it lies in; paths are relative and use ``/``."""

    @property
    def url(self) -> str:
        """Address of the folder."""

    def check(self) -> None:
        """Raise ``ConfigurationError`` or ``StoreUnreachableError`` when nothing can be kept here."""

    def files(self, path: str) -> list[str]:
        """Names of the files directly within `path`; none when it does not exist."""

    def sizes(self, path: str) -> dict[str, int]:
        """Size in bytes of each file directly within `path`."""

    def states(self, path: str) -> dict[str, str]:
        """Text for each file directly within `path` that changes whenever the file is replaced."""

    def folders(self, path: str) -> list[str]:
        """Names of the folders directly within `path`; none when it does not exist."""

    def open(self, path: str) -> Any:
        """Random-access file for pyarrow; ``FileNotFoundError`` when it is gone."""

    def publish(self, files: Sequence[tuple[str, pa.Buffer | bytes]]) -> None:
        """Make each file appear whole under its name, durable when this returns."""

    def keep(self, path: str, content: bytes) -> None:
        """Keep something that can be computed again; quietly not, where nothing can be written."""

    def remove(self, path: str) -> bool:
        """Remove a file, and folders that are empty then; whether it was there."""

    def exclusive(self) -> contextlib.AbstractContextManager[None]:
        """Hold off other processes that rewrite or delete files of this lake."""

    def close(self) -> None:
        """Release what the folder holds."""
