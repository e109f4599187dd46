"""Lines of the ranking table: every factor side by side, or why it is withheld."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.plots import whiskers
from dashboards.plots.verdicts import WITHHELD
from dashboards.report.model import Cell, RankRow
from dashboards.wording import SEVERITY, Mark, Wording, headline
from indicators.model import Factor, FactorResult, Indicator, Verdict, WorkstationResult

__all__ = ["rank_row"]


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
    )


def _next_of(station: WorkstationResult, words: Wording) -> str:
    ordered = sorted(station.factors, key=lambda factor: -SEVERITY[factor.verdict])
    notes = list(dict.fromkeys(words.note(factor.next_best) for factor in ordered if factor.next_best))
    return " · ".join(note.rstrip(".") for note in notes[:2])


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
        unit=words.unit(indicator.unit) if measured else "",
        interval=words.interval(indicator),
        limit=words.limit_summary(result, indicator),
        whisker=whiskers.cell(words.reading(indicator, result.verdict)),
        reason="" if measured else words.note(result.reason) or _coverage_reason(indicator, words),
    )


def _coverage_reason(indicator: Indicator, words: Wording) -> str:
    return words.say("report.coverage_low", coverage=words.percent(indicator.coverage))
