"""From a value with its interval to one of the four words, by the limit's own comparison.

The rules, in one place:

* *above* when the whole interval is on the wrong side of the limit, *below* when the whole interval is on the
  right side, else *not settled*; unrounded values, the limit's own value belongs where the text puts it;
* *not measured* when there is no value or too little coverage; never 0 and never "fine";
* without an interval (one worker-day, no method) *not settled*, save for an event, such as a peak, that was
  observed beyond its limit;
* a factor is *below* only when every row that moves a verdict is measured and below.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum

from indicators.limits import Comparison, Limit, Role
from indicators.model import (
    Indicator,
    Interval,
    LimitAssessment,
    Note,
    RatioKind,
    Scope,
    Verdict,
    WeeklyResult,
)
from sensors.errors import MethodError

__all__ = [
    "SEVERITY",
    "FailOn",
    "assess_limit",
    "compare",
    "exceeded",
    "factor_verdict",
    "ratio",
    "telling_guidance",
    "wrong_side",
]

_GRAVITY = {Role.LIMIT: 2, Role.ACTION: 1, Role.PROJECTION: 0}
SEVERITY = {Verdict.ABOVE: 3, Verdict.NOT_SETTLED: 2, Verdict.NOT_MEASURED: 1, Verdict.BELOW: 0}


def wrong_side(value: float, limit: Limit) -> bool:
    """Whether `value` itself is on the wrong side of `limit` by the comparison of its text."""
    match limit.comparison:
        case Comparison.AT_LEAST:
            return value >= limit.value
        case Comparison.MORE_THAN:
            return value > limit.value
        case Comparison.AT_MOST:
            return value <= limit.value
        case Comparison.LESS_THAN:
            return value < limit.value


def compare(interval: Interval, limit: Limit) -> Verdict:
    """Where the whole `interval` lies: `above` = wrong side, `below` = right side, else `not_settled`."""
    sides = {wrong_side(interval.low, limit), wrong_side(interval.high, limit)}
    if sides == {True}:
        return Verdict.ABOVE
    if sides == {False}:
        return Verdict.BELOW
    return Verdict.NOT_SETTLED


def ratio(value: float, limit: Limit) -> tuple[float, RatioKind]:
    """How many times the limit `value` is, so that unlike quantities can be ranked; 1 at the limit.

    Parameters
    ----------
    value : float
        In the limit's unit.
    limit : Limit
        Its unit chooses the kind: dB → `energy`, ``10^((value − limit)/10)``; °C → `temperature_step`,
        ``2^((value − limit)/2)`` (a convention of this tool); anything else → `time_share`,
        ``value/limit``. Where lower is worse the ratio is inverted.

    Returns
    -------
    tuple of float and RatioKind
        Infinite when lower is worse and a `time_share` value is zero.
    """
    upward = limit.comparison.upward
    distance = value - limit.value if upward else limit.value - value
    if limit.unit.startswith("dB"):
        return 10.0 ** (distance / 10.0), RatioKind.ENERGY
    if limit.unit == "°C":
        return 2.0 ** (distance / 2.0), RatioKind.TEMPERATURE_STEP
    top, bottom = (value, limit.value) if upward else (limit.value, value)
    return (top / bottom if bottom else math.inf), RatioKind.TIME_SHARE


def assess_limit(
    value: float | None,
    interval: Interval | None,
    limit: Limit,
    *,
    measured: bool,
    event_observed: bool = False,
    reason: Note | None = None,
) -> LimitAssessment:
    """Hold a value with its interval against one limit.

    Parameters
    ----------
    value : float or None
        Estimate in the limit's unit; ``None`` or NaN = not measured.
    interval : Interval or None
        Two-sided 90 % interval; ``None`` (or NaN bounds) when there is no method for one.
    limit : Limit
        Row of the limits table.
    measured : bool
        Whether coverage reaches the indicator's minimum.
    event_observed : bool
        The limit judges single events and `value` was really observed: beyond the limit it settles the
        verdict without an interval.
    reason : Note, optional
        Why the value is not measured or cannot settle the verdict (an ``suspected_knock`` alone, say);
        given with an observed event it forbids *above*.

    Raises
    ------
    MethodError
        The row is a criterion inside another definition (code ``criterion_row``) or the interval is upside
        down (code ``interval_reversed``).
    """
    if limit.role is Role.CRITERION:
        raise MethodError(
            "a criterion is part of another limit and is never assessed by itself",
            value=limit.id,
            rule="rows of role action, limit, projection or guidance",
            code="criterion_row",
        )
    if not measured or value is None or math.isnan(value):
        return LimitAssessment(limit, Verdict.NOT_MEASURED, reason=reason or Note("not_measured"))
    size, kind = ratio(value, limit)
    if event_observed and wrong_side(value, limit):
        verdict = Verdict.ABOVE if reason is None else Verdict.NOT_SETTLED
        why = reason or Note("event_observed", {"value": value, "limit": limit.value, "unit": limit.unit})
        return LimitAssessment(limit, verdict, size, kind, why)
    if interval is None or math.isnan(interval.low) or math.isnan(interval.high):
        return LimitAssessment(limit, Verdict.NOT_SETTLED, size, kind, reason or Note("no_interval"))
    if interval.low > interval.high:
        raise MethodError(
            "the interval is upside down",
            value=(interval.low, interval.high),
            rule="low ≤ high",
            code="interval_reversed",
        )
    verdict = compare(interval, limit)
    why_open = Note(
        "limit_inside_interval",
        {"limit": limit.value, "low": interval.low, "high": interval.high, "unit": limit.unit},
    )
    return LimitAssessment(
        limit, verdict, size, kind, (reason or why_open) if verdict is Verdict.NOT_SETTLED else None
    )


def factor_verdict(
    indicators: Iterable[Indicator], missing: Sequence[Limit] = ()
) -> tuple[Verdict, str | None, Note | None]:
    """Verdict of a factor over all its shifts, from the rows that move one.

    Parameters
    ----------
    indicators : iterable of Indicator
        Of one factor; those of scope ``week`` carry no verdict and are left out.
    missing : sequence of Limit
        Rows of the profile that no indicator was held against: they are not measured.

    Returns
    -------
    verdict : Verdict
    above : str or None
        Id of the highest limit that is exceeded: a limit value before an action value before an annual
        threshold, then a row that ranks, then the largest ratio; of one indicator its most extreme row.
    reason : Note or None
        Why it is not settled or not measured.
    """
    usual = [item for item in indicators if item.scope is Scope.USUAL]
    rows = [(item, row) for item in usual for row in item.limits if row.limit.role.moves_verdict]
    above = [pair for pair in rows if pair[1].verdict is Verdict.ABOVE]
    if above:
        return Verdict.ABOVE, _highest(above), None
    unsettled = [row for _, row in rows if row.verdict is Verdict.NOT_SETTLED]
    if unsettled:
        worst = max(unsettled, key=lambda row: row.ratio or 0.0)
        return Verdict.NOT_SETTLED, None, worst.reason
    unmeasured = [row for _, row in rows if row.verdict is Verdict.NOT_MEASURED]
    absent = [row for row in missing if row.role.moves_verdict]
    if len(unmeasured) == len(rows):
        given = next((row.reason for row in unmeasured if row.reason is not None), None)
        return Verdict.NOT_MEASURED, None, given or Note("not_measured")
    if unmeasured or absent:
        open_rows = [*(row.limit for row in unmeasured), *absent]
        names = dict.fromkeys(row.indicator for row in open_rows)
        return Verdict.NOT_SETTLED, None, Note("rows_not_measured", {"indicators": ", ".join(names)})
    return Verdict.BELOW, None, None


def _highest(above: Sequence[tuple[Indicator, LimitAssessment]]) -> str:
    extreme: dict[tuple[str, str], LimitAssessment] = {}
    for item, row in above:
        kept = extreme.get((item.id, item.shift))
        if kept is None or _beyond(row.limit, kept.limit):
            extreme[item.id, item.shift] = row
    best = max(
        extreme.values(),
        key=lambda row: (_GRAVITY[row.limit.role], row.limit.ranking, row.ratio or 0.0),
    )
    return best.limit.id


def _beyond(one: Limit, other: Limit) -> bool:
    return one.value > other.value if one.comparison.upward else one.value < other.value


def telling_guidance(item: Indicator) -> tuple[LimitAssessment, ...]:
    """Guidance marks that say most of a value: the farthest passed and the first left open, else the next.

    Empty where no guidance row was held against a measured value.
    """
    of_verdict: dict[Verdict, LimitAssessment] = {}
    for row in item.limits:
        if row.limit.role is not Role.GUIDANCE:
            continue
        kept = of_verdict.get(row.verdict)
        if kept is None or _beyond(row.limit, kept.limit) is (row.verdict is Verdict.ABOVE):
            of_verdict[row.verdict] = row
    found = [of_verdict[word] for word in (Verdict.ABOVE, Verdict.NOT_SETTLED) if word in of_verdict]
    return tuple(found) or tuple(of_verdict[word] for word in (Verdict.BELOW,) if word in of_verdict)


class FailOn(StrEnum):
    """What makes a command end with exit code 10: any exceeded row, or rows of role ``limit`` only."""

    ACTION = "action"
    LIMIT = "limit"


def exceeded(result: WeeklyResult, level: FailOn) -> bool:
    """Whether a shown workstation is above a row of this level, in usual conditions."""
    roles = {Role.LIMIT} if level is FailOn.LIMIT else {role for role in Role if role.moves_verdict}
    return any(
        row.verdict is Verdict.ABOVE and row.limit.role in roles
        for station in result.workstations
        for factor in station.factors
        for item in factor.indicators
        if item.scope is Scope.USUAL
        for row in item.limits
    )
