"""Four weeks of the indicator that speaks for a factor, drawn and as a table."""

from __future__ import annotations

from typing import Any

from dashboards.plots.trend import TrendPoint, trend
from dashboards.web.context import PageContext
from indicators.headlines import headline, ranking_assessment
from indicators.model import FactorResult, Indicator, Verdict, WorkstationResult
from sensors.periods import DatePeriod

__all__ = ["factor_trend"]

_WEEKS_BEFORE = 3


def factor_trend(context: PageContext, station: str, now: FactorResult) -> dict[str, Any]:
    """Trend of one factor; weeks still being computed stay empty until the page is opened again."""
    words = context.words
    indicator = headline(now)
    periods = [context.source.earlier(context.period, steps) for steps in range(_WEEKS_BEFORE, 0, -1)]
    points: list[TrendPoint] = []
    rows: list[tuple[str, str, str]] = []
    for period in periods:
        earlier = context.source.known(period)
        part = None if earlier is None else _same(earlier.workstations, station, now)
        same = None if part is None or indicator is None else _indicator(part, indicator)
        points.append(_point(same, part))
        value = "–" if same is None or same.value is None else words.quantity(same)
        missing = "–" if earlier is not None or context.source.hopeless(period) else ""
        rows.append(
            (_name(context, period), value, missing if part is None else words.mark(part.verdict).word)
        )
    points.append(_point(indicator, now))
    shown = "–" if indicator is None or indicator.value is None else words.quantity(indicator)
    rows.append((_name(context, context.period), shown, words.mark(now.verdict).word))
    row = None if indicator is None else ranking_assessment(indicator)
    label = "" if indicator is None else words.indicator_text(indicator.id, short=True)
    return {
        "factor": words.factor(now.factor),
        "label": "" if indicator is None else f"{label}, {words.unit(indicator.unit)}",
        "drawing": trend(
            points,
            None if row is None else row.limit.value,
            labels=[name for name, _, _ in rows],
            say=words.number,
            say_value=lambda value: "" if indicator is None else words.value(indicator, value),
        ),
        "rows": rows,
        "computing": any(not word for _, _, word in rows),
    }


def _name(context: PageContext, period: DatePeriod) -> str:
    if period.week is None:
        return str(period.first)
    return context.words.say("pages.week_short", week=int(period.week.split("-W")[1]))


def _same(stations: tuple[WorkstationResult, ...], identifier: str, now: FactorResult) -> FactorResult | None:
    station_then = next((item for item in stations if item.id == identifier), None)
    if station_then is None:
        return None
    return next((part for part in station_then.factors if part.factor is now.factor), None)


def _indicator(part: FactorResult, like: Indicator) -> Indicator | None:
    return next(
        (i for i in part.indicators if (i.id, i.shift, i.scope) == (like.id, like.shift, like.scope)), None
    )


def _point(indicator: Indicator | None, part: FactorResult | None) -> TrendPoint:
    if indicator is None or part is None or indicator.value is None:
        return None, None, None, Verdict.NOT_MEASURED
    interval = indicator.interval
    low, high = (interval.low, interval.high) if interval else (None, None)
    return indicator.value, low, high, part.verdict
