"""The plan as a table: what is measured, and what that settles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import typography
from dashboards.catalogue import Run
from dashboards.plan.figures import curve_figure
from dashboards.report.html import drawing_html
from dashboards.wording import Wording
from indicators.planning.document import outcome_words
from indicators.planning.model import CampaignPlan, FactorPlan, Outcome, Visit

__all__ = ["PlanTable", "design_words", "plan_lead", "plan_table", "schedule_rows"]

_ORDER = (Outcome.CANNOT_SETTLE, Outcome.MAY_SETTLE, Outcome.DEPENDS, Outcome.SETTLES)


@dataclass(frozen=True, slots=True)
class PlanTable:
    """Head and rows; cells are texts or drawings."""

    lead: tuple[Run, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def plan_lead(plan: CampaignPlan, words: Wording) -> tuple[Run, ...]:
    """How many verdicts are settled, perhaps, not, and depending on the level."""
    counts = {outcome: len(plan.rows(outcome)) for outcome in Outcome}
    return words.rich(
        "plan.lead_settles",
        settles=counts[Outcome.SETTLES],
        may=counts[Outcome.MAY_SETTLE],
        cannot=counts[Outcome.CANNOT_SETTLE],
        depends=counts[Outcome.DEPENDS],
    )


def design_words(factor: FactorPlan, words: Wording) -> str:
    """People, days and hours of one factor."""
    code = "plan.worn_days" if factor.worn else "plan.fixed_days"
    return words.say(code, workers=factor.design.workers, days=factor.design.days_each, hours=factor.hours)


def plan_table(plan: CampaignPlan, language: str) -> PlanTable:
    """Every verdict of the plan, those that stay open first."""
    words = Wording(language)
    say = words.say
    rows: list[tuple[object, ...]] = []
    for station, factor, row in plan.rows(*_ORDER):
        curve = curve_figure(row.curve, plan.wanted, say)
        rows.append(
            (
                f"{station.label}, {station.shift}",
                f"{words.factor(factor.factor)} · {design_words(factor, words)}",
                f"{words.indicator_text(row.limit.indicator)} {words.limit_value(row.limit, sign=True)}",
                outcome_words(row, say),
                drawing_html(curve) if curve else "",
            )
        )
    order = {outcome: place for place, outcome in enumerate(_ORDER)}
    places = [order[row.outcome] for _, _, row in plan.rows(*_ORDER)]
    ranked = [rows[index] for index in sorted(range(len(rows)), key=lambda index: places[index])]
    head = tuple(say(f"plan.column_{name}") for name in ("station", "design", "limit", "outcome", "curve"))
    return PlanTable(plan_lead(plan, words), head, tuple(ranked))


def schedule_rows(visits: Sequence[Visit], language: str) -> tuple[tuple[str, ...], ...]:
    """The calendar: day, workstation, factor, wearer by number, sensors."""
    words = Wording(language)
    return tuple(
        (
            typography.long_date(visit.day, language=language, weekday=True),
            f"{visit.workstation}, {visit.shift}",
            words.factor(visit.factor)
            + ("" if visit.wearer is None else f" · {words.say('plan.wearer', number=visit.wearer)}"),
            ", ".join(visit.sensors) or words.say("plan.to_obtain"),
        )
        for visit in visits
    )
