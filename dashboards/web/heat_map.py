"""The week's grid: workstations × days for who may see days, × hours of the day for everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from dashboards import details, typography
from dashboards.plots import heat, whiskers
from dashboards.report.ranking import limit_axis
from dashboards.wording import Mark, Wording
from indicators.headlines import headline
from indicators.model import Audience, Factor, Indicator, RatioKind, Scope, WeeklyResult, WorkstationResult
from sensors.periods import DatePeriod

__all__ = ["HeatCell", "HeatMap", "HeatRow", "heat_map"]

_MINIMUM_COVERAGE = 0.8
_MOST_DECIMALS = 2
_LONG_GRID = 60


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A day or an hour: ``value`` (with its step), ``missing`` (hatched, with what was measured), ``off``."""

    kind: str
    text: str = ""
    step: int = 0
    sign: str = ""
    bar: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One workstation: its cells, or why there are none, and its verdict over usual conditions."""

    id: str
    label: str
    detail: str
    cells: tuple[HeatCell, ...]
    why_empty: str
    mark: Mark
    value: str
    whisker: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The whole grid with its columns and legend; an `idle` column has no value in any row."""

    columns: tuple[str, ...]
    idle: tuple[bool, ...]
    axis: str
    rows: tuple[HeatRow, ...]
    legend: tuple[tuple[int, str], ...]
    unit: str
    hours: bool


def heat_map(
    result: WeeklyResult, period: DatePeriod, factor: Factor, words: Wording, *, by_hour: bool
) -> HeatMap:
    """Grid of one factor.

    Parameters
    ----------
    by_hour : bool
        Columns are hours of the day over all worker-days instead of the days of the period.
    """
    speaking = [(station, _speaker(station, factor, by_hour=by_hour)) for station in result.workstations]
    measures = {item.id: item for _, item in speaking if item is not None}
    hours = _hours([indicator for _, indicator in speaking if indicator is not None]) if by_hour else ()
    columns = (
        tuple(words.say("figures.hour", hour=hour) for hour in hours)
        if by_hour
        else tuple(typography.short_day(day, language=words.language) for day in period.days)
    )
    # The ranking above shows every interval; a long grid keeps to its cells and verdicts.
    plain = len(speaking) > _LONG_GRID
    rows = tuple(
        _row(
            station,
            factor,
            indicator,
            result.audience,
            words,
            period.days,
            hours,
            by_hour=by_hour,
            plain=plain,
            several=len(measures) > 1,
        )
        for station, indicator in speaking
    )
    return HeatMap(
        columns=columns,
        idle=tuple(_idle(rows, place) for place in range(len(columns))),
        axis=limit_axis([main for station in result.workstations if (main := _main(station, factor))], words),
        rows=rows,
        legend=_legend({_bounds(indicator) for _, indicator in speaking if indicator is not None}, words),
        unit=" · ".join(
            f"{words.indicator_text(item.id, short=len(measures) > 1)}, {words.unit(item.unit)}"
            for item in measures.values()
        ),
        hours=by_hour,
    )


def _speaker(station: WorkstationResult, factor: Factor, *, by_hour: bool) -> Indicator | None:
    """The indicator whose days or hours are shown, with the limits its unit is held against."""
    found = next((part for part in station.factors if part.factor is factor), None)
    main = None if found is None else headline(found)
    if found is None or main is None:
        return None
    wanted = details.hour_values if by_hour else details.days
    usual = [main, *(item for item in found.indicators if item.scope is Scope.USUAL)]
    carrying = [item for item in usual if wanted(item.details)] or usual
    moving = [item for item in carrying if _moving(item)]
    # Where there are several shifts, the one nearest to or furthest beyond its limit is shown.
    chosen = max((item for item in moving if item.id == moving[0].id), key=_ratio) if moving else carrying[0]
    if _moving(chosen):
        return chosen
    judged = next((item for item in usual if item.unit == chosen.unit and _moving(item)), None)
    return chosen if judged is None else replace(chosen, limits=judged.limits)


def _idle(rows: Sequence[HeatRow], place: int) -> bool:
    filled = [row.cells[place].kind for row in rows if row.cells]
    return bool(filled) and all(kind == "off" for kind in filled)


def _main(station: WorkstationResult, factor: Factor) -> Indicator | None:
    found = next((part for part in station.factors if part.factor is factor), None)
    return None if found is None else headline(found)


def _ratio(indicator: Indicator) -> float:
    return max((row.ratio for row in indicator.limits if row.ratio is not None), default=-1.0)


def _moving(indicator: Indicator) -> bool:
    return any(row.limit.role.moves_verdict for row in indicator.limits)


def _bounds(indicator: Indicator | None) -> tuple[float, ...]:
    if indicator is None:
        return ()
    rows = [row for row in indicator.limits if row.limit.role.moves_verdict]
    energy = any(row.ratio_kind is RatioKind.ENERGY for row in rows) or indicator.unit.startswith("dB")
    degrees = indicator.unit == "°C"
    return heat.step_bounds([row.limit.value for row in rows], energy=energy or degrees)


def _hours(indicators: Sequence[Indicator]) -> tuple[int, ...]:
    """Hours of the day that occur, from the first after the longest quiet stretch on."""
    found = sorted({hour for indicator in indicators for hour in details.hour_values(indicator.details)})
    if not found:
        return ()
    gaps = [((following - hour) % 24 or 24, index) for index, (hour, following) in
            enumerate(zip(found, [*found[1:], found[0] + 24], strict=True))]  # fmt: skip
    start = (max(gaps)[1] + 1) % len(found)
    return tuple(found[start:] + found[:start])


def _row(
    station: WorkstationResult,
    factor: Factor,
    indicator: Indicator | None,
    audience: Audience,
    words: Wording,
    days: Sequence[date],
    hours: Sequence[int],
    *,
    by_hour: bool,
    plain: bool,
    several: bool,
) -> HeatRow:
    part = next((item for item in station.factors if item.factor is factor), None)
    main = None if part is None else headline(part)
    hidden = indicator is not None and indicator.worn and audience is not Audience.ANALYST and not by_hour
    why = ""
    cells: tuple[HeatCell, ...] = ()
    if station.withheld is not None and factor in station.withheld.factors:
        why = f"{words.say('report.withheld_because')} {words.note(station.withheld.reason)}"
    elif indicator is None or part is None:
        why = words.say("report.no_sensor")
    elif hidden:
        why = words.say("pages.days_hidden")
    elif by_hour:
        cells = _hour_cells(indicator, hours, words)
    else:
        cells = _day_cells(indicator, days, words)
    if not why and all(cell.kind == "off" for cell in cells):
        cells, why = (), words.say("pages.cells_absent")
    # Rows that show different measures each name theirs: a legend for all of them would mislabel some.
    measure = words.indicator_text(indicator.id, short=True) if several and cells and indicator else ""
    return HeatRow(
        id=station.id,
        label=station.label,
        detail=" · ".join(
            text for text in (station.family or "", words.shift_among(indicator, station), measure) if text
        ),
        cells=cells,
        why_empty=why,
        mark=Mark("withheld", "", "") if part is None else words.mark(part.verdict),
        value="" if main is None or main.value is None else words.quantity(main),
        whisker="" if main is None or part is None or plain else whiskers.cell(words.reading(main)),
    )


def _day_cells(indicator: Indicator, days: Sequence[date], words: Wording) -> tuple[HeatCell, ...]:
    known = {value.day: value for value in details.days(indicator.details)}
    bounds = _bounds(indicator)
    cells = []
    for day in days:
        found = known.get(day)
        name = typography.long_date(day, language=words.language, weekday=True)
        if found is None:
            cells.append(HeatCell("off", name=name))
        elif found.value is None or found.coverage < _MINIMUM_COVERAGE:
            cells.append(HeatCell("missing", words.percent(found.coverage), name=name))
        else:
            cells.append(_valued(indicator, found.value, bounds, words, found.coverage, name))
    return tuple(cells)


def _hour_cells(indicator: Indicator, hours: Sequence[int], words: Wording) -> tuple[HeatCell, ...]:
    known: Mapping[int, float] = details.hour_values(indicator.details)
    bounds = _bounds(indicator)
    return tuple(
        _valued(indicator, known[hour], bounds, words, None, words.say("figures.hour", hour=hour))
        if hour in known
        else HeatCell("off", name=words.say("figures.hour", hour=hour))
        for hour in hours
    )


def _valued(
    indicator: Indicator,
    value: float,
    bounds: Sequence[float],
    words: Wording,
    coverage: float | None,
    name: str,
) -> HeatCell:
    limits = sorted({row.limit.value for row in indicator.limits if row.limit.role.moves_verdict})
    passed = sum(value >= limit for limit in limits)
    return HeatCell(
        "value",
        _short(indicator, value, limits, words),
        heat.step(value, bounds) if bounds else 1,
        "▴" * min(passed, 2),
        "" if coverage is None else heat.coverage_bar(coverage),
        name,
    )


def _short(indicator: Indicator, value: float, limits: Sequence[float], words: Wording) -> str:
    """The value as a cell has room for it; too close to a limit for two decimals, its side of the limit."""
    if typography.decimals_for(value, limits) <= _MOST_DECIMALS:
        return words.value(indicator, value)
    nearest = min(limits, key=lambda limit: abs(limit - value))
    return f"{'<' if value < nearest else '>'}{typography.NBSP}{words.number(nearest)}"


def _legend(all_bounds: set[tuple[float, ...]], words: Wording) -> tuple[tuple[int, str], ...]:
    known = {bounds for bounds in all_bounds if bounds}
    if not known:
        return ()
    if len(known) > 1:
        # Workstations have limits of their own: the steps mean the same, their figures differ.
        return tuple((step, words.say(f"pages.step_{step}")) for step in range(heat.STEPS))
    bounds = known.pop()
    between = [f"{words.number(low)}–{words.number(high)}" for low, high in pairwise(bounds)]
    names = [f"<\u00a0{words.number(bounds[0])}", *between, f"≥\u00a0{words.number(bounds[-1])}"]
    return tuple(enumerate(names))
