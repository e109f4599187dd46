"""Sessions kept by the server, and a brake on guessing passwords."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Attempts", "Session", "Sessions"]

_MOST_SESSIONS = 1000
_MOST_KEYS = 10_000
_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who logged in; `fingerprint` is that of the account at that moment."""

    name: str
    fingerprint: str
    expires_s: float


class Sessions:
    """Open sessions by the hash of their token: what is kept opens nothing."""

    def __init__(self, lifetime_s: float, clock: Callable[[], float] = time.time) -> None:
        self.lifetime_s = lifetime_s
        self._clock = clock
        self._open: OrderedDict[bytes, Session] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, name: str, fingerprint: str) -> str:
        """Open a session; the token for the cookie."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_digest(token)] = Session(name, fingerprint, self._clock() + self.lifetime_s)
            while len(self._open) > _MOST_SESSIONS:
                self._open.popitem(last=False)
        return token

    def find(self, token: str) -> Session | None:
        """Session of `token`, unless it is closed or expired."""
        with self._lock:
            found = self._open.get(_digest(token))
            if found is not None and found.expires_s <= self._clock():
                del self._open[_digest(token)]
                return None
            return found

    def close(self, token: str) -> None:
        """End a session; a copy of its cookie opens nothing any more."""
        with self._lock:
            self._open.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Attempts:
    """Counts passwords tried within the last minute, by account and by address."""

    def __init__(
        self, by_name: int = 5, by_address: int = 20, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = {"name": by_name, "address": by_address}
        self._clock = clock
        self._tried: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, name: str, address: str) -> bool:
        """Whether one more may be tried; it counts before it is checked, so that none run side by side."""
        now = self._clock()
        keys = (("name", name), ("address", address))
        with self._lock:
            recent = {key: self._recent(key, now) for key in keys}
            if any(len(recent[key]) >= self._most[key[0]] for key in keys):
                return False
            for key in keys:
                self._tried.setdefault(key, recent[key]).append(now)
                self._tried.move_to_end(key)
            while len(self._tried) > _MOST_KEYS:
                self._tried.popitem(last=False)
            return True

    def forgive(self, name: str, address: str) -> None:
        """Forget the attempts on an account whose owner is in, and the right one from their address."""
        with self._lock:
            self._tried.pop(("name", name), None)
            if self._tried.get(("address", address)):
                self._tried["address", address].pop()

    def _recent(self, key: tuple[str, str], now: float) -> deque[float]:
        times = self._tried.get(key, deque[float]())
        while times and times[0] < now - _WINDOW_S:
            times.popleft()
        return times
