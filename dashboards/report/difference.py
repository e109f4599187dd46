"""One indicator before and after a change, in words and on its own scale."""

from __future__ import annotations

from dashboards import typography
from dashboards.plots import whiskers
from dashboards.plots.whiskers import LimitMark, Reading
from dashboards.report.model import DifferenceRow
from dashboards.wording import Wording
from indicators.comparison import Change
from indicators.limits import Comparison, Role

__all__ = ["difference_row"]


def difference_row(change: Change, words: Wording) -> DifferenceRow:
    """The difference with its interval against zero, and what may be said of it."""

    def shown(value: float | None, *, sign: bool = False) -> str:
        return "–" if value is None else typography.number(value, 1, language=words.language, sign=sign)

    interval = change.interval
    zero = LimitMark(0.0, Comparison.AT_LEAST, Role.GUIDANCE)
    reading = Reading(
        change.difference,
        interval.low if interval else None,
        interval.high if interval else None,
        None,
        (zero,),
    )
    return DifferenceRow(
        label=words.indicator(change.indicator),
        factor=words.factor(change.factor),
        unit=words.unit(change.unit),
        before=shown(change.before),
        after=shown(change.after),
        difference=shown(change.difference, sign=True),
        interval=""
        if interval is None
        else typography.interval(interval.low, interval.high, language=words.language, base=1),
        drawing="" if change.difference is None else whiskers.full_scale(reading, words.number, narrow=True),
        verdict=words.say(f"decisions.change.{change.verdict.value}"),
        better=""
        if change.better is None
        else words.say("pages.compare_better" if change.better else "pages.compare_worse"),
        days=words.say("pages.compare_days", before=change.days[0], after=change.days[1]),
        notes=tuple(words.note(note) for note in change.notes),
    )
