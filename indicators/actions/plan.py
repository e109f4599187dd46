"""The action plan beside a weekly result: states, verdicts as they are now, flags, before/after cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indicators.actions.cards import ActionCard, action_card
from indicators.actions.states import (
    ActionState,
    ActionStatus,
    closed_by_instructions,
    ordered,
    status_on,
)
from indicators.model import Factor, Note, Verdict, WeeklyResult

if TYPE_CHECKING:
    from ingest.store import Store
    from sensors.log_tables import Action
    from sensors.site_book import SiteBook

__all__ = ["ActionResult", "action_results", "verdicts_of"]


@dataclass(frozen=True, slots=True)
class ActionResult:
    """One action of the plan on the last day of a result.

    Attributes
    ----------
    label : str
        Name of the workstation.
    verdict : Verdict or None
        Of the factor at the workstation as the result shows it; ``None`` where it does not.
    flags : tuple of Note
        What is wrong with the way the action was closed.
    card : ActionCard or None
        Before and after, for a closed action.
    control_label : str
        Name of the control workstation, if there is one.
    """

    status: ActionStatus
    label: str
    verdict: Verdict | None
    flags: tuple[Note, ...] = ()
    card: ActionCard | None = None
    control_label: str = ""

    @property
    def action(self) -> Action:
        """The row of ``actions.csv``."""
        return self.status.action


def verdicts_of(result: WeeklyResult) -> Mapping[tuple[str, str], Verdict]:
    """Verdict by workstation and factor, as far as a result shows them."""
    return {
        (station.id, part.factor.value): part.verdict
        for station in result.workstations
        for part in station.factors
    }


def action_results(book: SiteBook, store: Store, result: WeeklyResult) -> tuple[ActionResult, ...]:
    """Every action of the site on the last day of `result`, by the hierarchy of controls."""
    last = result.period.last
    verdicts = verdicts_of(result)
    instructed = set(closed_by_instructions(book.logs.actions, last))
    found = []
    for action in ordered(book.logs.actions):
        status = status_on(action, last)
        verdict = verdicts.get((action.workstation, Factor(action.factor.value).value))
        card = None
        if status.state is ActionState.DONE:
            card = action_card(book, store, action, last, result.audience)
        found.append(
            ActionResult(
                status,
                book.workstation(action.workstation).label,
                verdict,
                _flags(action, verdict, instructed=action in instructed),
                card,
                "" if action.control is None else book.workstation(action.control).label,
            )
        )
    return tuple(found)


def _flags(action: Action, verdict: Verdict | None, *, instructed: bool) -> tuple[Note, ...]:
    if not instructed:
        return ()
    if verdict is Verdict.ABOVE:
        return (Note("closed_by_instructions" if action.reason else "closed_without_reason"),)
    return () if action.reason else (Note("instructions_without_reason"),)
