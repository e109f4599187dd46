"""What is said of worker-days that were measured for too short a time, in the same words for every factor."""

from __future__ import annotations

from collections.abc import Iterable

from indicators.model import Note

__all__ = ["days_left_out", "no_valid_shift"]


def days_left_out(left_out: int, total: int, minimum: float) -> Note:
    """Some of `total` worker-days had less than the `minimum` coverage, 0–1."""
    return Note("days_left_out", {"n": left_out, "total": total, "minimum_percent": round(100 * minimum)})


def no_valid_shift(coverages: Iterable[float], minimum: float) -> Note:
    """None of the worker-days with these coverages reached the `minimum`, 0–1."""
    best = max(coverages, default=0.0)
    return Note(
        "no_valid_shift", {"best_percent": round(100 * best), "minimum_percent": round(100 * minimum)}
    )
