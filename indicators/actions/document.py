"""The action plan as plain JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from indicators.actions.cards import ActionCard
from indicators.actions.plan import ActionResult
from indicators.comparison import Change
from indicators.words import Text, note_words
from sensors.periods import DatePeriod

__all__ = ["actions_document"]


def actions_document(actions: Sequence[ActionResult], text: Text) -> list[dict[str, Any]]:
    """Rows in the order given, each closed one with its card; notes as codes and words."""
    return [
        {
            "id": item.action.id,
            "workstation": item.action.workstation,
            "factor": item.action.factor.value,
            "level": item.action.level.value,
            "what": item.action.what,
            "owner": item.action.owner,
            "due": _day(item.action.due),
            "done": _day(item.action.done),
            "reason": item.action.reason,
            "state": item.status.state.value,
            "days_late": item.status.days_late,
            "verdict": None if item.verdict is None else item.verdict.value,
            "flags": [note_words(note, text) for note in item.flags],
            "flag_codes": [note.code for note in item.flags],
            "card": None if item.card is None else _card(item.card, text),
        }
        for item in actions
    ]


def _day(day: Any) -> str | None:
    return None if day is None else str(day.isoformat())


def _card(card: ActionCard, text: Text) -> dict[str, Any]:
    return {
        "before": _span(card.before),
        "after": _span(card.after),
        "changes": [_change(change, text) for change in card.changes],
        "notes": [note_words(note, text) for note in card.notes],
        "note_codes": [note.code for note in card.notes],
    }


def _span(period: DatePeriod | None) -> list[str] | None:
    return None if period is None else [period.first.isoformat(), period.last.isoformat()]


def _change(change: Change, text: Text) -> dict[str, Any]:
    return {
        "indicator": change.indicator,
        "unit": change.unit,
        "verdict": change.verdict.value,
        "before": change.before,
        "after": change.after,
        "difference": change.difference,
        "interval": None if change.interval is None else [change.interval.low, change.interval.high],
        "better": change.better,
        "days": list(change.days),
        "notes": [note_words(note, text) for note in change.notes],
        "note_codes": [note.code for note in change.notes],
    }
