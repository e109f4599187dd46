"""Figures of a distribution: cumulative curve, time in bands, exposure variation matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from dashboards import details, typography
from dashboards.plots import distribution
from dashboards.report.model import Figure
from dashboards.wording import Wording
from indicators.model import Audience, Indicator

__all__ = ["band_figure", "cumulative_figure", "distribution_figures"]

_MOST_BANDS = 8
_SMALL_TAIL_PERCENT = 1.0
_STRAIGHT_DEG = 180.0
_MARKED = ("P10", "P50", "P90")


def distribution_figures(indicator: Indicator, audience: Audience, words: Wording) -> list[Figure]:
    """Cumulative curve, time in bands and, where allowed, the exposure variation matrix."""
    made = [_curve(indicator, words), _bands(indicator, words)]
    # A matrix of stays keeps the order of one person's movements: only the analyst sees it of worn sensors.
    if audience is Audience.ANALYST or not indicator.worn:
        made.append(_matrix(indicator, words))
    return [figure for figure in made if figure is not None]


def _marks(marks: Mapping[str, float], unit: str, words: Wording, decimals: int = 0) -> str:
    return ", ".join(
        f"{name} {words.quantity_of(words.number(value, decimals), unit)}" for name, value in marks.items()
    )


def _curve(indicator: Indicator, words: Wording) -> Figure | None:
    found = details.curve(indicator.details)
    if found is None:
        return None
    # The median's name without its percentile names the whole curve.
    label = words.indicator_text(indicator.id).partition(",")[0]
    return cumulative_figure(found, label, words.subject(indicator), words)


def cumulative_figure(
    found: details.Curve, label: str, subject: str, words: Wording, *, decimals: int = 0
) -> Figure:
    """Amplitude probability distribution of what `label` names, with its percentiles as a table."""
    title = words.say("figures.distribution")
    marked = {name: value for name, value in found.marks.items() if name in _MARKED}
    return Figure(
        title=title,
        subject=subject,
        caption=label,
        drawing=distribution.apdf(
            found.x,
            found.cumulative_percent,
            percentiles=marked,
            thresholds=found.thresholds,
            x_label=f"{label} [{found.unit}]",
            y_label=words.say("figures.cumulative"),
            say=words.number,
            say_mark=lambda value: words.quantity_of(words.number(value, decimals), found.unit),
            say_beyond=lambda share, limit: (
                words.percent(share / 100.0)
                + f" ≥{typography.NBSP}{words.quantity_of(words.number(limit), found.unit)}"
            ),
            alt=f"{title}. {label}. {_marks(marked, found.unit, words, decimals)}",
        ),
        head=(words.say("figures.percentile"), f"{words.say('report.column_value')} [{found.unit}]"),
        rows=tuple((name, words.number(value, 1)) for name, value in found.marks.items()),
    )


def _bands(indicator: Indicator, words: Wording) -> Figure | None:
    found, marks, unit = details.bands(indicator.details)
    if not found:
        return None
    label = words.indicator_text(indicator.id)
    if unit == "°":
        # Bands of angles divide what the figure beside them names: the segment, not one of its thresholds.
        label = words.subject(indicator)
    return band_figure(found, marks, unit, label, words.subject(indicator), words)


def band_figure(
    found: Sequence[details.Band],
    marks: Mapping[str, float],
    unit: str,
    label: str,
    subject: str,
    words: Wording,
) -> Figure:
    """Share of the time in each band of what `label` names, with `marks` (percentiles, levels exceeded)."""
    title = words.say("figures.bands")
    percent = words.percents(1)
    shown = _marks(marks, unit, words)
    folded = _folded(found)
    names = [_band_name(band.low, band.high, unit, words) for band in folded]
    return Figure(
        title=title,
        subject=subject,
        caption=f"{label}. {shown}" if shown else label,
        drawing=distribution.time_in_bands(
            names, [band.percent for band in folded], say_percent=percent, alt=f"{title}. {label}. {shown}"
        ),
        head=(words.unit(unit), words.say("figures.time_share")),
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
