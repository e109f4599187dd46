"""Figures of a workstation, drawn from what its indicators carry in ``details``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import accumulate

from dashboards import details, typography
from dashboards.plots import contributions, projection
from dashboards.report.distributions import distribution_figures
from dashboards.report.model import Figure, FigureGroup
from dashboards.wording import Wording
from indicators.headlines import indicator_verdict
from indicators.model import Audience, Factor, Indicator, Scope, Verdict, WorkstationResult

__all__ = [
    "contribution_figures",
    "figures",
    "grouped",
    "indicator_figures",
    "projection_figure",
    "shift_named",
]

_BY_USE = ("tasks", "projection", "hours", "distribution", "eva", "bands")


def figures(
    station: WorkstationResult, audience: Audience, words: Wording, *, most: int = 6
) -> tuple[Figure, ...]:
    """One of each kind a factor; where there are more than `most`, those that help least to act are left."""
    kept: dict[tuple[Factor, str], Figure] = {}
    for factor in station.factors:
        for indicator in sorted(factor.indicators, key=_telling, reverse=True):
            if indicator.scope is Scope.USUAL and indicator.value is not None:
                for figure in indicator_figures(indicator, audience, words):
                    named = shift_named(figure, words.shift_among(indicator, station))
                    kept.setdefault((factor.factor, figure.title), named)
    by_use = [words.say(f"figures.{kind}") for kind in _BY_USE]
    chosen = sorted(kept.values(), key=lambda figure: by_use.index(figure.title))[:most]
    return tuple(figure for figure in kept.values() if figure in chosen)


def shift_named(figure: Figure, shift: str) -> Figure:
    """The figure with the name of its shift in the caption, where one is given."""
    return replace(figure, caption=f"{figure.caption} · {shift}") if shift else figure


def grouped(made: Iterable[Figure]) -> tuple[FigureGroup, ...]:
    """Figures under what they speak of, in the order of their first; the same numbers are drawn once."""
    groups: dict[str, dict[tuple[str, tuple[tuple[str, ...], ...]], Figure]] = {}
    for figure in made:
        groups.setdefault(figure.subject, {}).setdefault((figure.title, figure.rows), figure)
    return tuple(FigureGroup(subject, tuple(members.values())) for subject, members in groups.items())


def _telling(indicator: Indicator) -> tuple[bool, float]:
    """Indicators near or beyond a limit that ranks come first."""
    ratios = [row.ratio for row in indicator.limits if row.limit.role.moves_verdict and row.ratio is not None]
    return bool(ratios), max(ratios, default=0.0)


def indicator_figures(indicator: Indicator, audience: Audience, words: Wording) -> list[Figure]:
    """Every figure that `audience` may see of one indicator."""
    last = projection_figure(indicator, words)
    return [
        *contribution_figures(indicator, words),
        *distribution_figures(indicator, audience, words),
        *((last,) if last is not None else ()),
    ]


def contribution_figures(indicator: Indicator, words: Wording) -> list[Figure]:
    """Which tasks and which hours make the dose."""
    made = [_tasks(indicator, words), _hours(indicator, words)]
    return [figure for figure in made if figure is not None]


def _tasks(indicator: Indicator, words: Wording) -> Figure | None:
    found = details.tasks(indicator.details)
    if not found:
        return None
    say, percent = words.say, words.percents(0)
    rows = [
        contributions.TaskShare(
            words.name(task.label) if task.label else say("figures.other_task"),
            task.dose_percent,
            task.time_percent or 0.0,
            "" if task.level_db is None else words.number(task.level_db, 1),
        )
        for task in found
    ]
    title = say("figures.tasks")
    heads = (say("figures.task"), say("figures.dose_share"), say("figures.time_share"), say("figures.level"))
    return Figure(
        title=title,
        subject=words.subject(indicator),
        caption=words.indicator_text(indicator.id),
        drawing=contributions.task_bars(
            rows,
            dose=heads[1],
            time=heads[2],
            level=heads[3],
            say_both=lambda dose, time: say("figures.task_shares", dose=percent(dose), time=percent(time)),
            alt=title,
        ),
        head=heads,
        rows=tuple((t.label, percent(t.dose_percent), percent(t.time_percent), t.level) for t in rows),
    )


def _hours(indicator: Indicator, words: Wording) -> Figure | None:
    found = details.hours(indicator.details)
    if not any(hour.dose_percent > 0.0 for hour in found):
        return None
    say = words.say
    title = say("figures.hours")
    note = say("figures.hours_note")
    if any(hour.coverage < contributions.MISSING_BELOW for hour in found):
        note = f"{note} {say('figures.hours_hatched')}"

    def name(hour: int) -> str:
        return say("figures.hour", hour=hour)

    return Figure(
        title=title,
        subject=words.subject(indicator),
        caption=f"{words.indicator_text(indicator.id)}. {note}",
        drawing=contributions.hour_bars(
            found, say=lambda value: words.number(value, 0), say_hour=name, alt=title
        ),
        head=(say("figures.hour_head"), say("figures.dose_share")),
        rows=tuple((name(hour.hour), words.percents(1)(hour.dose_percent)) for hour in found),
    )


def projection_figure(indicator: Indicator, words: Wording) -> Figure | None:
    """Cumulated hours through the year, where the indicator carries months."""
    plan = indicator.details.get("projection")
    limit = next((row.limit for row in indicator.limits if row.limit.role.moves_verdict), None)
    if not isinstance(plan, Mapping) or limit is None or indicator.value is None:
        return None
    known = [float(row["hours"]) for row in plan["months"] if row.get("hours") is not None]
    label, title = words.indicator_text(indicator.id), words.say("figures.projection")
    return Figure(
        title=title,
        subject=words.subject(indicator),
        caption=f"{label}. {words.say('figures.projection_note')}",
        drawing=projection.projection(
            list(accumulate(known)),
            [float(value) for value in plan["low"]],
            [float(value) for value in plan["high"]],
            indicator.value,
            limit=limit.value,
            verdict=indicator_verdict(indicator) or Verdict.NOT_SETTLED,
            month_names=[
                typography.month_name(month, language=words.language, short=True) for month in range(1, 13)
            ],
            say=lambda value: words.number(value, 0),
            alt=f"{title}. {label}. {words.quantity(indicator)} {words.interval(indicator)}",
        ),
    )
