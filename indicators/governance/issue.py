"""What a report says about its own governance, and when it may not be issued."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from indicators.governance.papers import paper_facts
from indicators.governance.withdrawal import is_marked
from indicators.model import Note, WeeklyResult
from sensors.errors import GovernanceError

if TYPE_CHECKING:
    from sensors.site_book import SiteBook

__all__ = ["refuse_issue", "with_governance_notes"]

_MARKED = "period_marked"


def with_governance_notes(result: WeeklyResult, book: SiteBook, today: date) -> WeeklyResult:
    """`result` with the version of the notice in force, and whether its period is marked by a withdrawal."""
    notes = [*result.notes, Note("papers_version", {"version": paper_facts(book, today).version})]
    if result.audience.gated and is_marked(book, result.period):
        notes.append(Note(_MARKED))
    return replace(result, notes=tuple(notes))


def refuse_issue(result: WeeklyResult) -> None:
    """Let a report be written, unless its period is marked.

    Raises
    ------
    GovernanceError
        ``period_marked``.
    """
    if any(row.code == _MARKED for row in result.notes):
        period = result.period
        raise GovernanceError(
            "this period was published, and somebody in it withdrew since",
            value=period.week or f"{period.first} to {period.last}",
            rule="it is never issued again: the old numbers minus the new ones would reveal the person",
            remedy="use the report that was issued; later periods are not concerned",
            code=_MARKED,
        )
