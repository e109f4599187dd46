"""The plan as a table: what is measured, and what that settles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards import typography
from dashboards.catalogue import Run
from dashboards.plan.figures import curve_figure
from dashboards.report.html import drawing_html
from dashboards.wording import Wording
from indicators.planning.document import outcome_words
from indicators.planning.model import CampaignPlan, FactorPlan, Outcome, RowPlan, StationPlan, Visit

__all__ = ["PlanGroup", "PlanTable", "design_words", "plan_lead", "plan_table", "schedule_rows"]

_ORDER = (Outcome.CANNOT_SETTLE, Outcome.MAY_SETTLE, Outcome.DEPENDS, Outcome.SETTLES)


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Verdicts for which the plan does the same; `settled` ones need no decision."""

    title: str
    settled: bool
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class PlanTable:
    """Head and rows, worst outcome first; cells are texts or drawings."""

    lead: tuple[Run, ...]
    head: tuple[str, ...]
    groups: tuple[PlanGroup, ...]

    @property
    def rows(self) -> tuple[tuple[object, ...], ...]:
        """Rows of all groups, one after the other."""
        return tuple(row for group in self.groups for row in group.rows)


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


def plan_table(plan: CampaignPlan, language: str, names: Mapping[str, str] | None = None) -> PlanTable:
    """Every verdict of the plan, those that stay open first; `names` are labels by id."""
    words = Wording(language, names or {})
    say = words.say
    groups = []
    for outcome in _ORDER:
        rows = tuple(_plan_row(plan, found, words) for found in plan.rows(outcome))
        if rows:
            title = say("plan.group", outcome=say(f"plan.group_{outcome.value}"), n=len(rows))
            groups.append(PlanGroup(title, outcome is Outcome.SETTLES, rows))
    head = tuple(say(f"plan.column_{name}") for name in ("station", "design", "limit", "outcome", "curve"))
    return PlanTable(plan_lead(plan, words), head, tuple(groups))


def _plan_row(
    plan: CampaignPlan, found: tuple[StationPlan, FactorPlan, RowPlan], words: Wording
) -> tuple[object, ...]:
    station, factor, row = found
    curve = curve_figure(row.curve, plan.wanted, words.say)
    limit = words.quantity_of(words.limit_value(row.limit, sign=True), row.limit.unit)
    return (
        station.label
        if len({one.shift for one in plan.stations}) == 1
        else f"{station.label}, {words.name(station.shift)}",
        f"{words.factor(factor.factor)} · {design_words(factor, words)}",
        f"{words.indicator_text(row.limit.indicator)} {limit}",
        outcome_words(row, words.say),
        drawing_html(curve) if curve else "",
    )


def schedule_rows(
    visits: Sequence[Visit], language: str, names: Mapping[str, str] | None = None
) -> tuple[tuple[str, ...], ...]:
    """The calendar: day, workstation, factor, wearer by number, sensors; `names` are labels by id."""
    words = Wording(language, names or {})
    return tuple(
        (
            typography.long_date(visit.day, language=language, weekday=True),
            f"{words.name(visit.workstation)}, {words.name(visit.shift)}",
            words.factor(visit.factor)
            + ("" if visit.wearer is None else f" · {words.say('plan.wearer', number=visit.wearer)}"),
            ", ".join(map(words.name, visit.sensors)) or words.say("plan.to_obtain"),
        )
        for visit in visits
    )
