"""Which indicator speaks for a factor, and which limit for an indicator."""

from __future__ import annotations

from indicators.model import FactorResult, Indicator, LimitAssessment, Scope, Verdict
from indicators.verdicts import SEVERITY

__all__ = ["headline", "indicator_verdict", "ranking_assessment"]


def ranking_assessment(indicator: Indicator) -> LimitAssessment | None:
    """The assessment the ratio refers to: the ranking row, else the first row that moves a verdict."""
    moving = [row for row in indicator.limits if row.limit.role.moves_verdict]
    return next((row for row in moving if row.limit.ranking), moving[0] if moving else None)


def headline(result: FactorResult) -> Indicator | None:
    """The indicator that speaks for a factor: the one that carries its verdict, the largest ratio first."""

    def weight(indicator: Indicator) -> tuple[float, ...]:
        moving = [row for row in indicator.limits if row.limit.role.moves_verdict]
        names_limit = any(row.limit.id == result.above and row.verdict is Verdict.ABOVE for row in moving)
        carries = any(row.verdict is result.verdict for row in moving)
        ratios = [row.ratio for row in moving if row.ratio is not None]
        return (
            indicator.scope is Scope.USUAL,
            names_limit,
            carries,
            any(row.limit.ranking for row in moving),
            bool(moving),
            indicator.value is not None,
            max(ratios, default=-1.0),
        )

    return max(result.indicators, key=weight, default=None)


def indicator_verdict(indicator: Indicator) -> Verdict | None:
    """Worst verdict over the rows that move one; ``None`` for a value that no such row judges."""
    if indicator.value is None:
        return Verdict.NOT_MEASURED
    moving = [row.verdict for row in indicator.limits if row.limit.role.moves_verdict]
    return max(moving, key=SEVERITY.__getitem__, default=None)
