"""Figures of a workstation, drawn from what its indicators carry in ``details``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from dashboards import typography
from dashboards.plots import contributions, distribution, projection
from dashboards.plots.whiskers import MOVING
from dashboards.report.model import Figure
from dashboards.wording import Wording, indicator_verdict
from indicators.model import Audience, Indicator, Scope, Verdict, WorkstationResult

__all__ = ["figures", "indicator_figures"]

_MOST = 4


def figures(station: WorkstationResult, audience: Audience, words: Wording) -> tuple[Figure, ...]:
    """Distribution, static or dynamic, contributions and projection, as far as the indicators carry them."""
    found: list[Figure] = []
    for factor in station.factors:
        for indicator in factor.indicators:
            if indicator.scope is Scope.USUAL and indicator.value is not None:
                found += indicator_figures(indicator, audience, words)
    unique = {(figure.title, figure.caption): figure for figure in found}
    return tuple(unique.values())[:_MOST]


def indicator_figures(indicator: Indicator, audience: Audience, words: Wording) -> list[Figure]:
    """Every figure that `audience` may see of one indicator."""
    details = indicator.details
    label = words.indicator_text(indicator.id)
    made = [
        _contributions(details, label, words),
        _hours(details, label, words),
        _distribution(indicator, label, words),
        _bands(indicator, label, words),
        _projection(indicator, label, words),
    ]
    # A matrix of stays keeps the order of one person's movements: only the analyst sees it of worn sensors.
    if audience is Audience.ANALYST or not indicator.worn:
        made.append(_eva(details, label, words))
    return [figure for figure in made if figure is not None]


def _mapping(details: Mapping[str, object], key: str) -> Mapping[str, Any] | None:
    found = details.get(key)
    return found if isinstance(found, Mapping) else None


def _rows(details: Mapping[str, object], key: str) -> Sequence[Mapping[str, Any]]:
    found = details.get(key)
    return found if isinstance(found, list | tuple) else ()


def _percent(words: Wording, decimals: int = 1) -> Any:
    return lambda value: typography.percent(value / 100.0, language=words.language, decimals=decimals)


def _contributions(details: Mapping[str, object], label: str, words: Wording) -> Figure | None:
    rows = _rows(details, "tasks")
    if not rows:
        return None
    tasks = [
        contributions.TaskShare(
            str(row["label"]),
            float(row["dose_percent"]),
            float(row["time_percent"]),
            "" if row.get("level_db") is None else words.number(float(row["level_db"]), 1),
        )
        for row in rows
    ]
    say, percent = words.say, _percent(words, 0)
    title = say("figures.tasks")
    return Figure(
        title=title,
        caption=label,
        drawing=contributions.task_bars(
            tasks,
            dose=say("figures.dose_share"),
            time=say("figures.time_share"),
            level=say("figures.level"),
            say=percent,
            alt=title,
        ),
        head=(
            say("figures.task"),
            say("figures.dose_share"),
            say("figures.time_share"),
            say("figures.level"),
        ),
        rows=tuple((t.label, percent(t.dose_percent), percent(t.time_percent), t.level) for t in tasks),
    )


def _hours(details: Mapping[str, object], label: str, words: Wording) -> Figure | None:
    rows = _rows(details, "hours")
    if not rows:
        return None
    hours = [
        contributions.HourShare(int(r["hour"]), float(r["dose_percent"]), float(r.get("coverage", 1.0)))
        for r in rows
    ]
    say = words.say
    title = say("figures.hours")

    def name(hour: int) -> str:
        return say("figures.hour", hour=hour)

    return Figure(
        title=title,
        caption=f"{label}. {say('figures.hours_note')}",
        drawing=contributions.hour_bars(hours, say=lambda v: words.number(v, 0), say_hour=name, alt=title),
        head=(say("figures.hour_head"), say("figures.dose_share"), say("report.column_coverage")),
        rows=tuple((name(h.hour), words.number(h.dose_percent, 1), words.percent(h.coverage)) for h in hours),
    )


def _distribution(indicator: Indicator, label: str, words: Wording) -> Figure | None:
    curve = _mapping(indicator.details, "distribution")
    if curve is None:
        return None
    marks = _mapping(indicator.details, "percentiles") or {}
    percentiles = {str(name): float(value) for name, value in marks.items()}
    say = words.say
    unit = str(curve.get("unit", "°"))
    title = say("figures.distribution")
    shown = ", ".join(
        f"{k.upper()} {typography.quantity(words.number(v, 0), unit)}" for k, v in percentiles.items()
    )
    return Figure(
        title=title,
        caption=label,
        drawing=distribution.apdf(
            [float(v) for v in curve["x"]],
            [float(v) for v in curve["cumulative_percent"]],
            percentiles=percentiles,
            thresholds=[float(v) for v in curve.get("thresholds", ())],
            x_label=f"{label} [{unit}]",
            y_label=say("figures.cumulative"),
            say=words.number,
            alt=f"{title}. {label}. {shown}",
        ),
        head=(say("figures.percentile"), f"{say('report.column_value')} [{unit}]"),
        rows=tuple((name.upper(), words.number(value, 1)) for name, value in percentiles.items()),
    )


def _bands(indicator: Indicator, label: str, words: Wording) -> Figure | None:
    bands = _mapping(indicator.details, "bands")
    if bands is None:
        return None
    edges, percent = [float(v) for v in bands["edges"]], [float(v) for v in bands["percent"]]
    unit = str(bands.get("unit", "°"))
    title = words.say("figures.bands")
    say_percent = _percent(words)
    return Figure(
        title=title,
        caption=label,
        drawing=distribution.time_in_bands(
            edges, percent, unit=unit, say=words.number, say_percent=say_percent, alt=f"{title}. {label}"
        ),
        head=(unit, words.say("figures.time_share")),
        rows=tuple(
            (f"{words.number(low)}–{words.number(high)}", say_percent(share))
            for low, high, share in zip(edges[:-1], edges[1:], percent, strict=True)
        ),
    )


def _eva(details: Mapping[str, object], label: str, words: Wording) -> Figure | None:
    matrix = _mapping(details, "eva")
    if matrix is None:
        return None
    levels, durations = list(matrix["level_edges"]), list(matrix["duration_edges_s"])
    percent = [[float(v) for v in row] for row in matrix["percent"]]
    say = words.say
    unit = str(matrix.get("unit", "°"))
    level_names = _edge_names(levels, len(percent), words, unit)
    duration_names = _edge_names(durations, len(percent[0]) if percent else 0, words, "")
    title = say("figures.eva")
    return Figure(
        title=title,
        caption=f"{label}. {say('figures.eva_note')}",
        drawing=distribution.eva(
            percent,
            level_labels=level_names,
            duration_labels=duration_names,
            total_label=say("figures.total"),
            corner_label=say("figures.duration"),
            say=lambda value: words.number(value, 1),
            alt=f"{title}. {label}",
        ),
        head=(unit, *duration_names),
        rows=tuple(
            (name, *(words.number(v, 1) for v in row)) for name, row in zip(level_names, percent, strict=True)
        ),
    )


def _edge_names(edges: Sequence[float], count: int, words: Wording, unit: str) -> list[str]:
    names = [f"{words.number(float(low))}–{words.number(float(high))}{unit}" for low, high in pairwise(edges)]
    if len(names) < count:
        names.append(f"≥{typography.NBSP}{words.number(float(edges[-1]))}{unit}")
    return names[:count]


def _projection(indicator: Indicator, label: str, words: Wording) -> Figure | None:
    plan = _mapping(indicator.details, "projection")
    limit = next((row.limit for row in indicator.limits if row.limit.role in MOVING), None)
    if plan is None or limit is None or indicator.value is None:
        return None
    months = _rows(plan, "months")
    known = [float(row["hours"]) for row in months if row.get("hours") is not None]
    low, high = [float(v) for v in plan["low"]], [float(v) for v in plan["high"]]
    say = words.say
    title = say("figures.projection")
    names = [typography.month_name(m, language=words.language, short=True) for m in range(1, 13)]
    return Figure(
        title=title,
        caption=f"{label}. {say('figures.projection_note')}",
        drawing=projection.projection(
            list(accumulate(known)),
            low,
            high,
            indicator.value,
            limit=limit.value,
            verdict=indicator_verdict(indicator) or Verdict.NOT_SETTLED,
            month_names=names,
            say=lambda value: words.number(value, 0),
            alt=f"{title}. {label}. {words.quantity(indicator)} {words.interval(indicator)}",
        ),
    )
