"""The action plan in words: rows by the hierarchy of controls, and the card of each closed action."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from dashboards import typography
from dashboards.report.difference import difference_row
from dashboards.report.model import ActionCardView, ActionRow
from dashboards.wording import Mark, Wording
from indicators.actions.cards import ActionCard
from indicators.actions.plan import ActionResult
from indicators.actions.states import ActionState
from sensors.periods import DatePeriod

__all__ = ["action_rows", "card_views"]


def action_rows(actions: Sequence[ActionResult], words: Wording) -> tuple[ActionRow, ...]:
    """One row an action, in the order given."""
    return tuple(_row(item, words) for item in actions)


def _row(item: ActionResult, words: Wording) -> ActionRow:
    action, status = item.action, item.status
    say = words.say
    state = say(f"actions.{status.state.value}")
    if status.state is ActionState.DONE and action.done is not None:
        state = say("actions.done_on", day=_day(action.done, words))
    detail = ""
    if status.days_late:
        code = "actions.late" if status.state is ActionState.OVERDUE else "actions.done_late"
        detail = say(code, days=status.days_late)
    return ActionRow(
        id=action.id,
        level=say(f"actions.level.{action.level.value}"),
        principle=say(f"actions.principle.{action.level.value}"),
        what=action.what,
        station=item.label,
        factor=words.factor(action.factor.value),
        owner=action.owner or "–",
        due="–" if action.due is None else _day(action.due, words),
        state=state,
        state_detail=detail,
        state_code=status.state.value,
        mark=_mark(item, words),
        reason=action.reason or "",
        reason_line="" if action.reason is None else say("actions.reason", reason=action.reason),
        flags=tuple(words.note(note) for note in item.flags),
    )


def _mark(item: ActionResult, words: Wording) -> Mark | None:
    return None if item.verdict is None else words.mark(item.verdict)


def _day(day: date, words: Wording) -> str:
    return typography.long_date(day, language=words.language)


def card_views(actions: Sequence[ActionResult], words: Wording) -> tuple[ActionCardView, ...]:
    """The before/after card of every closed action."""
    return tuple(_card(item, item.card, words) for item in actions if item.card is not None)


def _card(item: ActionResult, card: ActionCard, words: Wording) -> ActionCardView:
    done = item.action.done
    assert done is not None
    return ActionCardView(
        id=item.action.id,
        title=item.action.what,
        station=item.label,
        factor=words.factor(item.action.factor.value),
        done=words.say("actions.done_on", day=_day(done, words)),
        before=_dates("before", card.before, words),
        after=_dates("after", card.after, words),
        control="" if item.action.control is None else words.say("actions.control", id=item.control_label),
        rows=tuple(difference_row(change, words) for change in card.changes),
        notes=tuple(words.note(note) for note in card.notes),
    )


def _dates(side: str, period: DatePeriod | None, words: Wording) -> str:
    if period is None:
        return ""
    dates = typography.period_label(period.first, period.last, language=words.language)
    return words.say(f"actions.{side}", dates=dates)
