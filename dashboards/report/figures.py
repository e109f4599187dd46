"""Figures of a workstation, drawn from what its indicators carry in ``details``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise

from dashboards import details, typography
from dashboards.plots import contributions, distribution, projection
from dashboards.plots.whiskers import MOVING
from dashboards.report.model import Figure, FigureGroup
from dashboards.wording import Wording, indicator_verdict
from indicators.model import Audience, Factor, Indicator, Scope, Verdict, WorkstationResult

__all__ = [
    "contribution_figures",
    "distribution_figures",
    "figures",
    "grouped",
    "indicator_figures",
    "projection_figure",
]

_BY_USE = ("tasks", "projection", "hours", "distribution", "eva", "bands")
_MOST_BANDS = 8
_SMALL_TAIL_PERCENT = 1.0
_STRAIGHT_DEG = 180.0
_MARKED = ("P10", "P50", "P90")


def figures(
    station: WorkstationResult, audience: Audience, words: Wording, *, most: int = 6
) -> tuple[Figure, ...]:
    """One of each kind a factor; where there are more than `most`, those that help least to act are left."""
    kept: dict[tuple[Factor, str], Figure] = {}
    for factor in station.factors:
        for indicator in sorted(factor.indicators, key=_telling, reverse=True):
            if indicator.scope is Scope.USUAL and indicator.value is not None:
                for figure in indicator_figures(indicator, audience, words):
                    kept.setdefault((factor.factor, figure.title), figure)
    by_use = [words.say(f"figures.{kind}") for kind in _BY_USE]
    chosen = sorted(kept.values(), key=lambda figure: by_use.index(figure.title))[:most]
    return tuple(figure for figure in kept.values() if figure in chosen)


def grouped(made: Iterable[Figure]) -> tuple[FigureGroup, ...]:
    """Figures under what they speak of, in the order of their first; the same numbers are drawn once."""
    groups: dict[str, dict[tuple[str, tuple[tuple[str, ...], ...]], Figure]] = {}
    for figure in made:
        groups.setdefault(figure.subject, {}).setdefault((figure.title, figure.rows), figure)
    return tuple(FigureGroup(subject, tuple(members.values())) for subject, members in groups.items())


def _telling(indicator: Indicator) -> tuple[bool, float]:
    """Indicators near or beyond a limit that ranks come first."""
    ratios = [row.ratio for row in indicator.limits if row.limit.role in MOVING and row.ratio is not None]
    return bool(ratios), max(ratios, default=0.0)


def indicator_figures(indicator: Indicator, audience: Audience, words: Wording) -> list[Figure]:
    """Every figure that `audience` may see of one indicator."""
    last = projection_figure(indicator, words)
    return [
        *contribution_figures(indicator, words),
        *distribution_figures(indicator, audience, words),
        *((last,) if last is not None else ()),
    ]


def _percent(words: Wording, decimals: int = 1) -> Callable[[float], str]:
    return lambda value: typography.percent(value / 100.0, language=words.language, decimals=decimals)


def contribution_figures(indicator: Indicator, words: Wording) -> list[Figure]:
    """Which tasks and which hours make the dose."""
    made = [_tasks(indicator, words), _hours(indicator, words)]
    return [figure for figure in made if figure is not None]


def _tasks(indicator: Indicator, words: Wording) -> Figure | None:
    found = details.tasks(indicator.details)
    if not found:
        return None
    say, percent = words.say, _percent(words, 0)
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
        rows=tuple((name(hour.hour), _percent(words)(hour.dose_percent)) for hour in found),
    )


def distribution_figures(indicator: Indicator, audience: Audience, words: Wording) -> list[Figure]:
    """Cumulative curve, time in bands and, where allowed, the exposure variation matrix."""
    made = [_curve(indicator, words), _bands(indicator, words)]
    # A matrix of stays keeps the order of one person's movements: only the analyst sees it of worn sensors.
    if audience is Audience.ANALYST or not indicator.worn:
        made.append(_matrix(indicator, words))
    return [figure for figure in made if figure is not None]


def _marks(marks: Mapping[str, float], unit: str, words: Wording) -> str:
    return ", ".join(
        f"{name} {words.quantity_of(words.number(value, 0), unit)}" for name, value in marks.items()
    )


def _curve(indicator: Indicator, words: Wording) -> Figure | None:
    found = details.curve(indicator.details)
    if found is None:
        return None
    # The median's name without its percentile names the whole curve.
    label = words.indicator_text(indicator.id).partition(",")[0]
    title = words.say("figures.distribution")
    marked = {name: value for name, value in found.marks.items() if name in _MARKED}
    return Figure(
        title=title,
        subject=words.subject(indicator),
        caption=label,
        drawing=distribution.apdf(
            found.x,
            found.cumulative_percent,
            percentiles=marked,
            thresholds=found.thresholds,
            x_label=f"{label} [{found.unit}]",
            y_label=words.say("figures.cumulative"),
            say=words.number,
            say_mark=lambda value: words.quantity_of(words.number(value, 0), found.unit),
            say_beyond=lambda share, limit: (
                _percent(words, 0)(share)
                + f" ≥{typography.NBSP}{words.quantity_of(words.number(limit), found.unit)}"
            ),
            alt=f"{title}. {label}. {_marks(marked, found.unit, words)}",
        ),
        head=(words.say("figures.percentile"), f"{words.say('report.column_value')} [{found.unit}]"),
        rows=tuple((name, words.number(value, 1)) for name, value in found.marks.items()),
    )


def _bands(indicator: Indicator, words: Wording) -> Figure | None:
    found, marks, unit = details.bands(indicator.details)
    if not found:
        return None
    label, title = words.indicator_text(indicator.id), words.say("figures.bands")
    if unit == "°":
        # Bands of angles divide what the figure beside them names: the segment, not one of its thresholds.
        label = words.subject(indicator)
    percent = _percent(words)
    shown = _marks(marks, unit, words)
    folded = _folded(found)
    names = [_band_name(band.low, band.high, unit, words) for band in folded]
    return Figure(
        title=title,
        subject=words.subject(indicator),
        caption=f"{label}. {shown}" if shown else label,
        drawing=distribution.time_in_bands(
            names, [band.percent for band in folded], say_percent=percent, alt=f"{title}. {label}. {shown}"
        ),
        head=(unit, words.say("figures.time_share")),
        rows=tuple((_band_name(b.low, b.high, unit, words), percent(b.percent)) for b in found),
    )


def _folded(bands: Sequence[details.Band]) -> list[details.Band]:
    """Bands for a drawing: where there are many, the sparse ones at both ends become one."""
    kept = list(bands)
    while len(kept) > _MOST_BANDS and kept[0].percent + kept[1].percent < _SMALL_TAIL_PERCENT:
        kept[:2] = [details.Band(-math.inf, kept[1].high, kept[0].percent + kept[1].percent)]
    while len(kept) > _MOST_BANDS and kept[-1].percent + kept[-2].percent < _SMALL_TAIL_PERCENT:
        kept[-2:] = [details.Band(kept[-2].low, math.inf, kept[-2].percent + kept[-1].percent)]
    return kept


def _band_name(low: float, high: float, unit: str, words: Wording) -> str:
    """``20–45°``; a band that reaches the end of what can be is named by its one bound."""
    if low == -math.inf or (unit == "°" and low <= -_STRAIGHT_DEG):
        return words.quantity_of(f"<{typography.NBSP}{words.number(high)}", unit)
    if high == math.inf or (unit == "°" and high >= _STRAIGHT_DEG):
        return words.quantity_of(f"≥{typography.NBSP}{words.number(low)}", unit)
    return words.quantity_of(f"{words.number(low)}–{words.number(high)}", unit)


def _matrix(indicator: Indicator, words: Wording) -> Figure | None:
    found = details.matrix(indicator.details)
    if found is None or not found.percent:
        return None
    say = words.say
    levels = _edge_names(found.level_edges, len(found.percent), words, found.unit)
    durations = _edge_names(found.duration_edges_s, len(found.percent[0]), words, "")
    label, title = words.indicator_text(indicator.id).partition(",")[0], say("figures.eva")
    return Figure(
        title=title,
        subject=words.subject(indicator),
        caption=f"{label}. {say('figures.eva_note')}",
        drawing=distribution.eva(
            found.percent,
            level_labels=levels,
            duration_labels=durations,
            total_label=say("figures.total"),
            corner_label=say("figures.duration"),
            say=lambda value: words.number(value, 1),
            alt=f"{title}. {label}",
        ),
        head=(found.unit, *durations),
        rows=tuple(
            (name, *(words.number(value, 1) for value in row))
            for name, row in zip(levels, found.percent, strict=True)
        ),
    )


def _edge_names(edges: Sequence[float], count: int, words: Wording, unit: str) -> list[str]:
    names = [_band_name(low, high, unit, words) for low, high in pairwise(edges)]
    if len(names) < count:
        names.append(words.quantity_of(f"≥{typography.NBSP}{words.number(edges[-1])}", unit))
    return names[:count]


def projection_figure(indicator: Indicator, words: Wording) -> Figure | None:
    """Cumulated hours through the year, where the indicator carries months."""
    plan = indicator.details.get("projection")
    limit = next((row.limit for row in indicator.limits if row.limit.role in MOVING), None)
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
