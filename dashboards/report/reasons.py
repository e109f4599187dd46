"""Appendix of the report: how each headline number came about."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.catalogue import catalogue
from dashboards.report.model import WhyRow
from dashboards.wording import Wording
from indicators.explain import formula_code
from indicators.headlines import headline
from indicators.model import Indicator, WeeklyResult, WorkstationResult

__all__ = ["why_rows"]


def why_rows(
    station: WorkstationResult,
    result: WeeklyResult,
    words: Wording,
    origins: Mapping[tuple[str, str], str],
) -> list[WhyRow]:
    """One row a factor that has a value: the indicator that speaks for it."""
    rows = []
    for factor in station.factors:
        indicator = headline(factor)
        if indicator is None or indicator.value is None:
            continue
        code = formula_code(indicator.id)
        week = f" --week {result.period.week}" if result.period.week else ""
        rows.append(
            WhyRow(
                station=station.label,
                label=words.indicator(indicator.id),
                value=f"{words.quantity(indicator)} {words.interval(indicator)}".strip(),
                formula=words.rich(code) if code in catalogue(words.language) else (),
                terms=_terms(indicator, words),
                basis=f"{words.percent(indicator.coverage)}, {words.days(indicator)}",
                sensors=origins.get((station.id, factor.factor.value), ""),
                command=f"vigiposte explain {station.id} {indicator.id}{week}",
            )
        )
    return rows


def _terms(indicator: Indicator, words: Wording) -> str:
    return ", ".join(
        f"{words.term(name)} = {words.number(float(value), None if isinstance(value, int) else 2)}"
        for name, value in indicator.details.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    )
