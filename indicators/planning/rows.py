"""Limits under a plan: the probability that each design settles them, and what stands in the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from analysis.planning import least_design
from indicators.limits import Comparison, Limit, Role
from indicators.model import Note
from indicators.planning.model import Basis, CurvePoint, Outcome, RowPlan, plan_rule
from indicators.planning.pilot import Known
from indicators.planning.simulation import (
    CampaignDesign,
    DayScale,
    Scatter,
    expected_value,
    settled_share,
    to_working,
)

__all__ = ["Question", "choose_design", "plan_rows", "unplanned"]

_FARTHEST = {DayScale.PERCENT: 8.0, DayScale.NON_NEGATIVE: 6.0}
_FARTHEST_UNITS = 60.0
_STEPS = 12
_MOST_PEOPLE = 60
_CERTAIN = 0.999


@dataclass(frozen=True, slots=True)
class Question:
    """All limits that one indicator is held against, and what is known of it.

    Attributes
    ----------
    most : float
        What a worker-day can hold at most, in the limits' unit: minutes of a shift end with the shift.
    """

    limits: tuple[Limit, ...]
    scatter: Scatter
    known: Known | None
    most: float = math.inf

    def probabilities(self, design: CampaignDesign) -> tuple[float, ...]:
        """Of each limit, given the pilot's centre; zeros without a pilot."""
        if self.known is None:
            return (0.0,) * len(self.limits)
        return settled_share(
            self.known.centre,
            self.scatter,
            design,
            tuple((row.value, row.comparison) for row in self.limits),
        )


def choose_design(
    questions: Sequence[Question], designs: Sequence[CampaignDesign], least: CampaignDesign, wanted: float
) -> tuple[CampaignDesign, dict[int, list[tuple[float, ...]]]]:
    """Smallest design from `least` on that settles what can be settled, and the curves on the way.

    A verdict that even the largest design does not settle does not drive the plan.

    Returns
    -------
    design : CampaignDesign
    curves : dict of int to list
        By question with a pilot: the probabilities of each design.
    """
    curves = {
        place: _curve(question, designs)
        for place, question in enumerate(questions)
        if question.known is not None
    }
    start = designs.index(least)
    reachable = [
        [curve[step][row] for step in range(len(designs))]
        for curve in curves.values()
        for row in range(len(curve[0]))
        if curve[-1][row] >= wanted
    ]
    for step in range(start, len(designs)):
        if all(chances[step] >= wanted for chances in reachable):
            return designs[step], curves
    return designs[-1], curves


def _curve(question: Question, designs: Sequence[CampaignDesign]) -> list[tuple[float, ...]]:
    """Probabilities of each design; beyond certainty larger designs are certain too."""
    found: list[tuple[float, ...]] = []
    for design in designs:
        certain = bool(found) and min(found[-1]) >= _CERTAIN
        found.append(found[-1] if certain else question.probabilities(design))
    return found


def plan_rows(
    questions: Sequence[Question],
    designs: Sequence[CampaignDesign],
    chosen: CampaignDesign,
    curves: dict[int, list[tuple[float, ...]]],
    wanted: float,
) -> tuple[RowPlan, ...]:
    """Every limit with its curve over designs and its outcome under the chosen one."""
    rows: list[RowPlan] = []
    place = designs.index(chosen)
    for number, question in enumerate(questions):
        for column, limit in enumerate(question.limits):
            if question.known is None:
                rows.append(_by_assumption(question, limit, designs, place, wanted))
                continue
            curve = tuple(
                CurvePoint(design, curves[number][step][column]) for step, design in enumerate(designs)
            )
            rows.append(_by_pilot(question, question.known, limit, curve, place, wanted))
    return tuple(rows)


def _by_pilot(
    question: Question, known: Known, limit: Limit, curve: tuple[CurvePoint, ...], place: int, wanted: float
) -> RowPlan:
    chance = curve[place].probability or 0.0
    outcome = Outcome.MAY_SETTLE
    if chance >= wanted:
        outcome = Outcome.SETTLES
    elif chance < plan_rule("hopeless"):
        outcome = Outcome.CANNOT_SETTLE
    reason = (
        None if outcome is Outcome.SETTLES else _obstacle(question, known, limit, curve[place].design, wanted)
    )
    return RowPlan(limit, Basis.PILOT, outcome, known.value, known.days, curve, curve[place], reason)


def _obstacle(question: Question, known: Known, limit: Limit, chosen: CampaignDesign, wanted: float) -> Note:
    """Instrument and method, or the number of people."""
    scatter = question.scatter
    if scatter.scale is DayScale.PEAK:
        return Note("plan_peak_rare")
    distance = _working(known.value, scatter.scale) - _working(limit.value, scatter.scale)
    reach = scatter.above if distance < 0.0 else scatter.below
    if abs(distance) <= reach:
        return Note("plan_within_instrument", {"limit": limit.value, "unit": limit.unit})
    # An interval joins both parts in quadrature: what the instrument leaves of the distance is for the days.
    needed = least_design(
        math.sqrt(distance**2 - reach**2),
        scatter.between_sd,
        scatter.within_sd,
        available_workers=_MOST_PEOPLE,
        most_days_each=1,
        wanted=wanted,
    ).workers
    # The closed form leads near; campaigns judged by the method itself have the last word.
    while needed <= _MOST_PEOPLE:
        design = CampaignDesign(needed, 1)
        (chance,) = settled_share(known.centre, scatter, design, ((limit.value, limit.comparison),))
        if chance >= wanted and needed > chosen.worker_days:
            return Note("plan_needs_more", {"days": needed})
        needed += max(needed // 4, 1)
    return Note("plan_too_near", {"limit": limit.value})


def _working(value: float, scale: DayScale) -> float:
    return float(to_working(np.array([value]), scale)[0])


def _by_assumption(
    question: Question, limit: Limit, designs: Sequence[CampaignDesign], place: int, wanted: float
) -> RowPlan:
    curve = tuple(CurvePoint(design, None, *_values(question, design, limit, wanted)) for design in designs)
    chosen = curve[place]
    hopeless = chosen.settles_below is None and chosen.settles_above is None
    reason = Note("plan_too_few_days") if hopeless else None
    outcome = Outcome.CANNOT_SETTLE if hopeless else Outcome.DEPENDS
    return RowPlan(limit, Basis.ASSUMED, outcome, curve=curve, chosen=chosen, reason=reason)


def _values(
    question: Question, design: CampaignDesign, limit: Limit, wanted: float
) -> tuple[float | None, float | None]:
    """Usual values up to and from which the design settles with the wanted probability."""
    scatter = question.scatter
    # On all scales but that of shares, what matters is the distance to the limit alone.
    value = limit.value if scatter.scale is DayScale.PERCENT else 1.0
    below, above = _distances(scatter, design, value, limit.comparison, wanted)
    edge = _working(limit.value, scatter.scale)
    settled_from = None if above is None else expected_value(edge + above, scatter)
    if settled_from is not None and settled_from > question.most:
        settled_from = None
    return None if below is None else expected_value(edge - below, scatter), settled_from


@lru_cache(maxsize=4096)
def _distances(
    scatter: Scatter, design: CampaignDesign, value: float, comparison: Comparison, wanted: float
) -> tuple[float | None, float | None]:
    edge = _working(value, scatter.scale)
    farthest = _FARTHEST.get(scatter.scale, _FARTHEST_UNITS)

    def distance(side: float) -> float | None:
        def enough(away: float) -> bool:
            shares = settled_share(edge + side * away, scatter, design, ((value, comparison),))
            return shares[0] >= wanted

        near, far = 0.0, farthest
        if not enough(far):
            return None
        for _ in range(_STEPS):
            middle = (near + far) / 2.0
            near, far = (near, middle) if enough(middle) else (middle, far)
        return far

    return distance(-1.0), distance(1.0)


def unplanned(limit: Limit, *, indoor_process: bool) -> RowPlan | None:
    """A limit that no number of days alone settles, with the reason; ``None`` where it is left out."""
    if limit.role is not Role.PROJECTION:
        return RowPlan(limit, Basis.NONE, Outcome.CANNOT_SETTLE, reason=Note("plan_no_method"))
    if limit.factor == "climate":
        if not indoor_process:
            return None
        return RowPlan(limit, Basis.NONE, Outcome.CANNOT_SETTLE, reason=Note("plan_months_unmeasured"))
    return RowPlan(limit, Basis.NONE, Outcome.DEPENDS, reason=Note("plan_projection"))
