"""A measuring plan as a JSON document, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from indicators.model import Note
from indicators.planning.floor import FloorPlan
from indicators.planning.model import (
    CampaignPlan,
    CurvePoint,
    FactorPlan,
    Outcome,
    Position,
    RowPlan,
    StationPlan,
)
from indicators.words import Text, circulation, circulation_entry, label, note_words, quantity, unit_words

__all__ = ["outcome_words", "plan_document", "plan_lines"]

_MARKS = {
    Outcome.SETTLES: "●",
    Outcome.MAY_SETTLE: "◐",
    Outcome.CANNOT_SETTLE: "○",
    Outcome.DEPENDS: "◇",
}
_SHOWN_VISITS = 12


def plan_document(plan: CampaignPlan, say: Text, floors: Sequence[FloorPlan] = ()) -> dict[str, Any]:
    """The plan, its schedule and the floor as plain values."""
    return {
        "site": plan.site,
        "audience": plan.audience.value,
        **circulation_entry(plan.audience, say),
        "start": plan.start.isoformat(),
        "wanted_probability": plan.wanted,
        "pilot": None
        if plan.pilot is None
        else {"first": plan.pilot.first.isoformat(), "last": plan.pilot.last.isoformat()},
        "sensors": [{"kind": kit.kind.value, "have": kit.have, "each": kit.each} for kit in plan.kits],
        "workstations": [_station(station, say) for station in plan.stations],
        "settles": _named(plan, Outcome.SETTLES),
        "may_settle": _named(plan, Outcome.MAY_SETTLE),
        "cannot_settle": _named(plan, Outcome.CANNOT_SETTLE),
        "depends": _named(plan, Outcome.DEPENDS),
        "schedule": [
            {
                "date": visit.day.isoformat(),
                "shift": visit.shift,
                "workstation": visit.workstation,
                "factor": visit.factor.value,
                "wearer": visit.wearer,
                "sensors": list(visit.sensors),
            }
            for visit in plan.visits
        ],
        "floors": [_floor(floor) for floor in floors],
        "notes": _notes(plan.notes, say),
    }


def _named(plan: CampaignPlan, outcome: Outcome) -> list[dict[str, str]]:
    return [
        {"workstation": station.workstation, "shift": station.shift, "limit": row.limit.id}
        for station, _, row in plan.rows(outcome)
    ]


def _station(station: StationPlan, say: Text) -> dict[str, Any]:
    return {
        "id": station.workstation,
        "label": station.label,
        "shift": station.shift,
        "shift_hours": station.shift_hours,
        "factors": [_factor(factor, say) for factor in station.factors],
    }


def _factor(factor: FactorPlan, say: Text) -> dict[str, Any]:
    return {
        "factor": factor.factor.value,
        "worn": factor.worn,
        "positions": [_position(position) for position in factor.positions],
        "workers": factor.design.workers if factor.worn else None,
        "days_each": factor.design.days_each,
        "worker_days": factor.design.worker_days,
        "hours": factor.hours,
        "minimum_cumulative_hours": factor.minimum_hours,
        "people": factor.available,
        "limits": [_row(row, say) for row in factor.rows],
        "notes": _notes(factor.notes, say),
    }


def _position(position: Position) -> dict[str, Any]:
    return {
        "position": position.key,
        "mount": position.mount.value,
        "error_deg": None if position.error_deg is None else list(position.error_deg),
        "heights_standing_m": list(position.standing_m),
        "heights_seated_m": list(position.seated_m),
        "source": position.source,
        "grade": position.grade,
    }


def _row(row: RowPlan, say: Text) -> dict[str, Any]:
    return {
        "id": row.limit.id,
        "indicator": row.limit.indicator,
        "limit": row.limit.value,
        "unit": row.limit.unit,
        "basis": row.basis.value,
        "outcome": row.outcome.value,
        "pilot_value": row.value,
        "pilot_days": row.pilot_days,
        "chosen": None if row.chosen is None else _point(row.chosen),
        "curve": [_point(point) for point in row.curve],
        "reason": None
        if row.reason is None
        else {"code": row.reason.code, "text": note_words(row.reason, say)},
    }


def _point(point: CurvePoint) -> dict[str, Any]:
    return {
        "workers": point.design.workers,
        "days_each": point.design.days_each,
        "worker_days": point.design.worker_days,
        "probability": point.probability,
        "settles_up_to": point.settles_below,
        "settles_from": point.settles_above,
    }


def _floor(floor: FloorPlan) -> dict[str, Any]:
    return {
        "factor": floor.factor.value,
        "size_m": list(floor.size_m),
        "unit": floor.unit,
        "stations": [{"id": place.id, "at_m": list(place.at_m)} for place in floor.stations],
        "spare": [list(point) for point in floor.spare_m],
        "mean_remaining_sd": floor.mean_sd,
        "without_spare_sd": floor.mean_sd_without_spare,
        "running": [
            {
                "workstation": item.station,
                "days": item.days,
                "value": item.value,
                "predicted_without": item.predicted,
                "prediction_sd": item.sd,
                "standardised": item.standardised,
                "mean_sd_with": floor.running_sd,
                "mean_sd_without": item.mean_sd_without,
                "most_alike": item.most_alike,
                "partial_correlation": item.correlation,
                "redundant": item.redundant,
            }
            for item in floor.running
        ],
        "source": floor.source,
        "grade": floor.grade,
    }


def _notes(notes: Sequence[Note], say: Text) -> list[Mapping[str, str]]:
    return [{"code": note.code, "text": note_words(note, say)} for note in notes]


def outcome_words(row: RowPlan, say: Text) -> str:
    """What the plan does for one limit, in a sentence without its subject."""
    unit = unit_words(row.limit.unit, say)
    words = say(f"plan.outcome.{row.outcome.value}")
    chosen = row.chosen
    if chosen is not None and chosen.probability is not None:
        words = say("plan.with_probability", words=words, percent=round(100 * chosen.probability))
    elif chosen is not None and row.outcome is Outcome.DEPENDS:
        below, above = chosen.settles_below, chosen.settles_above
        code = "both" if below is not None and above is not None else "above" if below is None else "below"
        words = say(f"plan.settles_{code}", unit=unit, below=below or 0.0, above=above or 0.0)
    return f"{words} ({note_words(row.reason, say)})" if row.reason is not None else words


def plan_lines(plan: CampaignPlan, say: Text, floors: Sequence[FloorPlan] = ()) -> Iterator[str]:
    """The plan for a terminal: workstation by workstation, then the calendar."""
    if not plan.audience.gated:
        yield f"! {circulation(plan.audience, say)}"
    yield say("plan.title", site=plan.label, start=plan.start)
    for note in plan.notes:
        yield f"! {note_words(note, say)}"
    for station in plan.stations:
        yield ""
        yield say("plan.station", label=station.label, shift=station.shift, hours=station.shift_hours)
        for factor in station.factors:
            yield from _factor_lines(factor, say)
    for floor in floors:
        yield ""
        yield from _floor_lines(floor, say)
    yield ""
    yield say("plan.schedule")
    for visit in plan.visits[:_SHOWN_VISITS]:
        who = "" if visit.wearer is None else f"  {say('plan.wearer', number=visit.wearer)}"
        names = ", ".join(visit.sensors) or say("plan.to_obtain")
        yield (
            f"  {visit.day.isoformat()}  {visit.shift}  {visit.workstation}  "
            f"{say(f'factors.{visit.factor.value}')}{who}  {names}"
        )
    if len(plan.visits) > _SHOWN_VISITS:
        yield "  " + say("plan.more_visits", n=len(plan.visits) - _SHOWN_VISITS, last=plan.visits[-1].day)


def _factor_lines(factor: FactorPlan, say: Text) -> Iterator[str]:
    name = say(f"factors.{factor.factor.value}")
    code = "plan.worn_days" if factor.worn else "plan.fixed_days"
    days = say(code, workers=factor.design.workers, days=factor.design.days_each, hours=factor.hours)
    yield f"  {say('commands.factor', factor=name, verdict=days)}"
    if factor.minimum_hours is not None:
        yield "      " + say("plan.minimum_hours", hours=factor.minimum_hours)
    for position in factor.positions:
        yield f"      → {say(f'plan.positions.{position.key}')}"
    for row in factor.rows:
        limit = quantity(row.limit.value, row.limit.unit, say)
        subject = f"{label(row.limit.indicator, say)} {row.limit.comparison.sign} {limit}"
        line = say("commands.factor", factor=subject, verdict=outcome_words(row, say))
        yield f"      {_MARKS[row.outcome]} {line}"
    for note in factor.notes:
        yield f"      · {note_words(note, say)}"


def _floor_lines(floor: FloorPlan, say: Text) -> Iterator[str]:
    yield say(
        "plan.floor",
        factor=say(f"factors.{floor.factor.value}"),
        stations=len(floor.stations),
        spare=len(floor.spare_m),
        before=floor.mean_sd_without_spare,
        after=floor.mean_sd,
        unit=floor.unit,
    )
    for point in floor.spare_m:
        yield "  " + say("plan.spare_at", x=point[0], y=point[1])
    for item in floor.running:
        code = "plan.running_redundant" if item.redundant else "plan.running_needed"
        yield "  " + say(
            code, station=item.station, sd=item.sd, unit=floor.unit, other=item.most_alike or "–"
        )
