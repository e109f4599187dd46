"""Linear axes: value → position, and round tick values."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Axis", "ticks"]


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps ``[low, high]`` onto ``[start, end]`` of the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Position of `value`, clipped to the ends of the axis."""
        if math.isnan(value):
            return self.start
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Whether `value` lies on the axis."""
        return self.low <= value <= self.high


def ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """About `count` round values inside ``[low, high]``, steps of 1, 2, 2.5 or 5 times a power of ten."""
    if not high > low:
        return (low,)
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(
        multiple * power for multiple in (1.0, 2.0, 2.5, 5.0, 10.0) if multiple * power >= raw - 1e-12
    )
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(index * step, 10) + 0.0 for index in range(first, last + 1))
