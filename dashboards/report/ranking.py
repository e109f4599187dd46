"""Lines of the ranking table: every factor side by side, or why it is withheld."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.plots import whiskers
from dashboards.plots.verdicts import WITHHELD
from dashboards.report.model import Cell, FactorColumn, RankRow
from dashboards.wording import Mark, Wording
from indicators.headlines import headline
from indicators.model import Factor, FactorResult, Indicator, Verdict, WeeklyResult, WorkstationResult
from indicators.verdicts import SEVERITY

__all__ = ["factor_column", "limit_axis", "rank_row"]


def factor_column(result: WeeklyResult, factor: Factor, words: Wording) -> FactorColumn:
    """Head of a factor: its name, the indicator all rows share, and where the limits stand in every row."""
    speaking = [
        indicator
        for station in result.workstations
        for part in station.factors
        if part.factor is factor and (indicator := headline(part)) is not None
    ]
    shown = [indicator for indicator in speaking if indicator.value is not None]
    return FactorColumn(
        key=factor.value,
        label=words.factor(factor),
        indicator=words.indicator(shown[0].id, short=True) if len({i.id for i in shown}) == 1 else (),
        axis=limit_axis(speaking, words),
    )


def limit_axis(indicators: Sequence[Indicator], words: Wording) -> str:
    """Axis over a column of whiskers: figures where all rows share their limits, words elsewhere."""
    return whiskers.cell_axis(
        [words.reading(indicator) for indicator in indicators],
        words.number,
        under=words.say("report.scale_under"),
        limit=words.say("report.scale_limit"),
        over=words.say("report.scale_over"),
    )


def rank_row(station: WorkstationResult, factors: Sequence[Factor], words: Wording) -> RankRow:
    """One line of the ranking table: every factor side by side, or why it is withheld."""
    by_factor = {factor.factor: factor for factor in station.factors}
    held = station.withheld
    withheld = ""
    if held is not None:
        withheld = words.note(held.reason)
    cells = []
    for factor in factors:
        found = by_factor.get(factor)
        if found is not None:
            cells.append(_cell(found, words))
        elif held is not None and factor in held.factors:
            cells.append(_withheld_cell(factor, words))
        else:
            cells.append(_missing_cell(factor, words))
    return RankRow(
        rank="" if station.rank is None else str(station.rank),
        id=station.id,
        label=station.label,
        detail=", ".join(part for part in (station.family or "", words.measured(station)) if part),
        cells=tuple(cells),
        next_step=_next_of(station, words),
        withheld=withheld,
        stability=_stability(station, words),
    )


def _stability(station: WorkstationResult, words: Wording) -> str:
    found = station.stability
    if found is None:
        return ""
    code = "report.rank_stability_first" if found.top == 1 else "report.rank_stability"
    return words.say(code, top=found.top, share=words.percent(found.share))


def _next_of(station: WorkstationResult, words: Wording) -> str:
    """The two most useful next measurements, each after the factors it serves."""
    served: dict[str, list[str]] = {}
    for factor in sorted(station.factors, key=lambda factor: -SEVERITY[factor.verdict]):
        if factor.next_best is not None and factor.verdict is not Verdict.BELOW:
            served.setdefault(words.note_short(factor.next_best), []).append(words.factor(factor.factor))
    said = [
        words.say("report.next_for", factors=words.listing(names), step=_small(note.rstrip(".")))
        for note, names in list(served.items())[:2]
    ]
    return " ".join(said)


def _small(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _withheld_cell(factor: Factor, words: Wording) -> Cell:
    return Cell(
        factor=factor.value,
        factor_label=words.factor(factor),
        mark=Mark("withheld", words.say("report.withheld"), WITHHELD),
    )


def _missing_cell(factor: Factor, words: Wording) -> Cell:
    return Cell(
        factor=factor.value,
        factor_label=words.factor(factor),
        mark=words.mark(Verdict.NOT_MEASURED),
        reason=words.say("report.no_sensor"),
    )


def _cell(result: FactorResult, words: Wording) -> Cell:
    indicator = headline(result)
    if indicator is None:
        return Cell(
            factor=result.factor.value,
            factor_label=words.factor(result.factor),
            mark=words.mark(result.verdict),
            reason=words.note(result.reason) or words.say("report.no_sensor"),
        )
    measured = indicator.value is not None
    return Cell(
        factor=result.factor.value,
        factor_label=words.factor(result.factor),
        mark=words.mark(result.verdict),
        indicator=words.indicator(indicator.id, short=True),
        value=words.value(indicator) if measured else "",
        tail=words.quantity_of("", indicator.unit) if measured else "",
        interval=words.interval(indicator),
        limit=words.limit_summary(result, indicator),
        whisker=whiskers.cell(words.reading(indicator)),
        reason=_reason(result, indicator, words),
    )


def _reason(result: FactorResult, indicator: Indicator, words: Wording) -> str:
    """Why there is no value, or why the verdict is not the one that the value shown would give."""
    if indicator.value is None:
        return words.note(result.reason) or _coverage_reason(indicator, words)
    moving = [row.verdict for row in indicator.limits if row.limit.role.moves_verdict]
    if result.verdict in moving or result.reason is None:
        return ""
    named = result.reason.params.get("indicators")
    if not isinstance(named, str):
        return words.note(result.reason)
    short = words.listing(words.indicator_text(name, short=True) for name in named.split(", "))
    return words.say("report.not_measured_of", indicators=short)


def _coverage_reason(indicator: Indicator, words: Wording) -> str:
    return words.say("report.coverage_low", coverage=words.percent(indicator.coverage))
