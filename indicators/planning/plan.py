"""A measuring plan: which sensors, where, on how many people and days, and which verdicts that can settle.

Before anyone spends a day measuring: the plan spreads worker-days over people first, simulates the campaign
from variance components (the pilot's, where there is one), and says of every limit whether it will be
settled, may be, cannot be, or on which values that depends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from indicators.context import AssessmentContext, build_context
from indicators.limits import Limit, Role
from indicators.model import Audience, Factor, Note
from indicators.noise.iso9612 import minimum_cumulative_hours, noise_rule
from indicators.planning.model import CampaignPlan, FactorPlan, KitNeed, RowPlan, StationPlan, plan_rule
from indicators.planning.pilot import Pilot, assumed, read_pilot
from indicators.planning.positions import kit_needs, positions_for
from indicators.planning.rows import Question, choose_design, plan_rows, unplanned
from indicators.planning.scatter import scatter_of
from indicators.planning.schedule import schedule
from indicators.planning.simulation import CampaignDesign
from indicators.table_files import toml_table
from indicators.weekly import to_period
from sensors.errors import ConfigurationError
from sensors.periods import DatePeriod, week_period
from sensors.quantities import Kind
from sensors.site_model import Mount

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.site_book import SiteBook

__all__ = ["MEASURED_FACTORS", "next_monday", "plan_campaign", "plan_from_store"]

MEASURED_FACTORS = (Factor.NOISE, Factor.POSTURE, Factor.CLIMATE)
_KIND = {Factor.NOISE: Kind.NOISE, Factor.POSTURE: Kind.POSTURE, Factor.CLIMATE: Kind.CLIMATE}
_STEPS_OF_PEOPLE = (3, 5, 8)
_STEPS_OF_DAYS = (2, 3, 5, 10, 15, 20)


@dataclass(frozen=True, slots=True)
class _Rules:
    wanted: float
    most_days_each: int
    factors: tuple[Factor, ...]
    pilot: Pilot


def plan_campaign(
    book: SiteBook,
    *,
    start: date,
    pilot: Pilot | None = None,
    factors: Sequence[Factor] = MEASURED_FACTORS,
    workstations: Sequence[str] = (),
    most_days_each: int | None = None,
    wanted: float | None = None,
    audience: Audience = Audience.REPORT,
) -> CampaignPlan:
    """Plan a measuring campaign.

    Parameters
    ----------
    book : SiteBook
    start : date
        First day; the limits in force on it apply.
    pilot : Pilot, optional
        Earlier worker-days, gated for `audience` already.
    factors, workstations : sequence
        What to plan for; every workstation by default.
    most_days_each : int, optional
        Worker-days asked of one person at most; three by default.
    wanted : float, optional
        Probability to settle; 0.80 by default.

    Raises
    ------
    UnknownNameError
        No such workstation.
    ConfigurationError
        Code ``nothing_to_plan``: no workstation has a shift.
    """
    for name in workstations:
        book.workstation(name)
    rules = _Rules(
        wanted=plan_rule("wanted") if wanted is None else wanted,
        most_days_each=int(plan_rule("most_days_each")) if most_days_each is None else most_days_each,
        factors=tuple(factor for factor in MEASURED_FACTORS if factor in factors),
        pilot=pilot or Pilot(),
    )
    period = to_period(book, DatePeriod(start, start))
    stations = tuple(
        _station(build_context(book, row, shift, period), rules)
        for row in book.site.workstations
        if not workstations or row.id in workstations
        for shift in row.shifts
    )
    if not stations:
        raise ConfigurationError(
            "there is nothing to plan",
            rule="a workstation with at least one shift",
            remedy="add shifts to [[workstations]]",
            code="nothing_to_plan",
        )
    kits = kit_needs(book, tuple(_KIND[factor] for factor in rules.factors))
    return CampaignPlan(
        site=book.site.site.id,
        label=book.site.site.label,
        audience=audience,
        start=start,
        wanted=rules.wanted,
        stations=stations,
        pilot=rules.pilot.period,
        kits=kits,
        visits=schedule(book, stations, kits, start),
        notes=tuple(_site_notes(kits, rules.pilot)),
    )


def next_monday(book: SiteBook, now: datetime) -> date:
    """Monday after the site date of `now`: when a campaign can start at the earliest by default."""
    today = now.astimezone(book.zone).date()
    return today + timedelta(days=7 - today.weekday())


def plan_from_store(
    book: SiteBook, store: Store, audience: Audience, *, now: datetime | None = None
) -> CampaignPlan:
    """Plan for every workstation; the worker-days behind the last complete week's report are the pilot."""
    moment = now or datetime.now(UTC)
    pilot = read_pilot(book, store, week_period(None, book.zone, moment), audience)
    return plan_campaign(book, start=next_monday(book, moment), pilot=pilot, audience=audience)


def _site_notes(kits: Sequence[KitNeed], pilot: Pilot) -> list[Note]:
    found = [
        Note(f"plan_no_sensor_{kit.kind.value}", {"each": kit.each}) for kit in kits if kit.have < kit.each
    ]
    if pilot.period is None:
        found.append(Note("plan_no_pilot"))
    return found


def _station(context: AssessmentContext, rules: _Rules) -> StationPlan:
    hours = _shift_hours(context)
    return StationPlan(
        workstation=context.workstation.id,
        label=context.workstation.label,
        shift=context.shift,
        shift_hours=hours,
        factors=tuple(_factor(factor, context, rules, hours) for factor in rules.factors),
    )


def _shift_hours(context: AssessmentContext) -> float:
    """Length of the shift by the clock [h]."""
    shift = context.book.site.find("shifts", context.shift)
    minutes = (shift.end.hour - shift.start.hour) * 60 + shift.end.minute - shift.start.minute
    return float((minutes % (24 * 60) or 24 * 60) / 60.0)


def _people(context: AssessmentContext) -> int | None:
    """People who work at the workstation, from the exposure groups; ``None`` when none names it."""
    counts = [row.workers for row in context.book.site.groups if context.workstation.id in row.workstations]
    return sum(counts) if counts else None


def _factor(factor: Factor, context: AssessmentContext, rules: _Rules, hours: float) -> FactorPlan:
    worn = _is_worn(factor, context)
    available = _people(context) if worn else None
    group_size = context.book.site.privacy.group_size
    designs, least = _designs(factor, context, rules, available)
    rows = [row for row in context.limits if row.factor == factor.value and row.role.moves_verdict]
    questions, loose = _questions(rows, factor, context, rules, worn=worn)
    minimum = (
        float(minimum_cumulative_hours(available or group_size)) if worn and factor is Factor.NOISE else None
    )
    if minimum is not None:
        enough = [one for one in designs if one.worker_days * hours >= minimum]
        least = max(least, (enough or designs)[0 if enough else -1], key=lambda one: one.worker_days)
    design, curves = choose_design(questions, designs, least, rules.wanted)
    notes = _notes(factor, context, design, worn=worn, available=available)
    if (context.workstation.id, context.shift, factor) in rules.pilot.withheld:
        notes.append(Note("plan_pilot_withheld"))
    return FactorPlan(
        factor=factor,
        worn=worn,
        positions=positions_for(_KIND[factor], context, worn=worn),
        design=design,
        hours=design.worker_days * hours,
        minimum_hours=minimum,
        available=available,
        rows=(*plan_rows(questions, designs, design, curves, rules.wanted), *loose),
        notes=tuple(notes),
    )


def _is_worn(factor: Factor, context: AssessmentContext) -> bool:
    """Posture is worn; noise is, unless the workstation has fixed microphones and nothing else."""
    if factor is not Factor.NOISE:
        return factor is Factor.POSTURE
    mounts = {
        row.mount
        for row in context.book.site.placements
        if row.workstation == context.workstation.id and context.book.sensor(row.sensor).kind is Kind.NOISE
    }
    return mounts != {Mount.FIXED} or context.workstation.occupancy_hours is None


def _designs(
    factor: Factor, context: AssessmentContext, rules: _Rules, available: int | None
) -> tuple[list[CampaignDesign], CampaignDesign]:
    """Designs from small to large, people first, and the smallest that the method and the report allow."""
    least_days = _least_days(factor, context)
    if not _is_worn(factor, context):
        most = int(plan_rule("most_fixed_days"))
        designs = [CampaignDesign(1, days) for days in _STEPS_OF_DAYS if least_days <= days <= most]
        base = int(plan_rule("base_fixed_days"))
        return designs, next(one for one in designs if one.days_each >= base)
    group_size = context.book.site.privacy.group_size
    base = max(int(plan_rule("base_workers")), group_size)
    crew = min(base if available is None else available, max(int(plan_rule("most_workers")), group_size))
    people = sorted({*(k for k in (*_STEPS_OF_PEOPLE, base) if k < crew), crew})
    designs = [CampaignDesign(k, 1) for k in people if k >= 2]
    designs += [CampaignDesign(crew, days) for days in range(2, rules.most_days_each + 1)]
    if not designs:
        designs = [CampaignDesign(crew, max(rules.most_days_each, 1))]
    least = [
        one
        for one in designs
        if one.workers >= min(base, crew)
        and one.worker_days >= min(max(least_days, base), designs[-1].worker_days)
    ]
    return designs, least[0]


def _least_days(factor: Factor, context: AssessmentContext) -> int:
    if factor is not Factor.NOISE:
        return 2
    job = context.workstation.noise_strategy == "job_based"
    return int(noise_rule("job_samples" if job else "full_day_samples"))


def _questions(
    rows: Sequence[Limit], factor: Factor, context: AssessmentContext, rules: _Rules, *, worn: bool
) -> tuple[list[Question], list[RowPlan]]:
    by_indicator: dict[str, list[Limit]] = {}
    loose: list[RowPlan] = []
    for row in rows:
        if row.role is Role.PROJECTION or assumed(row.indicator) is None:
            found = unplanned(row, indoor_process=context.workstation.indoor_process)
            loose += [found] if found is not None else []
        else:
            by_indicator.setdefault(row.indicator, []).append(row)
    questions = []
    for indicator, limits in by_indicator.items():
        known = rules.pilot.known.get((context.workstation.id, context.shift, indicator))
        components = known.components if known is not None else assumed(indicator)
        assert components is not None  # rows without are loose
        scatter = scatter_of(components, factor, context, worn=worn, least_days=_least_days(factor, context))
        most = 60.0 * _shift_hours(context) if limits[0].unit == "min" else math.inf
        questions.append(Question(tuple(limits), scatter, known, most))
    return questions, loose


def _notes(
    factor: Factor, context: AssessmentContext, design: CampaignDesign, *, worn: bool, available: int | None
) -> list[Note]:
    group_size = context.book.site.privacy.group_size
    percent = round(100 * context.minimum_coverage("lex_8h" if factor is Factor.NOISE else "", 0.80))
    notes = [Note("plan_cover_shift", {"percent": percent})]
    if worn and available is None:
        notes.append(Note("plan_headcount_unknown"))
    if worn and design.workers < group_size:
        notes.append(Note("plan_group_too_small", {"people": design.workers, "minimum": group_size}))
    if factor is Factor.POSTURE:
        low, high = toml_table("placement")["twist"]["error_deg"]
        notes.append(Note("plan_twist", {"low_deg": low, "high_deg": high}))
    if factor is Factor.CLIMATE:
        notes.append(Note("plan_season"))
    return notes
