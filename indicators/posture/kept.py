"""Figures of a posture day worked out once, so that weeks read them with the day instead of its seconds."""

from __future__ import annotations

from dataclasses import replace

from indicators.posture.measures import Measure, measures_of, segment_of
from indicators.posture.seconds import DaySeconds
from indicators.reduction.posture_day import PostureDay, PostureFigures

__all__ = ["spread_of", "with_figures"]


def with_figures(day: PostureDay) -> PostureDay:
    """The same worker-day with every measure of its segment worked out; unchanged where there is none."""
    segment = segment_of(day.day.mount)
    if segment is None:
        return day
    facts = DaySeconds(day)
    measures = measures_of(segment, splits=False)
    conditions = [condition for item in measures if (condition := item.condition) in day.masks]
    figures = PostureFigures(
        values={item.id: item.of(facts) for item in measures},
        spreads={item.id: spread for item in measures if (spread := item.spread(day)) != 0.0},
        hours={condition: facts.by_utc_hour(condition) for condition in conditions},
    )
    return replace(day, figures=figures)


def spread_of(measure: Measure, day: PostureDay) -> float:
    """Standard uncertainty of a day's value from the angle's own, 0 when none is stated."""
    kept = day.figures
    if kept is None or measure.id not in kept.values:
        return measure.spread(day)
    return kept.spreads.get(measure.id, 0.0)
