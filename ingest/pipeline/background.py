"""One thread that works on one thing while its owner prepares the next; it never keeps the process alive."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Background"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Background(Generic[_Item, _Result]):
    """Applies `work` to items, one at a time, in order.

    Parameters
    ----------
    work : callable
        What is done with each item.
    name : str
        Name of the thread.
    """

    def __init__(self, work: Callable[[_Item], _Result], name: str) -> None:
        self._work = work
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[_Result | None, BaseException | None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: _Item) -> None:
        """Begin with `item`; the result of the one before must have been taken."""
        self._items.put(item)

    def result(self) -> _Result:
        """Wait for the item that was submitted; its result, or its exception raised here."""
        result, error = self._results.get()
        if error is not None:
            raise error
        return result  # type: ignore[return-value]

    def close(self) -> None:
        """Let the thread end, after what it may be doing."""
        self._items.put(None)

    def _run(self) -> None:
        while (item := self._items.get()) is not None:
            try:
                self._results.put((self._work(item), None))
            except BaseException as error:  # noqa: BLE001 - raised again in the owner's thread
                self._results.put((None, error))
