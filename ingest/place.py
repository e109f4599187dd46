"""Where a store is, as something that can travel to another machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.store import open_store
from sensors.secrets import read_secret

if TYPE_CHECKING:
    from ingest.store import Store

__all__ = ["StorePlace"]

_TOKEN = "VIGIPOSTE_STORE_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True, slots=True)
class StorePlace:
    """URLs of a store without its secret, which is looked up where the store is opened.

    Attributes
    ----------
    url, summaries_url : str
        As for ``ingest.store.open_store``.
    base : Path
        Folder that relative paths refer to.
    token_file : str or None
        File with the token, unless ``VIGIPOSTE_STORE_TOKEN`` is set.
    """

    url: str
    summaries_url: str | None
    base: Path
    token_file: str | None = None

    def open(self, writer: str | None = None) -> Store:
        """Open the store; `writer` keeps several ingest processes from writing the same file."""
        return open_store(
            self.url,
            summaries_url=self.summaries_url,
            token=read_secret(_TOKEN, self.base, self.token_file),
            base=self.base,
            writer=writer,
        )
