"""Annual projections of all workstations as one table: a column a threshold, a row a workstation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from dashboards import typography
from dashboards.report.model import ProjectionCell, ProjectionRow, ProjectionTable
from dashboards.wording import Wording
from indicators.headlines import indicator_verdict
from indicators.limits import Limit, Role
from indicators.model import Indicator, Scope, WeeklyResult, WorkstationResult

__all__ = ["projection_table"]

_CROSSED = ("threshold_crossed", "threshold_crossed_maybe", "threshold_crossed_on")


def projection_table(result: WeeklyResult, words: Wording) -> ProjectionTable:
    """Every indicator that a threshold of the year judges; empty when there is none."""
    found = {
        (station.id, shift): (station, indicators)
        for station in result.workstations
        for shift, indicators in _by_shift(station).items()
    }
    limits: dict[str, Limit] = {}
    for _, indicators in found.values():
        for indicator in indicators.values():
            limits.setdefault(indicator.id, _threshold(indicator))
    order = sorted(limits, key=lambda identifier: limits[identifier].id)
    several = {station for station, _ in found if sum(one == station for one, _ in found) > 1}
    return ProjectionTable(
        columns=tuple(
            (
                words.indicator_text(identifier),
                words.quantity_of(words.limit_value(limits[identifier], sign=True), limits[identifier].unit),
            )
            for identifier in order
        ),
        rows=tuple(
            ProjectionRow(
                station=station.label,
                shift=words.name(shift) if station.id in several else "",
                cells=tuple(_cell(indicators.get(identifier), words) for identifier in order),
                **_crossed(indicators, order, words),
            )
            for (_, shift), (station, indicators) in found.items()
        ),
    )


def _crossed(indicators: Mapping[str, Indicator], order: Sequence[str], words: Wording) -> dict[str, str]:
    """The first day of a year on which one of the thresholds is reached, as the notes of results say it."""
    found = [
        (note, identifier)
        for identifier in order
        if identifier in indicators
        for note in indicators[identifier].quality
        if note.code in _CROSSED
    ]
    if not found:
        # What was not measured may have crossed its threshold unseen.
        whole = all(indicator.value is not None for indicator in indicators.values())
        return {"crossed_of": words.say("report.crossed_none") if whole else "–"}
    note, identifier = min(found, key=lambda pair: str(pair[0].params["on_day"]))
    days = {
        name: typography.day_month(date.fromisoformat(str(day)), language=words.language)
        for name, day in note.params.items()
    }
    parts = [words.indicator_text(identifier), words.say(f"report.{note.code}", **days)]
    return {"crossed": days["on_day"], "crossed_of": ", ".join(part for part in parts if part)}


def _by_shift(station: WorkstationResult) -> dict[str, dict[str, Indicator]]:
    shifts: dict[str, dict[str, Indicator]] = {}
    for factor in station.factors:
        for indicator in factor.indicators:
            if indicator.scope is Scope.USUAL and any(
                row.limit.role is Role.PROJECTION for row in indicator.limits
            ):
                shifts.setdefault(indicator.shift, {})[indicator.id] = indicator
    return shifts


def _threshold(indicator: Indicator) -> Limit:
    return next(row.limit for row in indicator.limits if row.limit.role is Role.PROJECTION)


def _cell(indicator: Indicator | None, words: Wording) -> ProjectionCell | None:
    if indicator is None:
        return None
    measured = indicator.value is not None
    return ProjectionCell(
        mark=words.mark(indicator_verdict(indicator)),
        value=words.value(indicator) if measured else "",
        interval=words.interval(indicator),
    )
