"""Sentences of the report: they state the finding, its size and the next act, without praise or alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from dashboards import typography
from dashboards.catalogue import Run
from dashboards.wording import Wording
from indicators.headlines import headline
from indicators.model import (
    Factor,
    FactorResult,
    Indicator,
    LimitAssessment,
    RatioKind,
    Scope,
    Verdict,
    WeeklyResult,
    WorkstationResult,
)

__all__ = ["lead", "station_lead", "verdict_counts", "worst_indicator"]

_GAP = Run(" ")


def verdict_counts(result: WeeklyResult) -> Counter[Verdict]:
    """How many factor verdicts there are of each kind, withheld factors left out."""
    return Counter(factor.verdict for station in result.workstations for factor in station.factors)


def worst_indicator(station: WorkstationResult) -> tuple[FactorResult, Indicator] | None:
    """Factor and indicator a workstation is ranked by, among the factors above a limit."""
    for factor in station.factors:
        if station.worst and factor.factor is station.worst.factor and factor.verdict is Verdict.ABOVE:
            ranked = [
                indicator
                for indicator in factor.indicators
                if indicator.id == station.worst.indicator and _above(factor, indicator)
            ]
            if ranked:
                # Where there are several shifts, the rank is that of the worst.
                return factor, max(ranked, key=_largest_ratio)
    for factor in station.factors:
        if factor.verdict is Verdict.ABOVE:
            found = headline(factor)
            if found is not None:
                return factor, found
    return None


def _largest_ratio(indicator: Indicator) -> tuple[bool, float]:
    ratios = [row.ratio for row in indicator.limits if row.limit.ranking and row.ratio is not None]
    return indicator.scope is Scope.USUAL, max(ratios, default=-1.0)


def _above(factor: FactorResult, indicator: Indicator) -> LimitAssessment | None:
    rows = [row for row in indicator.limits if row.verdict is Verdict.ABOVE]
    named = next((row for row in rows if row.limit.id == factor.above), None)
    return named or (rows[-1] if rows else None)


def lead(result: WeeklyResult, words: Wording) -> tuple[Run, ...]:
    """What a reader must know if they read one paragraph."""
    counts = verdict_counts(result)
    over = [station for station in result.workstations if station.factors_over]
    runs: list[Run] = []
    if not result.workstations:
        return words.rich("report.lead_no_workstation")
    if not counts:
        return words.rich("report.lead_withheld")
    if set(counts) == {Verdict.NOT_MEASURED}:
        return words.rich("report.lead_nothing_measured")
    if over:
        ways = {factor.factor for station in over for factor in station.factors if _is_over(factor)}
        code = "report.lead_over_distinct" if len(ways) == len(over) > 1 else "report.lead_over"
        runs += words.rich(code, n=len(over), count=words.count_word(len(over), capital=True))
        runs += [_GAP, *_most_urgent(over[0], words)]
    else:
        runs += words.rich("report.lead_none_over")
    runs += _remaining(counts, words)
    return (*runs, *_held(result, words))


def _held(result: WeeklyResult, words: Wording) -> Iterator[Run]:
    """Results that are not shown; days too short to count are no question of how many wore a sensor."""
    counts: Counter[str] = Counter()
    for station in result.workstations:
        if station.withheld is not None:
            short = station.withheld.reason.code == "worn_days_short"
            counts["report.lead_held_short" if short else "report.lead_held"] += len(station.withheld.factors)
    for code, n in sorted(counts.items()):
        yield _GAP
        yield from words.rich(code, n=n, count=words.count_word(n, capital=True))


def _is_over(factor: FactorResult) -> bool:
    return factor.verdict is Verdict.ABOVE


def _remaining(counts: Counter[Verdict], words: Wording) -> list[Run]:
    open_count, missing = counts[Verdict.NOT_SETTLED], counts[Verdict.NOT_MEASURED]
    if not open_count and not missing:
        return [_GAP, *words.rich("report.lead_all_settled")]
    code = "report.lead_open_and_missing" if open_count and missing else "report.lead_open"
    if missing and not open_count:
        code = "report.lead_missing"
    return [
        _GAP,
        *words.rich(
            code,
            n=open_count,
            count=words.count_word(open_count, capital=True),
            m=missing,
            missing=words.count_word(missing, capital=not open_count),
        ),
    ]


def _most_urgent(station: WorkstationResult, words: Wording) -> tuple[Run, ...]:
    found = worst_indicator(station)
    if found is None:
        return words.rich("report.lead_urgent_plain", station=station.label)
    factor, indicator = found
    row = _above(factor, indicator)
    assert row is not None
    parameters = {
        "station": station.label,
        "factor": words.factor(factor.factor).lower(),
        "value": words.quantity(indicator),
        "limit": words.number(row.limit.value),
        "margin": _margin(indicator, row, words),
    }
    if indicator.interval is None:
        return words.rich("report.lead_urgent_observed", **parameters)
    upward = row.limit.comparison in (">=", ">")
    return words.rich("report.lead_urgent" if upward else "report.lead_urgent_under", **parameters)


def _margin(indicator: Indicator, row: LimitAssessment, words: Wording) -> str:
    if indicator.interval is None:
        return ""
    upward = row.limit.comparison in (">=", ">")
    bound = indicator.interval.low if upward else indicator.interval.high
    unit = "dB" if row.ratio_kind is RatioKind.ENERGY else words.unit(indicator.unit)
    size = abs(bound - row.limit.value)
    decimals = 0 if unit.startswith("h") and size >= 10 else 1
    figure = words.number(size, decimals)
    if indicator.unit == "%":
        return words.say("report.points", n=size, points=figure)
    return typography.quantity(figure, unit, language=words.language)


def station_lead(station: WorkstationResult, words: Wording) -> tuple[Run, ...]:
    """Verdicts of one workstation as sentences, the worst first."""
    runs: list[Run] = []
    for factor in station.factors:
        if factor.verdict is Verdict.ABOVE:
            runs += _separate(runs, _above_sentence(factor, words))
    for verdict, code in (
        (Verdict.NOT_SETTLED, "report.station_open"),
        (Verdict.BELOW, "report.station_below"),
        (Verdict.NOT_MEASURED, "report.station_missing"),
    ):
        factors = [factor.factor for factor in station.factors if factor.verdict is verdict]
        if factors:
            runs += _separate(
                runs, words.rich(code, n=len(factors), factors=_capital(_named(factors, words)))
            )
    return tuple(runs)


def _named(factors: Sequence[Factor], words: Wording) -> str:
    return words.listing(words.say(f"factors_the.{factor.value}") for factor in factors)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _above_sentence(factor: FactorResult, words: Wording) -> tuple[Run, ...]:
    subject = _capital(words.say(f"factors_the.{factor.factor.value}"))
    indicator = headline(factor)
    row = _above(factor, indicator) if indicator else None
    if indicator is None or row is None:
        return words.rich("report.station_above_plain", factor=subject)
    beside = sorted(
        {
            words.number(other.limit.value)
            for other in indicator.limits
            if other.verdict is Verdict.NOT_SETTLED and other.limit.role.moves_verdict
        }
    )
    code = "report.station_above_open" if beside else "report.station_above"
    return words.rich(
        code,
        factor=subject,
        limit=words.limit_name(row.limit),
        figure=words.quantity_of(words.number(row.limit.value), row.limit.unit),
        value=words.quantity(indicator),
        open=words.listing(beside),
    )


def _separate(before: list[Run], sentence: tuple[Run, ...]) -> list[Run]:
    return [_GAP, *sentence] if before else list(sentence)
