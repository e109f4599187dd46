"""What changed since the period before, beyond noise: a verdict moved, or intervals of values part."""

from __future__ import annotations

from dashboards.report.model import Change
from dashboards.wording import Wording
from indicators.headlines import headline
from indicators.model import FactorResult, Indicator, Scope, WeeklyResult
from indicators.verdicts import SEVERITY

__all__ = ["changes"]

_MOST = 12


def changes(result: WeeklyResult, previous: WeeklyResult | None, words: Wording) -> tuple[Change, ...]:
    """Changes per workstation and factor, worsened verdicts first."""
    if previous is None:
        return ()
    before = {
        (station.id, factor.factor): factor for station in previous.workstations for factor in station.factors
    }
    found: list[tuple[int, Change]] = []
    for station in result.workstations:
        for factor in station.factors:
            earlier = before.get((station.id, factor.factor))
            if earlier is None:
                continue
            subject = f"{station.label}, {words.factor(factor.factor).lower()}"
            change = _verdict_moved(subject, earlier, factor, words) or _values_part(
                subject, earlier, factor, words
            )
            if change is not None:
                found.append((SEVERITY[earlier.verdict] - SEVERITY[factor.verdict], change))
    found.sort(key=lambda pair: pair[0])
    return tuple(change for _, change in found[:_MOST])


def _verdict_moved(subject: str, earlier: FactorResult, now: FactorResult, words: Wording) -> Change | None:
    if earlier.verdict is now.verdict and earlier.above == now.above:
        return None
    mark = words.mark(now.verdict)
    if earlier.verdict is now.verdict:
        text = words.say("report.change_limit", verdict=mark.word)
    else:
        text = words.say("report.change_verdict", before=words.mark(earlier.verdict).word, after=mark.word)
    return Change(mark, subject, text, _detail(headline(earlier), headline(now), words))


def _values_part(subject: str, earlier: FactorResult, now: FactorResult, words: Wording) -> Change | None:
    """A judged value whose intervals part; one no limit judges is no news, nor one that reads the same."""
    judged = {
        (i.id, i.shift) for i in now.indicators if any(row.limit.role.moves_verdict for row in i.limits)
    }
    week_before = {(i.id, i.shift): i for i in earlier.indicators if i.scope is Scope.WEEK}
    for indicator in now.indicators:
        key = indicator.id, indicator.shift
        other = week_before.get(key)
        if indicator.scope is not Scope.WEEK or other is None or key not in judged:
            continue
        if _apart(other, indicator) and words.value(other) != words.value(indicator):
            label = words.indicator_text(indicator.id)
            text = words.say("report.change_value", indicator=label)
            return Change(words.mark(now.verdict), subject, text, _detail(other, indicator, words))
    return None


def _apart(first: Indicator, second: Indicator) -> bool:
    if first.interval is None or second.interval is None:
        return False
    return first.interval.high < second.interval.low or second.interval.high < first.interval.low


def _detail(first: Indicator | None, second: Indicator | None, words: Wording) -> str:
    if first is None or second is None or first.id != second.id:
        return ""
    if first.value is None or second.value is None:
        return ""
    figures = f"{words.value(first)} → {words.quantity(second)}"
    return (
        f"{words.indicator_text(second.id, short=True)} : {figures}"
        if words.language == "fr"
        else (f"{words.indicator_text(second.id, short=True)}: {figures}")
    )
