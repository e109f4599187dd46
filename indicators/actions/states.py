"""Where each action of the plan stands on a day, best level of the hierarchy of controls first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sensors.log_tables import Action, ActionFactor, ControlLevel

__all__ = ["ActionState", "ActionStatus", "closed_by_instructions", "ordered", "status_on", "without_reason"]


class ActionState(StrEnum):
    """What may be said of an action on a day."""

    OVERDUE = "overdue"
    OPEN = "open"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ActionStatus:
    """An action as it stands on a day; ``days_late`` counts from its due date, 0 when it is not late."""

    action: Action
    state: ActionState
    days_late: int = 0


def status_on(action: Action, day: date) -> ActionStatus:
    """State of `action` on `day`; what was done later was still open then."""
    if action.done is not None and action.done <= day:
        late = 0 if action.due is None else max(0, (action.done - action.due).days)
        return ActionStatus(action, ActionState.DONE, late)
    if action.due is not None and action.due < day:
        return ActionStatus(action, ActionState.OVERDUE, (day - action.due).days)
    return ActionStatus(action, ActionState.OPEN)


def ordered(actions: Iterable[Action]) -> tuple[Action, ...]:
    """By the order of L. 4121-2, then by due date (none last), then as the file lists them."""
    return tuple(sorted(actions, key=lambda row: (row.level.rank, row.due or date.max, row.line)))


def closed_by_instructions(actions: Iterable[Action], day: date) -> tuple[Action, ...]:
    """Closed actions of workstations and factors for which nothing but instructions is done or planned."""
    groups: dict[tuple[str, ActionFactor], list[Action]] = defaultdict(list)
    for row in actions:
        groups[row.workstation, row.factor].append(row)
    return tuple(
        row
        for own in groups.values()
        if all(one.level is ControlLevel.INSTRUCTIONS for one in own)
        for row in own
        if status_on(row, day).state is ActionState.DONE
    )


def without_reason(actions: Iterable[Action], day: date) -> tuple[Action, ...]:
    """Of those closed by instructions only, the ones whose choice nobody wrote a reason for."""
    return tuple(row for row in closed_by_instructions(actions, day) if not row.reason)
