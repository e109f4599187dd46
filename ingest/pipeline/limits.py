"""How fast one sensor may send, judged over a day so that catching up after an outage is never punished."""

from __future__ import annotations

from sensors.errors import PayloadError

__all__ = ["RateLimit"]

_DAY_S = 86_400.0
_LEAST_BURST = 1_000.0


class RateLimit:
    """A bucket a sensor, refilled at the allowed rate, holding one day of it.

    Parameters
    ----------
    per_s : float or None
        Allowed messages a second in the long run; ``None`` allows everything.
    """

    def __init__(self, per_s: float | None) -> None:
        self._per_s = per_s
        self._burst = max(_LEAST_BURST, (per_s or 0.0) * _DAY_S)
        self._buckets: dict[str, tuple[float, int]] = {}

    def check(self, sensor: str, arrival_ns: int) -> None:
        """Raise ``PayloadError`` (``rate_limited``) when one more message of `sensor` is beyond the limit."""
        if self._per_s is None:
            return
        left, before_ns = self._buckets.get(sensor, (self._burst, arrival_ns))
        left = min(self._burst, left + max(0, arrival_ns - before_ns) / 1e9 * self._per_s)
        allowed = left >= 1.0
        self._buckets[sensor] = (left - 1.0 if allowed else left, arrival_ns)
        if not allowed:
            raise PayloadError(
                f"{sensor} sends more than it may",
                rule=f"at most {self._per_s:g} messages a second over a day",
                remedy="check the device, or raise --max-rate",
                code="rate_limited",
            )
