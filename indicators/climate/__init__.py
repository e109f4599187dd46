"""Heat by ISO 7243 and NIOSH, cold, and the worst hour of a shift."""

from __future__ import annotations

from indicators.climate.rules import (
    wbgt_limit_c,
    wbgt_limit_continuous_c,
    worst_hour_c,
)

__all__ = [
    "wbgt_limit_c",
    "wbgt_limit_continuous_c",
    "worst_hour_c",
]
