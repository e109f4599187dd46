"""One way to put an indicator together, whatever its factor: its number, and what the number rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indicators.model import Factor, Indicator, Interval, LimitAssessment, Note, Scope

__all__ = ["Evidence", "indicator_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an indicator rests on.

    Attributes
    ----------
    shift : str
        Shift it speaks of; empty for all of them together.
    coverage : float
        Observed part of the expected time, 0–1.
    n_days, n_wearers : int
        Worker-days, and the distinct wearers among them.
    worn : bool
        Whether a person carried a sensor.
    """

    factor: Factor
    shift: str
    coverage: float
    n_days: int
    n_wearers: int
    worn: bool


def indicator_of(
    identifier: str,
    value: float | None,
    unit: str,
    interval: Interval | None,
    evidence: Evidence,
    *,
    method: str,
    scope: Scope = Scope.USUAL,
    quality: tuple[Note, ...] = (),
    limits: tuple[LimitAssessment, ...] = (),
    next_best: Note | None = None,
    details: Mapping[str, object] | None = None,
) -> Indicator:
    """An indicator that rests on `evidence`; ``None`` as value stands for not measured."""
    return Indicator(
        id=identifier,
        factor=evidence.factor,
        value=value,
        unit=unit,
        interval=interval,
        scope=scope,
        shift=evidence.shift,
        coverage=evidence.coverage,
        n_days=evidence.n_days,
        n_wearers=evidence.n_wearers,
        method=method,
        worn=evidence.worn,
        quality=quality,
        limits=limits,
        next_best=next_best,
        details=details or {},
    )
