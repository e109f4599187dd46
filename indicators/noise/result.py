"""Shape of every noise indicator, and its rows of limits."""

from __future__ import annotations

from collections.abc import Mapping

from indicators.context import AssessmentContext
from indicators.limits import Role
from indicators.model import Factor, Indicator, Interval, LimitAssessment, Note, Scope
from indicators.noise.days import Basis
from indicators.verdicts import assess_limit

__all__ = ["limit_rows", "noise_indicator"]


def limit_rows(
    identifier: str,
    value: float | None,
    interval: Interval | None,
    context: AssessmentContext,
    coverage: float,
    reason: Note | None,
) -> tuple[LimitAssessment, ...]:
    """Hold a value against every row of the profile that is written for it."""
    return tuple(
        assess_limit(value, interval, limit, measured=coverage >= limit.minimum_coverage, reason=reason)
        for limit in context.limits_for(identifier)
        if limit.role is not Role.CRITERION
    )


def noise_indicator(
    identifier: str,
    value: float | None,
    unit: str,
    interval: Interval | None,
    basis: Basis,
    context: AssessmentContext,
    *,
    coverage: float,
    method: str,
    scope: Scope = Scope.USUAL,
    quality: tuple[Note, ...] = (),
    limits: tuple[LimitAssessment, ...] = (),
    next_best: Note | None = None,
    details: Mapping[str, object] | None = None,
) -> Indicator:
    """An indicator of the worker-days of `basis`."""
    return Indicator(
        id=identifier,
        factor=Factor.NOISE,
        value=value,
        unit=unit,
        interval=interval,
        scope=scope,
        shift=context.shift,
        coverage=coverage,
        n_days=len(basis.valid or basis.days),
        n_wearers=basis.n_wearers,
        method=method,
        worn=basis.worn,
        quality=quality,
        limits=limits,
        next_best=next_best,
        details=details or {},
    )
