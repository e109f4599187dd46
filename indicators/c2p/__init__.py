"""Annual thresholds of the C2P and of the former factors, and the hours projected against them."""

from __future__ import annotations

from indicators.c2p.thresholds import (
    HourCountRule,
    ProjectedHours,
    projected_hours,
    threshold,
)

__all__ = [
    "HourCountRule",
    "ProjectedHours",
    "projected_hours",
    "threshold",
]
