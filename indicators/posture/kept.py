"""Figures of posture days worked out once, so that weeks read them with the day instead of its seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from indicators.posture.measures import PostureFacts, Segment, measures_of, segment_of
from indicators.reduction.posture_day import PostureDay, PostureFigures

__all__ = ["with_figures"]


def with_figures(days: Sequence[PostureDay]) -> list[PostureDay]:
    """The same worker-days with every measure of their segment worked out.

    Unchanged where the mount describes no segment, or where the figures are there already.
    """
    groups: dict[tuple[Segment, tuple[str, ...]], list[int]] = {}
    for index, day in enumerate(days):
        segment = segment_of(day.day.mount)
        if segment is not None and day.figures is None:
            groups.setdefault((segment, (*day.masks, *day.events)), []).append(index)
    found = list(days)
    for (segment, _), places in groups.items():
        figures = _figures([days[place] for place in places], segment)
        for place, own in zip(places, figures, strict=True):
            found[place] = replace(days[place], figures=own)
    return found


def _figures(days: Sequence[PostureDay], segment: Segment) -> list[PostureFigures]:
    facts = PostureFacts(days)
    measures = measures_of(segment, splits=False)
    values = {item.id: item.of(facts).tolist() for item in measures}
    spreads = {item.id: item.spread(facts).tolist() for item in measures}
    conditions = [condition for item in measures if (condition := item.condition) in days[0].masks]
    hours = {condition: facts.seconds.by_utc_hour(condition) for condition in conditions}
    return [
        PostureFigures(
            values={name: column[place] for name, column in values.items()},
            spreads={name: column[place] for name, column in spreads.items()},
            hours={name: column[place] for name, column in hours.items()},
        )
        for place in range(len(days))
    ]
