"""What noise indicators rest on, and their rows of limits."""

from __future__ import annotations

from indicators.building import Evidence
from indicators.context import AssessmentContext
from indicators.limits import Role
from indicators.model import Factor, Interval, LimitAssessment, Note
from indicators.noise.days import Basis
from indicators.verdicts import assess_limit

__all__ = ["evidence_of", "limit_rows"]


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


def evidence_of(basis: Basis, context: AssessmentContext, coverage: float) -> Evidence:
    """What an indicator of the worker-days of `basis` rests on."""
    return Evidence(
        factor=Factor.NOISE,
        shift=context.shift,
        coverage=coverage,
        n_days=len(basis.valid or basis.days),
        n_wearers=basis.n_wearers,
        worn=basis.worn,
    )
