"""What reduces each kind of sensor, under which version, and the UTC days that its summaries are kept by."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from functools import lru_cache
from types import ModuleType

from sensors.quantities import Kind

__all__ = ["DATASET", "analysis_version", "day_bounds_ns", "reducer", "utc_days"]

DATASET = "minutes"
"""Name of the summary dataset that holds one row a minute."""

_DAY_NS = 86_400_000_000_000
_EPOCH = date(1970, 1, 1)


def reducer(kind: Kind) -> ModuleType:
    """Module of `kind` with ``SCHEMA``, ``VERSION``, ``BLOCK_NS``, ``reduce_minutes`` and ``merge_all``."""
    if kind is Kind.NOISE:
        from indicators.reduction import noise

        return noise
    if kind is Kind.CLIMATE:
        from indicators.reduction import climate

        return climate
    from indicators.reduction import posture

    return posture


def analysis_version(kind: Kind) -> str:
    """Version of the analysis behind the summaries of `kind`: its name and a hash of their columns."""
    module = reducer(kind)
    columns = hashlib.sha256(str(module.SCHEMA).encode()).hexdigest()[:8]
    return f"{module.VERSION}+{columns}"


def day_bounds_ns(day: date) -> tuple[int, int]:
    """``[start, end)`` of a UTC day in nanoseconds."""
    start = (day - _EPOCH).days * _DAY_NS
    return start, start + _DAY_NS


@lru_cache(maxsize=4096)
def utc_days(start_ns: int, end_ns: int) -> tuple[date, ...]:
    """UTC days that ``[start_ns, end_ns)`` touches."""
    first, last = start_ns // _DAY_NS, (end_ns - 1) // _DAY_NS
    return tuple(_EPOCH + timedelta(days=day) for day in range(first, last + 1))
