"""Indicators on their own scales, factor by factor, with limit, coverage and reasons."""

from __future__ import annotations

from dashboards.plots import whiskers
from dashboards.report.model import FactorBlock, ScaleRow
from dashboards.wording import Wording
from indicators.headlines import indicator_verdict, ranking_assessment
from indicators.model import Factor, FactorResult, Indicator, LimitAssessment, Scope, Verdict, WeeklyResult
from indicators.verdicts import SEVERITY

__all__ = ["factor_block", "scale_row"]


def factor_block(station: str, factor: FactorResult, result: WeeklyResult, words: Wording) -> FactorBlock:
    """All usual-scope indicators of a factor, the week's value beside each."""
    several = len({indicator.shift for indicator in factor.indicators if indicator.shift}) > 1
    weekly = {(i.id, i.shift): i for i in factor.indicators if i.scope is Scope.WEEK}
    usual = [i for i in factor.indicators if i.scope is Scope.USUAL]
    alone = [i for i in weekly.values() if not any((u.id, u.shift) == (i.id, i.shift) for u in usual)]
    shown = sorted([*usual, *alone], key=_weight)
    rows = [
        scale_row(
            station,
            indicator,
            weekly.get((indicator.id, indicator.shift)),
            result,
            words,
            name_shift=several,
        )
        for indicator in shown
    ]
    judged = [any(row.limit.role.moves_verdict for row in indicator.limits) for indicator in shown]
    return FactorBlock(
        factor=factor.factor.value,
        label=words.factor(factor.factor),
        mark=words.mark(factor.verdict),
        headline=words.note(factor.reason),
        rows=tuple(row for row, moves in zip(rows, judged, strict=True) if moves),
        extra=tuple(row for row, moves in zip(rows, judged, strict=True) if not moves),
        remarks=tuple(dict.fromkeys(note for row in rows for note in row.quality if note not in row.lines)),
    )


def _weight(indicator: Indicator) -> tuple[float, float]:
    verdict = indicator_verdict(indicator)
    row = ranking_assessment(indicator)
    severity = -1 if verdict is None else SEVERITY[verdict]
    return (-severity, -(row.ratio or 0.0) if row else 0.0)


def _judged(indicator: Indicator) -> LimitAssessment | None:
    moving = [row for row in indicator.limits if row.limit.role.moves_verdict]
    if not moving:
        return indicator.limits[0] if indicator.limits else None
    worst = max(SEVERITY[row.verdict] for row in moving)
    rows = sorted((row for row in moving if SEVERITY[row.verdict] == worst), key=lambda row: row.limit.value)
    upward = rows[0].limit.comparison.upward
    # Above several limits: the farthest one passed. Otherwise the first one met on the way there.
    return rows[-1] if upward is (worst == SEVERITY[Verdict.ABOVE]) else rows[0]


def scale_row(
    station: str,
    indicator: Indicator,
    week: Indicator | None,
    result: WeeklyResult,
    words: Wording,
    *,
    name_shift: bool = True,
) -> ScaleRow:
    """One indicator of usual conditions, `week` beside it; its shift is named where there are several."""
    judged = _judged(indicator)
    reasons = [words.note(row.reason) for row in indicator.limits if row.reason is not None]
    period = f" --week {result.period.week}" if result.period.week else ""
    return ScaleRow(
        indicator=indicator.id,
        label=words.indicator(indicator.id),
        method=words.method(indicator.method),
        value=words.value(indicator),
        tail=words.quantity_of("", indicator.unit) if indicator.value is not None else "",
        interval=words.interval(indicator),
        scale=whiskers.full_scale(words.reading(indicator), words.number),
        scale_narrow=whiskers.full_scale(words.reading(indicator), words.number, narrow=True),
        limit=_limit_text(judged, words),
        source="" if judged is None else words.source(judged.limit),
        grade="" if judged is None else words.grade(judged.limit),
        coverage=words.percent(indicator.coverage),
        days=words.days(indicator),
        mark=words.mark(indicator_verdict(indicator)),
        reason=reasons[0] if reasons else "",
        quality=tuple(words.note(note) for note in indicator.quality),
        shift=words.name(indicator.shift) if name_shift else "",
        shift_id=indicator.shift,
        week=_week_text(week, words),
        command=f"vigiposte explain {station} {indicator.id}{period}",
        lines=_lines(indicator, words),
    )


def _lines(indicator: Indicator, words: Wording) -> tuple[str, ...]:
    """What stands under a value without a verdict: its marks, and a method that names a model."""
    if indicator.value is None:
        return tuple(words.note(note) for note in indicator.quality)
    # Filters and denominators of posture stand in the chapter on methods; a model of heat or cold is named.
    model = indicator.factor is Factor.CLIMATE and "; " in indicator.method
    return (*((words.method(indicator.method),) if model else ()), *words.guidance(indicator))


def _limit_text(judged: LimitAssessment | None, words: Wording) -> str:
    if judged is None:
        return words.say("report.no_limit")
    figure = words.limit_value(judged.limit, sign=True)
    return f"{words.quantity_of(figure, judged.limit.unit)}, {words.limit_name(judged.limit)}"


def _week_text(week: Indicator | None, words: Wording) -> str:
    if week is None or week.value is None:
        return ""
    shown = f"{words.value(week)} {words.interval(week)}".strip()
    return words.say("report.this_week", value=shown)
