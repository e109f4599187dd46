"""Writes a plan: the sheet to print, the whole plan as a page, floor maps and the JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dashboards.plan.figures import floor_map, position_figure
from dashboards.plan.rows import plan_table, schedule_rows
from dashboards.plots import svg
from dashboards.plots.tokens import plot_css
from dashboards.report.html import asset, drawing_html, environment, font_css
from dashboards.wording import Wording
from indicators.model import Factor
from indicators.planning.floor import FloorPlan
from indicators.planning.model import CampaignPlan, Position
from indicators.words import circulation
from sensors.command_line import write_atomic
from sensors.quantities import Kind

__all__ = ["render_checklist", "render_plan", "render_plan_page"]

_STEPS_BEFORE = {
    "volunteer": (Kind.NOISE, Kind.POSTURE),
    "clock": tuple(Kind),
    "microphone": (Kind.NOISE,),
    "postures": (Kind.POSTURE,),
    "globe": (Kind.CLIMATE,),
}
_STEPS_AFTER = {"whole_shift": (Kind.NOISE, Kind.POSTURE), "events": tuple(Kind)}


def render_plan(
    plan: CampaignPlan,
    floors: Sequence[FloorPlan],
    document: Mapping[str, Any],
    out: Path,
    language: str,
    names: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write ``checklist.html``, ``plan.html``, ``plan.json`` and ``floor-<factor>.svg`` into `out`.

    Parameters
    ----------
    names : mapping of str to str
        Labels of workstations, shifts and sensors by id.
    """
    say = Wording(language).say
    mark = circulation(plan.audience, say)
    written = [
        write_atomic(out / "checklist.html", render_checklist(plan, language)),
        write_atomic(out / "plan.html", render_plan_page(plan, floors, language, names)),
        write_atomic(
            out / "plan.json",
            json.dumps(
                {"schema": "vigiposte.plan/1", **document}, ensure_ascii=False, indent=2, allow_nan=False
            )
            + "\n",
        ),
    ]
    written += [
        write_atomic(
            out / f"floor-{floor.factor.value}.svg", svg.standalone(floor_map(floor, say, names), mark)
        )
        for floor in floors
    ]
    return written


def _style() -> Markup:
    return Markup("\n".join((font_css(), asset("static", "style.css"), plot_css())))  # noqa: S704 - shipped


def _positions(plan: CampaignPlan) -> list[Position]:
    seen: dict[str, Position] = {}
    for station in plan.stations:
        for factor in station.factors:
            for position in factor.positions:
                seen.setdefault(position.key, position)
    return list(seen.values())


def render_checklist(plan: CampaignPlan, language: str) -> str:
    """One A4 page: where each sensor goes, drawn, and what to tick before and after the shift."""
    words = Wording(language)
    say = words.say
    positions = _positions(plan)
    kinds = {position.kind for position in positions}
    cards = [
        {
            "drawing": drawing_html(position_figure(position, say)),
            "place": say(f"plan.positions.{position.key}"),
            "error": ""
            if position.error_deg is None
            else say("plan.expected_error", low=position.error_deg[0], high=position.error_deg[1]),
            "source": say(f"plan.position_sources.{position.key}"),
            "grade": say(f"grades.{position.grade}"),
        }
        for position in positions
    ]
    return (
        environment()
        .get_template("plan_checklist.html")
        .render(
            t=say,
            language=language,
            circulation=circulation(plan.audience, say),
            site=plan.label,
            start=say("commands.day", day=plan.start),
            cards=cards,
            before=[say(f"plan.step_{name}") for name, of in _STEPS_BEFORE.items() if kinds & set(of)],
            after=[say(f"plan.step_{name}") for name, of in _STEPS_AFTER.items() if kinds & set(of)],
            style=_style(),
        )
    )


def render_plan_page(
    plan: CampaignPlan,
    floors: Sequence[FloorPlan],
    language: str,
    names: Mapping[str, str] | None = None,
) -> str:
    """The plan as one HTML document: verdicts, calendar and floor; `names` are labels by id."""
    words = Wording(language)
    say = words.say
    maps = [
        (
            say("plan.floor_title", factor=words.factor(Factor(floor.factor))),
            drawing_html(floor_map(floor, say, names)),
        )
        for floor in floors
    ]
    return (
        environment()
        .get_template("plan_page.html")
        .render(
            t=say,
            language=language,
            circulation=circulation(plan.audience, say),
            site=plan.label,
            title=say("plan.title", site=plan.label, start=plan.start),
            table=plan_table(plan, language, names),
            notes=[words.note(note) for note in plan.notes],
            visits=schedule_rows(plan.visits, language, names),
            visit_head=[say(f"plan.column_{name}") for name in ("date", "station", "factor", "sensors")],
            maps=maps,
            hatch=drawing_html(svg.HATCH),
            style=_style(),
        )
    )
