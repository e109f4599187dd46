"""The before/after card of a closed action: the worker-days before it was done, and those since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from indicators.comparison import Change, compare_periods
from indicators.context import base_indicator
from indicators.limits import in_force
from indicators.model import Audience, Factor, Note
from sensors.periods import DatePeriod

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.log_tables import Action
    from sensors.site_book import SiteBook

__all__ = ["CARD_WEEKS", "ActionCard", "action_card", "card_periods"]

CARD_WEEKS = 8
"""Weeks looked at on either side: those that make usual conditions."""


@dataclass(frozen=True, slots=True)
class ActionCard:
    """What changed with an action.

    Attributes
    ----------
    before, after : DatePeriod or None
        Site dates compared; ``None`` when nothing lies on that side yet.
    changes : tuple of Change
        Indicators of the action's factor that a limit judges.
    notes : tuple of Note
        Why there is no comparison, or how the dates were chosen.
    """

    before: DatePeriod | None
    after: DatePeriod | None
    changes: tuple[Change, ...] = ()
    notes: tuple[Note, ...] = ()


def card_periods(
    done: date, last: date, *, whole_weeks: bool, others: Sequence[date] = ()
) -> tuple[DatePeriod | None, DatePeriod | None]:
    """Dates before and after the day an action was done, which itself belongs to neither side.

    Parameters
    ----------
    done : date
        Day of the change.
    last : date
        Last day that may be looked at.
    whole_weeks : bool
        Leave out the whole week of the change. Sides made of whole weeks are sums of what weekly reports
        show already, so that no difference between a card and a week gives single days of a wearer away.
    others : sequence of date
        Days on which other actions for the same factor were done: no side reaches over one of them.
    """
    weekday = done.weekday() if whole_weeks else 0
    one, span = timedelta(days=1), timedelta(weeks=CARD_WEEKS)
    before_last = done - timedelta(days=weekday + 1)
    after_first = done + timedelta(days=7 - weekday) if whole_weeks else done + one
    before_first = max([before_last - span + one, *(day + one for day in others if day < done)])
    after_last = min([last, after_first + span - one, *(day - one for day in others if day > done)])
    if whole_weeks:
        before_first += timedelta(days=-before_first.weekday() % 7)
        after_last -= timedelta(days=(after_last.weekday() + 1) % 7)
    return _span(before_first, before_last), _span(after_first, after_last)


def _span(first: date, last: date) -> DatePeriod | None:
    return DatePeriod(first, last) if first <= last else None


def action_card(book: SiteBook, store: Store, action: Action, last: date, audience: Audience) -> ActionCard:
    """Compare the days before a closed action with those after it, through the privacy gate.

    Parameters
    ----------
    action : Action
        With its ``done`` date.
    last : date
        Last day that may be looked at: that of the report.
    """
    assert action.done is not None
    factor = Factor(action.factor.value)
    if factor is Factor.WORK_TIME:
        return ActionCard(None, None, notes=(Note("card_planned_not_measured"),))
    whole_weeks = audience.gated and _worn(book, action.workstation, factor)
    others = [
        row.done
        for row in book.logs.actions
        if row.done is not None and (row.workstation, row.factor) == (action.workstation, action.factor)
    ]
    before, after = card_periods(action.done, last, whole_weeks=whole_weeks, others=others)
    notes = (Note("card_whole_weeks"),) if whole_weeks else ()
    if before is None or after is None:
        return ActionCard(before, after, notes=(Note("card_too_early"), *notes))
    found = compare_periods(
        book,
        store,
        action.workstation,
        before,
        after,
        control=action.control,
        audience=audience,
        factor=factor,
    )
    rows = in_force(last, profiles=book.site.site.limits)
    judged = {row.indicator for row in rows if row.role.moves_verdict}
    changes = tuple(
        change
        for change in found.changes
        if change.indicator in judged or base_indicator(change.indicator) in judged
    )
    return ActionCard(before, after, changes, notes if changes else (Note("card_nothing_measured"), *notes))


def _worn(book: SiteBook, workstation: str, factor: Factor) -> bool:
    """Whether any sensor of this factor at the workstation is carried by people."""
    return any(
        row.mount.worn or row.wearer is not None
        for row in book.site.placements
        if row.workstation == workstation and book.sensor(row.sensor).kind.value == factor.value
    ) or any(
        row.workstation == workstation and book.sensor(row.sensor).kind.value == factor.value
        for row in book.logs.assignments
        if row.wearer is not None
    )
